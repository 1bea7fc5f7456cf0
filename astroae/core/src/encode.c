/* Integers -> bytes: values, forms, symbols.  What it wrote it decodes again where asked. */
#include "choose.h"
#include "head.h"
#include "mix.h"
#include "params.h"
#include <math.h>

enum { MODEL_ROOM = 1 << 15, SAMPLE = 512, STATE_BYTES = 8, RAW_EACH = 6,
       BIAS_ROWS = 16 };

/* Decoding takes longer: what a mixture must save at default effort (of images that repeat pixels,
 * no others), and at high effort. */
static const double MIX_GAIN[2] = {.95, .99};

/* One tile on its way: what was given, and how it became the values of the plane. */
typedef struct {
    Work work;
    const void *k;
    int bytes_each, effort, dense; /* dense: many pixels of one low value, as photon counts have */
    const uint8_t *valid;
    int64_t least, most, base;     /* of the valid pixels */
    int shift, wide, contests;
    int64_t far;                   /* pixels stored apart */
} Tile;

ALWAYS_INLINE int64_t value_at(const Tile *t, int64_t i)
{
    return t->bytes_each == 8 ? ((const int64_t *)t->k)[i] : ((const int32_t *)t->k)[i];
}

ALWAYS_INLINE int is_valid(const Tile *t, int64_t i) { return !t->valid || t->valid[i]; }

TWO_BUILDS
static void survey_plain(Tile *t)
{
    const int32_t *k = t->k;
    int32_t least = k[0], most = k[0];
    for (int64_t i = 0; i < t->work.area; i++) {
        least = k[i] < least ? k[i] : least;
        most = k[i] > most ? k[i] : most;
    }
    t->least = least, t->most = most;
    t->work.counted = t->work.area;
}

