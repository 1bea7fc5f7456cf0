/* What a pixel's neighbours say: its mean from values, its scale from errors.
 *
 * The part of the rows above is computed for a block of pixels at once; the pixel's own row is
 * added one by one.  Encoder and decoder run the same functions.
 */
#ifndef ASTROAE_NEIGHBOURS_H
#define ASTROAE_NEIGHBOURS_H

#include "lanes.h"

/* Taps of the rows above as lanes, since they may alternate with x. */
typedef struct {
    int count;
    ptrdiff_t offset[MAX_TAPS];
    int32_t lanes[2][MAX_TAPS][BLOCK];
    int32_t serial[4][MAX_SERIAL]; /* own row, by set; zero where absent */
    int32_t weight[WEIGHTS];
    ptrdiff_t stride;
} Neighbours;

static inline void neighbours_set(Neighbours *n, const Model *m, ptrdiff_t stride)
{
    n->count = m->above;
    n->stride = stride;
    for (int i = 0, j = 0; i < m->taps_count && j < m->above; i++)
        if (HOOD[i][0]) n->offset[j++] = HOOD[i][0] * stride + HOOD[i][1];
    for (int odd = 0; odd < 2; odd++)
        for (int j = 0; j < m->above; j++)
            for (int x = 0; x < BLOCK; x++)
                n->lanes[odd][j][x] = m->taps[2 * odd + (x & 1)][m->serial + j];
    for (int set = 0; set < 4; set++)
        for (int i = 0; i < MAX_SERIAL; i++)
            n->serial[set][i] = i < m->serial ? m->taps[set][i] : 0;
    for (int i = 0; i < WEIGHTS; i++) n->weight[i] = m->weight[i];
}

/* The encoder knows the own row too: its taps come in as lanes like the others. */
static inline void neighbours_add_own_row(Neighbours *n, const Model *m)
{
    for (int i = 0; i < m->serial; i++) {
        int j = n->count++;
        n->offset[j] = -1 - i;
        for (int odd = 0; odd < 2; odd++)
            for (int x = 0; x < BLOCK; x++) n->lanes[odd][j][x] = n->serial[2 * odd + (x & 1)][i];
    }
}

/* In the first row all neighbours are the one to the left: its tap is the sum of all. */
static inline void neighbours_first_row(Neighbours *n, const Model *m)
{
    for (int set = 0; set < 2; set++) {
        int32_t sum = 0;
        for (int i = 0; i < m->taps_count; i++) sum += m->taps[set][i];
        for (int i = 0; i < MAX_SERIAL; i++) n->serial[set][i] = i ? 0 : sum;
    }
    const int32_t *w = m->weight;
    n->weight[6] = w[1] + 2 * w[2] + 2 * w[3] + 4 * w[4] + 8 * w[5] + w[6];
    for (int i = 1; i < WEIGHTS; i++)
        if (i != 6) n->weight[i] = 0;
    n->count = 0;
}

/* Sums of 32 bits; v points at the block's first pixel. */
ALWAYS_INLINE void mean_above(const Neighbours *n, const int32_t *v, int odd, int32_t *to)
{
    Lanes sum[PARTS_OF_BLOCK];
    for (int q = 0; q < PARTS_OF_BLOCK; q++) sum[q] = 128 - (Lanes){0};
    for (int j = 0; j < n->count; j++) {
        const int32_t *a = v + n->offset[j], *s = n->lanes[odd][j];
        for (int q = 0; q < PARTS_OF_BLOCK; q++) sum[q] += LANES_AT(s + q * LANE_COUNT) * LANES_AT(a + q * LANE_COUNT);
    }
    for (int q = 0; q < PARTS_OF_BLOCK; q++) PUT_LANES(to + q * LANE_COUNT, sum[q]);
}

ALWAYS_INLINE void mean_above_wide(const Neighbours *n, const int32_t *v, int odd, int64_t *sum)
{
    for (int x = 0; x < BLOCK; x++) sum[x] = 128;
    for (int j = 0; j < n->count; j++) {
        const int32_t *a = v + n->offset[j], *s = n->lanes[odd][j];
        for (int x = 0; x < BLOCK; x++) sum[x] += (int64_t)s[x] * a[x];
    }
}

