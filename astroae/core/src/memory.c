/* Memory that is kept from tile to tile.
 *
 * The system takes large blocks back when they are freed and clears their pages when it gives
 * them again, which costs more than some of the work done in them.  So a few of each size wait
 * here.  Threads take and give by single exchanges of a pointer.
 */
#include "core.h"
#include <stdlib.h>
#include <string.h>

/* Sanitizers shall see every block; not every compiler has atomics. */
#if defined(ASTROAE_ONE_BUILD) || defined(__STDC_NO_ATOMICS__) || defined(_MSC_VER)

void *take(size_t size) { return malloc(size + !size); }
void give(void *block) { free(block); }

#else
#include <stdatomic.h>

enum { LEAST_BITS = 14, MOST_BITS = 22, KEPT = 8, HEAD = 64 };

static _Atomic(void *) kept[MOST_BITS - LEAST_BITS + 1][KEPT];

static int bits_for(size_t size)
{
    int bits = LEAST_BITS;
    while ((size_t)1 << bits < size) bits++;
    return bits;
}

/* Before a block stands the power of two that it has room for. */
void *take(size_t size)
{
    int bits = size <= (size_t)1 << MOST_BITS ? bits_for(size) : MOST_BITS + 1;
    void *block = 0;
    for (int i = 0; i < KEPT && bits <= MOST_BITS && !block; i++)
        block = atomic_exchange(&kept[bits - LEAST_BITS][i], 0);
    if (block) return block;
    char *whole = malloc(HEAD + (bits > MOST_BITS ? size : (size_t)1 << bits));
    if (!whole) return 0;
    memcpy(whole, &bits, sizeof bits);
    return whole + HEAD;
}

void give(void *block)
{
    int bits = MOST_BITS + 1;
    if (!block) return;
    memcpy(&bits, (char *)block - HEAD, sizeof bits);
    for (int i = 0; i < KEPT && bits <= MOST_BITS && block; i++)
        block = atomic_exchange(&kept[bits - LEAST_BITS][i], block);
    if (block) free((char *)block - HEAD);
}
#endif

void *take_zeros(size_t count, size_t each)
{
    void *block = take(count * each);
    if (block) memset(block, 0, count * each);
    return block;
}