static void survey(Tile *t)
{
    if (!t->valid && t->bytes_each == 4 && t->work.area) {
        survey_plain(t);
        return;
    }
    for (int64_t i = 0; i < t->work.area; i++) {
        if (!is_valid(t, i)) continue;
        int64_t v = value_at(t, i);
        if (!t->work.counted++) t->least = t->most = v;
        t->least = v < t->least ? v : t->least;
        t->most = v > t->most ? v : t->most;
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double distance(int64_t a, int64_t b) { return fabs((double)a - (double)b); }

/* Base, shift and whether pixels are dense, from a sample. */
static void choose_base(Tile *t)
{
    int64_t usual = t->least, sorted[SAMPLE], area = t->work.area, step = area / SAMPLE + 1;
    double rough[SAMPLE];
    int n = 0, run = 1, longest = 1;
    for (int64_t i = step / 2; i < area && n < SAMPLE; i += step) {
        if (!is_valid(t, i)) continue;
        int64_t before = i ? value_at(t, i - 1) : value_at(t, i);
        rough[n] = distance(value_at(t, i), before);
        sorted[n++] = value_at(t, i);
    }
    if (!n) sorted[n] = t->least, rough[n++] = 0;
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int i = 1; i < n; i++) {
        run = sorted[i] == sorted[i - 1] ? run + 1 : 1;
        if (run > longest) longest = run, usual = sorted[i];
    }
    t->dense = longest * 4 >= n && distance(t->most, t->least) < NARROW && distance(usual, t->least) < 3;
    t->base = sorted[n / 2];
    double spread = distance(sorted[n - 1 - n / 64], sorted[n / 64]), noise = 0;
    if (distance(t->most, t->least) < FAR) spread = 0;
    for (int i = 0; i < n; i++) noise += rough[i] / n;
    while (t->shift < MOST_SHIFT && (spread > FAR || noise > (1 << 22))) t->shift++, spread /= 2, noise /= 2;
}

/* The value of a pixel in the plane: FAR where it is stored apart. */
ALWAYS_INLINE int32_t plane_value(const Tile *t, int64_t k, int64_t low, int64_t high)
{
    if (k >= high) return FAR;
    if (k <= low) return -FAR;
    return (int32_t)((k - t->base) >> t->shift);
}

TWO_BUILDS
static int load_plain(Tile *t)
{
    const Plane *p = &t->work.plane;
    const int32_t *k = t->k;
    int32_t base = (int32_t)t->base;
    for (int y = 0; y < p->h; y++) {
        int32_t *v = ROW(p, p->v, y);
        for (int x = 0; x < p->w; x++) v[x] = k[x] - base;
        k += p->w;
    }
    return 1;
}

static void load(Tile *t)
{
    const Plane *p = &t->work.plane;
    int64_t reach = (int64_t)FAR << t->shift;
    int64_t high = t->base > INT64_MAX - reach ? INT64_MAX : t->base + reach;
    int64_t low = t->base < INT64_MIN + reach ? INT64_MIN : t->base - reach;
    int64_t i = 0;
    int inside = distance(t->most, t->base) < NARROW && distance(t->base, t->least) < NARROW;
    t->wide = !(inside && !t->shift);
    if (!t->wide && !t->valid && t->bytes_each == 4 && load_plain(t)) return;
    for (int y = 0; y < p->h; y++) {
        int32_t *v = ROW(p, p->v, y);
        for (int x = 0; x < p->w; x++, i++) {
            if (is_valid(t, i)) {
                v[x] = plane_value(t, value_at(t, i), low, high);
                t->far += v[x] == FAR || v[x] == -FAR;
            } else v[x] = x ? v[x - 1] : y ? v[-p->stride] : FIRST_VALUE;
        }
    }
}

/* Values on a grid, counted from one in the middle; AE_UNFIT where they span too much. */
static int load_grid(Tile *t)
{
    const Plane *p = &t->work.plane;
    const Grid g = t->work.grid;
    int64_t sorted[SAMPLE], area = t->work.area, step = area / SAMPLE + 1, most = 0;
    int n = 0;
    for (int64_t i = 0; i < area; i += step)
        if (is_valid(t, i) && value_at(t, i) < INT32_MAX && value_at(t, i) > INT32_MIN)
            sorted[n++] = value_at(t, i) * (g.step ? g.step[i] : 4096) + g.shift[i];
    if (!n) return AE_UNFIT;
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    t->base = sorted[n / 2];
    int64_t i = 0;
    for (int y = 0; y < p->h && most < FAR; y++) {
        int32_t *v = ROW(p, p->v, y);
        for (int x = 0; x < p->w; x++, i++) {
            if (is_valid(t, i)) v[x] = grid_value(value_at(t, i), g.step ? g.step[i] : 4096, g.shift[i], t->base);
            else v[x] = x ? v[x - 1] : y ? v[-p->stride] : FIRST_VALUE;
            most = magnitude(v[x]) > most ? magnitude(v[x]) : most;
        }
    }
    if (most == FAR) return AE_UNFIT;
    t->wide = most >= NARROW;
    return AE_OK;
}

/* ---- forms --------------------------------------------------------------------------------- */

static double weigh(Tile *t, Model *m)
{
    Work *k = &t->work;
    t->contests++;
    work_predict(k, m);
    if ((m->adapt || m->bias) && work_adapt(k, m, k->plane.h)) return 1e300;
    k->plane.moved = m->adapt ? k->moved : 0;
    fit_scale(m, &k->plane);
    work_classes(k, m);
    work_places(k, t->k, t->bytes_each, t->base);
    return choose(k, m);
}

static int usual_taps(const Tile *t)
{
    int64_t area = t->work.counted;
    return area < 300 ? 2 : area < 1200 ? 4 : area < 6000 ? 12 : t->effort && area > 30000 ? MAX_TAPS : 22;
}

static int usual_rows(const Tile *t)
{
    const Plane *p = &t->work.plane;
    return t->effort ? 3 : p->h >= 128 ? 7 : p->h >= 48 ? 3 : 1;
}

/* Mean |error| down to 8 bits. */
static int scale_down(const Work *k)
{
    const Plane *p = &k->plane;
    double sum = 0, n = 0;
    int down = 0;
    for (int y = 0; y < p->h; y += 7)
        for (int x = 0; x < p->w; x++) sum += ROW(p, p->e, y)[x], n++;
    for (double mean = sum / n; mean > 256 && down < MOST_DOWN; mean /= 2) down++;
    return down;
}

/* Sum of |error| / scale in some rows. */
static double relative_error(const Work *k, int first, int end)
{
    static const float part[4] = {1, .84f, .71f, .595f}; /* 2^(-i/4) */
    const Plane *p = &k->plane;
    double sum = 0;
    for (int y = first; y < end; y++) {
        const int32_t *e = ROW(p, p->e, y);
        const uint8_t *c = k->class + (ptrdiff_t)y * p->w;
        float row = 0;
        for (int x = 0; x < p->w; x++) row += (float)e[x] * part[c[x] & 3] / (float)(1 << (c[x] >> 2));
        sum += row;
    }
    return sum;
}

/* Bits a pixel that bias contexts would save, by the tile's first rows; the work stays as it is. */
static double bias_gain(Tile *t, const Model *m)
{
    Work *k = &t->work;
    const Plane *p = &k->plane;
    int rows = t->effort || p->h < BIAS_ROWS ? p->h : BIAS_ROWS;
    size_t errors = (size_t)(rows + ROWS_ABOVE) * (size_t)p->stride * sizeof *p->e;
    size_t means = (size_t)rows * (size_t)p->w * sizeof *p->mean;
    char *kept = take(errors + means);
    Model with = *m;
    if (!kept) return 0;
    memcpy(kept, p->e, errors);
    memcpy(kept + errors, p->mean, means);
    with.bias = 1, with.adapt = 0, with.down = scale_down(k);
    double before = relative_error(k, rows / 3, rows);
    double after = work_adapt(k, &with, rows) ? 0 : relative_error(k, rows / 3, rows);
    memcpy(p->e, kept, errors);
    memcpy(p->mean, kept + errors, means);
    give(kept);
    return before > 0 && after > 0 ? log2(before / after) : 0;
}

/* Keep the better of two models. */
static double contest(Tile *t, Model *best, double least, const Model *other)
{
    Model m = *other;
    double bits = weigh(t, &m);
    if (bits >= least) return least;
    *best = m;
    return bits;
}

/* High effort: learning means of several speeds, with and without bias contexts. */
static double contest_learners(Tile *t, Model *best, double least, const Model *plain)
{
    static const int tried[3][2] = {{1, 0}, {3, 0}, {2, 1}}; /* rate, bias */
    Model m = *plain;
    work_predict(&t->work, plain);
    int down = scale_down(&t->work);
    for (int i = 0; i < 3; i++) {
        m = *plain;
        m.adapt = 1, m.rate = tried[i][0], m.bias = tried[i][1], m.down = down;
        least = contest(t, best, least, &m);
    }
    return least;
}

/* Values counted from another base. */
static void rebase(Tile *t, int64_t base)
{
    if (base == t->base) return;
    t->base = base, t->far = 0;
    load(t);
    work_pad(&t->work);
}

/* Photon counts: no prediction, a scale from the neighbours' values. */
static double contest_counts(Tile *t, Model *best, double least, const Model *plain)
{
    Model none = *plain;
    int64_t base = t->base;
    none.by_parity = 0;
    rebase(t, t->least);
    model_hood(&none, 0, t->work.plane.h);
    double bits = contest(t, best, least, &none);
    if (bits < least) return bits;
    rebase(t, base);
    return least;
}

/* The model of a tile; the work is left as it has it. */
static void choose_model(Tile *t, Model *best)
{
    const Plane *p = &t->work.plane;
    Model m = {0};
    double least, area = (double)t->work.counted;
    int k = usual_taps(t);
    m.wide = t->wide;
    model_hood(&m, k, p->h);
    double parity_gain = fit_taps(&m, p, usual_rows(t), -1);
    *best = m;
    least = weigh(t, best);
    if (parity_gain * area > 30. * k + .005 * least) {
        Model four = m;
        fit_taps(&four, p, usual_rows(t), 0);
        double bits = contest(t, best, least - 30. * k, &four);
        if (bits < least - 30. * k) least = bits + 30. * k, m = four;
    }
    Model last = *best;
    if (p->h > 1 && area > 4000 && bias_gain(t, best) * area > .008 * least) {
        last = m, last.bias = 1;
        work_predict(&t->work, &m);
        last.down = scale_down(&t->work);
        least = contest(t, best, least, &last);
    }
    if (t->dense && !t->work.place) least = contest_counts(t, best, least, &m);
    if (t->effort && p->h > 1 && area > 1000) contest_learners(t, best, least, &m);
    if (t->contests == 1) return; /* the only one is what the work has */
    work_predict(&t->work, best);
    if (best->adapt || best->bias) work_adapt(&t->work, best, p->h);
    work_classes(&t->work, best);
    work_places(&t->work, t->k, t->bytes_each, t->base);
}

/* ---- symbols ------------------------------------------------------------------------------- */

/* A symbol as rANS takes it: start, frequency, which of the lane's two states. */
ALWAYS_INLINE uint32_t operation(uint32_t start, uint32_t freq, int state)
{
    return start | freq << 12 | (uint32_t)state << 25;
}

typedef struct {
    uint32_t *op[2];
    int64_t count[2];
    BitWriter raw[2];
    uint8_t *room[2];
    const Table *table[CLASSES][16];
    Table own[CLASSES];
    Mixer *mixer; /* high effort, or NULL */
} Symbols;

static void symbols_free(Symbols *s)
{
    for (int lane = 0; s && lane < 2; lane++) give(s->op[lane]), give(s->room[lane]);
    if (s) give(s->mixer);
    give(s);
}

static Symbols *symbols_new(const Work *k, const Model *m)
{
    Symbols *s = take_zeros(1, sizeof *s);
    size_t pixels = (size_t)((k->plane.h + 1) / 2) * (size_t)k->plane.w;
    for (int lane = 0; s && lane < 2; lane++) {
        s->op[lane] = take(pixels * (m->copies ? 3 : 1) * sizeof **s->op);
        s->room[lane] = take(pixels * RAW_EACH + 64);
        s->raw[lane].at = s->room[lane];
        s->raw[lane].end = s->room[lane] + pixels * RAW_EACH + 64;
        if (s->op[lane] && s->room[lane]) continue;
        symbols_free(s);
        s = 0;
    }
    for (int c = m->first_class; s && c <= m->last_class; c++) {
        if (m->own[c]) sent_table(m->histogram[c], &s->own[c]);
        for (int o = 0; o < 16; o++)
            s->table[c][o] = m->own[c] ? &s->own[c]
                           : frozen_table(m->scale[c], m->shape[c], o < 8 ? 8 - o : o - 8);
    }
    return s;
}

ALWAYS_INLINE uint32_t *put_flags(const Model *m, const int32_t *v, ptrdiff_t stride, int x, uint32_t *op,
                                  int *done)
{
    int context = copy_context(v, stride);
    for (int kind = 0; kind < 2; kind++) {
        uint32_t yes = m->copy[context + 64 * kind];
        int32_t other = kind ? v[-stride] : v[-1];
        if (!yes || (kind && v[-stride] == v[-1])) continue;
        *done = *v == other;
        *op++ = *done ? operation(0, yes, x & 1) : operation(yes, PROB_ONE - yes, x & 1);
        if (*done) break;
    }
    return op;
}

ALWAYS_INLINE uint32_t put_residual(const Symbols *s, BitWriter *raw, int32_t distance, int class, int x)
{
    int32_t offset = level_offset(distance), flip = (offset - 8) >> 31;
    int32_t d = (-whole_levels(distance) ^ flip) - flip;
    int shift = class_shift(class);
    if (UNLIKELY(shift)) {
        d += 1 << shift >> 1;
        put_bits(raw, (uint32_t)d & ((1u << shift) - 1), shift);
        d >>= shift;
    }
    const Table *t = s->table[class][offset];
    uint32_t symbol = (uint32_t)(d + MIDDLE);
    if (UNLIKELY(symbol >= ESCAPE || !t->freq[symbol])) {
        put_escape(raw, d);
        symbol = ESCAPE;
    }
    return operation(t->start[symbol], t->freq[symbol], x & 1);
}

ALWAYS_INLINE uint32_t put_mixed(Mixer *mixer, BitWriter *raw, const Work *k, int y, int x)
{
    const Plane *p = &k->plane;
    int64_t i = (int64_t)y * p->w + x;
    const int32_t *v = ROW(p, p->v, y) + x;
    int32_t distance = work_distance(k, *v, i), d = -whole_levels(distance);
    int class = k->class[i], shift = class_shift(class);
    mixer_look(mixer, v, p->stride, p->mean[i], level_offset(distance), class, (x & 1) | (y & 1) << 1, k->place ? 2 : 0);
    if (shift) {
        d += 1 << shift >> 1;
        put_bits(raw, (uint32_t)d & ((1u << shift) - 1), shift);
        d >>= shift;
    }
    int symbol = d < -MIDDLE || d > MIDDLE ? ESCAPE : d + MIDDLE, known = symbol;
    uint32_t start = mixer->start[symbol], freq = mixer->start[symbol + 1] - start;
    if (symbol == ESCAPE || !freq) {
        put_escape(raw, d);
        start = mixer->start[ESCAPE], freq = PROB_ONE - start;
    }
    mixer_learn(mixer, known);
    return operation(start, freq, x & 1);
}

TWO_BUILDS
static void collect_row(const Work *k, const Model *m, Symbols *s, int y)
{
    const Plane *p = &k->plane;
    const int32_t *v = ROW(p, p->v, y);
    const uint8_t *class = k->class + (ptrdiff_t)y * p->w;
    const uint8_t *valid = p->valid ? p->valid + (ptrdiff_t)y * p->w : 0;
    BitWriter raw = s->raw[y & 1];
    uint32_t *first = s->op[y & 1], *op = first + s->count[y & 1];
    int copies = m->copies && y;
    for (int x = 0; x < p->w; x++) {
        int done = 0;
        if (valid && !valid[x]) continue;
        if (copies) op = put_flags(m, v + x, p->stride, x, op, &done);
        if (!done && s->mixer && y) *op++ = put_mixed(s->mixer, &raw, k, y, x);
        else if (!done) *op++ = put_residual(s, &raw, work_distance(k, v[x], (int64_t)y * p->w + x), class[x], x);
    }
    s->raw[y & 1] = raw;
    s->count[y & 1] = op - first;
}

/* The same where every pixel has a residual, off any grid. */
TWO_BUILDS
static void collect_plain_row(const Work *k, Symbols *s, int y)
{
    const Plane *p = &k->plane;
    const int32_t *v = ROW(p, p->v, y), *mean = p->mean + (ptrdiff_t)y * p->w;
    const uint8_t *class = k->class + (ptrdiff_t)y * p->w;
    BitWriter raw = s->raw[y & 1];
    uint32_t *op = s->op[y & 1] + s->count[y & 1];
    int w = p->w;
    for (int x = 0; x < w; x++)
        op[x] = put_residual(s, &raw, (int32_t)((uint32_t)mean[x] - 16 * (uint32_t)v[x]), class[x], x);
    s->raw[y & 1] = raw;
    s->count[y & 1] += w;
}

static void collect(const Work *k, const Model *m, Symbols *s)
{
    int plain = !k->place && !k->plane.valid && !m->copies && !s->mixer;
    for (int y = 0; y < k->plane.h; y++) {
        if (plain) collect_plain_row(k, s, y);
        else collect_row(k, m, s, y);
    }
    put_last(&s->raw[0]);
    put_last(&s->raw[1]);
}

/* Bits that the symbols take. */
static double symbols_bits(const Symbols *s)
{
    double bits = 0;
    for (int lane = 0; lane < 2; lane++) {
        for (int64_t i = 0; i < s->count[lane]; i++) bits += frequency_bits((int)(s->op[lane][i] >> 12 & 8191));
        bits += 8. * (double)(s->raw[lane].at - s->room[lane]);
    }
    return bits;
}

/* Symbols of a model, with all that a decoder will know. */
static Symbols *symbols_of(const Work *k, const Model *m)
{
    Symbols *s = symbols_new(k, m);
    if (s && m->mix) {
        s->mixer = take(sizeof *s->mixer);
        if (s->mixer) mixer_set(s->mixer, m);
        else symbols_free(s), s = 0;
    }
    if (s) collect(k, m, s);
    return s;
}

static double model_bits(const Model *m)
{
    uint8_t *room = take(MODEL_ROOM);
    BitWriter b = {0, 0, room, room + MODEL_ROOM, 0};
    if (!room) return 0;
    put_model(&b, m);
    double bits = 8. * (double)(b.at - room);
    give(room);
    return bits;
}

/* A mixture's symbols in place of `best` where they take fewer bits.  Histograms need not be sent then. */
static Symbols *contest_mix(const Work *k, Model *m, Symbols *best, double *least, Model mixed)
{
    mixed.mix = 1;
    memset(mixed.own, 0, sizeof mixed.own);
    Symbols *s = symbols_of(k, &mixed);
    double bits = s ? symbols_bits(s) + model_bits(&mixed) : 1e300;
    if (bits > *least) {
        symbols_free(s);
        return best;
    }
    symbols_free(best);
    *least = bits, *m = mixed;
    return s;
}

/* Mixtures of tables where they earn their time; of images that repeat pixels with flags and without. */
static Symbols *mix_symbols(const Work *k, Model *m, Symbols *s, int effort)
{
    double least = MIX_GAIN[effort] * (symbols_bits(s) + model_bits(m));
    Model plain = *m;
    if (effort) s = contest_mix(k, m, s, &least, plain);
    if (!plain.copies) return s;
    plain.repeats = 1;
    s = contest_mix(k, m, s, &least, plain);
    plain.copies = 0;
    return contest_mix(k, m, s, &least, plain);
}

/* Words grow down from `end`. */
typedef struct { uint32_t state[2]; uint8_t *end; } Words;

ALWAYS_INLINE void put_word(Words *w, uint32_t o)
{
    uint32_t start = o & 4095, freq = o >> 12 & 8191, x = w->state[o >> 25];
    if (UNLIKELY(freq == PROB_ONE)) return;
    w->end[-1] = (uint8_t)(x >> 8), w->end[-2] = (uint8_t)x;
    int full = x >= freq << (31 - PROB_BITS);
    w->end -= 2 * full;
    x = full ? x >> 16 : x;
    Reciprocal r = reciprocals[freq];
    uint32_t q = freq == 1 ? x : (uint32_t)((uint64_t)x * r.factor >> 32) >> r.shift;
    w->state[o >> 25] = (q << PROB_BITS) + (x - q * freq) + start;
}

static void put_states(Words *w)
{
    for (int i = 1; i >= 0; i--) {
        w->end -= 4;
        for (int b = 0; b < 4; b++) w->end[b] = (uint8_t)(w->state[i] >> 8 * b);
    }
}

/* Backwards, so that the decoder goes forwards; both lanes in turn, since each waits for its states. */
TWO_BUILDS
static void put_words(const Symbols *s, uint8_t *end[2])
{
    int64_t i = s->count[0], j = s->count[1];
    Words a = {{STATE_LOW, STATE_LOW}, end[0]}, b = {{STATE_LOW, STATE_LOW}, end[1]};
    while (i > j) put_word(&a, s->op[0][--i]);
    while (j > i) put_word(&b, s->op[1][--j]);
    while (i-- > 0) put_word(&a, s->op[0][i]), put_word(&b, s->op[1][i]);
    put_states(&a), put_states(&b);
    end[0] = a.end, end[1] = b.end;
}

/* ---- parts --------------------------------------------------------------------------------- */

static size_t put_low(const Tile *t, uint8_t *out, uint8_t *end)
{
    BitWriter b = {0, 0, out, end, 0};
    const Plane *p = &t->work.plane;
    for (int64_t i = 0; i < t->work.area && t->shift; i++) {
        int32_t v = ROW(p, p->v, i / p->w)[i % p->w];
        if (!is_valid(t, i) || v == FAR || v == -FAR) continue;
        uint64_t low = (uint64_t)value_at(t, i) - (uint64_t)t->base;
        int n = t->shift < 32 ? t->shift : 32;
        put_bits(&b, (uint32_t)(low & (((uint64_t)1 << n) - 1)), n);
        if (t->shift > 32) put_bits(&b, (uint32_t)(low >> 32 & (((uint64_t)1 << (t->shift - 32)) - 1)), t->shift - 32);
    }
    put_last(&b);
    return (size_t)(b.at - out);
}

static size_t put_far(const Tile *t, uint8_t *out)
{
    const Plane *p = &t->work.plane;
    uint8_t *at = out;
    for (int64_t i = 0; i < t->work.area && t->far; i++) {
        int32_t v = ROW(p, p->v, i / p->w)[i % p->w];
        if (!is_valid(t, i) || (v != FAR && v != -FAR)) continue;
        uint64_t value = (uint64_t)value_at(t, i);
        for (int b = 0; b < 8; b++) *at++ = (uint8_t)(value >> 8 * b);
    }
    return (size_t)(at - out);
}

/* All parts behind each other; AE_UNFIT where they take more than `room`. */
static int64_t put_parts(Tile *t, const Model *m, Symbols *s, int ranks, uint8_t *out, size_t room)
{
    Head head = {.method = METHOD_CODED, .ranks = ranks, .shift = t->shift, .base = (uint64_t)t->base,
                 .on_grid = t->work.grid.shift != 0};
    size_t low_room = t->shift ? (size_t)(t->work.counted * t->shift / 8 + 16) : 0;
    size_t most = 2 * (size_t)(s->count[0] + s->count[1]) + 4 * STATE_BYTES;
    uint8_t *extra = take(MODEL_ROOM + low_room + 8 * (size_t)t->far + most), *at = extra;
    const uint8_t *part[PARTS];
    if (!extra) return AE_MEMORY;
    BitWriter b = {0, 0, at, at + MODEL_ROOM, 0};
    put_model(&b, m);
    put_last(&b);
    part[PART_MODEL] = at, head.size[PART_MODEL] = (size_t)(b.at - at), at += MODEL_ROOM;
    part[PART_LOW] = at, head.size[PART_LOW] = put_low(t, at, at + low_room), at += low_room;
    part[PART_FAR] = at, head.size[PART_FAR] = put_far(t, at), at += 8 * (size_t)t->far;
    uint8_t *end[2], *words[2];
    for (int lane = 0; lane < 2; lane++) words[lane] = end[lane] = at += 2 * (size_t)s->count[lane] + 2 * STATE_BYTES;
    put_words(s, words);
    for (int lane = 0; lane < 2; lane++) {
        part[PART_RAW0 + lane] = s->room[lane];
        head.size[PART_RAW0 + lane] = (size_t)(s->raw[lane].at - s->room[lane]);
        part[PART_WORDS0 + lane] = words[lane];
        head.size[PART_WORDS0 + lane] = lane && t->work.plane.h == 1 ? 0 : (size_t)(end[lane] - words[lane]);
    }
    size_t total = 1 + 10 + 1 + 5 * (PARTS - 1);
    for (int i = 0; i < PARTS; i++) total += head.size[i];
    int64_t status = b.lost || s->raw[0].lost || s->raw[1].lost || total >= room ? AE_UNFIT : AE_OK;
    if (!status) {
        uint8_t *to = put_head(out, &head);
        for (int i = 0; i < PARTS; i++) {
            memcpy(to, part[i], head.size[i]);
            to += head.size[i];
        }
        status = to - out;
    }
    give(extra);
    return status;
}

/* Bytes of the coded form, or an error. */
static int64_t encode_coded(Tile *t, int ranks, uint8_t *out, size_t room)
{
    Model *m = take(sizeof *m);
    const Plane *p = &t->work.plane;
    int64_t status = m ? work_new(&t->work, p->h, p->w, t->valid, t->effort) : AE_MEMORY;
    if (!status) {
        if (t->work.grid.shift) status = load_grid(t);
        else choose_base(t), load(t);
    }
    if (!status) {
        work_pad(&t->work);
        choose_model(t, m);
        Symbols *s = symbols_of(&t->work, m);
        if (s && (t->effort || m->copies) && p->h > 1) s = mix_symbols(&t->work, m, s, t->effort);
        status = s ? put_parts(t, m, s, ranks, out, room) : AE_MEMORY;
        symbols_free(s);
    }
    work_free(&t->work);
    give(m);
    return status;
}

static int64_t packed_size(const Tile *t, int width) { return 12 + (t->work.counted * width + 7) / 8; }

/* All pixels with the bits that their range takes; none where they are one value. */
static int64_t encode_packed(const Tile *t, int ranks, int width, uint8_t *out)
{
    Head head = {.method = width ? METHOD_PACKED : METHOD_CONSTANT, .ranks = ranks, .width = width,
                 .base = (uint64_t)t->least};
    uint8_t *at = put_head(out, &head);
    BitWriter b = {0, 0, at, at + packed_size(t, width), 0};
    for (int64_t i = 0; i < t->work.area && width; i++) {
        if (!is_valid(t, i)) continue;
        uint64_t low = (uint64_t)value_at(t, i) - (uint64_t)t->least;
        int n = width < 32 ? width : 32;
        put_bits(&b, (uint32_t)(low & (((uint64_t)1 << n) - 1)), n);
        if (width > 32) put_bits(&b, (uint32_t)(low >> 32), width - 32);
    }
    put_last(&b);
    return b.at - out;
}

/* The smaller of coded and packed. */
static int64_t encode_values(Tile *t, int ranks, uint8_t *out, size_t room)
{
    survey(t);
    int width = 0;
    for (uint64_t range = (uint64_t)t->most - (uint64_t)t->least; range; range >>= 1) width++;
    int64_t packed = packed_size(t, width), coded;
    int fits = (size_t)packed <= room, flat = !width || t->work.counted < 2;
    if (!flat) {
        coded = encode_coded(t, ranks, out, fits ? (size_t)packed : room);
        if (coded >= 0 || coded == AE_MEMORY) return coded;
    }
    return fits ? encode_packed(t, ranks, width, out) : AE_UNFIT;
}

/* Ranks of all valid pixels in the levels; NULL where one is no level. */
static int64_t *ranks_of(const Tile *t, const Options *o)
{
    int64_t *rank = take_zeros((size_t)t->work.area, sizeof *rank), n = o->level_count;
    for (int64_t i = 0; rank && i < t->work.area; i++) {
        if (!is_valid(t, i)) continue;
        int64_t v = value_at(t, i), low = 0, high = n;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (o->levels[middle] < v) low = middle + 1;
            else high = middle;
        }
        if (low == n || o->levels[low] != v) {
            give(rank);
            return 0;
        }
        rank[i] = low;
    }
    return rank;
}

