/* The encoder's fits: taps of the mean, weights of the scale.  Floating point; integers are sent. */
#include "neighbours.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 512, LANES = 16, MOST = MAX_TAPS + 1, QUIET_SAMPLES = 256, SURPRISE = 49 };

/* Nearest first, so that any number of them is a neighbourhood. */
const int8_t HOOD[MAX_TAPS][2] = {
    {0, -1}, {-1, 0}, {-1, -1}, {-1, 1}, {0, -2}, {-2, 0}, {-2, -1}, {-2, 1}, {-1, -2}, {-1, 2},
    {-2, -2}, {-2, 2}, {0, -3}, {-3, 0}, {-3, -1}, {-3, 1}, {-1, -3}, {-1, 3}, {-3, -2}, {-3, 2},
    {-2, -3}, {-2, 3}, {0, -4}, {-1, -4}, {-1, 4}, {-3, -3}, {-3, 3}, {-2, -4}, {-2, 4}, {0, -5},
    {-3, -4}, {-3, 4}, {-1, -5}, {-1, 5}};

void model_hood(Model *m, int taps_count, int h)
{
    m->taps_count = taps_count;
    m->above = m->serial = 0;
    if (h == 1) {
        if (m->taps_count > MAX_SERIAL) m->taps_count = MAX_SERIAL;
        m->serial = m->taps_count;
        return;
    }
    for (int i = 0; i < taps_count; i++) HOOD[i][0] ? m->above++ : m->serial++;
}

/* Normal equations of one set: products of K neighbours and the target, lower triangle. */
typedef struct {
    double sum[MOST][MOST];
    double weight;
} Normal;

typedef struct {
    float x[MOST][COLUMNS + LANES], weight[COLUMNS + LANES], y[COLUMNS + LANES];
    int n; /* equations that wait for their products */
} Rows;

/* Nearest causal neighbours: their mean, and the square of their spread. */
typedef struct { float mean, spread; } Near;

ALWAYS_INLINE Near near_of(const int32_t *v, ptrdiff_t stride)
{
    float a = (float)v[-1], b = (float)v[-stride], c = (float)v[-stride - 1], d = (float)v[1 - stride];
    float m = (a + b + c + d) * .25f;
    Near n = {m, ((a - m) * (a - m) + (b - m) * (b - m) + (c - m) * (c - m) + (d - m) * (d - m)) * .25f};
    return n;
}

ALWAYS_INLINE Near near_in_line(const int32_t *v)
{
    float a = (float)v[-1], b = (float)v[-2], c = (float)v[-3], m = (a + b + c) / 3;
    Near n = {m, ((a - m) * (a - m) + (b - m) * (b - m) + (c - m) * (c - m)) / 3};
    return n;
}

/* Quiet equations count more; a pixel that nothing foretold (a cosmic ray, a lone star) has a
 * bounded say.  The spread is of neighbours only: a weight that followed the target would bias. */
ALWAYS_INLINE float equation_weight(Near n, float target, float quiet)
{
    float spread = n.spread + quiet, d = (target - n.mean) * (target - n.mean);
    int surprising = d > SURPRISE * spread;
    return (surprising ? (float)SURPRISE : 1.f) / (surprising ? d : spread);
}

static int by_size(const void *a, const void *b)
{
    float d = *(const float *)a - *(const float *)b;
    return (d > 0) - (d < 0);
}

static float quiet_level(const Plane *p)
{
    float found[QUIET_SAMPLES];
    int n = 0, rows = p->h < 16 ? p->h : 16, columns = QUIET_SAMPLES / rows;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int y = (int)((2 * i + 1) * (int64_t)p->h / (2 * rows));
            int x = (int)((2 * j + 1) * (int64_t)p->w / (2 * columns));
            const int32_t *v = ROW(p, p->v, y) + x;
            if (p->valid && !p->valid[(ptrdiff_t)y * p->w + x]) continue;
            found[n++] = p->h == 1 ? near_in_line(v).spread : near_of(v, p->stride).spread;
        }
    if (!n) return 1;
    qsort(found, (size_t)n, sizeof *found, by_size);
    return found[n / 2] + 1.f / 12;
}

/* Add every second pixel from `first` to x: neighbours, then the target; weights.  All but the
 * first neighbour are counted from it: of a smooth image the values would drown what they differ by. */
