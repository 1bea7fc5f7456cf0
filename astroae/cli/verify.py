"""Decode every tile of compressed files and check it against its checksums.

With --against ORIGINAL (one file) the restored file is compared with the original:
byte for byte, then header by header and pixel by pixel.  Exit code 1: damage was
found, or a difference beyond what was promised."""

from astroae.cli._many import run_many
from astroae.cli._progress import ProgressBar
from astroae.errors import SettingError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "check that compressed files are whole"


def add_arguments(parser):
    """Arguments of the verb."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files that astroae wrote")
    parser.add_argument("--against", metavar="ORIGINAL", help="file that was compressed")
    parser.add_argument("--threads", type=int, metavar="N", help="tiles decoded at once")


def run(args):
    """Verify every file; the worst exit code."""
    import astroae

    if args.against is not None and len(args.files) > 1:
        raise SettingError(
            "one original for several files",
            where="--against",
            found=f"{len(args.files)} files",
            hint="verify them one by one",
        )

    def job(path):
        with ProgressBar(path.name, args.quiet) as bar:
            found = astroae.verify(path, args.against, threads=args.threads, progress=bar)
        return found.to_dict(), 0 if found.ok else 1

    return run_many(args, args.files, job, _text)


def _text(report):
    state = "whole" if report["ok"] else "damaged" if report["damages"] else "differs"
    lines = [f"{report['file']}: {state}"]
    if report["verdict"]:
        lines[0] += f"; {report['verdict']}"
    if report["largest_error_over_bound"]:
        lines.append(f"  largest error {report['largest_error_over_bound']:.1%} of its bound")
    lines += [f"  {text}" for text in report["differences"]]
    lines += [f"  {message}" for _, message in report["damages"]]
    return "\n".join(lines)
