"""Simulate a field (or take FILE), compress it, read it back, and see what it cost.

Prints sizes beside the tiled compression of the FITS standard and gzip, the
largest error against its bound, and the brightest sources' photometry before and
after; draws original, decoded image, residual and bits per tile.
"""

import gzip
import io
import json
import warnings
from pathlib import Path

import numpy as np

from astroae.errors import InputError, MissingDependencyError, OutputError

HELP = "simulate a field (or take a file), compress it, measure and draw what it cost"
SHOWN = 8  # sources in the table


def add_arguments(parser):
    parser.add_argument("file", nargs="?", metavar="FILE", help="take this instead of simulating")
    parser.add_argument("-q", "--quantize-level", type=float, default=4.0, metavar="Q",
                        help="of the bounded file: step of the noise over Q (default 4)")  # fmt: skip
    parser.add_argument("--output", default="demo-out", metavar="DIR",
                        help="folder for files and figure (default demo-out)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the simulated field (default 1)")


def run(args):
    _require_extra()
    folder = _folder(args.output)
    source = Path(args.file) if args.file else _simulate(folder, args.seed)
    original = _original(source)
    say = _silent if args.quiet or args.json else print
    say(f"{source}: {_describe(original)}\n")
    files, sizes = _compress(source, folder, original, args.quantize_level)
    _print_sizes(say, original, sizes, args.quantize_level)
    restored = [_read_back(path, original) for path in files]
    errors = [_errors(original.pixels, *pair) for pair in restored]
    _print_errors(say, files, errors)
    sources = _photometry(original.pixels, restored[1][0])
    _print_photometry(say, sources)
    figure = folder / f"{_stem(source)}.png"
    _draw(figure, original, files[1], *restored[1], sources, args.quantize_level)
    say(f"\nfigure: {figure}")
    if args.json:
        print(json.dumps(_document(source, files, figure, sizes, errors, sources), indent=2))
    return 0 if errors[0]["changed"] == 0 and errors[1]["over_bound"] <= 1 else 1


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
            "the output folder cannot be made", where=name, found=str(exc), hint="give --output"
        ) from exc
    return folder


# ---- what is compressed --------------------------------------------------------------


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


class _Original:
    """The first image of a file: its plane for pictures, its HDU for sizes."""

    def __init__(self, index, hdu):
        self.index, self.header = index, hdu.header
        self.stored_dtype = np.dtype(f">{'f' if hdu.header['BITPIX'] < 0 else 'i'}"
                                     f"{abs(hdu.header['BITPIX']) // 8}")  # fmt: skip
        self.data = hdu.data
        self.pixels = _plane(hdu.data)
        self.bytes = hdu.filebytes()


def _original(source):
    from astropy.io import fits

    try:
        with fits.open(source) as hdul:
            index = next((i for i, hdu in enumerate(hdul) if _has_plane(hdu)), None)
            if index is not None:
                return _Original(index, hdul[index])
    except OSError as exc:
        raise InputError("cannot be read as FITS", where=str(source), found=str(exc)) from exc
    raise InputError(
        "no image to show",
        where=str(source),
        found=f"none of at least two axes in {len(hdul)} HDUs",
        hint="give a file with an image",
    )


def _has_plane(hdu):
    return hdu.is_image and len(hdu.shape) >= 2 and min(hdu.shape) > 0


def _plane(data):
    """The first plane of a cube, in native float64: what is measured and drawn."""
    return np.asarray(data.reshape(-1, *data.shape[-2:])[0], np.float64)


def _describe(original):
    shape = " x ".join(map(str, original.data.shape))
    return f"{shape} pixels of {original.data.dtype.newbyteorder('=').name}"


def _stem(path):
    return path.name.split(".fits")[0]


# ---- compress, read back -------------------------------------------------------------


def _compress(source, folder, original, level):
    """Both files, and bytes of the image's HDU by codec and mode."""
    import astroae

    files, sizes = [], []
    for mode, keywords in (("lossless", {}), ("bounded", {"quantize_level": level})):
        name = "lossless" if mode == "lossless" else f"q{level:g}"
        path = folder / f"{_stem(source)}.{name}.aae.fits"
        result = astroae.compress(source, path, preview=False, overwrite=True, **keywords)
        files.append(path)
        coded = next(hdu for hdu in result.hdus if hdu.index == original.index)
        sizes += [(mode, codec, size) for codec, size in _rivals(original, mode, level)]
        sizes.append((mode, "astroae", coded.compressed_bytes))
    return files, sizes