ALWAYS_INLINE void gather(Rows *r, const Model *m, const Plane *p, int y, int first, int end, float quiet)
{
    const int32_t *v = ROW(p, p->v, y) + first;
    int n = (end - first + 1) / 2, k = 0;
    float *weight = r->weight + r->n;
    if (n <= 0) return;
    for (int own = 1; own >= 0; own--)
        for (int i = 0; i < MAX_TAPS && k < (own ? m->serial : m->taps_count); i++) {
            int dy = p->h == 1 ? 0 : HOOD[i][0], dx = p->h == 1 ? -1 - i : HOOD[i][1];
            if ((dy == 0) != own) continue;
            const int32_t *s = v + dy * p->stride + dx;
            float *to = r->x[k] + r->n;
            for (int x = 0; x < n; x++) to[x] = (float)(s[2 * x] - (k ? v[2 * x - 1] : 0));
            k++;
        }
    float *target = r->x[k] + r->n;
    for (int x = 0; x < n; x++) target[x] = (float)(v[2 * x] - (k ? v[2 * x - 1] : 0));
    if (p->h == 1)
        for (int x = 0; x < n; x++)
            weight[x] = equation_weight(near_in_line(v + 2 * x), (float)v[2 * x], quiet);
    else
        for (int x = 0; x < n; x++)
            weight[x] = equation_weight(near_of(v + 2 * x, p->stride), (float)v[2 * x], quiet);
    if (p->valid)
        for (int x = 0; x < n; x++)
            if (!p->valid[(ptrdiff_t)y * p->w + first + 2 * x]) weight[x] = 0;
    r->n += n;
}

