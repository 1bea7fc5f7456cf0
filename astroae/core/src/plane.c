/* What a model makes of a tile: means, errors and classes of all pixels, as the decoder finds them. */
#include "plane.h"

void work_free(Work *k)
{
    give(k->plane.v), give(k->plane.e), give(k->plane.mean);
    give(k->class), give(k->residual), give(k->moved), give(k->place);
}

int work_new(Work *k, int h, int w, const uint8_t *valid, int effort)
{
    Plane *p = &k->plane;
    p->h = h, p->w = w, p->valid = valid;
    p->stride = (w + BLOCK - 1) / BLOCK * BLOCK + 2 * PAD;
    size_t area = (size_t)(h + ROWS_ABOVE) * (size_t)p->stride, room = (size_t)k->area + BLOCK;
    p->v = take(area * sizeof *p->v);
    p->e = take(area * sizeof *p->e);
    p->mean = take(room * sizeof *p->mean);
    k->class = take(room);
    k->residual = take(area * sizeof *k->residual);
    k->moved = effort == EFFORT_HIGH ? take(room * sizeof *k->moved) : 0;
    k->place = k->grid.shift ? take(room * sizeof *k->place) : 0;
    if (k->grid.shift && !k->place) return AE_MEMORY;
    if (!p->v || !p->e || !p->mean || !k->class || !k->residual) return AE_MEMORY;
    return effort != EFFORT_HIGH || k->moved ? AE_OK : AE_MEMORY;
}

/* Columns outside and rows above of a plane, of which row y is complete. */
static void pad_row(const Plane *p, int32_t *data, int y, int32_t first)
{
    int32_t *row = ROW(p, data, y);
    pad_left(row, p->stride, y, first);
    pad_right(row, p->stride, p->w);
    for (int r = 1; r <= ROWS_ABOVE && !y; r++) {
        if (p->h == 1) memset(row - PAD - r * p->stride, 0, (size_t)p->stride * sizeof *row);
        else memcpy(row - PAD - r * p->stride, row - PAD, (size_t)p->stride * sizeof *row);
    }
}

void work_pad(Work *k)
{
    for (int y = 0; y < k->plane.h; y++) pad_row(&k->plane, k->plane.v, y, FIRST_VALUE);
}

ALWAYS_INLINE void predict_row(const Plane *p, const Neighbours *n, int y, int wide)
{
    const int32_t *v = ROW(p, p->v, y);
    int32_t *mean = p->mean + (ptrdiff_t)y * p->w, *e = ROW(p, p->e, y);
    for (int x = 0; x < p->w; x += BLOCK) {
        int32_t sum[BLOCK];
        int64_t sums[BLOCK];
        int count = p->w - x < BLOCK ? p->w - x : BLOCK;
        if (wide) {
            mean_above_wide(n, v + x, y & 1, sums);
            for (int i = 0; i < BLOCK; i++) sum[i] = narrow_mean(sums[i]);
        } else {
            mean_above(n, v + x, y & 1, sum);
            for (int i = 0; i < BLOCK; i += LANE_COUNT) PUT_LANES(sum + i, LANES_AT(sum + i) >> 8);
        }
        clipped_errors(v + x, sum, e + x);
        if (count == BLOCK) memcpy(mean + x, sum, sizeof sum);
        else memcpy(mean + x, sum, (size_t)count * sizeof *sum);
    }
    pad_row(p, p->e, y, FIRST_ERROR);
}

TWO_BUILDS
void work_predict(Work *k, const Model *m)
{
    const Plane *p = &k->plane;
    Neighbours first, n;
    neighbours_set(&n, m, p->stride);
    first = n;
    neighbours_add_own_row(&n, m);
    if (p->h == 1) first = n;
    else {
        Model left = *m;
        left.serial = 1;
        neighbours_first_row(&first, m);
        neighbours_add_own_row(&first, &left);
    }
    for (int y = 0; y < p->h; y++) {
        if (m->wide) predict_row(p, y ? &n : &first, y, 1);
        else predict_row(p, y ? &n : &first, y, 0);
    }
}

