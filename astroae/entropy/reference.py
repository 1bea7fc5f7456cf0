"""The decoders of `astroae.core` in plain Python: slow, short, the format's executable form.

Names follow ``core/FORMAT.rst``, which describes the bytes.  Python's integers have no
width, so nothing can overflow; ``>>`` rounds down, ``&`` takes bits.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

import numpy as np

HOOD = [  # (y, x) of the neighbours whose taps are sent, nearest first
    *[(0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-2, -1), (-2, 1), (-1, -2)],
    *[(-1, 2), (-2, -2), (-2, 2), (0, -3), (-3, 0), (-3, -1), (-3, 1), (-1, -3), (-1, 3)],
    *[(-3, -2), (-3, 2), (-2, -3), (-2, 3), (0, -4), (-1, -4), (-1, 4), (-3, -3), (-3, 3)],
    *[(-2, -4), (-2, 4), (0, -5), (-3, -4), (-3, 4), (-1, -5), (-1, 5)],
]
LINE = [(0, -1 - i) for i in range(8)]  # of a tile of one row
RINGS = {  # neighbours whose errors share a weight
    1: [(-1, 0)],
    2: [(-1, -1), (-1, 1)],
    3: [(-2, 0), (0, -2)],
    4: [(-2, -1), (-2, 1), (-1, -2), (-1, 2)],
    5: [(-2, -2), (-2, 2), (-3, 0), (-3, -1), (-3, 1), (-1, -3), (-1, 3), (0, -3)],
    6: [(0, -1)],
}
CONSTANT, PACKED, CODED = range(3)
FAR, NARROW = 1 << 26, 1 << 14
ERROR_LIMIT, MEAN_LIMIT, LOW = 1 << 20, 16 * FAR - 1, 1 << 15
ESCAPE, MIDDLE, SCALES = 63, 31, 31
MOST_TAPS, TAP_SUM, WEIGHT_SUM, CLASSES = 34, (8 * 4096, 32 * 4096), 1980, 100
PAD = 16  # columns outside
ONE, PLACES = 32704, np.arange(64)  # a mixture's sum of probabilities; its symbols


class Corrupt(ValueError):
    """Bytes that no encoder wrote."""


def check(good):
    if not good:
        raise Corrupt("the coded integers make no sense")


class Bits:
    """Bits of a string of bytes, from the low end of each."""

    def __init__(self, data):
        self.held, self.left = int.from_bytes(data, "little"), 8 * len(data)

    def get(self, n):
        check(n <= self.left)
        value, self.held, self.left = self.held & ((1 << n) - 1), self.held >> n, self.left - n
        return value

    def unary(self, most):
        n = 0
        while self.get(1):
            n += 1
            check(n <= most)
        return n

    def rice(self, k, most):
        value = self.unary(most >> k) << k | self.get(k)
        check(value <= most)
        return value

    def numbers(self, n, most):
        k = self.get(4) if n else 0
        return [self.rice(k, most) for _ in range(n)]

    def escape(self):
        n = self.unary(30)
        return unzigzag((1 << n | self.get(n)) - 1)

    def finish(self):
        check(self.left < 8 and self.held == 0)


def unzigzag(z):
    return z >> 1 ^ -(z & 1)


def varint(data, at):
    value = shift = 0
    while True:
        check(at < len(data) and shift < 64)
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value & (2**64 - 1), at


def signed(v):
    """The lowest 64 bits as a signed number."""
    return (v + 2**63) % 2**64 - 2**63


def clip(v, limit):
    return max(-limit, min(limit, v))


# ---- tables of frequencies -------------------------------------------------------------


@lru_cache(maxsize=1)
def tails():
    with (files("astroae.core") / "tails.npy").open("rb") as file:
        return np.load(file).tolist()


def upper_tail(n, scale, shape):
    """Probability, in 2^-30, of lying above n / 16 steps."""
    place = abs(n) * ((4194304, 3526975, 2965821, 2493948)[scale & 3] >> (scale >> 2))
    i, part, row, tail = place >> 16, place & 65535, tails()[shape], 0
    if i + 1 < len(row):
        tail = row[i] - ((row[i] - row[i + 1]) * part >> 16)
    return 2**30 - tail if n < 0 else tail


def coarse(offset, scale):
    step = 1 if scale < 14 else 2 if scale < 20 else 4 if scale < 26 else 0
    return (offset + step // 2) // step * step if step else 0


@lru_cache(maxsize=2000)
def frozen(scale, shape, offset):
    """Frequencies of the 64 symbols, of sum 4096."""
    edges = [upper_tail(16 * s - 8 - offset, scale, shape) for s in range(-MIDDLE, MIDDLE + 2)]
    q = [a - b for a, b in zip(edges, edges[1:])]
    escape = 2**30 - edges[0] + edges[-1] + sum(p for p in q if p < 78643)
    q = [p if p >= 78643 else 0 for p in q] + [escape]
    freq = [max(1, (p + 2**17) >> 18) if p or s == ESCAPE else 0 for s, p in enumerate(q)]
    while (over := sum(freq) - 4096) != 0:
        if over > 0:  # take where it costs least; the first of equals
            s = max(
                (s for s in range(64) if freq[s] > 1), key=lambda s: _Ratio(2 * freq[s] - 1, q[s])
            )
            freq[s] -= 1
        else:
            s = max((s for s in range(64) if freq[s]), key=lambda s: _Ratio(q[s], 2 * freq[s] + 1))
            freq[s] += 1
    return freq


class _Ratio:
    """Ratios compared without division."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __gt__(self, other):
        return self.a * other.b > other.a * self.b

    def __lt__(self, other):
        return other > self


