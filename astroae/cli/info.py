"""Say what compressed files hold: modes, sizes, tiles, the original's SHA-256, and what
decompressing gives.  Nothing is decoded."""

from astroae.cli._many import run_many

__all__ = ["HELP", "add_arguments", "run"]

HELP = "say what a compressed file holds"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="FITS files")


def run(args):
    """Describe every file; the worst exit code."""
    import astroae

    return run_many(args, args.files, lambda path: (astroae.info(path), 0), _text)


def _text(report):
    lines = [f"{report['file']}: {report['bytes']} bytes"]
    original = report["original"]
    if original is not None:
        lines += [
            f"  original    {original['name']}, {original['bytes']} bytes",
            f"  SHA-256     {original['sha256']}",
            f"  decompress  {_way_back(report)}",
        ]
    for hdu in report["hdus"]:
        lines.append(f"  {hdu['index']:3d} {hdu['name']:12s} {_hdu(hdu)}")
    return "\n".join(lines)


def _way_back(report):
    """What decompressing gives, as it was found while compressing."""
    original, hdus = report["original"], report["hdus"]
    if not report["complete"]:
        return "refuses: HDUs that were written are missing, the file was cut short"
    if original["edited"]:
        return "gives another file: this one was edited after it was compressed"
    if original["byte_identical"]:
        how = "with --fpack " if original["fpacked"] else ""
        return f"gives the same file byte for byte {how}(checked while compressing)"
    if original["fpacked"]:
        return "with --fpack gives the same cards, integers, scales and pixels, not the same bytes"
    if all(hdu.get("exact", True) for hdu in hdus):
        return "gives the same headers and data; not the same file byte for byte"
    if any(hdu.get("mode") == "latent" and not hdu["exact"] for hdu in hdus):
        return "gives the same headers, and what the latents keep of the pixels: no bound"
    return "gives the same headers, and pixels within what was promised"


def _hdu(hdu):
    if hdu["kind"] == "certificate":
        return _certificate(hdu)
    if hdu["kind"] != "astroae image":
        return f"{hdu['kind']}, {hdu['bytes']} bytes"
    shape = " x ".join(map(str, hdu["shape"]))
    text = f"image {shape} {hdu['dtype']}, {_mode(hdu)}"
    if "tiles" not in hdu:
        return text + ", no pixels"
    tile = " x ".join(map(str, hdu["settings"]["tile_shape"]))
    methods = ", ".join(f"{n} {name}" for name, n in hdu["tiles_by_method"].items())
    return (
        f"{text}, {hdu['tiles']} tiles of {tile} ({methods}), {hdu['bits_per_pixel']:.3f} bits/pixel, "
        f"{hdu['original_bytes']} -> {hdu['bytes']} bytes, ratio {hdu['ratio']:.2f}"
        + (_latent(hdu) if "model_sha256" in hdu else "")
    )


def _certificate(hdu):
    """Verdict, and the quantities that are behind it where it is not "pass"."""
    owner = hdu["of"]["name"] or "the image before it"
    lines = [
        f"certificate of {owner}: {hdu['verdict']} (tolerance set {hdu['tolerance']['name']}), "
        f"{hdu['sources']} sources, {hdu['bytes']} bytes"
    ]
    if hdu["why_no_sources"]:
        lines.append(f"sources not measured: {hdu['why_no_sources']}")
    for name, verdict, *values in hdu["quantities"]:
        if verdict in ("fail", "undetermined"):
            value, low, high, limit, unit, n = values
            lines.append(
                f"{verdict}: {name} {value} ({low} to {high}), tolerance {limit} {unit}, n {n}"
            )
    return "\n      ".join(lines)


def _latent(hdu):
    """The model, and the errors that were measured."""
    return (
        f"\n      model {hdu['model']}, SHA-256 {hdu['model_sha256']}, {hdu['latents']} latents, "
        f"{hdu['tiles_as_latents']} of {hdu['tiles']} tiles as latents, the others exact; "
        f"no bound was promised: largest error {hdu['largest_error']:.4g} "
        f"({hdu['largest_error_in_noise']:.3g} sigma), rms {hdu['rms_error']:.4g} "
        f"({hdu['rms_error_in_noise']:.3g} sigma)"
    )


def _mode(hdu):
    mode = dict(hdu["settings"]["mode"])
    name = mode.pop("name")
    mode.pop("model", None)
    numbers = ", ".join(f"{key} {value}" for key, value in mode.items() if value is not None)
    exact = " (all exact)" if hdu["exact"] and name != "lossless" else ""
    return f"{name}{exact}" + (f" ({numbers})" if numbers else "")