/* High effort: replace means and errors of `rows` rows. */
TWO_BUILDS
int work_adapt(Work *k, const Model *m, int rows)
{
    const Plane *p = &k->plane;
    Adapt *a = take(sizeof *a);
    if (!a) return AE_MEMORY;
    adapt_set(a, m);
    memset(k->residual, 0, (size_t)(ROWS_ABOVE + 1) * (size_t)p->stride * sizeof *k->residual);
    for (int y = 0; y < rows; y++) {
        int32_t *v = ROW(p, p->v, y), *e = ROW(p, p->e, y), *mean = p->mean + (ptrdiff_t)y * p->w;
        int16_t *r = ROW(p, k->residual, y);
        for (int i = 1; i <= PAD; i++) r[-i] = y ? r[-p->stride] : 0;
        pad_left(e, p->stride, y, FIRST_ERROR);
        for (int x = 0; x < p->w; x++) {
            int32_t t = mean[x];
            if (!y) {
                r[x] = (int16_t)clip((v[x] * 16 - t) >> a->down, INPUT_LIMIT);
                continue;
            }
            mean[x] = adapt_mean(a, v + x, e + x, r + x, p->stride, t);
            if (k->moved) k->moved[(ptrdiff_t)y * p->w + x] = a->moved;
            e[x] = clipped_error(v[x], mean[x]);
            adapt_learn(a, v[x], t, r + x);
        }
        for (ptrdiff_t x = p->w; x < p->stride - PAD; x++) r[x] = r[p->w - 1];
        pad_row(p, p->e, y, FIRST_ERROR);
    }
    give(a);
    return AE_OK;
}

TWO_BUILDS
void work_classes(Work *k, const Model *m)
{
    const Plane *p = &k->plane;
    Neighbours n, first;
    neighbours_set(&n, m, p->stride);
    if (m->adapt) n.weight[9] = 0;
    first = n;
    if (p->h > 1) neighbours_first_row(&first, m);
    for (int y = 0; y < p->h; y++) {
        const int32_t *v = ROW(p, p->v, y), *e = ROW(p, p->e, y);
        const Neighbours *at = y ? &n : &first;
        const int32_t *moved = k->moved + (ptrdiff_t)y * p->w;
        int adapts = m->adapt && y;
        for (int x = 0; x < p->w; x += BLOCK) {
            uint32_t scale[BLOCK];
            int count = p->w - x < BLOCK ? p->w - x : BLOCK;
            scale_above(at, v + x, e + x, scale);
            scale_beside_all(at, v + x, e + x, scale);
            for (int i = 0; i < count && adapts; i++) scale[i] += (uint32_t)(m->weight[9] * moved[x + i]);
            int32_t class[BLOCK];
            classes_of(scale, class);
            const int64_t *step = k->grid.step ? k->grid.step + (ptrdiff_t)y * p->w + x : 0;
            for (int i = 0; i < BLOCK && k->grid.shift; i++) {
                int less = step && i < count ? step_octaves(step[i]) : STEP_OCTAVES;
                class[i] = class[i] > less ? class[i] - less : 0;
            }
            uint8_t *to = k->class + (ptrdiff_t)y * p->w + x; /* with room behind its last row */
            for (int i = 0; i < BLOCK; i++) to[i] = (uint8_t)class[i];
        }
    }
}

/* The same where steps are 4096, by which a division is a shift; what masks hide does not count. */
ALWAYS_INLINE void places_of_shifts(Work *k, const void *levels, int bytes_each, int64_t base)
{
    const int64_t *shift = k->grid.shift, most = 1 << 30;
    for (int64_t i = 0; i < k->area; i++) {
        int64_t level = bytes_each == 8 ? ((const int64_t *)levels)[i] : ((const int32_t *)levels)[i];
        uint64_t place = (uint64_t)((int64_t)k->plane.mean[i] * 64 + base - shift[i] + ((int64_t)1 << 60)) >> 8;
        int64_t d = (int64_t)(place - ((uint64_t)1 << 52) - 16 * (uint64_t)level);
        k->place[i] = (int32_t)(d > most ? most : d < -most ? -most : d);
    }
}

/* On a grid: where the means lie among each pixel's levels. */
TWO_BUILDS
void work_places(Work *k, const void *levels, int bytes_each, int64_t base)
{
    const int32_t most = 1 << 30;
    if (k->place && !k->grid.step) {
        if (bytes_each == 8) places_of_shifts(k, levels, 8, base);
        else places_of_shifts(k, levels, 4, base);
        return;
    }
    for (int64_t i = 0; i < k->area && k->place; i++) {
        int64_t level = bytes_each == 8 ? ((const int64_t *)levels)[i] : ((const int32_t *)levels)[i];
        int64_t step = k->grid.step ? k->grid.step[i] : 4096;
        if (k->plane.valid && !k->plane.valid[i]) continue;
        int64_t d = grid_place(k->plane.mean[i], step, k->grid.shift[i], base) - 16 * level;
        k->place[i] = (int32_t)(d > most ? most : d < -most ? -most : d);
    }
}
