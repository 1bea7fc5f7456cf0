/* Whether decoded pixels keep a bound, and the largest error there is. */
#include "core.h"
#include <math.h>
#include <string.h>

enum { PIXELS = 512, LANES = 8 };

/* For floats of one type.  Allowed is half a step and half an ulp of the decoded value; the
 * largest float, beyond which there is no next one, has the ulp of its binade.  NaN and infinities
 * are within nothing.  By blocks, in loops so plain that compilers take many pixels at once. */
#define WITHIN(NAME, REAL, WORD, WIDE, INF)                                                   \
    TWO_BUILDS                                                                                \
    static int NAME(const REAL *v, const REAL *d, int64_t n, double half, int keep_zeros,     \
                    double *largest)                                                          \
    {                                                                                         \
        const WORD magnitude = (WORD)-1 >> 1, least = keep_zeros ? 0 : -1;                    \
        WIDE error[PIXELS] = {0}, most = 0, lane[LANES] = {0};                                                         \
        WORD bad[PIXELS], broken = 0;                                                          \
        for (int64_t start = 0; start < n; start += PIXELS) {                                  \
            int count = n - start < PIXELS ? (int)(n - start) : PIXELS;                         \
            const REAL *from = v + start, *to = d + start;                                    \
            for (int i = 0; i < count; i++) {                                                 \
                WORD a, b, low, high;                                                         \
                REAL below, above;                                                            \
                memcpy(&a, from + i, sizeof a), memcpy(&b, to + i, sizeof b);                 \
                low = b & magnitude;                                                          \
                low = low < INF - 1 ? low : INF - 2;                                          \
                high = low + 1;                                                               \
                memcpy(&below, &low, sizeof below), memcpy(&above, &high, sizeof above);      \
                WIDE off = (WIDE)from[i] - (WIDE)to[i];                                       \
                off = off < 0 ? -off : off;                                                   \
                WORD kept = off <= (WIDE)half + ((WIDE)above - (WIDE)below) / 2;              \
                kept &= (a & magnitude) != least;                                             \
                bad[i] = (a != b) & (kept ^ 1);                                               \
                error[i] = a == b ? 0 : off;                                                  \
            }                                                                                 \
            for (int i = 0; i < count; i++) broken |= bad[i];                                 \
            for (int i = 0; i < count; i += LANES) /* old errors at the end of a block: no harm */ \
                for (int j = 0; j < LANES; j++)                                               \
                    lane[j] = error[i + j] > lane[j] ? error[i + j] : lane[j];                \
        }                                                                                     \
        for (int j = 0; j < LANES; j++) most = lane[j] > most ? lane[j] : most;               \
        *largest = (double)most;                                                              \
        return !broken;                                                                       \
    }

WITHIN(within32, float, uint32_t, double, 0x7f800000u)
WITHIN(within64, double, uint64_t, long double, 0x7ff0000000000000u)

/* Whether floats are within `half` of what they were; zeros the same bits with keep_zeros. */
int ae_within(const void *v, const void *d, int bytes_each, int64_t n, double half, int keep_zeros,
              double *largest)
{
    return bytes_each == 4 ? within32(v, d, n, half, keep_zeros, largest)
                           : within64(v, d, n, half, keep_zeros, largest);
}

#define WITHIN_INTEGERS(NAME, TYPE)                                                           \
    TWO_BUILDS                                                                                \
    static int NAME(const TYPE *v, const TYPE *d, int64_t n, uint64_t half, int has_blank,    \
                    int64_t blank, uint64_t *largest)                                         \
    {                                                                                         \
        uint64_t most = 0;                                                                    \
        int broken = 0;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                     \
            int64_t a = v[i], b = d[i];                                                       \
            uint64_t error = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;   \
            int blanked = has_blank & ((a == blank) | (b == blank));                          \
            broken |= (error != 0) & ((error > half) | blanked);                              \
            most = error > most ? error : most;                                               \
        }                                                                                     \
        *largest = most;                                                                      \
        return !broken;                                                                       \
    }

WITHIN_INTEGERS(within_u8, uint8_t)
WITHIN_INTEGERS(within_i16, int16_t)
WITHIN_INTEGERS(within_i32, int32_t)
WITHIN_INTEGERS(within_i64, int64_t)

/* The same for the integers of FITS; a pixel that is or was `blank` may not change. */
int ae_within_integers(const void *v, const void *d, int bytes_each, int64_t n, uint64_t half,
                       int has_blank, int64_t blank, uint64_t *largest)
{
    switch (bytes_each) {
    case 1: return within_u8(v, d, n, half, has_blank, blank, largest);
    case 2: return within_i16(v, d, n, half, has_blank, blank, largest);
    case 4: return within_i32(v, d, n, half, has_blank, blank, largest);
    default: return within_i64(v, d, n, half, has_blank, blank, largest);
    }
}
