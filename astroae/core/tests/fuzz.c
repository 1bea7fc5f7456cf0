/* Mutated streams through the decoder, for a build with sanitizers: see .ci/sanitize.
 *
 * Every tile is first decoded as it was written and compared.  A mutated stream may decode to
 * anything or be refused; it must not read or write outside, overflow, hang or fill the memory.
 */
#include "../src/head.h"
#include "../src/params.h"
#include "../src/symbols.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 90, KINDS = 12, FLOATS = 7, EACH = 40, MOST_SYMBOLS = 300 };

static uint64_t seed = 1;
static int64_t mixtures = 0; /* tiles */

static uint64_t draw(void) /* xorshift */
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static int64_t below(int64_t n) { return (int64_t)(draw() % (uint64_t)n); }

static int64_t bell(int64_t width)
{
    int64_t sum = 0;
    for (int i = 0; i < 6; i++) sum += below(2 * width + 1) - width;
    return sum / 3;
}

static int64_t pixel(int kind, int y, int x, const int64_t *above)
{
    switch (kind) {
    case 0: return bell(1 + (y & 7));
    case 1: return bell(100000) + x * 1000;
    case 2: return (int64_t)draw();
    case 3: return below(20) ? 5 : INT64_MIN;
    case 4: return below(8) == 0;
    case 5: return below(3) && above ? *above : below(1000);
    case 6: return bell(2) + 200 * (x & 1) + 90 * (y & 1);
    case 7: return (x / 9 + y / 5) * 100;
    case 8: return below(50) ? bell(3) : below(1 << 20);
    case 9: return y & 1 && above && below(9) ? *above : 30 + 8 * bell(2); /* for mixtures */
    case 10: return below(40) ? bell(2) : (below(2) ? 1 : -1) * ((1 << 25) + below(1 << 27)); /* some far */
    default: return bell(1 << 28) * (1 << 10);
    }
}

static size_t mutate(uint8_t *data, size_t size, size_t room)
{
    for (int64_t n = 1 + below(4); n > 0; n--) {
        int64_t at = below((int64_t)size);
        switch (below(6)) {
        case 0: data[at] ^= (uint8_t)(1 << below(8)); break;
        case 1: data[at] = (uint8_t)draw(); break;
        case 2: data[at] = below(2) ? 255 : 0; break;
        case 3: data[below((int64_t)(size < 60 ? size : 60))] ^= (uint8_t)(1 << below(8)); break;
        case 4: size = (size_t)at + 1; break;
        default:
            if (size + 8 <= room) {
                memmove(data + at + 8, data + at, size - (size_t)at);
                size += 8;
            }
        }
    }
    return size;
}

/* Whether a tile's symbols come from a mixture of tables. */
static int is_mixed(const uint8_t *data, size_t size, int h)
{
    ByteReader r = {data, data + size, 0};
    Head head;
    Model *m = malloc(sizeof *m);
    int mixed = get_head(&r, &head) && head.method == METHOD_CODED;
    if (mixed) {
        BitReader b = {0, 0, r.at, r.at + head.size[PART_MODEL], 0};
        mixed = get_model(&b, m, h) && m->mix;
    }
    free(m);
    return mixed;
}