def sent(histogram):
    """Frequencies of a histogram that was sent."""
    count = [(4 + (c - 1 & 3)) << (c - 1 >> 2) if c else 0 for c in histogram]
    count[ESCAPE] = count[ESCAPE] or 1
    freq = [1 + c * (4096 - 64) // sum(count) if c else 0 for c in count]
    freq[freq.index(max(freq))] += 4096 - sum(freq)
    return freq


# ---- the model -------------------------------------------------------------------------


@dataclass
class Model:
    """What is sent besides the symbols."""

    hood: list
    by_parity: int = 0
    wide: int = 0
    adapt: int = 0
    bias: int = 0
    copies: int = 0
    mix: int = 0
    repeats: int = 0
    rate: int = 0
    down: int = 0
    taps: list = field(default_factory=list)  # [set][neighbour]
    weight: list = field(default_factory=list)
    first: int = 0
    last: int = 0
    table: dict = field(default_factory=dict)  # class -> (scale, shape) or frequencies
    copy: list = field(default_factory=lambda: [0] * 128)


def class_shift(c):
    return 0 if c - 4 < SCALES else (c - 4 - SCALES) // 4 + 1


def read_model(data, h):
    b = Bits(data)
    count = b.get(6)
    check(count <= (len(LINE) if h == 1 else MOST_TAPS))
    near = (LINE if h == 1 else HOOD)[:count]
    m = Model(sorted(near, key=lambda place: place[0] < 0))  # own row first
    m.by_parity, m.wide, m.adapt, m.bias, m.copies, m.mix = (b.get(1) for _ in range(6))
    m.repeats = b.get(1) if m.mix else 0
    check(h > 1 or not (m.adapt or m.bias or m.mix))
    if m.adapt or m.bias:
        m.rate, m.down = b.get(2), b.get(4)
        check(m.down <= 12)
    for _ in range(4 if m.by_parity else 1):
        sent_taps = b.numbers(min(count, 5), 65535) + b.numbers(max(count - 5, 0), 65535)
        m.taps.append([(unzigzag(z) + 2**15) % 2**16 - 2**15 for z in sent_taps])
        check(sum(map(abs, m.taps[-1])) <= TAP_SUM[m.wide])
    m.taps *= 1 if m.by_parity else 4
    m.weight = b.numbers(10, 65535)
    check(sum(n * w for n, w in zip((0, 1, 2, 2, 4, 8, 1, 2, 1, 1), m.weight)) <= WEIGHT_SUM)
    read_classes(b, m)
    if m.copies:
        m.copy = [b.get(12) if b.get(1) else 0 for _ in m.copy]
    b.finish()
    return m


def read_classes(b, m):
    m.first, m.last, moved = b.get(7), b.get(7), 0
    check(m.first <= m.last < CLASSES)
    for c in range(m.first, m.last + 1):
        moved += unzigzag(b.rice(1, 4 * SCALES))
        scale, shape = max(0, c - 4 - 4 * class_shift(c)) + moved, 2
        check(0 <= scale < SCALES)
        if b.get(1):
            shape = b.get(2)
            shape += shape >= 2
        m.table[c] = (scale, shape)
    if b.get(1):
        for c in range(m.first, m.last + 1):
            if b.get(1):
                m.table[c] = sent(read_histogram(b))


def read_histogram(b):
    first, last, count, histogram = b.get(6), b.get(6), 20, [0] * 64
    for s in range(first, last + 1):
        count += unzigzag(b.rice(2, 256))
        check(0 <= count <= 128)
        histogram[s] = count
    return histogram


# ---- symbols ---------------------------------------------------------------------------


class Lane:
    """Words and raw bits of the even or the odd rows; two states, by x & 1."""

    def __init__(self, words, raw):
        check(len(words) >= 8 and len(words) % 2 == 0)
        self.state = [int.from_bytes(words[i : i + 4], "little") for i in (0, 4)]
        self.words, self.at, self.raw = words, 8, Bits(raw)

    def symbol(self, freq, x):
        state = self.state[x & 1]
        place, start, s = state & 4095, 0, 0
        while place >= start + freq[s]:
            start, s = start + freq[s], s + 1
        state = (freq[s] * (state >> 12) + place - start) % 2**32
        if state < LOW:
            check(self.at < len(self.words))
            state = state << 16 | int.from_bytes(self.words[self.at : self.at + 2], "little")
            self.at += 2
        self.state[x & 1] = state
        return s

    def finish(self):
        self.raw.finish()
        check(self.at == len(self.words) and self.state == [LOW, LOW])


class Symbols:
    """Symbols of given frequencies, for coders with tables of their own."""

    def __init__(self, data):
        check(len(data) > 0 and data[0] > 0)
        self.data, self.at, self.state = data, 0, 0
        self.refill()

    def refill(self):
        while self.state < 1 << 23 and self.at < len(self.data):
            self.state, self.at = self.state << 8 | self.data[self.at], self.at + 1

    def pop(self, start, freq):
        self.state = freq * (self.state >> 16) + (self.state & 65535) - start
        self.refill()

    def get(self, freq, n):
        """``n`` symbols of one list of frequencies, of sum 65536."""
        found = []
        for _ in range(n):
            place, start, s = self.state & 65535, 0, 0
            while place >= start + freq[s]:
                start, s = start + freq[s], s + 1
            self.pop(start, freq[s])
            found.append(s)
        return found

    def get_bits(self, n, count):
        """``count`` numbers of ``n`` bits."""
        found = [0] * count
        for at in range(0, n, 16):
            size = 65536 >> min(n - at, 16)
            for i in range(count):
                part = (self.state & 65535) // size
                self.pop(part * size, size)
                found[i] |= part << at
        return found

    def finish(self):
        check(self.state == 65536)  # below 2^23, no byte is left


class Grid:
    """A plane with columns outside and rows above."""

    def __init__(self, h, w, outside):
        self.w, self.outside = w, outside
        self.rows = {y: [0] * (w + 2 * PAD) for y in range(-3, h)}

    def begin(self, y):
        left = self.rows[y - 1][PAD] if y else self.outside
        self.rows[y][:PAD] = [left] * PAD

    def end(self, y, line=False):
        self.rows[y][PAD + self.w :] = [self.rows[y][PAD + self.w - 1]] * PAD
        if y == 0 and not line:  # rows above the first are copies of it
            for above in (-1, -2, -3):
                self.rows[above] = list(self.rows[0])

    def __getitem__(self, place):
        return self.rows[place[0]][PAD + place[1]]

    def __setitem__(self, place, value):
        self.rows[place[0]][PAD + place[1]] = value


class Adapt:
    """NLMS on what the taps leave, then a bias per context."""

    def __init__(self, m, h, w):
        self.m, self.r = m, Grid(h, w, 0)
        self.weight, self.spread, self.step, self.moved = [0] * 48, 64 << 8, 0, 0
        self.sum, self.count, self.correction = [0] * 2048, [0] * 2048, [0] * 2048

    def inputs(self, v, y, x, p):
        past = [(0, -8, 0), (-1, -4, 4), (-2, -4, 4), (-3, -4, 4)]
        z = [self.r[y + dy, x + dx] for dy, low, high in past for dx in range(low, high)]
        near = [(0, -4, 0), (-1, -3, 5), (-2, -2, 2)]
        places = [(y + dy, x + dx) for dy, low, high in near for dx in range(low, high)]
        return z + [clip((v[at] * 16 - p) >> self.m.down, 4095) for at in places]

    def mean(self, v, e, y, x, p):
        self.step, self.z = 0, None
        if self.m.adapt:
            self.z = self.inputs(v, y, x, p)
            self.norm = sum(z * z >> 4 for z in self.z) // 3 + 16
            self.step = (sum((w >> 15) * z for w, z in zip(self.weight, self.z)) + 4096) >> 13
        self.base = clip(p + (self.step << self.m.down), MEAN_LIMIT)
        self.moved = min(abs(p - self.base), ERROR_LIMIT)
        if not self.m.bias:
            return self.base
        w, n, up2 = v[y, x - 1], v[y - 1, x], v[y - 2, x]
        tests = (w, n, v[y - 1, x - 1], v[y - 1, x + 1], v[y, x - 2], up2)
        tests += (2 * w - v[y, x - 2], 2 * n - up2)
        around = e[y, x - 1] + e[y - 1, x] + e[y - 1, x - 1] + e[y - 1, x + 1]
        octave = ((around >> self.m.down) + 1).bit_length() - 1
        self.context = sum((16 * t > self.base) << i for i, t in enumerate(tests))
        self.context |= clip(max(octave - 5, 0), 7) << 8
        return clip(self.base + self.correction[self.context], MEAN_LIMIT)

    def learn(self, v, y, x, p):
        left = clip((v[y, x] * 16 - p) >> self.m.down, 4095)
        self.r[y, x] = left
        if y == 0:
            return
        error = clip(clip(left - self.step, 4095), 6 * (self.spread >> 8) + 8)
        self.spread += (abs(error) * 256 - self.spread) >> 7
        if self.m.adapt:
            gain = clip(toward_zero(error << 18, self.norm), 1 << 17)
            moves = (gain * z * 2 >> self.m.rate for z in self.z)
            self.weight = [clip(w + move, (1 << 28) - 1) for w, move in zip(self.weight, moves)]
        if self.m.bias:
            c, most = self.context, (4 * (self.spread >> 8) + 8) << self.m.down
            self.sum[c] += clip(v[y, x] * 16 - self.base, min(most, ERROR_LIMIT))
            self.count[c] += 1
            if self.count[c] == 128:
                self.count[c], self.sum[c] = 64, toward_zero(self.sum[c], 2)
            self.correction[c] = toward_zero(self.sum[c], self.count[c] + 4)


class Mix:
    """Frequencies as a weighted mean of tables, all but one of which learn."""

    def __init__(self, m):
        self.m, self.usual, self.learnt, self.shifted = m, {}, {}, {}
        self.weight, more, first = {}, *((6, 65535 // 7) if m.repeats else (4, 65535 // 10))
        self.first_weights = [65535 - more * first] + more * [first]

    def frequencies(self, v, y, x, mean, offset, c, unit):
        middle, down = mean + 8 >> 4, unit + class_shift(c)
        g, n, nw = (c >= 20) + (c >= 26) + (c >= 32), v[y - 1, x], v[y - 1, x - 1]
        by = [v[y, x - 1] - middle >> down, n - middle >> down]
        near = tuple(clip(d, 3) for d in by)
        pairs = [(v[y, x - 1], nw), (n, nw), (v[y - 1, x + 1], n), (v[y, x - 1], v[y, x - 2])]
        pairs += [(v[y, x - 2], v[y - 1, x - 2]), (v[y - 2, x], v[y - 2, x - 1])]
        pattern = (*(a == b for a, b in pairs), x & 1, y & 1)
        place = (y & 1, x & 1) if self.m.repeats else offset >> 2
        usual = self.of_class(c if self.m.first <= c <= self.m.last else self.m.first, offset)
        keys = [("value", middle >> unit & 255, g), ("near", near, place, g)]
        self.at = [self.learnt.setdefault(key, [usual, 0]) for key in keys]
        self.at += [self.shifted.setdefault((i, pattern), [small(), 0]) for i in (0, 1)]
        if self.m.repeats:
            jump = (by[1] - by[0] & 63, *pattern[:2], x & 1, y & 1)
            steps = tuple(d - nw >> down & 31 for d in (v[y, x - 1], n))
            keys = [("corner", steps, *place), ("jump", jump)]
            self.at += [self.shifted.setdefault(key, [small(), 0]) for key in keys]
            by += [v[y, x - 1] - middle + n - nw >> down, by[0]]
        self.by, group = [0, 0] + [clip(d, 64) for d in by], pattern if self.m.repeats else g
        self.used = self.weight.setdefault(group, list(self.first_weights))
        moved = [shifted(table, d) for (table, _), d in zip(self.at, self.by)]
        self.tables = [usual, *moved]
        total = sum(table * w >> 16 for table, w in zip(self.tables, self.used))
        start = (total + (total >> 9) >> 3).tolist()
        start[0] = 0
        return [b - a for a, b in zip(start, [*start[1:], 4096])]

    def of_class(self, c, offset):
        if (c, offset) not in self.usual:
            freq = self.m.table[c]
            if isinstance(freq, tuple):
                freq = frozen(*freq, coarse(abs(offset - 8), freq[0]))
            if offset < 8:
                freq = freq[ESCAPE - 1 :: -1] + freq[ESCAPE:]
            start = 8 * np.cumsum([0, *freq[:-1]])
            self.usual[c, offset] = start - (start >> 9)
        return self.usual[c, offset]

    def learn(self, s):
        found = [
            (int(t[s + 1]) if s < ESCAPE else ONE) - (int(t[s]) if s else 0) for t in self.tables
        ]
        mean = (sum(w * f for w, f in zip(self.used, found)) >> 16) + 8
        speed = 24 if self.m.repeats else 3
        for i in range(1, len(found)):
            more = (found[i] - mean) * (2**22 // mean) >> 12
            self.used[i] = max(200, self.used[i] + (self.used[i] * more * speed >> 17))
        over = sum(self.used[1:]) - (65535 - 200)
        if over > 0:
            self.used[1 + np.argmax(self.used[1:])] -= over
        self.used[0] = 65535 - sum(self.used[1:])
        for at, d in zip(self.at, self.by):
            if at is self.at[0] or at is self.at[1] or (s < ESCAPE and 0 <= s - d < ESCAPE):
                rate = 3 + (at[1] >= 8) + (at[1] >= 24) + (at[1] >= 56)
                rate -= self.m.repeats and at[1] < 6
                target = np.where(PLACES > s - d, ONE + (1 << rate) - 1, 0)
                at[0], at[1] = at[0] + (target - at[0] >> rate), min(at[1] + 1, 255)


def small():
    """A table of differences before any was seen."""
    mass = [65536 // (10 + 3 * d * d) for d in range(-MIDDLE, MIDDLE + 1)]
    return np.cumsum([0, *mass]) * ONE // sum(mass)


def shifted(table, by):
    return np.concatenate([np.zeros(64, int), table, np.full(64, ONE)])[64 - by : 128 - by]


def toward_zero(a, b):
    return abs(a) // b * (1 if a >= 0 else -1)


def quarter_octaves(v, zero):
    """Of v > 0, 0 at 2^zero."""
    n = v.bit_length() - 1
    return 4 * (n - zero) + (v >> (n - 2) & 3)


def class_of(scale):
    return quarter_octaves(scale + 64, 6)


def step_between(a, b):
    return 16 * min(abs(a - b), ERROR_LIMIT // 16)


class Tile:
    """The pixels of a coded tile, one after the other."""

    def __init__(self, m, lanes, valid, h, w, grid=None, base=0):
        self.grid, self.base = grid, base
        self.m, self.lanes, self.valid, self.h, self.w = m, lanes, valid, h, w
        self.v, self.e = Grid(h, w, 0), Grid(h, w, 64)
        self.adapt = Adapt(m, h, w) if m.adapt or m.bias else None
        self.mix = Mix(m) if m.mix else None
        self.limit = FAR if m.wide else NARROW

    def decode(self):
        grids = [self.v, self.e] + ([self.adapt.r] if self.adapt else [])
        for y in range(self.h):
            for grid in grids:
                grid.begin(y)
            for x in range(self.w):
                self.pixel(y, x)
            for grid in grids:
                grid.end(y, line=self.h == 1 or (self.adapt and grid is self.adapt.r))
        return np.array([self.v.rows[y][PAD : PAD + self.w] for y in range(self.h)], object)

    def pixel(self, y, x):
        p = mean = self.taps_mean(y, x)
        if self.adapt and y:
            mean = self.adapt.mean(self.v, self.e, y, x, p)
        if not self.valid[y, x]:
            value = self.v[y, x - 1]
        else:
            value = self.copied(y, x) if self.m.copies and y else None
            if value is None and self.grid:
                value = self.on_grid(mean, self.scale(y, x), y, x)
            elif value is None:
                c = class_of(self.scale(y, x))
                value = (mean + 8 >> 4) + self.residual(mean, c, y, x, mean)
            check(abs(value) <= self.limit)
        self.v[y, x] = value
        self.e[y, x] = min(abs(16 * value - mean), ERROR_LIMIT)
        if self.adapt:
            self.adapt.learn(self.v, y, x, p)

    def taps_mean(self, y, x):
        taps = self.m.taps[2 * (y & 1) + (x & 1)]
        if y == 0 and self.h > 1:
            total = sum(taps) * self.v[0, x - 1]
        else:
            near = (self.v[y + dy, x + dx] for dy, dx in self.m.hood)
            total = sum(t * v for t, v in zip(taps, near))
        return clip((total + 128) >> 8, MEAN_LIMIT)

    def scale(self, y, x):
        w, v, e = self.m.weight, self.v, self.e
        if y == 0 and self.h > 1:
            return 4 * w[0] + e[0, x - 1] * sum(w[i] * len(RINGS[i]) for i in RINGS)
        total = 4 * w[0]
        for i, places in RINGS.items():
            total += w[i] * sum(e[y + dy, x + dx] for dy, dx in places)
        n = v[y - 1, x]
        total += w[7] * (step_between(n, v[y - 1, x - 1]) + step_between(n, v[y - 1, x + 1]))
        total += w[8] * step_between(v[y, x - 1], v[y - 1, x - 1])
        if self.m.adapt:
            return total + w[9] * self.adapt.moved
        return total + w[9] * step_between(n, v[y - 2, x])

    def copied(self, y, x):
        v, lane = self.v, self.lanes[y & 1]
        w, n, nw, nn = v[y, x - 1], v[y - 1, x], v[y - 1, x - 1], v[y - 2, x]
        pairs = [(w, nw), (v[y, x - 2], v[y - 1, x - 2]), (n, nw), (nn, v[y - 2, x - 1])]
        pairs += [(v[y - 1, x + 1], n), (w, v[y, x - 2])]
        context = sum((a == b) << i for i, (a, b) in enumerate(pairs))
        yes = self.m.copy[context]
        if yes and lane.symbol((yes, 4096 - yes), x) == 0:
            return w
        yes = self.m.copy[64 + context]
        if n != w and yes and lane.symbol((yes, 4096 - yes), x) == 0:
            return n
        return None

    def on_grid(self, mean, scale, y, x):
        """A residual among the pixel's own levels."""
        step, shift = (int(part[y, x]) for part in self.grid)
        place = (mean * 64 + self.base - shift) * 16 // step
        c = max(0, class_of(scale) - quarter_octaves(step, 10))
        k = (place + 8 >> 4) + self.residual(place, c, y, x, mean)
        return k * step + shift - self.base + 512 >> 10

    def residual(self, place, c, y, x, mean):
        """What is added to the rounded place, for a class."""
        if self.mix and y:
            return self.residual_mixed(place, c, y, x, mean)
        lane, offset = self.lanes[y & 1], (place + 8 & 15) - 8
        table = self.m.table[c if self.m.first <= c <= self.m.last else self.m.first]
        if isinstance(table, tuple):
            table = frozen(*table, coarse(abs(offset), table[0]))
        s, shift = lane.symbol(table, x), class_shift(c)
        low = lane.raw.get(shift)
        d = lane.raw.escape() if s == ESCAPE else s - MIDDLE
        d = (d << shift) + low - (1 << shift >> 1)
        return d if offset >= 0 else -d

    def residual_mixed(self, place, c, y, x, mean):
        lane, shift, unit = self.lanes[y & 1], class_shift(c), 2 if self.grid else 0
        table = self.mix.frequencies(self.v, y, x, mean, place + 8 & 15, c, unit)
        s = lane.symbol(table, x)
        low = lane.raw.get(shift)
        d = lane.raw.escape() if s == ESCAPE else s - MIDDLE
        self.mix.learn(d + MIDDLE if abs(d) <= MIDDLE else ESCAPE)
        return (d << shift) + low - (1 << shift >> 1)


# ---- the parts of a stream -------------------------------------------------------------


def decode(data, shape, valid=None, levels=None, grid=None):
    """Integers of a tile as `astroae.core.decode_plane` gives them, in int64.

    Parameters
    ----------
    data : bytes
    shape : tuple of int
        (y, x) or (planes, y, x).
    valid : bool ndarray, optional
    levels : sequence of int, optional
    grid : (step, shift), optional
    """
    h, w = int(np.prod(shape[:-1])), shape[-1]
    if w == 1:
        h, w = 1, h
    valid = np.ones((h, w), bool) if valid is None else np.reshape(valid, (h, w))
    check(len(data) > 0 and data[0] < 128 and (data[0] < 64 or data[0] == 64 | CODED))
    check(data[0] < 64 or grid is not None)
    method, at = data[0] & 15, 1
    base, at = varint(data, at)
    base = signed(unzigzag(base))
    check(method <= CODED)
    if method == CODED:
        if data[0] & 64:
            check(-(2**52) <= base <= 2**52)
            step = np.full(shape, 4096) if grid[0] is None else grid[0]
            grid = [np.reshape(part, (h, w)) for part in (step, grid[1])]
        else:
            grid = None
        values = coded(data, at, base, valid, grid)
    else:
        check(not data[0] & 32)
        values = flat(data, at, base, method, valid)
    if data[0] & 16:
        found = values[valid]
        check(levels is not None and all(0 <= v < len(levels) for v in found))
        values[valid] = [int(levels[v]) for v in found]
    values[~valid] = 0
    return values.astype(np.int64).reshape(shape)


def flat(data, at, base, method, valid):
    width = 0
    if method == PACKED:
        check(at < len(data) and data[at] <= 64)
        width, at = data[at], at + 1
    bits, values = Bits(data[at:]), np.zeros(valid.shape, object)
    values[valid] = [signed(base + bits.get(width)) for _ in range(int(valid.sum()))]
    bits.finish()
    return values


def coded(data, at, base, valid, grid):
    h, w = valid.shape
    shift = 0
    if data[0] & 32:
        check(at < len(data))
        shift, at = data[at], at + 1
        check(0 < shift <= 36)
    sizes = []
    for _ in range(6):
        size, at = varint(data, at)
        sizes.append(size)
    check(at + sum(sizes) <= len(data))
    parts = []
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    model, raw0, raw1, low, far, words0 = parts
    m, lanes = read_model(model, h), [Lane(words0, raw0)]
    if h > 1:
        lanes.append(Lane(data[at:], raw1))
    else:
        check(at == len(data))
        Bits(raw1).finish()
    v = Tile(m, lanes, valid, h, w, grid, base).decode()
    for lane in lanes:
        lane.finish()
    low, values = Bits(low), np.zeros((h, w), object)
    for place in zip(*np.nonzero(valid)):
        if grid:
            step, shift = (int(part[place]) for part in grid)
            values[place] = (2 * (v[place] * 1024 + base - shift) + step) // (2 * step)
        elif abs(v[place]) == FAR:
            check(len(far) >= 8)
            values[place], far = signed(int.from_bytes(far[:8], "little")), far[8:]
        else:
            values[place] = signed(base + (v[place] << shift) + low.get(shift))
    low.finish()
    check(not far)
    return values
