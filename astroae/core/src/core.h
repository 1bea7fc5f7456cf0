/* The residual coder of integer planes: constants, the model of a tile, and what each file offers.
 *
 * Nothing here knows Python.  A decoder computes with integers only; floating point stands in fit.c
 * and where the encoder compares costs, and its results are sent as integers.  The format is
 * described byte by byte in FORMAT.rst beside this file.
 */
#ifndef ASTROAE_CORE_H
#define ASTROAE_CORE_H

#include <stdint.h>
#include <stddef.h>

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline, unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define ALWAYS_INLINE static __forceinline
#define NOINLINE static __declspec(noinline)
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#endif

/* Keeps a long loop's code small. */
#if defined(__GNUC__) && !defined(__clang__)
#define ROLLED _Pragma("GCC unroll 1")
#else
#define ROLLED
#endif

#if defined(__GNUC__) || defined(__clang__)
#define IN_GENERAL_REGISTER(x) __asm__("" : "+r"(x))
#else
#define IN_GENERAL_REGISTER(x)
#endif

/* Two builds of a function, the faster one picked when the library is loaded.  Both give the same
 * bytes: sums of floats are written in a fixed order, and -ffp-contract=off keeps fma away. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) \
    && !defined(ASTROAE_ONE_BUILD)
#define TWO_BUILDS __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define TWO_BUILDS
#endif

enum {
    MAX_AREA = 1 << 22,       /* pixels of a tile */
    PROB_BITS = 12,           /* probabilities are multiples of 2^-12 */
    PROB_ONE = 1 << PROB_BITS,
    STATE_LOW = 1 << 15,      /* a coder's state is at least this between symbols */
    SYMBOLS = 64,             /* residuals -31 ... 31 and the escape */
    MIDDLE = 31,
    ESCAPE = 63,
    SCALES = 31,              /* frozen tables: deviation 2^(s/4 - 5) steps */
    SHAPES = 5,               /* from Gaussian to long-tailed */
    OFFSETS = 9,              /* sub-pixel offset of the mean, in 1/16, folded */
    CLASSES = 100,            /* quarter octaves of the scale */
    MAX_TAPS = 34,
    MAX_SERIAL = 8,           /* neighbours in the pixel's own row */
    WEIGHTS = 10,             /* of the scale */
    TAP_ONE = 4096,
    TAP_SUM = 8 * TAP_ONE,    /* largest sum of |taps| */
    WIDE_TAP_SUM = 32 * TAP_ONE, /* the same where sums have 64 bits */
    WEIGHT_SUM = 1980,        /* largest weighted number of neighbours, keeps the scale in 31 bits */
    PAD = 16,                 /* columns on either side of a plane in memory */
    ROWS_ABOVE = 3,
    BLOCK = 16,               /* pixels that a decoder prepares at once */
    NARROW = 1 << 14,         /* |value| below: sums of 32 bits do */
    FAR = 1 << 26,            /* |value| at which a pixel is stored apart */
    ERROR_LIMIT = 1 << 20,    /* errors, in 1/16, are clipped here */
    COPY_CONTEXTS = 128,      /* 64 for W, 64 for N */
};

enum {
    AE_OK = 0,
    AE_MEMORY = -1,
    AE_CORRUPT = -2,
    AE_RANGE = -3,            /* a value does not fit the output */
    AE_UNFIT = -4,            /* the form does not serve this tile */
    AE_DIFFERS = -5,          /* verification failed */
};

enum { METHOD_CONSTANT, METHOD_PACKED, METHOD_CODED };
enum { EFFORT_DEFAULT, EFFORT_HIGH };

/* How a tile's integers are coded: all that is sent besides the symbols. */
typedef struct {
    int taps_count, above, serial;           /* taps in all, of rows above, of the own row */
    int by_parity;                           /* four sets of taps, chosen by (y & 1, x & 1) */
    int wide;                                /* sums need 64 bits */
    int adapt, bias, rate, down;             /* high effort: NLMS, bias contexts; step size, scaling */
    int mix, repeats;                        /* a mixture of tables; two more where pixels repeat */
    int16_t taps[4][MAX_TAPS];               /* own row first, then rows above, by distance */
    int32_t weight[WEIGHTS];
    int first_class, last_class;
    uint8_t scale[CLASSES], shape[CLASSES], own[CLASSES];
    uint8_t histogram[CLASSES][SYMBOLS];
    int copies;                              /* copy flags are in use */
    uint16_t copy[COPY_CONTEXTS];            /* probability of a copy; 0: no flag is coded */
} Model;