def _rivals(original, mode, level):
    """Bytes of the HDU as the FITS standard's codecs and gzip make it."""
    from astropy.io import fits

    floats = original.stored_dtype.kind == "f"
    if mode == "lossless":
        buffer = io.BytesIO()
        fits.PrimaryHDU(original.data, original.header).writeto(buffer)
        yield "gzip", len(gzip.compress(buffer.getvalue(), 6))
    elif not floats:
        return  # the standard quantises floats only
    codecs = ["GZIP_2"] if floats and mode == "lossless" else ["RICE_1"]
    for codec in codecs:
        buffer = io.BytesIO()
        hdu = fits.CompImageHDU(
            original.data,
            original.header,
            compression_type=codec if original.stored_dtype.itemsize < 8 or floats else "GZIP_2",
            quantize_level=level if mode == "bounded" else 0,
            quantize_method=1 if mode == "bounded" else -1,
        )
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer, output_verify="silentfix")
        yield codec, len(buffer.getvalue()) - 2880


def _read_back(path, original):
    """Plane and bound of each pixel, as any script reads them."""
    from astropy.io import fits

    import astroae  # noqa: F401  (registers the HDU with astropy.io.fits)

    with fits.open(path) as hdul:
        hdu = next(hdu for hdu in hdul if _has_plane(hdu))
        bound = np.zeros(hdu.shape, np.float32)
        if hasattr(hdu, "error_map"):
            bound = hdu.error_map * np.float32(np.sqrt(3))  # uniform: half a step is sqrt(3) sigma
        return _plane(hdu.data), _plane(bound)


def _errors(before, after, bound):
    """What happened to the pixels of the plane."""
    finite = np.isfinite(before)
    error = np.abs(after - before)[finite]
    # Half a unit in the last place is what storing the result costs at the very least.
    allowed = bound[finite] + np.spacing(np.abs(before[finite]).astype(np.float32))
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return {
        "pixels": before.size,
        "changed": int(before.size - same.sum()),
        "largest": float(error.max(initial=0)),
        "over_bound": float((error / allowed).max(initial=0)),
    }


# ---- measure -------------------------------------------------------------------------


def _photometry(before, after):
    """Aperture photometry of all sources found in the original, the brightest first."""
    from astropy.stats import sigma_clipped_stats
    from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture
    from photutils.segmentation import SourceCatalog, detect_sources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "no sources": said below, in our words
        filled = np.where(np.isfinite(before), before, np.nanmedian(before))
        _, sky, noise = sigma_clipped_stats(filled)
        found = detect_sources(filled - sky, 5 * noise, 7)
        if found is None:
            return None
        catalog = SourceCatalog(filled - sky, found)
        positions = np.transpose([catalog.x_centroid, catalog.y_centroid])
        radius = float(np.clip(2.5 * np.median(catalog.semimajor_axis.value), 2.5, 12))
        aperture = CircularAperture(positions, radius)
        ring = CircularAnnulus(positions, 2 * radius, 3 * radius)
        fluxes = []
        for image in (filled, np.where(np.isfinite(after), after, filled)):
            local = np.nan_to_num(ApertureStats(image, ring).median)
            fluxes.append(aperture.do_photometry(image)[0] - local * aperture.area)
    order = np.argsort(-fluxes[0])
    table = {"x": positions[:, 0], "y": positions[:, 1], "before": fluxes[0], "after": fluxes[1]}
    return {
        "radius": radius,
        "error": float(noise * np.sqrt(aperture.area)),
        **{name: column[order] for name, column in table.items()},
    }


# ---- say and draw --------------------------------------------------------------------


