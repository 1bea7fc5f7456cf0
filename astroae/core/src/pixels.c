/* What touches each pixel before and after the coder: noise, quantising, dither.
 *
 * The same operations in the same order as their numpy twins in the tests, so the same bits.
 */
#include "core.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGIT = 11, DIGITS = 1 << DIGIT, TURNS = 4,
    SAMPLE = 1024, BESIDE = 48, /* places of a sample: three deviations */
    MANY = 1 << 13,
};

/* Offsets 0, 2, 4, ... of a row; weights and factors of CFITSIO's quantize.c. */
static const double WEIGHTS_OF[ORDERS][5] = {{1, -1}, {-1, 2, -1}, {1, -4, 6, -4, 1}};
const double noise_factors[ORDERS] = {1.0483579, 0.6052697, 0.1772048};

/* For one type of float: absolute differences as keys, since bits of floats that are not negative
 * sort like them (what does not count sorts last), and the key at a place of the sorted ones. */
#define NOISE(REAL, WORD, INF, DIFFERENCES, SELECT, SELECT_OF_MANY, SIGMA)                    \
    ALWAYS_INLINE int64_t DIFFERENCES(const REAL *v, const uint8_t *good, int64_t rows,       \
                                      int64_t w, int order, int terms, WORD *key)             \
    {                                                                                         \
        int64_t wide = w - 2 * (terms - 1);                                                   \
        if (wide < 1) return 0;                                                               \
        REAL weight[5];                                                                       \
        for (int i = 0; i < terms; i++) weight[i] = (REAL)WEIGHTS_OF[order][i];               \
        for (int64_t y = 0; y < rows; y++) {                                                  \
            const REAL *a = v + y * w;                                                        \
            WORD *to = key + y * wide;                                                        \
            for (int64_t x = 0; x < wide; x++) {                                              \
                REAL d = 0;                                                                   \
                WORD bits;                                                                    \
                for (int i = 0; i < terms; i++) d = d + weight[i] * a[x + 2 * i];             \
                memcpy(&bits, &d, sizeof bits);                                               \
                bits &= (WORD)-1 >> 1;                                                        \
                to[x] = bits < INF ? bits : (WORD)-1;                                         \
            }                                                                                 \
            for (int64_t x = 0; x < wide && good; x++)                                        \
                for (int i = 0; i < terms; i++)                                               \
                    if (!good[y * w + x + 2 * i]) to[x] = (WORD)-1;                           \
        }                                                                                     \
        return rows * wide;                                                                   \
    }                                                                                         \
                                                                                              \
    static WORD SELECT(WORD *key, int64_t n, int64_t place)                                   \
    {                                                                                         \
        int bits = 8 * (int)sizeof(WORD), shift = (bits + DIGIT - 1) / DIGIT * DIGIT;         \
        WORD found = 0;                                                                       \
        while ((shift -= DIGIT) >= 0) {                                                       \
            int32_t count[TURNS][DIGITS] = {{0}}; /* in turns: equal keys wait for each other */ \
            int64_t kept = 0, digit = 0, here;                                                \
            for (int64_t i = 0; i < n; i++) count[i % TURNS][key[i] >> shift & (DIGITS - 1)]++; \
            for (;; digit++, place -= here) {                                                 \
                here = (int64_t)count[0][digit] + count[1][digit] + count[2][digit] + count[3][digit]; \
                if (place < here) break;                                                      \
            }                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                 \
                key[kept] = key[i];                                                           \
                kept += (int64_t)(key[i] >> shift & (DIGITS - 1)) == digit;                   \
            }                                                                                 \
            found |= (WORD)digit << shift;                                                    \
            n = kept;                                                                         \
        }                                                                                     \
        return found;                                                                         \
    }                                                                                         \
                                                                                              \
    /* Of many keys most cannot be it: a sample says which, and is asked again if it was wrong. */\
    ALWAYS_INLINE WORD SELECT_OF_MANY(WORD *key, int64_t n, int64_t place)                    \
    {                                                                                         \
        WORD sample[2][SAMPLE], below = 0, *few = key + n;                                    \
        int64_t step = n / SAMPLE | 1, middle = place * SAMPLE / n, kept = 0;                 \
        if (n < MANY || middle < BESIDE || middle >= SAMPLE - BESIDE) return SELECT(key, n, place);\
        for (int64_t i = 0; i < SAMPLE; i++) sample[0][i] = sample[1][i] = key[i * step % n]; \
        WORD low = SELECT(sample[0], SAMPLE, middle - BESIDE);                                \
        WORD high = SELECT(sample[1], SAMPLE, middle + BESIDE);                               \
        for (int64_t i = 0; i < n; i++) below += key[i] < low;                                \
        for (int64_t i = 0; i < n; i++) {                                                     \
            few[kept] = key[i];                                                               \
            kept += key[i] - low <= high - low;                                               \
        }                                                                                     \
        int64_t left = place - (int64_t)below;                                                \
        return left >= 0 && left < kept ? SELECT(few, kept, left) : SELECT(key, n, place);    \
    }                                                                                         \
                                                                                              \
    TWO_BUILDS                                                                                \
    static double SIGMA(const REAL *v, const uint8_t *good, int64_t rows, int64_t w, int order, \
                        WORD *key)                                                            \
    {                                                                                         \
        int64_t n = order == 0   ? DIFFERENCES(v, good, rows, w, 0, 2, key)                   \
                    : order == 1 ? DIFFERENCES(v, good, rows, w, 1, 3, key)                   \
                                 : DIFFERENCES(v, good, rows, w, 2, 5, key);                  \
        WORD none = 0, zeros = 0; /* as wide as the keys, for vectors */                      \
        for (int64_t i = 0; i < n; i++) none += key[i] == (WORD)-1, zeros += key[i] == 0;     \
        int64_t counted = n - (int64_t)none, zero = (int64_t)zeros, place = counted / 2;      \
        if (zero > place) place = zero + (counted - zero) / 2; /* let those speak that vary */\
        if (place >= counted) return 0;                                                       \
        WORD bits = SELECT_OF_MANY(key, n, place);                                            \
        REAL middle;                                                                          \
        memcpy(&middle, &bits, sizeof middle);                                                \
        return (double)middle * noise_factors[order];                                         \
    }