static int one_tile(int64_t *refused, int64_t *decoded)
{
    int h = 1 + (int)below(MOST_SIDE), w = 1 + (int)below(MOST_SIDE), masked = below(4) == 0;
    int kind = (int)below(KINDS), bytes_each = kind == 2 || kind == 3 || kind == 11 || below(2) ? 8 : 4;
    int64_t area = (int64_t)h * w, level[3] = {0, 1, 5};
    size_t room = ae_bound(area);
    int64_t *k = malloc((size_t)area * 8), *back = malloc((size_t)area * 8);
    uint8_t *valid = malloc((size_t)area), *out = malloc(room), *bad = malloc(room + 64);
    int64_t *step = malloc((size_t)area * 8), *shift = malloc((size_t)area * 8);
    Grid grid = {0, 0};
    if (kind == 0 || kind == 8) grid.shift = shift, grid.step = below(2) ? step : 0;
    Options options = {kind == 9 || below(3) == 0, level, kind == 4 ? 3 : 0, 0};
    for (int64_t i = 0; i < area; i++) {
        int y = (int)(i / w), x = (int)(i % w);
        int64_t v = 0;
        if (bytes_each == 8) k[i] = pixel(kind, y, x, y ? &k[i - w] : 0);
        else {
            if (y) v = ((int32_t *)k)[i - w];
            ((int32_t *)k)[i] = (int32_t)pixel(kind, y, x, y ? &v : 0);
        }
        valid[i] = below(5) > 0;
        step[i] = 4096 + below(3) * y * 100, shift[i] = below(4096) + y * 5000;
    }
    const uint8_t *mask = masked ? valid : 0;
    int64_t size = ae_encode(k, bytes_each, mask, h, w, grid, &options, out, room);
    int wrong = size < 0 || ae_decode(out, (size_t)size, mask, h, w, grid, level, 3, back, bytes_each) != AE_OK;
    mixtures += !wrong && is_mixed(out, (size_t)size, w == 1 ? 1 : h);
    for (int64_t i = 0; i < area && !wrong; i++)
        if (!masked || valid[i])
            wrong |= memcmp((char *)k + i * bytes_each, (char *)back + i * bytes_each, (size_t)bytes_each) != 0;
    for (int n = 0; n < EACH && !wrong; n++) {
        memcpy(bad, out, (size_t)size);
        size_t length = mutate(bad, (size_t)size, room + 64);
        uint8_t *exact = malloc(length); /* so that one byte too far is found */
        memcpy(exact, bad, length);
        int status = ae_decode(exact, length, mask, h, w, grid, level, 3, back, bytes_each);
        *(status ? refused : decoded) += 1;
        free(exact);
    }
    if (wrong) fprintf(stderr, "kind %d, %d x %d: not what was coded\n", kind, h, w);
    free(step), free(shift), free(k), free(back), free(valid), free(out), free(bad);
    return wrong;
}

/* A table of 2 to 300 symbols, each at least one place, skewed to the front. */
static int make_edges(uint32_t *edges)
{
    int count = 2 + (int)below(MOST_SYMBOLS - 1);
    int64_t left = (1 << FREQ_BITS) - count, share = 1 + below(64);
    edges[0] = 0;
    for (int s = 0; s < count; s++) {
        int64_t more = s < count - 1 ? left / (1 + below(share)) : left;
        left -= more;
        edges[s + 1] = edges[s] + 1 + (uint32_t)more;
    }
    return count;
}

/* Symbols of two tables with raw numbers between, read back in three parts. */
static int symbols_of(const uint8_t *data, size_t size, uint32_t (*edges)[MOST_SYMBOLS + 1], const int *count,
                      int bits, int64_t each, int64_t *out)
{
    Symbols s;
    if (ae_open_symbols(&s, data, size)) return AE_CORRUPT;
    ae_get_symbols(&s, edges[0], count[0], each, out);
    ae_get_raw(&s, bits, each, out + each);
    ae_get_symbols(&s, edges[1], count[1], each, out + 2 * each);
    return ae_close_symbols(&s);
}

static int one_list(int64_t *refused, int64_t *decoded)
{
    uint32_t edges[2][MOST_SYMBOLS + 1];
    int count[2] = {make_edges(edges[0]), make_edges(edges[1])}, bits = 1 + (int)below(16);
    int64_t each = below(400), n = 3 * each;
    uint16_t *start = malloc((size_t)n * 2 + 1), *freq = malloc((size_t)n * 2 + 1);
    int64_t *value = malloc((size_t)n * 8 + 1), *back = malloc((size_t)n * 8 + 1);
    size_t room = ae_symbols_bound(n);
    uint8_t *out = malloc(room), *bad = malloc(room + 64);
    for (int64_t i = 0; i < n; i++) {
        int part = (int)(i / each);
        value[i] = below(part == 1 ? 1 << bits : count[part / 2]);
        uint32_t size = 1u << (FREQ_BITS - bits), *edge = edges[part / 2] + value[i];
        start[i] = (uint16_t)(part == 1 ? (uint32_t)value[i] * size : edge[0]);
        freq[i] = (uint16_t)(part == 1 ? size : edge[1] - edge[0]);
    }
    int64_t size = ae_put_symbols(start, freq, n, out);
    int wrong = size < 0 || symbols_of(out, (size_t)size, edges, count, bits, each, back) != AE_OK
                || memcmp(value, back, (size_t)n * 8) != 0;
    for (int i = 0; i < EACH && !wrong; i++) {
        memcpy(bad, out, (size_t)size);
        size_t length = mutate(bad, (size_t)size, room + 64);
        uint8_t *exact = malloc(length);
        memcpy(exact, bad, length);
        int status = symbols_of(exact, length, edges, count, bits, each, back);
        *(status ? refused : decoded) += 1;
        for (int64_t j = 0; j < n; j++) {
            int part = (int)(j / each);
            wrong |= back[j] < 0 || back[j] >= (part == 1 ? 1 << bits : count[part / 2]);
        }
        free(exact);
    }
    if (wrong) fprintf(stderr, "%d symbols of tables of %d and %d: not what was coded\n", (int)n, count[0], count[1]);
    free(start), free(freq), free(value), free(back), free(out), free(bad);
    return wrong;
}

