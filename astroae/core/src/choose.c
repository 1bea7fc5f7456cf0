/* The encoder's choice of tables and copy flags, and what a model will cost. */
#include "choose.h"
#include "params.h"
#include <math.h>

typedef struct {
    uint32_t at[CLASSES][OFFSETS][SYMBOLS];
    uint32_t pixels[CLASSES];
} Histogram;

/* Class, folded offset and symbol of a pixel that has a residual. */
typedef struct { int class, offset, symbol; } Seen;

enum { BINS = 256 }; /* pixels looked at together */

ALWAYS_INLINE Seen see(const Work *k, const int32_t *v, int64_t i)
{
    int32_t distance = work_distance(k, *v, i), class = k->class[i], shift = class_shift(class);
    int offset = level_offset(distance) - 8, flip = offset >> 31;
    int32_t d = (-whole_levels(distance) ^ flip) - flip;
    int64_t s = (((int64_t)d + (1 << shift >> 1)) >> shift) + MIDDLE;
    Seen seen = {class, (offset ^ flip) - flip, s < 0 || s >= ESCAPE ? ESCAPE : (int)s};
    return seen;
}

/* Which flag says that a pixel is a copy: 0 none, 1 W, 2 N. */
ALWAYS_INLINE int copy_of(const Work *k, const Model *m, const int32_t *v)
{
    ptrdiff_t stride = k->plane.stride;
    int context = copy_context(v, stride);
    if (m->copy[context] && v[0] == v[-1]) return 1;
    return m->copy[context + 64] && v[-1] != v[-stride] && v[0] == v[-stride] ? 2 : 0;
}

static int row_step(const Work *k)
{
    return k->plane.h > 64 && k->area > 8192 ? 3 : 1;
}

/* Where a histogram counts each of n pixels: class, offset and symbol as `see` has them. */
ALWAYS_INLINE void find_bins(const Work *k, const int32_t *v, int64_t first, int n, int32_t *bin)
{
    const int32_t *mean = k->plane.mean + first, *place = k->place ? k->place + first : 0;
    const uint8_t *class = k->class + first;
    for (int x = 0; x < n; x++) {
        uint32_t distance = place ? (uint32_t)place[x] : (uint32_t)mean[x] - 16 * (uint32_t)v[x];
        int32_t at = (int32_t)(distance + 8), c = class[x], shift = (c - 31) >> 2;
        shift = shift < 0 ? 0 : shift; /* class_shift(c) */
        int32_t offset = (at & 15) - 8, flip = offset >> 31, d = (-(at >> 4) ^ flip) - flip;
        uint32_t symbol = (uint32_t)(((d + (1 << shift >> 1)) >> shift) + MIDDLE);
        symbol = symbol < ESCAPE ? symbol : ESCAPE;
        bin[x] = (c * OFFSETS + (offset ^ flip) - flip) * SYMBOLS + (int32_t)symbol;
    }
}

TWO_BUILDS
static void count_symbols(const Work *k, const Model *m, Histogram *h)
{
    const Plane *p = &k->plane;
    uint32_t *count = h->at[0][0];
    int32_t bin[BINS];
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x += BINS) {
            const int32_t *v = ROW(p, p->v, y) + x;
            int64_t first = (int64_t)y * p->w + x;
            int n = p->w - x < BINS ? p->w - x : BINS, copies = m->copies && y;
            find_bins(k, v, first, n, bin);
            if (p->valid || copies) {
                for (int i = 0; i < n; i++)
                    if ((!p->valid || p->valid[first + i]) && !(copies && copy_of(k, m, v + i))) count[bin[i]]++;
            } else
                for (int i = 0; i < n; i++) count[bin[i]]++;
        }
}

/* Pixels of a class and their mean |error|, in 1/16, less what its raw bits hold. */
TWO_BUILDS
static double mean_error(Histogram *h, int c)
{
    uint64_t sum = 0, pixels = 0;
    for (int o = 0; o < OFFSETS; o++)
        for (int s = 0; s < SYMBOLS; s++) {
            uint32_t n = h->at[c][o][s];
            int32_t error = s == ESCAPE ? 16 * ESCAPE : magnitude(16 * (s - MIDDLE) - o);
            pixels += n, sum += (uint64_t)n * (uint32_t)error;
        }
    h->pixels[c] = (uint32_t)pixels;
    return pixels ? (double)sum / (double)pixels : 0;
}