/* Steps of the values count like errors, in 1/16. */
ALWAYS_INLINE uint32_t step_between(int32_t a, int32_t b)
{
    uint32_t d = a < b ? (uint32_t)b - (uint32_t)a : (uint32_t)a - (uint32_t)b;
    return 16 * (d < ERROR_LIMIT / 16 ? d : ERROR_LIMIT / 16);
}

/* The same between values less than 2^27 apart, weighted and added. */
ALWAYS_INLINE void add_steps(ULanes *sum, int32_t weight, const int32_t *a, const int32_t *b)
{
    Lanes d = LANES_AT(a) - LANES_AT(b);
    d = LANES_SIZE(d);
    *sum += (uint32_t)(16 * weight) * (ULanes)LANES_MOST(d, ERROR_LIMIT / 16);
}

ALWAYS_INLINE void scale_above(const Neighbours *n, const int32_t *v, const int32_t *e, uint32_t *to)
{
    const int32_t *w = n->weight;
    for (int x = 0; x < BLOCK; x += LANE_COUNT) {
        const int32_t *e1 = e + x - n->stride, *e2 = e1 - n->stride, *e3 = e2 - n->stride;
        const int32_t *up = v + x - n->stride;
#define SUM(a, b) (LANES_AT(a) + LANES_AT(b))
        Lanes s = 4 * w[0] + w[1] * LANES_AT(e1) + w[2] * SUM(e1 - 1, e1 + 1) + w[3] * LANES_AT(e2);
        s += w[4] * (SUM(e2 - 1, e2 + 1) + SUM(e1 - 2, e1 + 2));
        s += w[5] * (SUM(e2 - 2, e2 + 2) + LANES_AT(e3) + SUM(e3 - 1, e3 + 1) + SUM(e1 - 3, e1 + 3));
#undef SUM
        ULanes sum = (ULanes)s;
        if (w[7]) add_steps(&sum, w[7], up, up - 1), add_steps(&sum, w[7], up, up + 1);
        if (w[9]) add_steps(&sum, w[9], up, up - n->stride);
        PUT_ULANES(to + x, sum);
    }
}

/* The part of the own row; v, e point at the pixel, v1, e1 are to its left. */
ALWAYS_INLINE uint32_t scale_beside(const Neighbours *n, const int32_t *v, const int32_t *e, int32_t v1,
                                    int32_t e1)
{
    const int32_t *w = n->weight;
    uint32_t step = w[8] ? (uint32_t)w[8] * step_between(v1, v[-1 - n->stride]) : 0;
    return (uint32_t)(w[3] * e[-2] + w[5] * e[-3]) + step + (uint32_t)(w[6] * e1);
}

/* Quarter octave of a scale, 0 for nothing. */
ALWAYS_INLINE int class_of(uint32_t scale)
{
    scale += 64;
    int n = top_bit(scale);
    return 4 * (n - 6) + (int)(scale >> (n - 2) & 3);
}

/* The own row's part of the scale and the classes, for a block that is known. */
ALWAYS_INLINE void scale_beside_all(const Neighbours *n, const int32_t *v, const int32_t *e, uint32_t *scale)
{
    const int32_t *w = n->weight;
    for (int x = 0; x < BLOCK; x += LANE_COUNT) {
        const int32_t *e1 = e + x - 1, *v1 = v + x - 1;
        ULanes sum = ULANES_AT(scale + x);
        sum += (ULanes)(w[6] * LANES_AT(e1) + w[3] * LANES_AT(e1 - 1) + w[5] * LANES_AT(e1 - 2));
        if (w[8]) add_steps(&sum, w[8], v1, v1 - n->stride);
        PUT_ULANES(scale + x, sum);
    }
}

/* By a float's exponent; clearing bits keeps it from rounding up. */
ALWAYS_INLINE void classes_of(const uint32_t *scale, int32_t *class)
{
    for (int x = 0; x < BLOCK; x += LANE_COUNT) {
        ULanes s = ULANES_AT(scale + x) + 64;
        PUT_LANES(class + x, (FLOAT_BITS(s & ~(s >> 4)) >> 21) - ((127 + 6) << 2));
    }
}

