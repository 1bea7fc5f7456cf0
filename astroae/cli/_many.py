"""One job over many files: the rest go on where one fails, and a summary says which."""

import json
import sys
import traceback
from pathlib import Path

from astroae.errors import AstroAEError, InputError, OutputError

__all__ = ["run_many", "say"]


def say(args, text):
    """Print a line for people, unless they asked for JSON or for quiet."""
    if not (args.quiet or args.json):
        print(text, flush=True)


def run_many(args, paths, job, show):
    """Run ``job`` on every file.

    Parameters
    ----------
    args : argparse.Namespace
        With ``json``, ``quiet``, ``debug`` and ``verb``.
    paths : list of str
        Files.
    job : callable
        ``job(path)`` gives ``(report, code)``: a dict for JSON, and an exit code.
    show : callable
        ``show(report)`` gives the text for people.

    Returns
    -------
    int
        The worst exit code.
    """
    reports, failed = [], {}
    for path in paths:
        try:
            report, code = _one(path, job)
            say(args, show(report))
        except AstroAEError as exc:
            report, code = _failure(path, exc), exc.exit_code
            _complain(args, exc)
        reports.append(report)
        if code:
            failed[str(path)] = code
    worst = max(failed.values(), default=0)
    if args.json:
        print(json.dumps({"verb": args.verb, "exit_code": worst, "files": reports}, indent=1))
    if failed and len(paths) > 1:
        names = ", ".join(f"{path} ({code})" for path, code in failed.items())
        print(
            f"astroae {args.verb}: {len(failed)} of {len(paths)} failed: {names}", file=sys.stderr
        )
    return worst


def _one(path, job):
    """The job, with what the system may say about a file turned into our errors."""
    try:
        return job(Path(path))
    except AstroAEError:
        raise
    except OSError as exc:
        wrong = OutputError if isinstance(exc, FileExistsError) else InputError
        raise wrong(
            "file could not be used",
            where=str(path),
            found=exc.strerror or str(exc),
            hint="check its name and permissions",
        ) from exc
    except MemoryError as exc:
        raise InputError(
            "not enough memory",
            where=str(path),
            found=str(exc) or "an allocation failed",
            hint="use fewer threads (--threads 1) or a machine with more memory",
        ) from exc


def _failure(path, exc):
    parts = {name: getattr(exc, name) for name in ("what", "where", "found", "hint")}
    return {
        "file": str(path),
        "error": {
            "class": type(exc).__name__,
            "exit_code": exc.exit_code,
            "message": str(exc),
            **{name: str(value) for name, value in parts.items()},
        },
    }


def _complain(args, exc):
    if args.debug:
        traceback.print_exception(exc)
    print(f"astroae {args.verb}: {exc}", file=sys.stderr)