/* ---- floats -------------------------------------------------------------------------------- */

/* A float of 4 or 8 bytes, as bits. */
static uint64_t float_bits(int kind, int bytes_each)
{
    double v = ldexp((double)bell(1 << 20), (int)below(60) - 30);
    if (kind == 0) v = (double)bell(1000) / 7;
    if (kind == 1) v = (double)bell(300) * 64;
    if (kind == 2) return bytes_each == 4 ? draw() >> 32 : draw();
    if (kind == 3) return (draw() & 1) << (8 * bytes_each - 1) | (uint64_t)below(1 << 20);
    if (kind == 4) v = below(9) ? (double)bell(20) : below(2) ? -0. : INFINITY;
    if (kind == 5) v = (double)below(2);
    float f = (float)v;
    uint32_t narrow;
    uint64_t wide;
    memcpy(&narrow, &f, 4), memcpy(&wide, &v, 8);
    return bytes_each == 4 ? narrow : wide;
}

typedef struct {
    int64_t n;
    int bytes_each;
    void *v, *back;
    uint8_t *good;
    FloatSplit how;
    FloatParts parts;
    int64_t near_count;
} Floats;

static Floats make_floats(void)
{
    Floats f = {.bytes_each = below(2) ? 4 : 8};
    int kind = (int)below(FLOATS);
    f.parts.w = 1 + below(40), f.n = f.parts.w * (1 + below(20));
    size_t n = (size_t)f.n, bytes = n * (size_t)f.bytes_each;
    f.v = malloc(bytes), f.back = malloc(bytes), f.good = malloc(n);
    f.parts.k = malloc(4 * n), f.parts.near = malloc(4 * n);
    f.parts.zeros = below(2) ? malloc(4 * n) : 0, f.parts.copies = below(2) ? malloc(4 * n) : 0;
    f.parts.room = 8 * n + 16, f.parts.low = malloc(f.parts.room), f.parts.near_count = 0;
    for (int64_t i = 0; i < f.n; i++) {
        uint64_t bits = float_bits(kind, f.bytes_each);
        if (f.bytes_each == 4) ((uint32_t *)f.v)[i] = (uint32_t)bits;
        else ((uint64_t *)f.v)[i] = bits;
        if (i && below(4) == 0) memcpy((char *)f.v + i * f.bytes_each, (char *)f.v + (i - 1) * f.bytes_each, (size_t)f.bytes_each);
    }
    return f;
}

static void free_floats(Floats *f)
{
    free(f->v), free(f->back), free(f->good), free(f->parts.low);
    free(f->parts.k), free(f->parts.near), free(f->parts.zeros), free(f->parts.copies);
}

/* Split at a random place; whether all comes back. */
static int split_floats(Floats *f)
{
    FloatSurvey found;
    int least = f->bytes_each == 4 ? -126 : -1022, masked = ae_float_survey(f->v, f->bytes_each, f->n, f->good, &found) > 0;
    int p = found.top - (int)below(30);
    f->how = (FloatSplit){p < least ? least : p, found.drop, found.unit};
    f->parts.near_count = &f->near_count;
    int64_t size = ae_float_split(f->v, f->bytes_each, masked ? f->good : 0, f->n, &f->how, &f->parts);
    if (size < 0) return 0;
    f->parts.room = (size_t)size;
    if (ae_float_join(&f->parts, masked ? f->good : 0, f->n, &f->how, f->bytes_each, f->back)) return 0;
    for (int64_t i = 0; i < f->n; i++) {
        size_t at = (size_t)i * (size_t)f->bytes_each;
        if (f->good[i] && memcmp((char *)f->v + at, (char *)f->back + at, (size_t)f->bytes_each)) return 0;
    }
    return 1;
}