/* Deviation of a class: 2^(index/4 - 5) steps.  Above the tables' range low bits go raw. */
ALWAYS_INLINE int class_index(int class) { return class - 4; }
ALWAYS_INLINE int class_shift(int class)
{
    return class_index(class) < SCALES ? 0 : (class_index(class) - SCALES) / 4 + 1;
}
ALWAYS_INLINE int class_scale(int class)
{
    int inner = class_index(class) - 4 * class_shift(class);
    return inner < 0 ? 0 : inner;
}

enum { STEP_OCTAVES = 8 }; /* of a step of 4096 */

/* Quarter octaves by which a pixel's own step exceeds the plane's unit. */
ALWAYS_INLINE int step_octaves(int64_t step)
{
    uint32_t s = (uint32_t)step;
    int n = top_bit(s);
    return 4 * (n - 10) + (int)(s >> (n - 2) & 3);
}

ALWAYS_INLINE int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* A mean of the plane, in 1/16, as the place among a pixel's levels, in 1/16. */
ALWAYS_INLINE int64_t grid_place(int32_t mean, int64_t step, int64_t shift, int64_t base)
{
    return floor_div(((int64_t)mean * 64 + base - shift) * 16, step);
}

/* A level as a value of the plane, and back; FAR stands for what lies outside. */
ALWAYS_INLINE int32_t grid_value(int64_t k, int64_t step, int64_t shift, int64_t base)
{
    if (k > INT32_MAX || k < INT32_MIN) return FAR;
    int64_t v = (k * step + shift - base + 512) >> 10;
    return v >= FAR || v <= -FAR ? FAR : (int32_t)v;
}
ALWAYS_INLINE int64_t grid_level(int32_t v, int64_t step, int64_t shift, int64_t base)
{
    return floor_div(2 * ((int64_t)v * 1024 + base - shift) + step, 2 * step);
}

/* Of a block, where neither 16 v nor a mean is beyond 2^30. */
ALWAYS_INLINE void clipped_errors(const int32_t *v, const int32_t *mean, int32_t *e)
{
    for (int x = 0; x < BLOCK; x += LANE_COUNT) {
        Lanes d = 16 * LANES_AT(v + x) - LANES_AT(mean + x);
        d = LANES_SIZE(d);
        PUT_LANES(e + x, LANES_MOST(d, ERROR_LIMIT));
    }
}

ALWAYS_INLINE int32_t clipped_error(int32_t v, int32_t mean)
{
    uint32_t d = (uint32_t)v * 16 - (uint32_t)mean;
    d = (int32_t)d < 0 ? 0 - d : d;
    return (int32_t)(d < ERROR_LIMIT ? d : ERROR_LIMIT);
}

/* The same for one pixel: kept out of vector registers, on the way to which it would be late. */
ALWAYS_INLINE int32_t clipped_error_alone(int32_t v, int32_t mean)
{
    uint32_t d = (uint32_t)v * 16 - (uint32_t)mean;
    d = (int32_t)d < 0 ? 0 - d : d;
    IN_GENERAL_REGISTER(d);
    return d > ERROR_LIMIT ? ERROR_LIMIT : (int32_t)d;
}

ALWAYS_INLINE int32_t narrow_mean(int64_t sum)
{
    sum >>= 8;
    const int64_t most = (int64_t)16 * FAR - 1;
    return (int32_t)(sum > most ? most : sum < -most ? -most : sum);
}

/* Six equalities among the neighbours: does the image repeat its pixels here? */
ALWAYS_INLINE int copy_context(const int32_t *v, ptrdiff_t stride)
{
    const int32_t *up = v - stride, *top = up - stride;
    return (v[-1] == up[-1]) | (v[-2] == up[-2]) << 1 | (up[0] == up[-1]) << 2
         | (top[0] == top[-1]) << 3 | (up[1] == up[0]) << 4 | (v[-1] == v[-2]) << 5;
}

/* Columns outside: left like the pixel above the row's first, right like the row's last. */
ALWAYS_INLINE void pad_left(int32_t *row, ptrdiff_t stride, int y, int32_t first)
{
    for (int i = 1; i <= PAD; i++) row[-i] = y ? row[-stride] : first;
}
ALWAYS_INLINE void pad_right(int32_t *row, ptrdiff_t stride, int w)
{
    for (ptrdiff_t x = w; x < stride - PAD; x++) row[x] = row[w - 1];
}
enum { FIRST_VALUE = 0, FIRST_ERROR = 64 };

#endif