/* By halves: a fixed order, whatever the width of the machine's vectors. */
ALWAYS_INLINE float sum_of(float *s)
{
    for (int l = 0; l < 8; l++) s[l] += s[l + 8];
    for (int l = 0; l < 4; l++) s[l] += s[l + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

ALWAYS_INLINE void products(Normal *a, Rows *r, int k)
{
    int n = (r->n + LANES - 1) / LANES * LANES;
    for (int x = r->n; x < n; x++) r->weight[x] = 0;
    for (int i = 0; i <= k; i++)
        for (int x = r->n; x < n; x++) r->x[i][x] = 0;
    r->n = 0;
    for (int x = 0; x < n; x++) a->weight += r->weight[x] > 0;
    for (int i = 0; i <= k; i++) {
        for (int x = 0; x < n; x++) r->y[x] = r->x[i][x] * r->weight[x];
        int j = i;
        for (; j + 3 <= k; j += 4) {
            float s[4][LANES] = {{0}};
            for (int x = 0; x < n; x += LANES)
                for (int l = 0; l < LANES; l++) {
                    float y = r->y[x + l];
                    s[0][l] += y * r->x[j][x + l];
                    s[1][l] += y * r->x[j + 1][x + l];
                    s[2][l] += y * r->x[j + 2][x + l];
                    s[3][l] += y * r->x[j + 3][x + l];
                }
            for (int q = 0; q < 4; q++) a->sum[j + q][i] += sum_of(s[q]);
        }
        for (; j <= k; j++) {
            float s[LANES] = {0};
            for (int x = 0; x < n; x += LANES)
                for (int l = 0; l < LANES; l++) s[l] += r->y[x + l] * r->x[j][x + l];
            a->sum[j][i] += sum_of(s);
        }
    }
}

TWO_BUILDS
static void accumulate(Normal *sets, Rows *rows, const Model *m, const Plane *p, int every)
{
    float quiet = quiet_level(p);
    int first = p->h > 2 * every ? every - 1 : p->h > 1;
    for (int set = 0; set < 4; set++) {
        for (int y = first; y < p->h; y += every)
            for (int x = 0; x < p->w && (y & 1) == set >> 1; x += 2 * COLUMNS) {
                int end = x + 2 * COLUMNS < p->w ? x + 2 * COLUMNS : p->w;
                if (rows->n + (end - x + 1) / 2 > COLUMNS) products(&sets[set], rows, m->taps_count);
                gather(rows, m, p, y, x + (set & 1), end, quiet);
            }
        products(&sets[set], rows, m->taps_count);
    }
}

/* Cholesky with a little ridge; 0 where it fails. */
static int solve(const double *sums, int row, const double *target, int k, double ridge, double flat,
                 double *out)
{
    double a[MOST][MOST], trace = 0;
    for (int i = k > 1; i < k; i++) trace += sums[i * row + i] / k;
    for (int i = 0; i < k; i++) {
        for (int j = 0; j <= i; j++) {
            double s = sums[i * row + j];
            if (i == j) s = s * (1 + ridge) + trace * flat + 1e-9;
            for (int q = 0; q < j; q++) s -= a[i][q] * a[j][q];
            if (i == j && !(s > 0)) return 0;
            a[i][j] = i == j ? sqrt(s) : s / a[j][j];
        }
        double s = target[i];
        for (int q = 0; q < i; q++) s -= a[i][q] * out[q];
        out[i] = s / a[i][i];
    }
    for (int i = k - 1; i >= 0; i--) {
        for (int q = i + 1; q < k; q++) out[i] -= a[q][i] * out[q];
        out[i] /= a[i][i];
    }
    return 1;
}

/* Taps of what was solved for, counted as `gather` does: the first takes what is left.  Returns
 * the sum of their magnitudes. */
static double taps_of(const double *found, int k, double *taps)
{
    double sum = 0;
    for (int i = 0; i < k; i++) taps[i] = found[i];
    if (k) taps[0] += 1;
    for (int i = 1; i < k; i++) taps[0] -= found[i];
    for (int i = 0; i < k; i++) sum += fabs(taps[i]) < 7.9 ? fabs(taps[i]) : 1e3; /* of 16 bits */
    return sum;
}

/* The ridge grows until the taps are no larger than a model may have. */
static void solve_taps(const Normal *a, const Model *m, double *found)
{
    int k = m->taps_count, serial = m->serial;
    double taps[MOST], most = (m->wide ? WIDE_TAP_SUM : TAP_SUM) * .99 / TAP_ONE;
    for (double ridge = 1e-8; ridge < 1; ridge *= 10)
        if (solve(a->sum[0], MOST, a->sum[k], k, ridge, ridge / 10, found) && taps_of(found, k, taps) < most) return;
    for (int i = 0; i < k; i++) found[i] = 0;
    if (k > serial && serial) found[serial] = .5;
}

/* Weighted squares that taps leave. */
static double left_over(const Normal *a, int k, const double *taps)
{
    double s = a->sum[k][k];
    for (int i = 0; i < k; i++) {
        double row = -2 * a->sum[k][i];
        for (int j = 0; j < k; j++) row += taps[j] * (i > j ? a->sum[i][j] : a->sum[j][i]);
        s += taps[i] * row;
    }
    return s;
}

static void send_taps(int16_t *to, const double *found, int k)
{
    double taps[MOST];
    taps_of(found, k, taps);
    for (int i = 0; i < k; i++) to[i] = (int16_t)lrint(taps[i] * TAP_ONE);
}

/* Taps of a model whose neighbourhood is set.  Returns what four sets would save, bits a pixel;
 * they are taken where that is more than `least`, unless it is negative. */
double fit_taps(Model *m, const Plane *p, int every, double least)
{
    int k = m->taps_count;
    double taps[MOST], own[4][MOST], before = 0, after = 0;
    Normal *sets = take_zeros(5, sizeof *sets);
    Rows *rows = take_zeros(1, sizeof *rows);
    m->by_parity = 0;
    if (!sets || !rows) {
        give(sets), give(rows);
        for (int set = 0; set < 4; set++) memset(m->taps[set], 0, sizeof m->taps[set]);
        return 0;
    }
    accumulate(sets, rows, m, p, every);
    Normal *all = sets + 4;
    double pixels = 0;
    for (int set = 0; set < 4; set++) {
        for (int i = 0; i <= k; i++)
            for (int j = 0; j <= i; j++) all->sum[i][j] += sets[set].sum[i][j];
        pixels += sets[set].weight;
    }
    solve_taps(all, m, taps);
    int enough = k && p->h > 1 && pixels > 400;
    for (int set = 0; set < 4 && enough; set++) {
        double n = sets[set].weight, small = 1e-4 * n;
        if (n < 4 * k) enough = 0;
        solve_taps(&sets[set], m, own[set]);
        before += .5 * n * log2(left_over(&sets[set], k, taps) + small);
        after += .5 * n * log2(left_over(&sets[set], k, own[set]) + small);
    }
    double gain = enough ? (before - after) / pixels : 0;
    m->by_parity = least >= 0 && gain > least;
    for (int set = 0; set < 4; set++) send_taps(m->taps[set], m->by_parity ? own[set] : taps, k);
    give(sets), give(rows);
    return gain;
}

/* ---- the scale ----------------------------------------------------------------------------- */

enum { SAMPLES = 4096, LINE_WEIGHTS = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6 };

typedef struct {
    float f[WEIGHTS][SAMPLES], error[SAMPLES], scale[SAMPLES], heavy[SAMPLES], clipped[SAMPLES], y[SAMPLES];
    int n;
} Sample;

static void features(Sample *s, const Plane *p, int y, int x)
{
    ptrdiff_t stride = p->stride;
    const int32_t *e0 = ROW(p, p->e, y) + x, *e1 = e0 - stride, *e2 = e1 - stride, *e3 = e2 - stride;
    const int32_t *v = ROW(p, p->v, y) + x, *up = v - stride;
    int n = s->n++;
    s->error[n] = (float)e0[0];
    s->f[0][n] = 4;
    s->f[6][n] = (float)e0[-1];
    s->f[3][n] = (float)e0[-2];
    s->f[5][n] = (float)e0[-3];
    if (p->h == 1) return;
    s->f[1][n] = (float)e1[0];
    s->f[2][n] = (float)(e1[-1] + e1[1]);
    s->f[3][n] += (float)e2[0];
    s->f[4][n] = (float)(e2[-1] + e2[1] + e1[-2] + e1[2]);
    s->f[5][n] += (float)(e2[-2] + e2[2] + e3[0] + e3[-1] + e3[1] + e1[-3] + e1[3]);
    s->f[7][n] = (float)(step_between(up[0], up[-1]) + step_between(up[0], up[1]));
    s->f[8][n] = (float)step_between(v[-1], up[-1]);
    s->f[9][n] = (float)(p->moved ? p->moved[(ptrdiff_t)y * p->w + x] : (int32_t)step_between(up[0], up[-stride]));
}

static void take_sample(Sample *s, const Plane *p)
{
    int64_t first = p->h > 1 ? p->w : 0, area = (int64_t)p->h * p->w, every = (area - first) / 1700 + 1;
    for (int64_t i = first + every / 2; i < area && s->n < SAMPLES; i += every)
        if (!p->valid || p->valid[i]) features(s, p, (int)(i / p->w), (int)(i % p->w));
}

/* Least squares weighted by 1 / scale^2, without negative weights. */
TWO_BUILDS
static void reweigh(Sample *s, unsigned used, double *w)
{
    double a[WEIGHTS][WEIGHTS] = {{0}}, b[WEIGHTS] = {0};
    int n = s->n & ~7;
    for (int i = 0; i < s->n; i++) {
        float scale = s->scale[i] < .5f ? .5f : s->scale[i];
        s->heavy[i] = 1 / (scale * scale);
        s->clipped[i] = s->error[i] > 10 * scale ? 10 * scale : s->error[i];
    }
    for (int i = 0; i < WEIGHTS; i++) {
        for (int x = 0; x < n; x++) s->y[x] = s->f[i][x] * s->heavy[x];
        for (int j = i; j <= WEIGHTS; j++) {
            const float *q = j < WEIGHTS ? s->f[j] : s->clipped;
            float sum[8] = {0};
            double total = 0;
            for (int x = 0; x < n; x += 8)
                for (int l = 0; l < 8; l++) sum[l] += s->y[x + l] * q[x + l];
            for (int l = 0; l < 8; l++) total += sum[l];
            if (j == WEIGHTS) b[i] = total;
            else a[j][i] = total;
        }
    }
    for (unsigned before = 0; used && used != before;) {
        double part[WEIGHTS][WEIGHTS], target[WEIGHTS], found[WEIGHTS];
        int id[WEIGHTS], k = 0;
        for (int i = 0; i < WEIGHTS; i++)
            if (used >> i & 1) id[k++] = i;
        for (int i = 0; i < k; i++) {
            for (int j = 0; j <= i; j++) part[i][j] = a[id[i]][id[j]];
            target[i] = b[id[i]];
        }
        if (!solve(part[0], WEIGHTS, target, k, 1e-4, 0, found)) return;
        before = used;
        for (int i = 0; i < WEIGHTS; i++) w[i] = 0;
        for (int i = 0; i < k; i++)
            if (found[i] > 0) w[id[i]] = found[i];
            else used &= ~(1u << id[i]);
    }
}

void fit_scale(Model *m, const Plane *p)
{
    static const int count[WEIGHTS] = {0, 1, 2, 2, 4, 8, 1, 2, 1, 1};
    double w[WEIGHTS] = {4, .25, .125, 0, 0, 0, .25, 0, 0, 0}, mean = 0, sum = 0;
    Sample *s = take_zeros(1, sizeof *s);
    if (s) take_sample(s, p);
    if (s && s->n >= 32) {
        for (int i = 0; i < s->n; i++) mean += s->error[i] / s->n;
        for (int i = 0; i < s->n; i++)
            s->scale[i] = (float)(.3 * mean + .5) + .12f * (s->f[1][i] + s->f[2][i] + s->f[3][i] + s->f[6][i]);
        for (int turn = 0; turn < 3; turn++) {
            reweigh(s, p->h == 1 ? LINE_WEIGHTS : (1 << WEIGHTS) - 1, w);
            for (int i = 0; i < s->n; i++) s->scale[i] = 0;
            for (int j = 0; j < WEIGHTS; j++)
                for (int i = 0; i < s->n; i++) s->scale[i] += (float)w[j] * s->f[j][i];
        }
    }
    give(s);
    for (int i = 1; i < WEIGHTS; i++) sum += w[i] * count[i];
    double down = sum > 6 ? 6 / sum : 1; /* 6 * 320 stays below WEIGHT_SUM with its rounding */
    for (int i = 0; i < WEIGHTS; i++) {
        double v = w[i] * 320 * (i ? down : 1);
        m->weight[i] = v > 65535 ? 65535 : (int32_t)lrint(v);
    }
    if (m->weight[0] < 8) m->weight[0] = 8;
}