ALWAYS_INLINE float frozen_bits(float (*counts)[SYMBOLS], int scale, int shape, int offsets)
{
    float sum[8] = {0};
    for (int o = 0; o < offsets; o++) {
        const float *cost = frozen_cost(scale, shape, o);
        for (int s = 0; s < SYMBOLS; s += 8)
            for (int l = 0; l < 8; l++) sum[l] += counts[o][s + l] * cost[s + l];
    }
    for (int l = 1; l < 8; l++) sum[0] += sum[l];
    return sum[0];
}

static double own_bits(const uint32_t *counts, const uint8_t *histogram)
{
    Table t;
    double bits = 0;
    sent_table(histogram, &t);
    for (int s = 0; s < SYMBOLS; s++)
        if (counts[s]) bits += counts[s] * (frequency_bits(t.freq[s]) + (s == ESCAPE ? 12 : 0));
    return bits;
}

/* The cheapest table of one class; returns its bits. */
TWO_BUILDS
static double choose_table(Model *m, int c, Histogram *h, double error)
{
    uint32_t all[SYMBOLS] = {0}, most = 0;
    int shift = class_shift(c), usual = class_scale(c);
    double best = 1e300;
    int near = (int)lrint(4 * log2(1.25 * error / 16 + .04) + 20);
    int low = near - 2 < 0 ? 0 : near - 2 > SCALES - 1 ? SCALES - 1 : near - 2;
    int high = near + 2 < 0 ? 0 : near + 2 > SCALES - 1 ? SCALES - 1 : near + 2;
    int offsets = low < 26 ? OFFSETS : 1;
    float counts[OFFSETS][SYMBOLS];
    for (int o = 0; o < OFFSETS; o++)
        for (int s = 0; s < SYMBOLS; s++) all[s] += h->at[c][o][s];
    for (int o = 0; o < offsets; o++)
        for (int s = 0; s < SYMBOLS; s++) counts[o][s] = (float)(offsets > 1 ? h->at[c][o][s] : all[s]);
    for (int scale = low; scale <= high; scale++)
        for (int shape = 0; shape < SHAPES; shape++) {
            double bits = frozen_bits(counts, scale, shape, offsets);
            bits += (scale != usual) + 2 * (shape != USUAL_SHAPE);
            if (bits < best) best = bits, m->scale[c] = (uint8_t)scale, m->shape[c] = (uint8_t)shape;
        }
    for (int s = 0; s < SYMBOLS; s++) {
        m->histogram[c][s] = count_code(all[s]);
        if (all[s] > most) most = all[s];
    }
    double own = own_bits(all, m->histogram[c]) + histogram_bits(m->histogram[c]) + 4;
    m->own[c] = own < best;
    return (own < best ? own : best) + (double)shift * h->pixels[c];
}

static double choose_tables(const Work *k, Model *m)
{
    int first = CLASSES, last = 0;
    double bits = 0;
    for (int64_t i = 0; i < k->area; i++) {
        first = k->class[i] < first ? k->class[i] : first;
        last = k->class[i] > last ? k->class[i] : last;
    }
    Histogram *h = take(sizeof *h);
    if (!h) return 1e300;
    for (int c = first; c <= last; c++) {
        memset(h->at[c], 0, sizeof h->at[c]);
        m->scale[c] = (uint8_t)class_scale(c), m->shape[c] = USUAL_SHAPE, m->own[c] = 0;
    }
    m->first_class = first, m->last_class = last;
    count_symbols(k, m, h);
    for (int c = first; c <= last; c++) {
        double error = mean_error(h, c);
        bits += h->pixels[c] >= 8 ? choose_table(m, c, h, error) : 8 * h->pixels[c];
    }
    give(h);
    return bits + 5 * (last - first);
}

/* ---- copies -------------------------------------------------------------------------------- */

typedef struct { double count[COPY_CONTEXTS], yes[COPY_CONTEXTS], saved[COPY_CONTEXTS]; } Copies;

