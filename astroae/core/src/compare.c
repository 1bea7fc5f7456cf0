/* Whether decoded pixels keep a bound, and the largest error there is. */
#include "core.h"
#include <math.h>
#include <string.h>

/* For floats of one type.  Allowed is half a step and half an ulp of the decoded value; the
 * largest float, beyond which there is no next one, has the ulp of its binade. */
#define WITHIN(NAME, REAL, WORD, WIDE, INF)                                                   \
    TWO_BUILDS                                                                                \
    static int NAME(const REAL *v, const REAL *d, int64_t n, double half, int keep_zeros,     \
                    double *largest)                                                          \
    {                                                                                         \
        const WORD magnitude = (WORD)-1 >> 1;                                                 \
        WIDE most = 0;                                                                        \
        int broken = 0;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                     \
            WORD a, b, low, high;                                                             \
            REAL below, above;                                                                \
            memcpy(&a, v + i, sizeof a), memcpy(&b, d + i, sizeof b);                         \
            int same = a == b, zero = (a & magnitude) == 0;                                   \
            int finite = (a & magnitude) < INF && (b & magnitude) < INF;                      \
            low = b & magnitude;                                                              \
            low = low < INF - 1 ? low : INF - 2;                                              \
            high = low + 1;                                                                   \
            memcpy(&below, &low, sizeof below), memcpy(&above, &high, sizeof above);          \
            WIDE error = (WIDE)v[i] - (WIDE)d[i];                                             \
            error = error < 0 ? -error : error;                                               \
            int kept = error <= (WIDE)half + ((WIDE)above - (WIDE)below) / 2;                 \
            broken |= !(same | (finite & kept & !(keep_zeros & zero)));                       \
            error = same ? 0 : error;                                                         \
            most = error > most ? error : most;                                               \
        }                                                                                     \
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
