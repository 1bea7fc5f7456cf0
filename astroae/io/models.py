"""Models at the edge: found once by name or path, kept where files can be read back.

A compressed file names its model by SHA-256.  The model itself is found among those
that are installed (`astroae.nets.store`), or in the file: an extension of bytes,
EXTNAME ``AEMODEL``, marked by ``AEMODEXT = T`` and dropped on the way back.
"""

from astropy.io import fits

from astroae.codec.models import find_model
from astroae.container.structure import card
from astroae.errors import CorruptFileError, ModelError, SettingError
from astroae.io.spans import BLOCK, quiet_headers
from astroae.nets import store
from astroae.nets.modelfile import LARGEST_FILE, pack, unpack
from astroae.settings import NO_NETWORK, Latent, ModelName, from_keywords

__all__ = ["check_embedding", "keep", "model_bytes", "model_finder", "settings_of"]

EXTENSION = "AEMODEL"
_MOST_HDUS = 10_000


def settings_of(*, model="default", **keywords):
    """Settings of a public function, its model found.

    Parameters
    ----------
    model : str, path-like or astroae.nets.modelfile.Model
        ``"classical"``, or anything that `astroae.nets.store.find` takes.
    **keywords
        See `astroae.settings.from_keywords`.

    Returns
    -------
    `~astroae.settings.Settings`

    Raises
    ------
    ModelError
        No such model.
    SettingError
        Two modes at once, or a value out of range.
    """
    if not (isinstance(model, str) and model in NO_NETWORK):
        model = store.find(model)
    return from_keywords(model=model, **keywords)


def check_embedding(asked, settings):
    """Refuse to embed a model where there is none."""
    if asked and not isinstance(settings.mode, Latent):
        raise SettingError(
            "there is no model to embed",
            where="embed_model",
            found=f"the mode is {settings.mode.name}",
            hint="give a model too, or leave embed_model out",
        )


def keep(model):
    """Make sure that a model is found by its SHA-256; where it was put, or None.

    Raises
    ------
    OutputError
        The user's folder cannot be written.
    """
    try:
        find_model(ModelName(model.name, model.sha256))
    except ModelError:
        return store.store(model)
    return None


def model_bytes(model):
    """A model as an extension of a FITS file, padding included."""
    data = pack(model)
    header = fits.Header(
        [
            ("XTENSION", "IMAGE", "image extension"),
            ("BITPIX", 8, "bytes of a safetensors file"),
            ("NAXIS", 1, "number of axes"),
            ("NAXIS1", len(data), "length of the file"),
            ("PCOUNT", 0, "no parameters"),
            ("GCOUNT", 1, "one group"),
            ("EXTNAME", EXTENSION, "name of the extension"),
        ]
    )
    for name, value in (
        ("AEMODEXT", True),
        ("AEMODEL", model.name),
        ("AEMODHSH", model.sha256),
    ):
        header.append(fits.Card.fromstring(card(name, value)))
    return header.tostring().encode("ascii") + data + bytes(-len(data) % BLOCK)


def model_finder(read, where=""):
    """How an image in a file finds its model: among those here, else in the file.

    Parameters
    ----------
    read : callable
        ``read(offset, n)`` gives ``n`` bytes of the file, fewer where it ends.
    where : str
        Name of the file, for messages.

    Returns
    -------
    callable
        As `astroae.codec.models.find_model`.
    """

    def find(wanted):
        try:
            return find_model(wanted)
        except ModelError as missing:
            found = _embedded(read, wanted, where)
            if found is None:
                raise missing
            return found

    return find


def _embedded(read, wanted, where):
    """The model of that SHA-256 in a file, or None."""
    start = 0
    for _ in range(_MOST_HDUS):
        header, size = _header(read, start)
        if header is None:
            return None
        try:
            data, length = start + size, header.data_size
            start = data + header.data_size_padded
            mine = header.get("AEMODEXT") is True and header.get("AEMODHSH") == wanted.sha256
        except (KeyError, TypeError, ValueError, fits.VerifyError):
            return None
        if mine and 0 < length <= LARGEST_FILE:
            return _checked(read(data, length), wanted, where)
        if start <= data - size:
            return None
    return None


def _header(read, start):
    """The header at ``start`` and its length; None where there is none."""
    raw = b""
    while len(raw) < 1000 * BLOCK:
        block = read(start + len(raw), BLOCK)
        if len(block) < BLOCK or not raw and block[:8].strip() not in (b"SIMPLE", b"XTENSION"):
            return None, 0
        raw += block
        if any(block[i : i + 80].rstrip() == b"END" for i in range(0, BLOCK, 80)):
            break
    else:
        return None, 0
    try:
        with quiet_headers():
            return fits.Header.fromstring(raw), len(raw)
    except (ValueError, fits.VerifyError):
        return None, 0


def _checked(data, wanted, where):
    place = f"{where}, extension {EXTENSION}".lstrip(", ")
    try:
        model = unpack(bytes(data), place)
    except ModelError as exc:
        raise CorruptFileError(
            "the embedded model is damaged",
            where=place,
            found=str(exc),
            hint=f"get the file again, or a model file of SHA-256 {wanted.sha256}",
        ) from exc
    if model.sha256 != wanted.sha256:
        raise CorruptFileError(
            "the embedded model is damaged",
            where=place,
            found=f"its SHA-256 is {model.sha256}, not {wanted.sha256}",
            hint="get the file again, or the model file from where it was published",
        )
    return model