static void spoil(int32_t *numbers, int64_t n)
{
    static const int32_t odd[] = {-1, 0, 1, 2, 3, 52, 300, 2000, INT32_MAX, INT32_MIN};
    if (numbers && n && below(2)) numbers[below(n)] = below(2) ? odd[below(10)] : (int32_t)draw();
}

/* Parts that no float has, in blocks of their exact length. */
static int join_spoilt(Floats *f)
{
    FloatParts bad = f->parts;
    FloatSplit how = f->how;
    int64_t near_count = f->near_count > 0 && below(4) == 0 ? below(f->near_count) : f->near_count;
    uint8_t *low = malloc(bad.room + 9), *exact;
    memcpy(low, bad.low, bad.room);
    if (bad.room && below(2)) bad.room = mutate(low, bad.room, bad.room + 8);
    exact = malloc(bad.room + !bad.room);
    memcpy(exact, low, bad.room);
    bad.near = malloc(4 * (size_t)near_count + 1);
    memcpy(bad.near, f->parts.near, 4 * (size_t)near_count);
    bad.low = exact, bad.near_count = &near_count;
    spoil(bad.k, f->n), spoil(bad.near, near_count), spoil(bad.zeros, f->n), spoil(bad.copies, f->n);
    if (below(4) == 0) how.drop = (int)below(f->bytes_each == 4 ? 24 : 53);
    if (below(4) == 0) how.p = f->bytes_each == 4 ? (int)below(254) - 126 : (int)below(2046) - 1022;
    if (below(4) == 0) how.unit = how.p - (int)below(1 << 11);
    int status = ae_float_join(&bad, below(2) ? f->good : 0, f->n, &how, f->bytes_each, f->back);
    free(low), free(exact), free(bad.near);
    return status;
}

/* What looks at each pixel, on any bits; the list of what is compared ends where its block does. */
static int look_at(const Floats *f)
{
    double largest, scale = ldexp(1, (int)below(80) - 40), zero = (double)bell(1000);
    int64_t *k = malloc((size_t)f->n * 8);
    int wide = below(2) ? 8 : 4;
    int same = ae_within(f->v, f->v, f->bytes_each, f->n, 0, 1, &largest) && largest == 0;
    ae_within(f->v, f->back, f->bytes_each, f->n, scale, (int)below(2), &largest);
    same &= ae_noise(f->v, f->bytes_each, below(2) ? f->good : 0, f->n / f->parts.w, f->parts.w) >= 0;
    ae_quantize(f->v, f->bytes_each, 0, f->n, scale, zero, k, wide);
    ae_dequantize(k, wide, 0, f->n, &scale, &zero, 0, f->back, f->bytes_each);
    free(k);
    return same;
}

static int one_float_tile(int64_t *refused, int64_t *decoded)
{
    Floats f = make_floats();
    int wrong = !split_floats(&f) || !look_at(&f);
    for (int i = 0; i < EACH && !wrong; i++) *(join_spoilt(&f) ? refused : decoded) += 1;
    if (wrong) fprintf(stderr, "%d floats of %d bytes: not what was split\n", (int)f.n, f.bytes_each);
    free_floats(&f);
    return wrong;
}

int main(int count, char **argument)
{
    int64_t streams = count > 1 ? atoll(argument[1]) : 20000, refused = 0, decoded = 0;
    seed = count > 2 ? (uint64_t)atoll(argument[2]) : 1;
    ae_init();
    while (refused + decoded < streams)
        if (one_tile(&refused, &decoded) || one_list(&refused, &decoded) || one_float_tile(&refused, &decoded)) return 1;
    printf("%lld streams: %lld refused, %lld decoded to others; %lld tiles were mixtures\n",
           (long long)streams, (long long)refused, (long long)decoded, (long long)mixtures);
    return streams >= 10000 && !mixtures; /* a kind that never comes is not tested */
}
