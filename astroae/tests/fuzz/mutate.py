"""Ways to damage a file: by chance, and as somebody would who knows the format."""

import zlib

import numpy as np

CARD, BLOCK = 80, 2880
SHARED = 49  # offset of that column in a row; LATENT may follow
#: Numbers that break arithmetic: signs, ends of types, sizes that no file has.
NASTY = (-1, 0, 1, 2, 3, 7, 31, 32, 33, 255, 256, 999, 1000, 65536, 2**31 - 1, 2**31, 2**32)
NASTY += (-(2**31), 2**40, 2**62, 2**63 - 1, -(2**63))
#: The last are enough to overflow, or to fill a machine.
FLOATS = ("0.0", "-1.0", "1E-300", "1E300", "NaN", "-0.5", "1E-5", "3")


class Parts:
    """Where things stand in the first compressed image of a file.

    Attributes
    ----------
    cards : list of int
        Offsets of the cards of the table's header, END left out.
    rows, heap, stop : int
        Offsets of the row table, of the heap, and of its end.
    width, count : int
        Bytes of a row, and number of rows.
    """

    def __init__(self, content):
        mark = content.index(b"AEIMAGE ")
        start = content.rindex(b"XTENSION", 0, mark)
        end = content.index(b"END".ljust(CARD), start)
        self.cards = list(range(start, end, CARD))
        self.rows = start + -(-(end + CARD - start) // BLOCK) * BLOCK
        self.width = self._number(content, b"NAXIS1")
        self.count = self._number(content, b"NAXIS2")
        self.heap = self.rows + self.width * self.count
        self.stop = self.heap + self._number(content, b"PCOUNT")

    def _number(self, content, key):
        at = next(at for at in self.cards if content.startswith(key.ljust(8), at))
        return int(content[at + 10 : at + 30])

    def row(self, i):
        """Offset of row ``i``."""
        return self.rows + i * self.width

    def stream(self, content, i):
        """Start and stop of the coded bytes of row ``i``; STREAM is the first column."""
        size, offset = np.frombuffer(content, ">i4", 2, self.row(i)).tolist()
        return self.heap + offset, self.heap + offset + size


def mutate(content, rng):
    """A damaged copy of a file.

    Parameters
    ----------
    content : bytes
        Of a whole compressed file.
    rng : `numpy.random.Generator`

    Returns
    -------
    bytes
    names : list of str
        What was done.
    """
    parts, data, names = Parts(content), bytearray(content), []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        way = WAYS[rng.integers(len(WAYS))]
        try:
            data = way(data, parts, rng)
        except (IndexError, ValueError):  # an earlier way took away what this one damages
            continue
        names.append(way.__name__.lstrip("_"))
    return bytes(data), names


def _somewhere(parts, rng):
    """An offset: header, rows and heap alike, though the heap is the largest."""
    lo, hi = (
        (parts.cards[0], parts.rows),
        (parts.rows, parts.heap),
        (parts.heap, parts.stop),
    )[rng.integers(3)]
    return int(rng.integers(lo, max(hi, lo + 1)))


def _flip_bits(data, parts, rng):
    for _ in range(rng.integers(1, 9)):
        data[_somewhere(parts, rng)] ^= 1 << int(rng.integers(8))
    return data


def _overwrite(data, parts, rng):
    at, n = _somewhere(parts, rng), int(rng.integers(1, 40))
    data[at : at + n] = rng.bytes(len(data[at : at + n]))
    return data


def _fill(data, parts, rng):
    at, n = _somewhere(parts, rng), int(rng.integers(1, 400))
    data[at : at + n] = bytes([int(rng.choice([0, 32, 255]))]) * len(data[at : at + n])
    return data


def _truncate(data, parts, rng):
    return data[: int(rng.integers(parts.cards[0], len(data)))]


def _cut_out(data, parts, rng):
    at, n = _somewhere(parts, rng), int(rng.choice([1, 4, 80, 2880]))
    del data[at : at + n]
    return data


def _insert(data, parts, rng):
    at, n = _somewhere(parts, rng), int(rng.choice([1, 4, 80, 2880]))
    data[at:at] = rng.bytes(n)
    return data


def _swap_rows(data, parts, rng):
    a, b = (parts.row(int(i)) for i in rng.integers(parts.count, size=2))
    w = parts.width
    data[a : a + w], data[b : b + w] = data[b : b + w], data[a : a + w]
    return data


def _copy_row(data, parts, rng):
    a, b = (parts.row(int(i)) for i in rng.integers(parts.count, size=2))
    data[a : a + parts.width] = data[b : b + parts.width]
    return data


def _swap_streams(data, parts, rng):
    """Descriptors only: other coded bytes for the same tile."""
    a, b = (parts.row(int(i)) for i in rng.integers(parts.count, size=2))
    data[a : a + 8], data[b : b + 8] = data[b : b + 8], data[a : a + 8]
    return data


def _descriptor(data, parts, rng):
    """Length or offset of a stream, or of the image record, that lies."""
    row = parts.row(int(rng.integers(parts.count)))
    at = row + int(rng.choice([0, 4, SHARED, SHARED + 4]))
    value = int(rng.choice(NASTY[:18]))
    if rng.random() < 0.4:
        value = int.from_bytes(data[at : at + 4], "big") + int(rng.integers(-5, 6))
    data[at : at + 4] = (value % 2**32).to_bytes(4, "big")
    return data


def _row_value(data, parts, rng):
    """A number of a row that lies: method, checksums, scale, zero."""
    at = parts.row(int(rng.integers(parts.count))) + int(rng.integers(8, parts.width - 8))
    value = np.float64(rng.choice([0, 1, -1, 1e300, np.nan, np.inf, 1e-300, 0.5])).tobytes()[::-1]
    data[at : at + 8] = rng.choice([value, b"\0" * 8, b"\xff" * 8, rng.bytes(8)])
    return data


def _keyword(data, parts, rng):
    """A value of the table's own cards that lies."""
    at = int(rng.choice(parts.cards))
    text = bytes(data[at + 10 : at + 30]).strip()
    if text.startswith(b"'"):
        value = rng.choice(["'1QB(9)  '", "'1PB     '", "'9D      '", "'lossless'", "'x       '"])
    elif b"." in text:
        value = rng.choice(FLOATS)
    else:
        value = str(NASTY[rng.integers(len(NASTY))])
    data[at + 10 : at + 30] = str(value).rjust(20).encode()
    return data


def _sizes(data, parts, rng):
    """Axes and tiles that lie together, so that the number of tiles still fits."""
    factor = int(rng.choice([2, 3, 10, 1000, 2**20, 2**30]))
    axis = int(rng.integers(1, 3))
    for key in (f"AENAXIS{axis}", f"AETILE{axis}"):
        for at in parts.cards:
            if data[at : at + 8] == key.ljust(8).encode():
                value = min(int(data[at + 10 : at + 30]) * factor, 10**18)
                data[at + 10 : at + 30] = str(value).rjust(20).encode()
    return data


def _own_number(data, parts, rng):
    """One of astroae's own whole numbers, off by a little."""
    chosen = [at for at in parts.cards if data[at : at + 2] == b"AE"]
    at = int(rng.choice(chosen))
    value = int(data[at + 10 : at + 30]) + int(rng.choice([-8, -2, -1, 1, 2, 8]))
    data[at + 10 : at + 30] = str(value).rjust(20).encode()
    return data


def _card(data, parts, rng):
    """A card dropped, doubled, or moved."""
    a, b = (int(at) for at in rng.choice(parts.cards, size=2))
    kind = rng.integers(3)
    if kind == 0:
        data[a : a + CARD] = b" " * CARD
    elif kind == 1:
        data[a : a + CARD] = data[b : b + CARD]
    else:
        data[a : a + CARD], data[b : b + CARD] = data[b : b + CARD], data[a : a + CARD]
    return data


def _forge_stream(data, parts, rng):
    """Coded bytes changed, their checksum made right: the decoder itself is met."""
    i = int(rng.integers(parts.count))
    start, stop = parts.stream(data, i)
    for _ in range(rng.integers(1, 5)):
        # The first bytes say most: half of the changes fall there.
        end = min(start + 40, stop) if rng.random() < 0.5 else stop
        data[int(rng.integers(start, end))] = int(rng.integers(256))
    return _reseal(data, parts, i)


def _forge_length(data, parts, rng):
    """Coded bytes cut short, their checksum made right."""
    i = int(rng.integers(parts.count))
    start, stop = parts.stream(data, i)
    size = int(rng.integers(0, stop - start + 1))
    data[parts.row(i) : parts.row(i) + 4] = size.to_bytes(4, "big")
    return _reseal(data, parts, i)


def _reseal(data, parts, i):
    start, stop = parts.stream(data, i)
    if not parts.heap <= start <= stop <= parts.stop:
        raise ValueError("the descriptor was damaged before")
    at = parts.row(i) + 9  # behind the descriptor and METHOD; stored with TZERO = 2**31
    stored = (zlib.crc32(data[start:stop]) - 2**31) % 2**32
    data[at : at + 4] = stored.to_bytes(4, "big")
    return data


def _forge_record(data, parts, rng):
    """The image record changed in both its copies, with its checksum."""
    size, at = np.frombuffer(data, ">i4", 2, parts.row(0) + SHARED).tolist()
    record = bytearray(data[parts.heap + at + 4 : parts.heap + at + size])
    for _ in range(rng.integers(1, 5)):
        end = min(40, len(record)) if rng.random() < 0.5 else len(record)
        record[int(rng.integers(end))] = int(rng.integers(256))
    sealed = zlib.crc32(record).to_bytes(4, "big") + record
    for row in (0, parts.count - 1):
        _, at = np.frombuffer(data, ">i4", 2, parts.row(row) + SHARED).tolist()
        data[parts.heap + at : parts.heap + at + size] = sealed
    return data


WAYS = (
    _flip_bits,
    _overwrite,
    _fill,
    _truncate,
    _cut_out,
    _insert,
    _swap_rows,
    _copy_row,
    _swap_streams,
    _descriptor,
    _row_value,
    _keyword,
    _sizes,
    _own_number,
    _card,
    _forge_stream,
    _forge_length,
    _forge_record,
)