static int64_t encode_ranks(const Tile *tile, const Options *o, uint8_t *out, size_t room)
{
    Tile t = *tile;
    int64_t *rank = ranks_of(tile, o), size = AE_UNFIT;
    if (!rank) return AE_UNFIT;
    t.k = rank, t.bytes_each = 8;
    t.work.grid.step = t.work.grid.shift = 0;
    size = encode_values(&t, 1, out, room);
    give(rank);
    return size;
}

static int64_t verified(const Tile *t, const Options *o, int h, int w, const uint8_t *out, int64_t size)
{
    void *back = take((size_t)t->work.area * (size_t)t->bytes_each + 8);
    if (!back) return AE_MEMORY;
    int status = ae_decode(out, (size_t)size, t->valid, h, w, t->work.grid, o->levels, o->level_count, back, t->bytes_each);
    if (!status && !t->valid) {
        if (memcmp(back, t->k, (size_t)t->work.area * (size_t)t->bytes_each)) status = AE_DIFFERS;
    } else if (!status) {
        Tile b = *t;
        b.k = back;
        for (int64_t i = 0; i < t->work.area; i++)
            if (is_valid(t, i) && value_at(t, i) != value_at(&b, i)) status = AE_DIFFERS;
    }
    give(back);
    return status ? AE_DIFFERS : size;
}

size_t ae_bound(int64_t area) { return 64 + 8 * (size_t)area; }

int64_t ae_encode(const void *k, int bytes_each, const uint8_t *valid, int h, int w, Grid grid,
                  const Options *options, uint8_t *out, size_t room)
{
    Tile t = {.k = k, .bytes_each = bytes_each, .effort = options->effort, .valid = valid};
    t.work.area = (int64_t)h * w;
    t.work.plane.h = w == 1 ? 1 : h;
    t.work.plane.w = w == 1 ? h : w;
    t.work.grid = grid;
    Tile plain = t;
    int64_t size = encode_values(&plain, 0, out, room);
    if (size >= 0 && options->level_count > 0) {
        uint8_t *other = take((size_t)size + 1);
        int64_t less = other ? encode_ranks(&t, options, other, (size_t)size) : AE_MEMORY;
        if (less >= 0 && less < size) memcpy(out, other, (size_t)(size = less));
        give(other);
    }
    return size >= 0 && options->verify ? verified(&t, options, h, w, out, size) : size;
}

void ae_init(void) { tables_init(); }
