/* Floats as integers worth predicting, and the bits below them.
 *
 * A float's bits without its sign sort like its magnitude.  A pixel counts as
 * y = bits >> drop, of negative ones less 1, so that k = floor(x / 2^p) is y's significand shifted,
 * or its complement, and the binade follows from k.  Low bits are those of y below 2^p and above
 * the unit; of negative ones their complement.  Pixels with k of 0 or -1 are near: `near` has by how
 * much their exponent is less than that of 2^p (0: y is 0) and all of the mantissa is low bits.
 * Where copies are marked, a pixel that is bit for bit the one before (1) or above (2) has nothing
 * besides k.
 */
#include "bits.h"
#include <string.h>

typedef struct { int mantissa, bias; uint64_t inf; } Kind;

ALWAYS_INLINE Kind kind_of(int bytes_each)
{
    Kind single = {23, 127, 0x7f800000u}, wide = {52, 1023, 0x7ff0000000000000u};
    return bytes_each == 4 ? single : wide;
}

ALWAYS_INLINE uint64_t word_at(const void *v, int bytes_each, int64_t i)
{
    return bytes_each == 4 ? ((const uint32_t *)v)[i] : ((const uint64_t *)v)[i];
}

ALWAYS_INLINE int trailing_zeros(uint64_t v) /* of v > 0 */
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(v);
#else
    int n = 0;
    while (!(v >> n & 1)) n++;
    return n;
#endif
}

ALWAYS_INLINE int bit_length(uint64_t v)
{
#if defined(__GNUC__) || defined(__clang__)
    return v ? 64 - __builtin_clzll(v) : 0;
#else
    int n = 0;
    while (v >> n) n++;
    return n;
#endif
}

ALWAYS_INLINE int smaller(int a, int b) { return a < b ? a : b; }
ALWAYS_INLINE int larger(int a, int b) { return a > b ? a : b; }
ALWAYS_INLINE uint64_t ones(int n) { return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1; }

/* ---- what floats have in common ------------------------------------------------------------ */

ALWAYS_INLINE int64_t survey(const void *v, int bytes_each, int64_t n, uint8_t *good, FloatSurvey *s)
{
    const Kind kind = kind_of(bytes_each);
    const uint64_t sign = (uint64_t)1 << (8 * bytes_each - 1);
    uint64_t any = 0, most = 0;
    int64_t special = 0, zeros = 0;
    int unit = 1 << 14;
    for (int64_t i = 0; i < n; i++) {
        uint64_t w = word_at(v, bytes_each, i), y = w & (sign - 1);
        int ordinary = y < kind.inf && w != sign;
        good[i] = (uint8_t)ordinary;
        special += !ordinary;
        if (UNLIKELY(!ordinary)) continue;
        zeros += y == 0;
        any |= y;
        most = y > most ? y : most;
    }
    s->zeros = zeros;
    s->drop = any & ones(kind.mantissa) ? trailing_zeros(any & ones(kind.mantissa)) : kind.mantissa;
    s->top = larger((int)(most >> kind.mantissa), 1) - kind.bias;
    for (int64_t i = 0; i < n; i++) {
        uint64_t y = word_at(v, bytes_each, i) & (sign - 1);
        int e = larger((int)(y >> kind.mantissa), 1) - kind.bias - kind.mantissa;
        if (e + s->drop >= unit || !y || !good[i]) continue;
        uint64_t m = (y & ones(kind.mantissa)) | (uint64_t)(y >> kind.mantissa > 0) << kind.mantissa;
        unit = smaller(unit, e + trailing_zeros(m));
    }
    s->unit = unit;
    return special;
}

/* Which are ordinary (no NaN, infinity or -0.0), and of those: how many are 0, how many low bits of
 * the mantissa are 0 in all, the largest power of two that divides all, the exponent of the
 * largest.  Returns how many are special. */
TWO_BUILDS
int64_t ae_float_survey(const void *v, int bytes_each, int64_t n, uint8_t *good, FloatSurvey *s)
{
    return bytes_each == 4 ? survey(v, 4, n, good, s) : survey(v, 8, n, good, s);
}

/* ---- one pixel ----------------------------------------------------------------------------- */

/* Of a significand's bits: `below` lie below 2^p, `known` of them (the lowest) below the unit. */
typedef struct { int below, known; } Below;

ALWAYS_INLINE Below below_of(const FloatSplit *s, int unit_here, int most)
{
    Below b = {larger(s->p - unit_here, 0), 0};
    b.below = smaller(b.below, most);
    b.known = smaller(larger(s->unit - unit_here, 0), b.below);
    return b;
}

