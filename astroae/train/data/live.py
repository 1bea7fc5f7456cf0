"""A folder like LIVE's image quality set: originals, and JPEG versions of each.

The release (databaserelease2, https://live.ece.utexas.edu/research/quality) keeps its
originals in ``refimgs/`` and decoded JPEG versions as ``jpeg/img1.bmp``, ...; each line
of ``jpeg/info.txt`` names an original, a version of it, and its bits per pixel, 0 where
the version is the original itself.  A folder of one's own has originals (PNG or BMP)
and, beside them or in ``jpeg/``, JPEG files that are called like them:
``lake.png``, ``lake_q50.jpg``.

Originals are what is trained on; their versions are what is compared with.
"""

from dataclasses import dataclass
from functools import lru_cache

from astroae.errors import InputError
from astroae.train.data.pictures import PictureFiles, read_picture

__all__ = ["JpegVersion", "LiveFolder", "is_live"]

#: Of the release, in its own words, shortened.
LICENCE = "free to use with its copyright notice and citation (LIVE, UT Austin)"
_LOSSLESS, _MOST_BITS = (".png", ".bmp"), 64


@dataclass(frozen=True)
class JpegVersion:
    """One JPEG version of an original.

    Parameters
    ----------
    file : str
        Relative to the folder.
    original : str
        File of the original, likewise.
    size : float
        Bytes of the JPEG file.
    """

    file: str
    original: str
    size: float


class LiveFolder(PictureFiles):
    """The originals of a LIVE-like folder, and the JPEG versions of each.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    versions : list of JpegVersion
        Smallest first.

    Raises
    ------
    InputError
        A list of versions, or a picture, that cannot be read.
    """

    def __init__(self, folder):
        self.folder = folder
        self.released = _is_release(folder)
        originals, pairs = (_release if self.released else _by_name)(folder)
        super().__init__({self._name(path): path for path in originals})
        found = [self._version(*pair) for pair in pairs]
        self.versions = sorted(found, key=lambda version: (version.original, version.size))

    def _name(self, path):
        return path.relative_to(self.folder).as_posix()

    def _version(self, path, original, rate):
        name = self._name(original)
        if rate is None:
            return JpegVersion(self._name(path), name, path.stat().st_size)
        height, width = self._sizes()[name]
        return JpegVersion(self._name(path), name, rate * height * width / 8)

    def _sizes(self):
        return {origin.file: (origin.height, origin.width) for origin in self.origins}

    def versions_of(self, origin):
        """The JPEG versions of the picture that a stamp is cut from.

        Parameters
        ----------
        origin : StampOrigin

        Returns
        -------
        list of (ndarray (y, x) or (channel, y, x), float)
            The same rectangle as in the original, levels from 0 to 255, and its share
            by area of the JPEG file's bytes.  Versions of another size than their
            original are left out.
        """
        found = []
        whole = self._sizes()[origin.file]
        share = origin.height * origin.width / (whole[0] * whole[1])
        for version in self.versions:
            if version.original == origin.file:
                levels = _levels(self.folder / version.file)
                if levels.shape[-2:] == whole:
                    found.append((levels[(..., *origin.slices)], version.size * share))
        return found

    def _entry(self, name):
        entry = super()._entry(name)
        return {**entry, "licence": LICENCE} if self.released else entry


@lru_cache(maxsize=16)  # the stamps of one original ask for its versions one after the other
def _levels(path):
    return read_picture(path)


def is_live(folder):
    """Whether a folder is laid out like LIVE's, or holds pairs of original and JPEG."""
    return _is_release(folder) or bool(_by_name(folder)[1])


def _is_release(folder):
    return (folder / "refimgs").is_dir() and (folder / "jpeg" / "info.txt").is_file()


def _release(folder):
    """Originals, and (version, original, bits per pixel) of each version."""
    originals = sorted(p for p in (folder / "refimgs").iterdir() if p.suffix.lower() in _LOSSLESS)
    names = {path.name.lower(): path for path in originals}
    listed, pairs = folder / "jpeg" / "info.txt", []
    try:
        for line in filter(str.strip, listed.read_text().splitlines()):
            original, version, rate = line.split()[:3]
            if not 0 <= float(rate) <= _MOST_BITS:
                raise ValueError(f"{rate} bits per pixel of {version}")
            if float(rate) > 0:
                pairs.append((listed.with_name(version), names[original.lower()], float(rate)))
    except (OSError, ValueError, KeyError) as exc:
        raise InputError(
            "not readable as LIVE's list of versions",
            where=str(listed),
            found=f"{type(exc).__name__}: {exc}",
            hint="each line needs an original of refimgs/, a version and its bits per pixel",
        ) from exc
    return originals, pairs


def _by_name(folder):
    """The same of a folder of one's own, where the files' sizes are the rates."""
    places = [place for place in (folder, folder / "jpeg") if place.is_dir()]
    files = sorted(path for place in places for path in place.iterdir())
    originals = [path for path in files if path.suffix.lower() in _LOSSLESS]
    pairs = [(path, _original_of(path, originals), None) for path in files if _is_jpeg(path)]
    return originals, [pair for pair in pairs if pair[1] is not None]


def _is_jpeg(path):
    return path.suffix.lower() in (".jpg", ".jpeg")


def _original_of(path, originals):
    """The original with the longest name that the JPEG's name starts with, or None."""
    stem = path.stem.lower()
    fitting = [
        original
        for original in originals
        # lake_q50 is of lake, lakeside and lake2 are not
        if stem.startswith(original.stem.lower()) and not stem[len(original.stem) :][:1].isalnum()
    ]
    return max(fitting, key=lambda original: len(original.stem), default=None)
