"""Print headers; that of a compressed image is the image's own, card for card."""

from astroae.cli._many import run_many

__all__ = ["HELP", "add_arguments", "run"]

HELP = "print headers"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS files")
    parser.add_argument(
        "-e", "--extension", metavar="EXT", help="number or EXTNAME; all by default"
    )
    parser.add_argument(
        "-k", "--keyword", action="append", metavar="KEY", help="these keywords only"
    )


def run(args):
    """Print the headers of every file; the worst exit code."""
    from astropy.io import fits

    import astroae  # noqa: F401  (registers the HDU that knows the image's header)
    from astroae.io.spans import quiet_headers, reading

    def job(path):
        with quiet_headers(), reading(path), fits.open(path) as hdus:
            chosen = [
                {"index": i, "name": hdu.name, "cards": _cards(hdu.header, args.keyword)}
                for i, hdu in enumerate(hdus)
                if args.extension is None or args.extension.upper() in (str(i), hdu.name.upper())
            ]
        return {"file": str(path), "hdus": chosen}, 0

    return run_many(args, args.files, job, _text)


def _cards(header, keywords):
    wanted = None if keywords is None else {key.upper() for key in keywords}
    texts = [str(card) for card in header.cards if wanted is None or card.keyword.upper() in wanted]
    # A long string goes on in CONTINUE cards.
    return [text[i : i + 80] for text in texts for i in range(0, len(text), 80)]


def _text(report):
    lines = []
    for hdu in report["hdus"]:
        lines += [f"# {report['file']}, extension {hdu['index']} {hdu['name']}".rstrip()]
        lines += [card.rstrip() for card in hdu["cards"]]
    return "\n".join(lines)
