"""Simulate a field (or take FILE), compress it, read it back, and see what it cost.

Prints sizes beside the tiled compression of the FITS standard and gzip, the
largest error against its bound, and the brightest sources' photometry before and
after; draws original, decoded image, residual and bits per tile.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astroae.errors import MissingDependencyError, OutputError

HELP = "simulate a field (or take a file), compress it, measure and draw what it cost"
SHOWN = 8  # sources in the table


def add_arguments(parser):
    parser.add_argument("file", nargs="?", metavar="FILE", help="take this instead of simulating")
    parser.add_argument(
        "-q",
        "--quantize-level",
        type=float,
        default=4.0,
        metavar="Q",
        help="the bounded file's step is the noise over Q (default 4)",
    )
    parser.add_argument(
        "--output",
        default="demo-out",
        metavar="DIR",
        help="folder for files and figure (default demo-out)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the simulated field (default 1)")


def run(args):
    _require_extra()
    from astroae.bench.showcase import FirstImage, compare_pixels, compare_sources, read_back

    folder = _folder(args.output)
    source = Path(args.file) if args.file else _simulate(folder, args.seed)
    image = FirstImage(source)
    say = _silent if args.quiet or args.json else print
    say(f"{source}: {_describe(image)}\n")
    demo = _compress(source, folder, image, args.quantize_level)
    _print_sizes(say, demo)
    exact, (decoded, bound) = (read_back(path) for path in demo.files)
    errors = [compare_pixels(image.pixels, *pair) for pair in (exact, (decoded, bound))]
    _print_errors(say, demo, errors)
    sources = compare_sources(image.pixels, decoded)
    _print_photometry(say, sources)
    figure = folder / f"{demo.stem}.png"
    _draw(figure, demo, decoded, bound, sources)
    say(f"\nfigure: {figure}")
    if args.json:
        print(json.dumps(_document(demo, figure, errors, sources), indent=2))
    return 0 if errors[0]["changed"] == 0 and errors[1]["over_bound"] <= 1 else 1


@dataclass(frozen=True)
class _Demo:
    """What was compressed, and what became of it."""

    source: Path
    image: object  # astroae.bench.showcase.FirstImage
    level: float
    files: tuple[Path, Path]  # lossless, bounded
    sizes: tuple  # of (mode, codec, bytes)

    @property
    def stem(self):
        return _stem(self.source)


def _silent(*_):
    """Where lines go with --quiet and --json."""


def _require_extra():
    try:
        import matplotlib  # noqa: F401
        import photutils  # noqa: F401
    except ImportError as exc:
        raise MissingDependencyError(
            "the demo measures with photutils and draws with matplotlib",
            where="demo",
            found=str(exc),
            hint="pip install astroae[demo]",
        ) from exc


def _folder(name):
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(
            "the output folder cannot be made",
            where=name,
            found=str(exc),
            hint="give another with --output",
        ) from exc
    return folder


def _simulate(folder, seed):
    from astroae.simulate import Detector, FieldSettings, MoffatPSF, Population, make_field

    settings = FieldSettings(
        shape=(1024, 1024),
        psf=MoffatPSF(fwhm=3.2, beta=3.0),
        population=Population(
            stars=700, galaxies=350, brightest=3e6, effective_radius=(2.0, 14.0), slope=0.6
        ),
        detector=Detector(cosmic_rays=15),
        seed=seed,
    )
    path = folder / "field.fits"
    make_field(settings).to_hdu().writeto(path, overwrite=True)
    return path


def _stem(path):
    return path.name.split(".fits")[0]


def _describe(image):
    shape = " x ".join(map(str, image.data.shape))
    return f"{shape} pixels of {image.data.dtype.newbyteorder('=').name}"


def _compress(source, folder, image, level):
    """Both files, and the sizes of the image's HDU in them and with other codecs."""
    import astroae
    from astroae.bench.showcase import rival_sizes

    files, sizes = [], []
    for mode, q in (("lossless", None), ("bounded", level)):
        path = folder / f"{_stem(source)}.{mode if q is None else f'q{q:g}'}.aae.fits"
        result = astroae.compress(source, path, quantize_level=q, preview=False, overwrite=True)
        files.append(path)
        coded = next(hdu for hdu in result.hdus if hdu.index == image.index)
        sizes += [(mode, codec, size) for codec, size in rival_sizes(image, q).items()]
        sizes.append((mode, "astroae", coded.compressed_bytes))
    return _Demo(source, image, level, tuple(files), tuple(sizes))


