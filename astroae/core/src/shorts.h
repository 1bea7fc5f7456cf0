/* Eight numbers of 16 bits at once: compilers do not find the products' upper halves themselves. */
#ifndef ASTROAE_SHORTS_H
#define ASTROAE_SHORTS_H

#include "core.h"
#include <string.h>

enum { SHORTS_EACH = 8 };

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
typedef __m128i Shorts;
ALWAYS_INLINE Shorts shorts_of(const void *at) { return _mm_loadu_si128((const __m128i *)at); }
ALWAYS_INLINE void shorts_to(void *at, Shorts a) { _mm_storeu_si128((__m128i *)at, a); }
ALWAYS_INLINE Shorts shorts_all(int v) { return _mm_set1_epi16((short)v); }
ALWAYS_INLINE Shorts shorts_add(Shorts a, Shorts b) { return _mm_add_epi16(a, b); }
ALWAYS_INLINE Shorts shorts_less(Shorts a, Shorts b) { return _mm_sub_epi16(a, b); }
ALWAYS_INLINE Shorts shorts_and(Shorts a, Shorts b) { return _mm_and_si128(a, b); }
ALWAYS_INLINE Shorts shorts_above(Shorts a, Shorts b) { return _mm_cmpgt_epi16(a, b); } /* -1 or 0 */
ALWAYS_INLINE Shorts shorts_upper(Shorts a, Shorts b) { return _mm_mulhi_epi16(a, b); }
ALWAYS_INLINE Shorts shorts_upper_positive(Shorts a, Shorts b) { return _mm_mulhi_epu16(a, b); }
ALWAYS_INLINE Shorts shorts_shifted(Shorts a, int n) { return _mm_srli_epi16(a, n); }
#else
typedef struct { uint16_t l[SHORTS_EACH]; } Shorts;
#define SHORTS_EACH_WAY(expression) \
    Shorts r; \
    for (int i = 0; i < SHORTS_EACH; i++) r.l[i] = (uint16_t)(expression); \
    return r
ALWAYS_INLINE Shorts shorts_of(const void *at)
{
    Shorts a;
    memcpy(&a, at, sizeof a);
    return a;
}
ALWAYS_INLINE void shorts_to(void *at, Shorts a) { memcpy(at, &a, sizeof a); }
ALWAYS_INLINE Shorts shorts_all(int v) { SHORTS_EACH_WAY(v); }
ALWAYS_INLINE Shorts shorts_add(Shorts a, Shorts b) { SHORTS_EACH_WAY(a.l[i] + b.l[i]); }
ALWAYS_INLINE Shorts shorts_less(Shorts a, Shorts b) { SHORTS_EACH_WAY(a.l[i] - b.l[i]); }
ALWAYS_INLINE Shorts shorts_and(Shorts a, Shorts b) { SHORTS_EACH_WAY(a.l[i] & b.l[i]); }
ALWAYS_INLINE Shorts shorts_above(Shorts a, Shorts b) { SHORTS_EACH_WAY((int16_t)a.l[i] > (int16_t)b.l[i] ? -1 : 0); }
ALWAYS_INLINE Shorts shorts_upper(Shorts a, Shorts b) { SHORTS_EACH_WAY((int16_t)a.l[i] * (int16_t)b.l[i] >> 16); }
ALWAYS_INLINE Shorts shorts_upper_positive(Shorts a, Shorts b) { SHORTS_EACH_WAY((uint32_t)a.l[i] * b.l[i] >> 16); }
ALWAYS_INLINE Shorts shorts_shifted(Shorts a, int n) { SHORTS_EACH_WAY(a.l[i] >> n); }
#endif

/* Sum of lanes that are 0 to -64, its sign turned. */
ALWAYS_INLINE int shorts_count(Shorts a)
{
    int16_t each[SHORTS_EACH], sum = 0;
    shorts_to(each, a);
    for (int i = 0; i < SHORTS_EACH; i++) sum = (int16_t)(sum - each[i]);
    return sum;
}

#endif