def _print_sizes(say, original, sizes, level):
    pixels = original.data.size
    say(f"{'':26}{'bytes':>12}{'bits/pixel':>12}{'ratio':>8}")
    rows = [("", "original", original.bytes), *sizes]
    titles = {"lossless": "lossless", "bounded": f"step of noise / {level:g}"}
    last = ""
    for mode, codec, size in rows:
        if mode != last:
            say(titles[mode])
            last = mode
        name = codec if not mode else f"  {codec}"
        say(f"{name:26}{size:12,d}{8 * size / pixels:12.2f}{original.bytes / size:8.2f}")


def _print_errors(say, files, errors):
    exact, bounded = errors
    same = exact["pixels"] - exact["changed"]
    say(f"\nread back with fits.open after `import astroae`")
    say(f"  {files[0].name}: {same:,d} of {exact['pixels']:,d} pixels identical")
    say(
        f"  {files[1].name}: largest error {bounded['largest']:.4g}, "
        f"{bounded['over_bound']:.4f} of what its bound allows"
    )


def _print_photometry(say, sources):
    if sources is None:
        say("\nphotometry: no sources above 5 sigma")
        return
    change = (sources["after"] - sources["before"]) / sources["error"]
    count = len(change)
    say(
        f"\nphotometry of the brightest of {count} sources, aperture radius {sources['radius']:.1f}"
        f" pixels; error: that of the background alone, {sources['error']:.4g}"
    )
    say(f"{'x':>9}{'y':>9}{'before':>14}{'after':>14}{'change':>11}{'change/error':>14}")
    for i in range(min(SHOWN, count)):
        x, y, before, after = (sources[k][i] for k in ("x", "y", "before", "after"))
        say(f"{x:9.1f}{y:9.1f}{before:14.6g}{after:14.6g}{after - before:11.3g}{change[i]:14.3f}")
    say(f"all {count}: change/error {change.mean():+.4f} in the mean, {change.std():.4f} rms")


def _draw(figure, original, path, decoded, bound, sources, level):
    from astroae.bench.figures import draw_comparison

    tiles, tile_shape, size = _tile_bits(path)
    pixels = original.data.size
    zoom = None
    if sources is not None and min(original.pixels.shape) >= 200:
        # A source of the middle of the list: bright enough to see, faint enough to lose.
        middle = len(sources["x"]) // 6
        zoom = int(sources["y"][middle]), int(sources["x"][middle]), 32
    draw_comparison(
        figure,
        original.pixels,
        decoded,
        bound,
        tiles,
        tile_shape=tile_shape,
        title=f"{_stem(path).split('.')[0]}: {original.bytes / size:.1f} times smaller",
        subtitle=f"astroae, step of noise / {level:g}: every pixel within noise / {2 * level:g}"
        f"   ·   {original.bytes / 1e6:.2f} MB to {size / 1e6:.2f} MB",
        bits=(8 * original.bytes / pixels, 8 * size / pixels),
        zoom=zoom,
    )


def _tile_bits(path):
    """Bits per pixel of the first plane's tiles, their shape, and the HDU's bytes."""
    from astropy.io import fits

    with fits.open(path) as hdul:
        hdu = next(hdu for hdu in hdul if _has_plane(hdu))
        size = hdu.filebytes()
        if not hasattr(hdu, "encoded"):  # kept as it was: it would not get smaller
            return np.full((1, 1), 8.0 * abs(hdu.header["BITPIX"]) / 8), hdu.shape[-2:], size
        grid, streams = hdu.encoded.grid, hdu.encoded.streams
        tile_shape = hdu.tile_shape[-2:]
        rows, columns = (-(-n // t) for n, t in zip(hdu.shape[-2:], tile_shape, strict=True))
        bits = [
            8 * len(streams[i]) / np.prod(grid.tile_shape_of(i)) for i in range(rows * columns)
        ]
        return np.reshape(bits, (rows, columns)), tile_shape, size


def _document(source, files, figure, sizes, errors, sources):
    photometry = None
    if sources is not None:
        photometry = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in sources.items()}
    return {
        "source": str(source),
        "files": [str(path) for path in files],
        "figure": str(figure),
        "sizes": [{"mode": m, "codec": c, "bytes": s} for m, c, s in sizes],
        "errors": dict(zip(("lossless", "bounded"), errors, strict=True)),
        "photometry": photometry,
    }
