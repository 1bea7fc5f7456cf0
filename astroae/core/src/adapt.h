/* High effort: a mean that learns.  NLMS on what the taps left, then a bias per context.
 *
 * One state per tile, one update per pixel in raster order, integers only; encoder and decoder
 * call the same two functions.
 */
#ifndef ASTROAE_ADAPT_H
#define ASTROAE_ADAPT_H

#include "neighbours.h"
#include <string.h>

enum {
    INPUTS = 48,         /* 32 past residuals, 16 differences of values */
    INPUT_LIMIT = 4095,
    WEIGHT_LIMIT = (1 << 28) - 1,
    BIAS_CONTEXTS = 2048,
    BIAS_COUNT = 128,
};

typedef struct {
    int nlms, bias, rate, down;
    int32_t weight[INPUTS];  /* 28 bits */
    int16_t coarse[INPUTS];  /* weight >> 15 */
    int16_t input[INPUTS];
    int32_t norm, step, spread; /* spread: mean |error| with 8 bits of fraction */
    int32_t moved, mean;     /* by NLMS; the mean before its bias */
    int context;
    int32_t sum[BIAS_CONTEXTS], correction[BIAS_CONTEXTS];
    uint8_t count[BIAS_CONTEXTS];
} Adapt;

static inline void adapt_set(Adapt *a, const Model *m)
{
    memset(a, 0, sizeof *a);
    a->nlms = m->adapt, a->bias = m->bias, a->rate = m->rate, a->down = m->down;
    a->spread = 64 << 8;
}

ALWAYS_INLINE int32_t clip(int32_t v, int32_t limit) { return v > limit ? limit : v < -limit ? -limit : v; }

/* v and r point at the pixel in planes of equal stride: values, and residuals of the taps. */
ALWAYS_INLINE void adapt_inputs(Adapt *a, const int32_t *v, const int16_t *r, ptrdiff_t stride, int32_t p)
{
    int16_t *z = a->input;
    memcpy(z, r - 8, 16);
    memcpy(z + 8, r - stride - 4, 16);
    memcpy(z + 16, r - 2 * stride - 4, 16);
    memcpy(z + 24, r - 3 * stride - 4, 16);
    int32_t t[16];
    for (int i = 0; i < 4; i++) t[i] = (v[i - 4] * 16 - p) >> a->down;
    for (int i = 0; i < 8; i++) t[4 + i] = (v[i - 3 - stride] * 16 - p) >> a->down;
    for (int i = 0; i < 4; i++) t[12 + i] = (v[i - 2 - 2 * stride] * 16 - p) >> a->down;
    for (int i = 0; i < 16; i++) z[32 + i] = (int16_t)clip(t[i], INPUT_LIMIT);
}

ALWAYS_INLINE void adapt_context(Adapt *a, const int32_t *v, const int32_t *e, ptrdiff_t stride)
{
    const int32_t *up = v - stride, m = a->mean;
    int c = (v[-1] * 16 > m) | (up[0] * 16 > m) << 1 | (up[-1] * 16 > m) << 2 | (up[1] * 16 > m) << 3
          | (v[-2] * 16 > m) << 4 | (up[-stride] * 16 > m) << 5
          | ((int64_t)(2 * v[-1] - v[-2]) * 16 > m) << 6
          | ((int64_t)(2 * up[0] - up[-stride]) * 16 > m) << 7;
    int32_t energy = ((e[-1] + e[-stride] + e[-stride - 1] + e[-stride + 1]) >> a->down) + 1;
    int n = top_bit((uint32_t)energy);
    a->context = c | (n < 5 ? 0 : n > 12 ? 7 : n - 5) << 8;
}

/* The better mean, from the taps' mean p. */
ALWAYS_INLINE int32_t adapt_mean(Adapt *a, const int32_t *v, const int32_t *e, const int16_t *r,
                                 ptrdiff_t stride, int32_t p)
{
    const int32_t most = 16 * FAR - 1;
    a->step = 0;
    if (a->nlms) {
        adapt_inputs(a, v, r, stride, p);
        const int16_t *z = a->input;
        int32_t sum = 0, energy = 0;
        for (int i = 0; i < INPUTS; i++) sum += (int32_t)a->coarse[i] * z[i];
        for (int i = 0; i < INPUTS; i++) energy += ((int32_t)z[i] * z[i]) >> 4;
        a->norm = energy / 3 + 16;
        a->step = (sum + 4096) >> 13;
    }
    a->mean = clip(p + a->step * (1 << a->down), most);
    a->moved = clipped_error(0, p - a->mean);
    if (!a->bias) return a->mean;
    adapt_context(a, v, e, stride);
    return clip(a->mean + a->correction[a->context], most);
}

/* Learn from the value v; its residual of the taps is left in r. */
ALWAYS_INLINE void adapt_learn(Adapt *a, int32_t v, int32_t p, int16_t *r)
{
    int32_t left = clip((v * 16 - p) >> a->down, INPUT_LIMIT), error = clip(left - a->step, INPUT_LIMIT);
    *r = (int16_t)left;
    int32_t spread = a->spread >> 8, limit = 6 * spread + 8;
    error = clip(error, limit);
    a->spread += (magnitude(error) * 256 - a->spread) >> 7;
    if (a->nlms) {
        int32_t gain = clip(error * (1 << 18) / a->norm, 1 << 17);
        for (int i = 0; i < INPUTS; i++) {
            int32_t w = a->weight[i] + ((gain * a->input[i] * 2) >> a->rate);
            w = w > WEIGHT_LIMIT ? WEIGHT_LIMIT : w < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : w;
            a->weight[i] = w;
            a->coarse[i] = (int16_t)(w >> 15);
        }
    }
    if (!a->bias) return;
    int32_t most = (4 * (a->spread >> 8) + 8) * (1 << a->down), c = a->context;
    a->sum[c] += clip(v * 16 - a->mean, most < ERROR_LIMIT ? most : ERROR_LIMIT);
    if (++a->count[c] == BIAS_COUNT) a->count[c] = BIAS_COUNT / 2, a->sum[c] /= 2;
    a->correction[c] = a->sum[c] / (a->count[c] + 4);
}

#endif
