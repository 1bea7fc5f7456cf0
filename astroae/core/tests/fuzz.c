/* Mutated streams through the decoder, for a build with sanitizers: see .ci/sanitize.
 *
 * Every tile is first decoded as it was written and compared.  A mutated stream may decode to
 * anything or be refused; it must not read or write outside, overflow, hang or fill the memory.
 */
#include "../src/core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 90, KINDS = 10, EACH = 40 };

static uint64_t seed = 1;

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

static int one_tile(int64_t *refused, int64_t *decoded)
{
    int h = 1 + (int)below(MOST_SIDE), w = 1 + (int)below(MOST_SIDE), masked = below(4) == 0;
    int kind = (int)below(KINDS), bytes_each = kind == 2 || kind == 3 || kind == 9 || below(2) ? 8 : 4;
    int64_t area = (int64_t)h * w, level[3] = {0, 1, 5};
    size_t room = ae_bound(area);
    int64_t *k = malloc((size_t)area * 8), *back = malloc((size_t)area * 8);
    uint8_t *valid = malloc((size_t)area), *out = malloc(room), *bad = malloc(room + 64);
    int64_t *step = malloc((size_t)area * 8), *shift = malloc((size_t)area * 8);
    Grid grid = {0, 0};
    if (kind == 0 || kind == 8) grid.shift = shift, grid.step = below(2) ? step : 0;
    Options options = {below(3) == 0, level, kind == 4 ? 3 : 0, 0};
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

int main(int count, char **argument)
{
    int64_t streams = count > 1 ? atoll(argument[1]) : 20000, refused = 0, decoded = 0;
    seed = count > 2 ? (uint64_t)atoll(argument[2]) : 1;
    ae_init();
    while (refused + decoded < streams)
        if (one_tile(&refused, &decoded)) return 1;
    printf("%lld streams: %lld refused, %lld decoded to other pixels\n",
           (long long)streams, (long long)refused, (long long)decoded);
    return 0;
}
