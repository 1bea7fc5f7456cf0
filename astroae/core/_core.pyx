# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True
"""Checks types and lengths, releases the lock, calls the C."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

ctypedef fused real:
    float
    double

ctypedef fused integer:
    int32_t
    int64_t

ctypedef fused stored:
    uint8_t
    int16_t
    int32_t
    int64_t

cdef extern from "core.h" nogil:
    void *take(size_t size) noexcept
    void give(void *block) noexcept
    ctypedef struct Grid:
        const int64_t *step
        const int64_t *shift
    ctypedef struct Options:
        int effort
        const int64_t *levels
        int64_t level_count
        int verify
    size_t ae_bound(int64_t area)
    int64_t ae_encode(const void *k, int bytes_each, const uint8_t *valid, int h, int w,
                      Grid grid, const Options *options, uint8_t *out, size_t room) noexcept
    int ae_decode(const uint8_t *data, size_t size, const uint8_t *valid, int h, int w,
                  Grid grid, const int64_t *levels, int64_t level_count, void *k, int bytes_each) noexcept
    void ae_init() noexcept
    const double noise_factors[3]
    double ae_noise(const void *v, int bytes_each, const uint8_t *good, int64_t rows,
                    int64_t w) noexcept
    int ae_quantize(const void *v, int bytes_each, const double *dither, int64_t n, double scale,
                    double zero, void *k, int k_bytes) noexcept
    void ae_dequantize(const void *k, int k_bytes, const double *dither, int64_t n, const double *scale,
                       const double *zero, int each, void *v, int bytes_each) noexcept
    ctypedef struct FloatSurvey:
        int64_t zeros
        int drop, unit, top
    ctypedef struct FloatSplit:
        int p, drop, unit
    ctypedef struct FloatParts:
        int32_t *k
        int32_t *zeros
        int32_t *copies
        int32_t *near
        int64_t *near_count
        int64_t w
        uint8_t *low
        size_t room
    int64_t ae_float_survey(const void *v, int bytes_each, int64_t n, uint8_t *good, FloatSurvey *s) noexcept
    int64_t ae_float_split(const void *v, int bytes_each, const uint8_t *good, int64_t n,
                           const FloatSplit *s, const FloatParts *to) noexcept
    int ae_float_join(const FloatParts *parts, const uint8_t *good, int64_t n, const FloatSplit *s,
                      int bytes_each, void *v) noexcept


    int ae_within(const void *v, const void *d, int bytes_each, int64_t n, double half,
                  int keep_zeros, double *largest) noexcept
    int ae_within_integers(const void *v, const void *d, int bytes_each, int64_t n, uint64_t half,
                           int has_blank, int64_t blank, uint64_t *largest) noexcept
    enum:
        AE_MEMORY
        AE_CORRUPT
        AE_RANGE

ae_init()

NOISE_FACTORS = tuple(factor for factor in noise_factors)


cdef _check(Py_ssize_t pixels, const uint8_t[::1] valid, int h, int w):
    if pixels != <Py_ssize_t>h * w or (valid is not None and valid.shape[0] != pixels):
        raise ValueError("pixels, mask and shape do not fit each other")


cdef Grid _grid(Py_ssize_t pixels, const int64_t[::1] step, const int64_t[::1] shift) except *:
    cdef Grid grid
    grid.step, grid.shift = NULL, NULL
    if shift is None:
        return grid
    if shift.shape[0] != pixels or (step is not None and step.shape[0] != pixels):
        raise ValueError("pixels and grid do not fit each other")
    grid.shift = &shift[0]
    grid.step = NULL if step is None else &step[0]
    return grid


def encode(const integer[::1] k, const uint8_t[::1] valid, int h, int w,
           const int64_t[::1] step, const int64_t[::1] shift, const int64_t[::1] levels, int effort, bint verify):
    """Bytes of h x w integers."""
    _check(k.shape[0], valid, h, w)
    cdef const uint8_t *mask = NULL if valid is None else &valid[0]
    cdef Grid grid = _grid(k.shape[0], step, shift)
    cdef Options options
    options.effort, options.verify = effort, verify
    options.levels = NULL if levels is None else &levels[0]
    options.level_count = 0 if levels is None else levels.shape[0]
    cdef size_t room = ae_bound(k.shape[0])
    cdef uint8_t *out = <uint8_t *>take(room)
    if out == NULL:
        raise MemoryError("no memory for a tile")
    cdef int64_t size
    with nogil:
        size = ae_encode(&k[0], sizeof(integer), mask, h, w, grid, &options, out,
                         room)
    try:
        if size == AE_MEMORY:
            raise MemoryError("no memory for a tile")
        if size < 0:
            raise AssertionError("a tile does not decode to what was coded")
        return out[:size]
    finally:
        give(out)


def decode(const uint8_t[::1] data, const uint8_t[::1] valid, int h, int w,
           const int64_t[::1] step, const int64_t[::1] shift, const int64_t[::1] levels, integer[::1] k):
    """Fill k; returns what is wrong, or an empty string."""
    _check(k.shape[0], valid, h, w)
    if data.shape[0] == 0:
        return "a tile without bytes"
    cdef const uint8_t *mask = NULL if valid is None else &valid[0]
    cdef const int64_t *list = NULL if levels is None else &levels[0]
    cdef int64_t count = 0 if levels is None else levels.shape[0]
    cdef Grid grid = _grid(k.shape[0], step, shift)
    cdef int status
    with nogil:
        status = ae_decode(&data[0], data.shape[0], mask, h, w, grid, list, count, &k[0],
                           sizeof(integer))
    if status == AE_MEMORY:
        raise MemoryError("no memory for a tile")
    if status == AE_RANGE:
        return "a value does not fit the type"
    return "the coded integers make no sense" if status else ""


def noise(const real[::1] v, const uint8_t[::1] good, Py_ssize_t w):
    """Noise of rows of w floats."""
    if w < 1 or v.shape[0] % w or (good is not None and good.shape[0] != v.shape[0]):
        raise ValueError("pixels, mask and row do not fit each other")
    cdef const uint8_t *mask = NULL if good is None else &good[0]
    cdef double sigma
    with nogil:
        sigma = ae_noise(&v[0], sizeof(real), mask, v.shape[0] // w, w)
    if sigma < 0:
        raise MemoryError("no memory for a tile")
    return sigma


cdef const double *_numbers(const double[::1] dither, Py_ssize_t n) except? NULL:
    if dither is None:
        return NULL
    if dither.shape[0] != n or not n:
        raise ValueError("pixels and dither do not fit each other")
    return &dither[0]


def quantize(const real[::1] v, const double[::1] dither, double scale, double zero,
             integer[::1] k):
    """Fill k; false where an integer is beyond its type."""
    if k.shape[0] != v.shape[0]:
        raise ValueError("pixels and integers do not fit each other")
    if not v.shape[0]:
        return True
    cdef const double *numbers = _numbers(dither, v.shape[0])
    cdef int good
    with nogil:
        good = ae_quantize(&v[0], sizeof(real), numbers, v.shape[0], scale, zero, &k[0],
                           sizeof(integer))
    return bool(good)


def dequantize(const integer[::1] k, const double[::1] dither, const double[::1] scale,
               const double[::1] zero, real[::1] v):
    """Fill v; scale and zero are one number each or one a pixel."""
    cdef Py_ssize_t n = k.shape[0], each = scale.shape[0]
    if v.shape[0] != n or zero.shape[0] != each or (each != 1 and each != n):
        raise ValueError("pixels, integers and grid do not fit each other")
    if not n:
        return
    cdef const double *numbers = _numbers(dither, n)
    with nogil:
        ae_dequantize(&k[0], sizeof(integer), numbers, n, &scale[0], &zero[0], each > 1, &v[0],
                      sizeof(real))


def float_survey(const real[::1] v, uint8_t[::1] good):
    """Fill good; returns how many floats are special, how many 0, and drop, unit, top of the rest."""
    if good.shape[0] != v.shape[0] or not v.shape[0]:
        raise ValueError("pixels and mask do not fit each other")
    cdef FloatSurvey s
    cdef int64_t special
    with nogil:
        special = ae_float_survey(&v[0], sizeof(real), v.shape[0], &good[0], &s)
    return special, s.zeros, s.drop, s.unit, s.top


cdef FloatParts _parts(const int32_t[::1] k, const uint8_t[::1] good, const int32_t[::1] zeros,
                       const int32_t[::1] copies, Py_ssize_t w, const int32_t[::1] near,
                       const uint8_t[::1] low) except *:
    cdef FloatParts parts
    cdef Py_ssize_t n = k.shape[0]
    if n < 1 or w < 1 or (good is not None and good.shape[0] != n):
        raise ValueError("pixels and mask do not fit each other")
    if (zeros is not None and zeros.shape[0] != n) or (copies is not None and copies.shape[0] != n):
        raise ValueError("pixels and planes do not fit each other")
    parts.copies = NULL if copies is None else <int32_t *>&copies[0]
    parts.w = w
    parts.k = <int32_t *>&k[0]
    parts.zeros = NULL if zeros is None else <int32_t *>&zeros[0]
    parts.near = <int32_t *>&near[0] if near.shape[0] else NULL
    parts.low = <uint8_t *>&low[0] if low.shape[0] else NULL
    parts.room = low.shape[0]
    return parts


def float_split(const real[::1] v, const uint8_t[::1] good, how, int32_t[::1] k, int32_t[::1] zeros,
                int32_t[::1] copies, Py_ssize_t w, int32_t[::1] near, uint8_t[::1] low):
    """Fill k, near, low, zeros and copies, the last two unless they are None; returns how many of
    near and of low are used."""
    cdef Py_ssize_t n = v.shape[0]
    if k.shape[0] != n or near.shape[0] != n or low.shape[0] < 8 * n + 16:
        raise ValueError("pixels and planes do not fit each other")
    cdef FloatParts parts = _parts(k, good, zeros, copies, w, near, low)
    cdef FloatSplit s
    cdef int64_t near_count = 0, size
    cdef const uint8_t *mask = NULL if good is None else &good[0]
    s.p, s.drop, s.unit = how
    parts.near_count = &near_count
    with nogil:
        size = ae_float_split(&v[0], sizeof(real), mask, n, &s, &parts)
    return near_count, size


def float_join(const int32_t[::1] k, const uint8_t[::1] good, how, const int32_t[::1] zeros,
               const int32_t[::1] copies, Py_ssize_t w, const int32_t[::1] near, const uint8_t[::1] low,
               real[::1] v):
    """Fill v; false where the parts make no sense."""
    cdef Py_ssize_t n = v.shape[0]
    if k.shape[0] != n:
        raise ValueError("pixels and planes do not fit each other")
    cdef FloatParts parts = _parts(k, good, zeros, copies, w, near, low)
    cdef FloatSplit s
    cdef int64_t near_count = near.shape[0]
    cdef int status
    cdef const uint8_t *mask = NULL if good is None else &good[0]
    s.p, s.drop, s.unit = how
    parts.near_count = &near_count
    with nogil:
        status = ae_float_join(&parts, mask, n, &s, sizeof(real), &v[0])
    return status == 0


def within(const real[::1] v, const real[::1] d, double half, bint keep_zeros):
    """(all within half of what they were, largest error) of floats."""
    cdef Py_ssize_t n = v.shape[0]
    cdef double largest = 0
    cdef int kept
    if d.shape[0] != n:
        raise ValueError("pixels do not fit each other")
    if not n:
        return True, 0.0
    with nogil:
        kept = ae_within(&v[0], &d[0], sizeof(real), n, half, keep_zeros, &largest)
    return bool(kept), largest


def within_integers(const stored[::1] v, const stored[::1] d, uint64_t half, bint has_blank, int64_t blank):
    """The same of the integers of FITS."""
    cdef Py_ssize_t n = v.shape[0]
    cdef uint64_t largest = 0
    cdef int kept
    if d.shape[0] != n:
        raise ValueError("pixels do not fit each other")
    if not n:
        return True, 0
    with nogil:
        kept = ae_within_integers(&v[0], &d[0], sizeof(stored), n, half, has_blank, blank, &largest)
    return bool(kept), largest


# ---- symbols of given frequencies

cdef extern from "symbols.h" nogil:
    ctypedef struct Symbols:
        uint32_t state
    size_t ae_symbols_bound(int64_t n)
    int64_t ae_put_symbols(const uint16_t *start, const uint16_t *freq, int64_t n,
                           uint8_t *out) noexcept
    int ae_open_symbols(Symbols *s, const uint8_t *data, size_t size) noexcept
    void ae_get_symbols(Symbols *s, const uint32_t *edges, int count, int64_t n,
                        int64_t *out) noexcept
    void ae_get_raw(Symbols *s, int bits, int64_t n, int64_t *out) noexcept
    int ae_close_symbols(const Symbols *s) noexcept


def put_symbols(const uint16_t[::1] start, const uint16_t[::1] freq):
    """Bytes of symbols, each an interval of 2^16."""
    cdef int64_t n = start.shape[0], size
    if freq.shape[0] != n:
        raise ValueError("starts and frequencies do not fit each other")
    cdef uint8_t *out = <uint8_t *>malloc(ae_symbols_bound(n))
    if out == NULL:
        raise MemoryError("no memory for symbols")
    with nogil:
        size = ae_put_symbols(&start[0] if n else NULL, &freq[0] if n else NULL, n, out)
    try:
        if size < 0:
            raise ValueError("a symbol has a frequency of 0 or beyond 65536")
        return out[:size]
    finally:
        free(out)


cdef class SymbolSource:
    """Symbols of bytes; of one thread."""

    cdef const uint8_t[::1] data
    cdef Symbols symbols

    def __cinit__(self, const uint8_t[::1] data not None):
        self.data = data
        cdef Py_ssize_t size = data.shape[0]
        if ae_open_symbols(&self.symbols, &data[0] if size else NULL, size):
            raise ValueError("the coded symbols have no beginning")

    def take(self, const uint32_t[::1] edges, int64_t[::1] out):
        """Fill out with symbols of one table."""
        cdef Py_ssize_t count = edges.shape[0] - 1
        if not 1 <= count <= 65536 or edges[0] != 0 or edges[count] != 65536:
            raise ValueError("edges of a table run from 0 to 65536")
        cdef Symbols symbols = self.symbols  # a copy stays sound where threads share this
        if out.shape[0]:
            with nogil:
                ae_get_symbols(&symbols, &edges[0], <int>count, out.shape[0], &out[0])
        self.symbols = symbols

    def take_raw(self, int bits, int64_t[::1] out):
        """Fill out with numbers of so many bits."""
        if not 1 <= bits <= 16:
            raise ValueError("1 to 16 bits are taken at once")
        cdef Symbols symbols = self.symbols
        if out.shape[0]:
            with nogil:
                ae_get_raw(&symbols, bits, out.shape[0], &out[0])
        self.symbols = symbols

    def finished(self):
        """Whether all bytes were used, and nothing else."""
        return ae_close_symbols(&self.symbols) == 0