/* Up to 56 bits a pixel, one behind the other, by whole words: no branch depends on the pixel. */
typedef struct {
    uint8_t *at, *end; /* eight bytes may be stored before end */
    uint64_t held;
    int count, lost;
} LowWriter;

ALWAYS_INLINE void put_low(LowWriter *b, uint64_t low, int n)
{
    b->held |= low << b->count;
    b->count += n;
    if (UNLIKELY(b->at > b->end)) b->lost = 1, b->at = b->end;
    for (int i = 0; i < 8; i++) b->at[i] = (uint8_t)(b->held >> 8 * i);
    b->at += b->count >> 3;
    b->held >>= b->count & ~7;
    b->count &= 7;
}

typedef struct {
    const uint8_t *data;
    uint64_t size, at; /* bytes; bits */
    int bad;
} LowReader;

NOINLINE uint64_t last_word(const uint8_t *data, uint64_t size, uint64_t byte)
{
    uint64_t word = 0;
    for (int i = 0; i < 8 && byte + (uint64_t)i < size; i++) word |= (uint64_t)data[byte + (uint64_t)i] << 8 * i;
    return word;
}

ALWAYS_INLINE uint64_t get_low(LowReader *b, int n)
{
    uint64_t byte = b->at >> 3, word;
    if (LIKELY(byte + 8 <= b->size)) word = word32(b->data + byte) | (uint64_t)word32(b->data + byte + 4) << 32;
    else word = last_word(b->data, b->size, byte);
    word >>= b->at & 7;
    b->at += (uint64_t)n;
    return word & ones(n);
}

/* Bits past the end were read, or some are left. */
ALWAYS_INLINE int low_is_off(const LowReader *b)
{
    uint64_t byte = b->at >> 3, used = (b->at + 7) >> 3;
    return b->bad || used != b->size || (b->at & 7 && b->data[byte] >> (b->at & 7));
}

/* Where zeros are counted only what stands above the lowest 1 is low. */
ALWAYS_INLINE void put_counted(LowWriter *b, uint64_t low, int n, int32_t *zeros)
{
    *zeros = low ? trailing_zeros(low) : n;
    if (*zeros < n) put_low(b, low >> *zeros >> 1, n - *zeros - 1);
}

ALWAYS_INLINE uint64_t get_counted(LowReader *b, int n, int32_t zeros)
{
    if (zeros < 0 || zeros > n) b->bad = 1;
    return b->bad || zeros == n ? 0 : (get_low(b, n - zeros - 1) << 1 | 1) << zeros;
}

/* 1: the float before, of its row; 2: the one above; 0: neither. */
ALWAYS_INLINE int32_t copy_of(const void *v, int bytes_each, const uint8_t *good, int64_t i, int64_t w)
{
    uint64_t here = word_at(v, bytes_each, i);
    if (i % w && (!good || good[i - 1]) && word_at(v, bytes_each, i - 1) == here) return 1;
    return i >= w && (!good || good[i - w]) && word_at(v, bytes_each, i - w) == here ? 2 : 0;
}

ALWAYS_INLINE int64_t split(const void *v, int bytes_each, const uint8_t *good, int64_t n,
                            const FloatSplit *s, const FloatParts *to, int counts, int copies)
{
    const Kind kind = kind_of(bytes_each);
    const int width = kind.mantissa - s->drop, sign = 8 * bytes_each - 1;
    const int whole = s->unit >= s->p;
    LowWriter b = {to->low, to->low + to->room - 8, 0, 0, 0};
    int32_t *near = to->near;
    for (int64_t i = 0; i < n; i++) {
        uint64_t w = word_at(v, bytes_each, i), negative = w >> sign;
        if (good && !good[i]) {
            to->k[i] = 0;
            if (counts) to->zeros[i] = 0;
            if (copies) to->copies[i] = 0;
            continue;
        }
        uint64_t y = ((w & ones(sign)) >> s->drop) - negative;
        int e = (int)(y >> width), unit_here = larger(e, 1) - kind.bias - width;
        uint64_t m = (y & ones(width)) | (uint64_t)(e > 0) << width;
        int shift = s->p - unit_here;
        int32_t k = shift > width ? 0 : (int32_t)(shift >= 0 ? m >> shift : m << smaller(-shift, 31));
        to->k[i] = k ^ -(int32_t)negative;
        if (counts) to->zeros[i] = 0;
        if (copies && (to->copies[i] = copy_of(v, bytes_each, good, i, to->w))) continue;
        if (whole) continue;
        if (k == 0) *near++ = y ? s->p + kind.bias - e : 0;
        if (k == 0 && y == 0) continue;
        Below below = below_of(s, unit_here, k ? 64 : width);
        int bits = below.below - below.known;
        uint64_t low = (m ^ -negative) >> below.known & ones(bits);
        if (counts) put_counted(&b, low, bits, to->zeros + i);
        else put_low(&b, low, bits);
    }
    *to->near_count = near - to->near;
    return b.lost ? AE_MEMORY : b.at - to->low + (b.count > 0);
}

