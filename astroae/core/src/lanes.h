/* Eight integers at once where the compiler knows vectors, else one: loops step by LANE_COUNT.
 *
 * Written out because a compiler left to itself turns some of the loops into vectors and others
 * not, as the code around them changes.  No comparisons: of vectors they give -1, of numbers 1.
 */
#ifndef ASTROAE_LANES_H
#define ASTROAE_LANES_H

#include "bits.h"

#if defined(__GNUC__) || defined(__clang__)
enum { LANE_COUNT = 8 };
typedef int32_t Lanes __attribute__((vector_size(4 * LANE_COUNT), aligned(4), may_alias));
typedef uint32_t ULanes __attribute__((vector_size(4 * LANE_COUNT), aligned(4), may_alias));
typedef float FLanes __attribute__((vector_size(4 * LANE_COUNT), aligned(4), may_alias));
#define FLOAT_BITS(d) ((Lanes)__builtin_convertvector((Lanes)(d), FLanes))
#else
enum { LANE_COUNT = 1 };
typedef int32_t Lanes;
typedef uint32_t ULanes;
#define FLOAT_BITS(d) float_bits((int32_t)(d))
ALWAYS_INLINE int32_t float_bits(int32_t d)
{
    union { float f; int32_t i; } u = {(float)d};
    return u.i;
}
#endif

enum { PARTS_OF_BLOCK = BLOCK / LANE_COUNT };

#define LANES_AT(p) (*(const Lanes *)(p))
#define ULANES_AT(p) (*(const ULanes *)(p))
#define PUT_LANES(p, value) (*(Lanes *)(p) = (value))
#define PUT_ULANES(p, value) (*(ULanes *)(p) = (value))

/* |d| of numbers whose difference fits 32 bits, and the smaller of d and a limit above -2^31. */
#define LANES_SIZE(d) (((d) ^ ((d) >> 31)) - ((d) >> 31))
#define LANES_MOST(d, limit) ((d) + (((limit) - (d)) & (((limit) - (d)) >> 31)))

#endif