NOISE(float, uint32_t, 0x7f800000u, differences32, select32, select_of_many32, sigma32)
NOISE(double, uint64_t, 0x7ff0000000000000u, differences64, select64, select_of_many64, sigma64)

/* Noise of rows of floats (4 or 8 bytes each), as CFITSIO means it; negative without memory. */
double ae_noise(const void *v, int bytes_each, const uint8_t *good, int64_t rows, int64_t w)
{
    void *key = take(2 * (size_t)(rows * w + 1) * (size_t)bytes_each);
    double least = 0;
    if (!key) return -1;
    for (int order = 0; order < ORDERS; order++) {
        double sigma = bytes_each == 4 ? sigma32(v, good, rows, w, order, key)
                                       : sigma64(v, good, rows, w, order, key);
        if (sigma > 0 && (least == 0 || sigma < least)) least = sigma;
    }
    give(key);
    return least;
}

ALWAYS_INLINE double real_at(const void *v, int bytes_each, int64_t i)
{
    return bytes_each == 4 ? (double)((const float *)v)[i] : ((const double *)v)[i];
}

ALWAYS_INLINE int quantize(const void *v, int bytes_each, const double *dither, int64_t n, double scale,
                           double zero, void *k, int k_bytes)
{
    const double end = k_bytes == 4 ? 2147483648. : 9223372036854775808.;
    int good = 1;
    for (int64_t i = 0; i < n; i++) {
        double x = (real_at(v, bytes_each, i) - zero) / scale;
        x = dither ? floor(x + dither[i]) : rint(x);
        int inside = (x >= -end) & (x < end);
        x = inside ? x : 0;
        if (k_bytes == 4) ((int32_t *)k)[i] = (int32_t)x;
        else ((int64_t *)k)[i] = (int64_t)x;
        good &= inside;
    }
    return good;
}

/* Integers of floats on a grid; dither may be NULL.  0 where one is beyond its type or no number. */
TWO_BUILDS
int ae_quantize(const void *v, int bytes_each, const double *dither, int64_t n, double scale, double zero,
                void *k, int k_bytes)
{
    if (k_bytes == 4) return bytes_each == 4 ? quantize(v, 4, dither, n, scale, zero, k, 4)
                                             : quantize(v, 8, dither, n, scale, zero, k, 4);
    return bytes_each == 4 ? quantize(v, 4, dither, n, scale, zero, k, 8)
                           : quantize(v, 8, dither, n, scale, zero, k, 8);
}

ALWAYS_INLINE void dequantize(const void *k, int k_bytes, const double *dither, int64_t n, const double *scale,
                              const double *zero, int each, void *v, int bytes_each)
{
    for (int64_t i = 0; i < n; i++) {
        double x = k_bytes == 4 ? (double)((const int32_t *)k)[i] : (double)((const int64_t *)k)[i];
        if (dither) x = x - dither[i] + 0.5;
        x = x * scale[each * i] + zero[each * i];
        if (bytes_each == 4) ((float *)v)[i] = (float)x;
        else ((double *)v)[i] = x;
    }
}

/* Floats of integers on a grid; dither may be NULL.  `each`: every pixel has its own scale and zero. */
TWO_BUILDS
void ae_dequantize(const void *k, int k_bytes, const double *dither, int64_t n, const double *scale,
                   const double *zero, int each, void *v, int bytes_each)
{
    if (k_bytes == 4 && bytes_each == 4) dequantize(k, 4, dither, n, scale, zero, each, v, 4);
    else if (k_bytes == 4) dequantize(k, 4, dither, n, scale, zero, each, v, 8);
    else if (bytes_each == 4) dequantize(k, 8, dither, n, scale, zero, each, v, 4);
    else dequantize(k, 8, dither, n, scale, zero, each, v, 8);
}