/* memory.c */
void *take(size_t size);
void *take_zeros(size_t count, size_t each);
void give(void *block);

/* tables.c */
typedef struct {
    uint16_t start[SYMBOLS + 1];
    uint16_t freq[SYMBOLS];
} Table;

/* x / freq is x * factor >> 32 >> shift, for x below 2^31 and freq above 1. */
typedef struct { uint32_t factor, shift; } Reciprocal;

extern Reciprocal reciprocals[PROB_ONE + 1];

void tables_init(void);
int coarse_offset(int offset, int scale);
const Table *frozen_table(int scale, int shape, int offset);
const float *frozen_cost(int scale, int shape, int offset);
void sent_table(const uint8_t *histogram, Table *table);
uint8_t count_code(uint32_t count);
float frequency_bits(int freq);

/* neighbours */
extern const int8_t HOOD[MAX_TAPS][2];
void model_hood(Model *m, int taps_count, int h);

/* Padded planes of the encoder: row y starts at (y + ROWS_ABOVE) * stride + PAD. */
typedef struct {
    int h, w;
    ptrdiff_t stride;
    int32_t *v, *e;           /* values; clipped errors in 1/16 */
    int32_t *mean;            /* predicted, in 1/16, h * w */
    int32_t *moved;           /* |how far NLMS moved the mean|, h * w; high effort only */
    const uint8_t *valid;     /* or NULL */
} Plane;

#define ROW(plane, data, y) ((data) + ((ptrdiff_t)(y) + ROWS_ABOVE) * (plane)->stride + PAD)

/* fit.c */
double fit_taps(Model *m, const Plane *p, int every, double least);
void fit_scale(Model *m, const Plane *p);

/* the two directions */
/* Where a pixel's levels lie: level k at (k * step + shift) / 4096 common steps.  Of dithered
 * integers the shift differs, of integers taken over from fpack both do.  The plane then holds
 * quarters of common steps, and only a symbol is counted in the pixel's own levels. */
typedef struct {
    const int64_t *step;      /* 2048 to 2^30, or NULL: 4096 */
    const int64_t *shift;     /* below 2^48 in magnitude; NULL: no grid */
} Grid;

typedef struct {
    int effort;
    const int64_t *levels;    /* sorted; the tile may be coded as ranks in it */
    int64_t level_count;
    int verify;
} Options;

size_t ae_bound(int64_t area);
int64_t ae_encode(const void *k, int bytes_each, const uint8_t *valid, int h, int w, Grid grid,
                  const Options *options, uint8_t *out, size_t room);
int ae_decode(const uint8_t *data, size_t size, const uint8_t *valid, int h, int w, Grid grid,
              const int64_t *levels, int64_t level_count, void *k, int bytes_each);
void ae_init(void);

/* pixels.c */
enum { ORDERS = 3 }; /* of differences that measure the noise */
extern const double noise_factors[ORDERS];

double ae_noise(const void *v, int bytes_each, const uint8_t *good, int64_t rows, int64_t w);
int ae_quantize(const void *v, int bytes_each, const double *dither, int64_t n, double scale, double zero,
                void *k, int k_bytes);
void ae_dequantize(const void *k, int k_bytes, const double *dither, int64_t n, const double *scale,
                   const double *zero, int each, void *v, int bytes_each);

/* floats.c */
/* What the ordinary floats of a tile have in common. */
typedef struct {
    int64_t zeros; /* how many are 0 */
    int drop;      /* low bits of the mantissa that are 0 in all */
    int unit;      /* all are multiples of 2^unit; large where all are 0 */
    int top;       /* exponent of the largest */
} FloatSurvey;

typedef struct { int p, drop, unit; } FloatSplit;

typedef struct {
    int32_t *k, *zeros, *copies, *near;
    int64_t *near_count;
    int64_t w;
    uint8_t *low;
    size_t room;
} FloatParts;

int64_t ae_float_survey(const void *v, int bytes_each, int64_t n, uint8_t *good, FloatSurvey *s);
int64_t ae_float_split(const void *v, int bytes_each, const uint8_t *good, int64_t n, const FloatSplit *s,
                       const FloatParts *to);
int ae_float_join(const FloatParts *from, const uint8_t *good, int64_t n, const FloatSplit *s, int bytes_each,
                  void *v);
/* compare.c */
int ae_within(const void *v, const void *d, int bytes_each, int64_t n, double half, int keep_zeros,
              double *largest);
int ae_within_integers(const void *v, const void *d, int bytes_each, int64_t n, uint64_t half,
                       int has_blank, int64_t blank, uint64_t *largest);

#endif