def _print_sizes(say, demo):
    pixels, original = demo.image.data.size, demo.image.bytes
    titles = {"lossless": "lossless", "bounded": f"step of noise / {demo.level:g}"}
    say(f"{'':26}{'bytes':>12}{'bits/pixel':>12}{'ratio':>8}")
    for mode, codec, size in (("", "original", original), *demo.sizes):
        title = titles.pop(mode, None)
        if title:
            say(title)
        name = f"  {codec}" if mode else codec
        say(f"{name:26}{size:12,d}{8 * size / pixels:12.2f}{original / size:8.2f}")


def _print_errors(say, demo, errors):
    exact, bounded = errors
    same = exact["pixels"] - exact["changed"]
    say("\nread back with fits.open, after `import astroae`")
    say(f"  {demo.files[0].name}: {same:,d} of {exact['pixels']:,d} pixels identical")
    say(
        f"  {demo.files[1].name}: largest error {bounded['largest']:.4g}, "
        f"{bounded['over_bound']:.4f} of what its bound allows"
    )


def _print_photometry(say, sources):
    if sources is None:
        say("\nphotometry: no sources above 5 sigma")
        return
    change = (sources["after"] - sources["before"]) / sources["error"]
    count = len(change)
    say(
        f"\nphotometry of the brightest of {count} sources, aperture radius "
        f"{sources['radius']:.1f} pixels; error: that of the background alone, "
        f"{sources['error']:.4g}"
    )
    say(f"{'x':>9}{'y':>9}{'before':>14}{'after':>14}{'change':>11}{'change/error':>14}")
    for i in range(min(SHOWN, count)):
        x, y, before, after = (sources[k][i] for k in ("x", "y", "before", "after"))
        say(f"{x:9.1f}{y:9.1f}{before:14.6g}{after:14.6g}{after - before:11.3g}{change[i]:14.3f}")
    say(f"all {count}: change/error {change.mean():+.4f} in the mean, {change.std():.4f} rms")


def _draw(figure, demo, decoded, bound, sources):
    from astroae.bench.figures import draw_comparison
    from astroae.bench.showcase import tile_bits

    tiles, tile_shape = tile_bits(demo.files[1])
    image, size = demo.image, demo.sizes[-1][2]
    zoom = None
    if sources is not None and min(image.pixels.shape) >= 200:
        # From the first third of the list: bright enough to see, faint enough to lose.
        chosen = len(sources["x"]) // 6
        zoom = int(sources["y"][chosen]), int(sources["x"][chosen]), 32
    draw_comparison(
        figure,
        image.pixels,
        decoded,
        bound,
        tiles,
        tile_shape=tile_shape,
        title=f"{demo.stem}: {image.bytes / size:.1f} times smaller",
        subtitle=f"step of noise / {demo.level:g}, every pixel within noise / {2 * demo.level:g}"
        f"   ·   {image.bytes / 1e3:,.0f} kB to {size / 1e3:,.0f} kB, headers included",
        bits=(abs(image.bitpix), 8 * size / image.data.size),
        zoom=zoom,
    )


def _document(demo, figure, errors, sources):
    photometry = None
    if sources is not None:
        photometry = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in sources.items()}
    return {
        "source": str(demo.source),
        "files": [str(path) for path in demo.files],
        "figure": str(figure),
        "original_bytes": demo.image.bytes,
        "sizes": [{"mode": m, "codec": c, "bytes": s} for m, c, s in demo.sizes],
        "errors": dict(zip(("lossless", "bounded"), errors, strict=True)),
        "photometry": photometry,
    }
