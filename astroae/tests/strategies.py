"""Images that a careless coder gets wrong, and what may be asked of them (hypothesis)."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

__all__ = ["DTYPES", "MODES", "Picture", "asked", "awkward", "pictures"]

#: Types of FITS images.
DTYPES = ("u1", "i2", "i4", "i8", "f4", "f8")
MODES = ("lossless", "quantize_level", "error_bound", "relative_error")

_WHOLE = (0, 1, 2, 3, 5, 7, 100, 255, 999, 32767, 2**31, 2**32, 2**53 + 1, 2**62, 5 * 10**18)
_REAL = (0.0, 1.0, 2.0, 0.1, 100.0, 999.0, 1e-30, 1e30, 16777217.0, 2.0**53)
_NANS = {"f4": (0x7FC12345, 0x7F800001, 0xFFC00000), "f8": (0x7FF8000000012345, 0x7FF0 << 48 | 1)}
_SIZES = (1, 2, 3, 5, 8, 16, 31, 33)


@dataclass(frozen=True)
class Picture:
    """An image, the tiles it is cut into, and its BLANK."""

    data: np.ndarray
    tile_shape: tuple
    blank: int | None


def awkward(dtype):
    """Values of a type at which arithmetic slips: its ends, zeros, NaNs with payloads."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        known = {limits.min, limits.min + 1, limits.max - 1, limits.max, *_WHOLE}
        known |= {-value for value in _WHOLE}
        return np.array(sorted(v for v in known if limits.min <= v <= limits.max), dtype)
    limits = np.finfo(dtype)
    real = [*_REAL, limits.tiny, limits.smallest_subnormal, 1 + limits.eps, limits.max]
    real = np.array([*real, np.inf], dtype)
    nans = np.array(_NANS[dtype.str[1:]], f"u{dtype.itemsize}").view(dtype)
    return np.concatenate([real, -real, nans])


# ---- kinds of image: (rng, shape, dtype) -> array ------------------------------------------


def _few_levels(rng, shape, dtype):
    return rng.choice(rng.choice(awkward(dtype), rng.integers(1, 5)), shape)


def _any_awkward(rng, shape, dtype):
    return rng.choice(awkward(dtype), shape)


def _any_bits(rng, shape, dtype):
    return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)


def _fill_beside_data(rng, shape, dtype):
    values = rng.integers(10, 41, shape).astype(dtype)
    fill = dtype.type(255 if dtype.kind == "u" else -999)
    return np.where(rng.random(shape) < rng.choice([0.01, 0.3]), fill, values)


def _noise(rng, shape, dtype):
    middle, sigma = rng.choice([0, 100, -3e4, 1e7, 1e30]), rng.choice([0.3, 5, 2000, 1e12])
    return _inside(rng.normal(middle, sigma, shape), dtype)


def _flawed_noise(rng, shape, dtype):
    flaw = rng.random(shape) < 0.1
    return np.where(flaw, _any_awkward(rng, shape, dtype), _noise(rng, shape, dtype))


def _ramp(rng, shape, dtype):
    slope = rng.choice([1, 3, 0.1, 1e15])
    return _inside(np.arange(np.prod(shape)).reshape(shape) * slope, dtype)


def _odd_one(rng, shape, dtype):
    """Constant but for a pixel in a corner, where tiles end."""
    values = np.full(shape, rng.choice(awkward(dtype)))
    values.flat[rng.choice([0, -1])] = rng.choice(awkward(dtype))
    return values


def _huge_steps(rng, shape, dtype):
    top = 2.0 ** rng.choice([6, 29, 40, 61]) if dtype.kind != "f" else 2.0 ** rng.choice([60, 120])
    return _inside(rng.integers(-3, 4, shape) * top, dtype)


def _smallest(rng, shape, dtype):
    unit = np.finfo(dtype).smallest_subnormal if dtype.kind == "f" else 1
    return (rng.integers(0, 200, shape) * unit).astype(dtype)


_KINDS = (
    _few_levels,
    _any_awkward,
    _any_bits,
    _fill_beside_data,
    _noise,
    _flawed_noise,
    _ramp,
    _odd_one,
    _huge_steps,
    _smallest,
)


def _inside(values, dtype):
    """Real values in a type, clipped to integers that float64 holds."""
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    high = min(limits.max, 2**63 - 1024)
    return np.clip(np.rint(values), limits.min, high).astype(dtype)


# ---- strategies ----------------------------------------------------------------------------


@st.composite
def pictures(draw, dtype):
    """Images of one type, of one to three axes, cut into tiles that do not fit evenly.

    Parameters
    ----------
    dtype : str
        One of `DTYPES`.
    """
    dtype = np.dtype(dtype)
    shape = tuple(draw(st.lists(st.sampled_from(_SIZES), min_size=1, max_size=3)))
    shape = (min(shape[0], 3), *shape[1:]) if len(shape) == 3 else shape
    if draw(st.integers(0, 4)):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        data = draw(st.sampled_from(_KINDS))(rng, shape, dtype)
    else:  # these can be shrunk to the pixel that matters
        data = draw(hnp.arrays(dtype, shape, elements=st.sampled_from(list(awkward(dtype)))))
    data = np.ascontiguousarray(data, dtype)
    tile_shape = tuple(draw(st.sampled_from([n, 7, 16])) for n in shape)
    blank = None
    if dtype.kind != "f" and draw(st.booleans()):
        blank = int(draw(st.sampled_from([data.flat[0], data.max(), data.min()])))
    return Picture(data, tuple(min(t, n) for t, n in zip(tile_shape, shape)), blank)


def asked(mode):
    """Keywords of `astroae.settings.from_keywords` that ask for a mode."""
    if mode == "lossless":
        return st.just({})
    if mode == "relative_error":
        return st.fixed_dictionaries({mode: st.sampled_from([1e-12, 1 / 512, 0.01, 0.3, 0.999])})
    if mode == "quantize_level":
        amount = st.sampled_from([1e-6, 0.1, 0.5, 1, 4, 16, 1e6])
    else:
        amount = st.sampled_from(
            [1e-300, 1e-3, 0.1, 0.5, 1, 2.5, 3, 127, 1e5, 2.0**31, 1e18, 1e300]
        )
    return st.fixed_dictionaries(
        {mode: amount, "dither": st.sampled_from([0, 1, 2]), "lossy_integers": st.booleans()}
    )
