"""Certificates of the images of a file, measured while it is written.

What measures stands above (`astroae.validation.certificate`, through `astroae.io.above`);
here is what it is handed, what the file is told of it, and what a broken tolerance does.
"""

import io
import warnings

from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astroae.codec.image import decode_image
from astroae.container.keywords import is_extra
from astroae.errors import SettingError, ToleranceError
from astroae.io.above import ask
from astroae.io.checksums import datasum
from astroae.io.coded import is_exact, pixels_of
from astroae.io.scaling import Scaling
from astroae.io.spans import chunks

__all__ = ["Certifier", "damaged_certificates"]

ON_FAIL = ("raise", "warn")
NAME = "PHOTOMETRY"
_SHOWN = 6  # broken quantities in a message


class Certifier:
    """What certifies the images of one file.

    Parameters
    ----------
    tolerance : str, path-like or Tolerances
    on_fail : {"raise", "warn"}
        What a broken tolerance does.
    threads : int, optional

    Raises
    ------
    MissingDependencyError
        What measures is not installed.
    SettingError
        No such tolerance set, or another ``on_fail``.
    """

    def __init__(self, tolerance, on_fail, threads=None):
        if on_fail not in ON_FAIL:
            raise SettingError(
                "unknown way to treat a broken tolerance",
                where="on_fail",
                found=f"got {on_fail!r}, allowed are {', '.join(map(repr, ON_FAIL))}",
                hint="'warn' writes the file and says what is broken",
            )
        self._tolerances = ask("certificate_tolerances")(tolerance)
        self._raises, self._threads, self._given = on_fail == "raise", threads, set()

    def certify(self, job, span, role, table):
        """Bytes of the certificate of one image, empty where it has none, and the findings.

        Parameters
        ----------
        job : `~astroae.io.job.FileJob`
        span : `~astroae.io.spans.Span`
        role : str
            See `astroae.io.planes`.
        table : `~astroae.io.coded.Table`

        Returns
        -------
        bytes
        dict
            ``verdict`` and ``broken``, and ``note`` where it was not certified, as of
            `~astroae.io.results.HDUResult`.

        Raises
        ------
        ToleranceError
            A tolerance is broken, and that was to raise.
        """
        shape = tuple(n for n in table.encoded.shape if n > 1) or (1,)
        where = f"{job.src}, {span.label}"
        if role != "image" and is_exact(table.encoded, table.structure.settings):
            return b"", {"verdict": "pass", "note": "exact, as was checked; no table"}
        found = self._measured(job, span, role, table, shape)
        if found.broken and self._raises:
            raise _broken(where, found.broken, self._tolerances.name)
        report = {"verdict": found.verdict, "broken": tuple(found.broken)}
        if role == "image" and found.hdu is None:
            report["note"] = "a line of pixels, measured as pixels only; no table"
        return b"" if found.hdu is None else _with_checksums(found.hdu), report

    def _measured(self, job, span, role, table, shape):
        header, scaling = span.header, Scaling(span.header)
        stored = pixels_of(job.plain, span)
        before = scaling.to_physical(stored.astype(stored.dtype.newbyteorder("=")))
        after = scaling.to_physical(decode_image(table.encoded, threads=self._threads))
        return ask("certify")(
            before.reshape(shape),
            after.reshape(shape),
            header,
            name=span.label,
            tolerance=self._tolerances,
            encoded=table.encoded,
            unit=table.structure.bscale,
            role=role,
            notes=self._notes(job, span) if role == "image" else None,
        )

    def warn(self, result):
        """Warn of each image of a file whose certificate fails."""
        for hdu in result.hdus:
            place = f"{result.target}, extension {hdu.index}"
            place += f" ({hdu.name})" if hdu.name else ""
            if hdu.broken:
                text = f"tolerances are broken: {place}: {'; '.join(hdu.broken)}"
                warnings.warn(text, AstropyUserWarning, stacklevel=3)

    def _notes(self, job, span):
        taken = {s.header.get("EXTVER", 1) for s in job.spans if s.name.upper() == NAME}
        version = 1
        while version in taken | self._given:
            version += 1
        self._given.add(version)
        return {
            "EXTVER": version,
            "AECERT": (True, "certificate of another HDU"),
            "AEOWNER": (span.name, "EXTNAME of the image this belongs to"),
            "AEOWNVER": (span.header.get("EXTVER", 1), "EXTVER of that image"),
            "AEFILSHA": job.sha256,
        }


def _with_checksums(hdu):
    """Bytes of the extension; its checksums name no date, so that they are always the same."""
    hdu.add_checksum(when="of the data", checksum_keyword="CHECKSUM", datasum_keyword="DATASUM")
    return _hdu_bytes(hdu)


def damaged_certificates(plain, spans, sha256):
    """Certificates of a file that are not as they were written.

    Parameters
    ----------
    plain : path-like
    spans : list of Span
    sha256 : str or None
        AEFILSHA of the file.

    Yields
    ------
    (str, str)
        Label of the extension and what was found.
    """
    for span in spans:
        if span.header.get("AECERT") is True and is_extra(span.header, sha256):
            total = datasum(chunks(plain, span.start, span.end))
            if total not in (0, 0xFFFFFFFF):
                yield span.label, "the certificate is not as it was written: its CHECKSUM is wrong"


def _broken(where, lines, tolerance):
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return ToleranceError(
        f"compression changes more than tolerance set {tolerance!r} allows",
        where=where,
        found="; ".join(lines[:_SHOWN]) + more,
        hint="use a finer -q, or ask `astroae recommend` for one; on_fail='warn' (--on-fail warn) writes it anyway",
    )


def _hdu_bytes(hdu):
    """What an extension looks like in a file."""
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream, output_verify="ignore")
    return stream.getvalue()[2880:]