/* Integers, exponents of near pixels, and low bits of n floats; returns the bytes of the last.
 * `good` may be NULL; zeros and copies too: then they are not counted or marked. */
TWO_BUILDS
int64_t ae_float_split(const void *v, int bytes_each, const uint8_t *good, int64_t n, const FloatSplit *s,
                       const FloatParts *to)
{
    int counts = to->zeros != 0, copies = to->copies != 0;
    if (counts || copies) return split(v, bytes_each, good, n, s, to, counts, copies);
    return bytes_each == 4 ? split(v, 4, good, n, s, to, 0, 0) : split(v, 8, good, n, s, to, 0, 0);
}

ALWAYS_INLINE int join(const FloatParts *from, const uint8_t *good, int64_t n,
                       const FloatSplit *s, int bytes_each, void *v, int counts, int copies)
{
    const Kind kind = kind_of(bytes_each);
    const int width = kind.mantissa - s->drop, sign = 8 * bytes_each - 1;
    const int whole = s->unit >= s->p, last = (int)(kind.inf >> kind.mantissa);
    const int32_t *near = from->near, *end = near + *from->near_count;
    LowReader b = {from->low, from->room, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        int32_t k = from->k[i];
        uint64_t negative = k < 0, y = 0, m = (uint64_t)(k ^ -(int32_t)negative), flip = -negative;
        if (copies && from->copies[i] && (!good || good[i])) {
            int64_t back = from->copies[i] == 1 ? 1 : from->w;
            if (from->copies[i] < 0 || from->copies[i] > 2 || i < back) return AE_CORRUPT;
            if (bytes_each == 4) ((uint32_t *)v)[i] = ((uint32_t *)v)[i - back];
            else ((uint64_t *)v)[i] = ((uint64_t *)v)[i - back];
            continue;
        }
        if (good && !good[i]) negative = 0;
        else if (m) {
            int shift = width + 1 - bit_length(m), e = s->p - shift + kind.bias + width;
            Below below = below_of(s, s->p - shift, 64);
            if (e < 1 || e >= last) return AE_CORRUPT;
            int bits = below.below - below.known;
            uint64_t low = counts ? get_counted(&b, bits, from->zeros[i]) : get_low(&b, bits);
            m = UNLIKELY(shift < 0) ? m >> -shift : m << shift;
            m |= ((low ^ flip) & ones(bits)) << below.known | (flip & ones(below.known));
            y = (m & ones(width)) | (uint64_t)e << width;
        } else if (whole) {
            if (negative) y = ((uint64_t)(s->p + kind.bias) << width) - 1;
        } else {
            if (near == end) return AE_CORRUPT;
            int32_t less = *near++;
            int e = s->p + kind.bias - larger(less, 0);
            if (less < 0 || (less && (e < 0 || e >= last))) return AE_CORRUPT;
            if (less) {
                Below below = below_of(s, larger(e, 1) - kind.bias - width, width);
                int bits = below.below - below.known;
                uint64_t low = counts ? get_counted(&b, bits, from->zeros[i]) : get_low(&b, bits);
                y = ((low ^ flip) & ones(bits)) << below.known | (flip & ones(below.known)) | (uint64_t)e << width;
            }
        }
        y = (y + negative) << s->drop;
        if (y >= kind.inf) return AE_CORRUPT;
        y |= negative << sign;
        if (bytes_each == 4) ((uint32_t *)v)[i] = (uint32_t)y;
        else ((uint64_t *)v)[i] = y;
    }
    return near == end && !low_is_off(&b) ? AE_OK : AE_CORRUPT;
}

/* Inverse of ae_float_split; what is not good becomes 0. */
int ae_float_join(const FloatParts *from, const uint8_t *good, int64_t n, const FloatSplit *s, int bytes_each,
                  void *v)
{
    int counts = from->zeros != 0, copies = from->copies != 0;
    if (counts || copies) return join(from, good, n, s, bytes_each, v, counts, copies);
    return bytes_each == 4 ? join(from, good, n, s, 4, v, 0, 0) : join(from, good, n, s, 8, v, 0, 0);
}