static float pixel_bits(const Model *m, const Table *own, Seen s)
{
    int shift = class_shift(s.class);
    if (m->own[s.class]) return frequency_bits(own[s.class].freq[s.symbol] ? own[s.class].freq[s.symbol] : 1) + (float)shift;
    return frozen_cost(m->scale[s.class], m->shape[s.class], s.offset)[s.symbol] + (float)shift;
}

/* Count flags of one kind: of W, or of N where W's are decided. */
static void count_copies(const Work *k, const Model *m, const Table *own, int kind, Copies *c)
{
    const Plane *p = &k->plane;
    memset(c, 0, sizeof *c);
    for (int y = 1; y < p->h; y += row_step(k)) {
        const int32_t *v = ROW(p, p->v, y);
        for (int x = 0; x < p->w; x++, v++) {
            int64_t i = (int64_t)y * p->w + x;
            if (p->valid && !p->valid[i]) continue;
            int context = copy_context(v, p->stride), flag = v[0] == v[-1];
            if (kind == 2) {
                if (v[-1] == v[-p->stride] || (m->copy[context] && flag)) continue;
                context += 64, flag = v[0] == v[-p->stride];
            }
            c->count[context]++;
            if (!flag) continue;
            c->yes[context]++;
            c->saved[context] += pixel_bits(m, own, see(k, v, i));
        }
    }
}

/* Contexts where flags save more than they cost; returns the saving. */
static double choose_flags(Model *m, const Copies *c, int first, int every)
{
    double total = 0;
    for (int i = first; i < first + 64; i++) {
        double n = c->count[i], yes = (c->yes[i] + .4) / (n + .8);
        double cost = n * -(yes * log2(yes) + (1 - yes) * log2(1 - yes)) + 14. / every;
        int sent = (int)lrint(yes * PROB_ONE);
        m->copy[i] = 0;
        if (!n || c->saved[i] < cost * 1.02) continue;
        m->copy[i] = (uint16_t)(sent < 1 ? 1 : sent > PROB_ONE - 1 ? PROB_ONE - 1 : sent);
        total += c->saved[i] - cost;
    }
    return total * every;
}

/* Is it worth looking?  Copies are worth flags where one seldom comes alone: pixels equal to N
 * behind one that was, pixels equal to W below one that was. */
TWO_BUILDS
static int repeats(const Work *k)
{
    const Plane *p = &k->plane;
    int64_t seen = 0, beside = 0, both = 0;
    for (int y = 1; y < p->h; y += 5) {
        const int32_t *v = ROW(p, p->v, y), *up = v - p->stride;
        int32_t n = 0, m = 0;
        for (int x = 0; x < p->w; x++) {
            n += (v[x - 1] == up[x - 1]) + (up[x] == up[x - 1]);
            m += ((v[x - 1] == up[x - 1]) & (v[x] == up[x])) + ((up[x] == up[x - 1]) & (v[x] == v[x - 1]));
        }
        beside += n, both += m, seen += 2 * p->w;
    }
    double chance = (double)beside / (double)(seen + 1);
    return both > 1.4 * chance * (double)beside + 30;
}

static double choose_copies(const Work *k, Model *m)
{
    Table *own = take(CLASSES * sizeof *own);
    double gain = 0;
    if (own && k->plane.h > 1 && !k->place && repeats(k)) {
        Copies c;
        for (int i = m->first_class; i <= m->last_class; i++)
            if (m->own[i]) sent_table(m->histogram[i], &own[i]);
        count_copies(k, m, own, 1, &c);
        gain += choose_flags(m, &c, 0, row_step(k));
        count_copies(k, m, own, 2, &c);
        gain += choose_flags(m, &c, 64, row_step(k));
    }
    give(own);
    return gain;
}

double choose(Work *k, Model *m)
{
    memset(m->copy, 0, sizeof m->copy);
    m->copies = 0;
    double bits = choose_tables(k, m), gain = choose_copies(k, m);
    if (gain < .005 * bits + 200) return bits;
    m->copies = 1;
    choose_tables(k, m); /* again, for what is no copy */
    return bits - gain;
}
