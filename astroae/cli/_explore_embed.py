"""Draw stamps in two dimensions by their latents: PCA and t-SNE.

Writes embedding.ecsv (a row for each stamp: file, place, latents, coordinates) and a
figure for each method.
"""

from astroae.cli._explore_job import Job, add_image_arguments, add_output_arguments

HELP = "stamps in two dimensions by their latents"


def add_arguments(parser):
    """Arguments of the action."""
    add_output_arguments(parser)
    add_image_arguments(parser)
    parser.add_argument("--method", choices=("pca", "tsne", "both"), default="both")
    parser.add_argument("--most", type=int, default=2000, help="stamps at most (default 2000)")
    parser.add_argument("--perplexity", type=float, default=30.0, help="of t-SNE (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of t-SNE (default 0)")


def run(args):
    """Embed and draw."""
    from astroae.explore.embedding import METHODS, embed
    from astroae.explore.outputs import Outputs
    from astroae.explore.plots import plot_embedding

    methods = METHODS if args.method == "both" else (args.method,)
    figures = [f"{method}.png" for method in methods]
    job = Job(args, "sklearn")
    out = Outputs(args.output, ["embedding.ecsv", *figures], args.overwrite)
    stamps = job.stamps()
    vectors = job.vectors(stamps)
    table, abouts = job.table(stamps, vectors), {}
    for method, figure in zip(methods, figures, strict=True):
        places, about = embed(vectors, method, seed=args.seed, perplexity=args.perplexity)
        table[f"{method}_1"], table[f"{method}_2"] = places.T
        abouts[method] = about
        title = f"{len(stamps)} stamps by {vectors.shape[1]} latents of {job.model.name}"
        out.figure(figure, plot_embedding(places, about, stamps, title=title))
    table.meta.update(embeddings=abouts)
    out.table("embedding.ecsv", table)
    text = f"{len(stamps)} stamps of {job.side} pixels a side"
    return job.tell(out.written, text, stamps=len(stamps), embeddings=abouts)
