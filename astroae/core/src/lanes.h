/* Eight numbers of 16 bits at once: compilers do not find the products' upper halves themselves. */
#ifndef ASTROAE_LANES_H
#define ASTROAE_LANES_H

#include "core.h"
#include <string.h>

enum { LANES_EACH = 8 };

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
typedef __m128i Lanes;
ALWAYS_INLINE Lanes lanes_of(const void *at) { return _mm_loadu_si128((const __m128i *)at); }
ALWAYS_INLINE void lanes_to(void *at, Lanes a) { _mm_storeu_si128((__m128i *)at, a); }
ALWAYS_INLINE Lanes lanes_all(int v) { return _mm_set1_epi16((short)v); }
ALWAYS_INLINE Lanes lanes_add(Lanes a, Lanes b) { return _mm_add_epi16(a, b); }
ALWAYS_INLINE Lanes lanes_less(Lanes a, Lanes b) { return _mm_sub_epi16(a, b); }
ALWAYS_INLINE Lanes lanes_and(Lanes a, Lanes b) { return _mm_and_si128(a, b); }
ALWAYS_INLINE Lanes lanes_above(Lanes a, Lanes b) { return _mm_cmpgt_epi16(a, b); } /* -1 or 0 */
ALWAYS_INLINE Lanes lanes_upper(Lanes a, Lanes b) { return _mm_mulhi_epi16(a, b); }
ALWAYS_INLINE Lanes lanes_upper_positive(Lanes a, Lanes b) { return _mm_mulhi_epu16(a, b); }
ALWAYS_INLINE Lanes lanes_shifted(Lanes a, int n) { return _mm_srli_epi16(a, n); }
#else
typedef struct { uint16_t l[LANES_EACH]; } Lanes;
#define LANES_EACH_WAY(expression) \
    Lanes r; \
    for (int i = 0; i < LANES_EACH; i++) r.l[i] = (uint16_t)(expression); \
    return r
ALWAYS_INLINE Lanes lanes_of(const void *at)
{
    Lanes a;
    memcpy(&a, at, sizeof a);
    return a;
}
ALWAYS_INLINE void lanes_to(void *at, Lanes a) { memcpy(at, &a, sizeof a); }
ALWAYS_INLINE Lanes lanes_all(int v) { LANES_EACH_WAY(v); }
ALWAYS_INLINE Lanes lanes_add(Lanes a, Lanes b) { LANES_EACH_WAY(a.l[i] + b.l[i]); }
ALWAYS_INLINE Lanes lanes_less(Lanes a, Lanes b) { LANES_EACH_WAY(a.l[i] - b.l[i]); }
ALWAYS_INLINE Lanes lanes_and(Lanes a, Lanes b) { LANES_EACH_WAY(a.l[i] & b.l[i]); }
ALWAYS_INLINE Lanes lanes_above(Lanes a, Lanes b) { LANES_EACH_WAY((int16_t)a.l[i] > (int16_t)b.l[i] ? -1 : 0); }
ALWAYS_INLINE Lanes lanes_upper(Lanes a, Lanes b) { LANES_EACH_WAY((int16_t)a.l[i] * (int16_t)b.l[i] >> 16); }
ALWAYS_INLINE Lanes lanes_upper_positive(Lanes a, Lanes b) { LANES_EACH_WAY((uint32_t)a.l[i] * b.l[i] >> 16); }
ALWAYS_INLINE Lanes lanes_shifted(Lanes a, int n) { LANES_EACH_WAY(a.l[i] >> n); }
#endif

/* Sum of lanes that are 0 to -64, its sign turned. */
ALWAYS_INLINE int lanes_count(Lanes a)
{
    int16_t each[LANES_EACH], sum = 0;
    lanes_to(each, a);
    for (int i = 0; i < LANES_EACH; i++) sum = (int16_t)(sum - each[i]);
    return sum;
}

#endif
