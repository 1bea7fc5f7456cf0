"""Split floats once more in plain Python integers, pixel by pixel."""

import numpy as np

from astroae.core.floats import BIAS, MANTISSA, Parts

__all__ = ["join", "split"]


class _Bits:
    """Numbers behind each other from the low end, as one long integer."""

    def __init__(self, data=b""):
        self.held, self.count = int.from_bytes(data, "little"), 0

    def put(self, number, n):
        self.held |= number << self.count
        self.count += n

    def get(self, n):
        number = self.held >> self.count & (1 << n) - 1
        self.count += n
        return number

    def bytes(self):
        return self.held.to_bytes(-(-self.count // 8), "little")


def _below(how, here, most):
    """(bits below 2^p, how many of them lie below the unit) of a significand."""
    below = min(max(how.p - here, 0), most)
    return below, min(max(how.unit - here, 0), below)


def _trailing(number, n):
    return n if not number else (number & -number).bit_length() - 1


def split(values, good, how, zeros=False, copies=False):
    """As `astroae.core.floats.split`."""
    size, w = values.itemsize, values.shape[-1]
    width, bias = MANTISSA[size] - how.drop, BIAS[size]
    words = [int(word) for word in values.reshape(-1).view(f"u{size}")]
    good = [True] * len(words) if good is None else good.reshape(-1).tolist()
    k, near, bits = [0] * len(words), [], _Bits()
    counted, copied = [0] * len(words), [0] * len(words)
    for i, word in enumerate(words):
        if not good[i]:
            continue
        negative = word >> 8 * size - 1
        y = ((word & (1 << 8 * size - 1) - 1) >> how.drop) - negative
        e, m = y >> width, y & (1 << width) - 1 | (y >> width > 0) << width
        here = max(e, 1) - bias - width
        inner = m >> how.p - here if how.p >= here else m << here - how.p
        k[i] = ~inner if negative else inner
        if copies:
            before = i % w > 0 and good[i - 1] and words[i - 1] == word
            copied[i] = 1 if before else 2 * (i >= w and good[i - w] and words[i - w] == word)
        if copied[i] or how.whole:
            continue
        if not inner:
            near.append(how.p + bias - e if y else 0)
            if not y:
                continue
        below, known = _below(how, here, width)
        n = below - known
        low = (~m if negative else m) >> known & (1 << n) - 1
        if zeros:
            counted[i] = _trailing(low, n)
            low, n = low >> counted[i] + 1, max(n - counted[i] - 1, 0)
        bits.put(low, n)
    planes = (np.array(plane, np.int32).reshape(values.shape) for plane in (k, counted, copied))
    k, counted, copied = planes
    near = np.array(near, np.int32)
    return Parts(k, near, bits.bytes(), counted if zeros else None, copied if copies else None)


def join(parts, good, how, dtype):
    """As `astroae.core.floats.join`, of parts that make sense."""
    size, w = np.dtype(dtype).itemsize, parts.k.shape[-1]
    width, bias = MANTISSA[size] - how.drop, BIAS[size]
    bits, near, words = _Bits(parts.low), iter(parts.near.tolist()), []
    for i, k in enumerate(parts.k.reshape(-1).tolist()):
        if good is not None and not good.reshape(-1)[i]:
            words.append(0)
            continue
        copied = 0 if parts.copies is None else int(parts.copies.reshape(-1)[i])
        if copied:
            words.append(words[-1 if copied == 1 else -w])
            continue
        negative, inner = k < 0, ~k if k < 0 else k
        if inner:
            shift = width + 1 - inner.bit_length()
            e, m = how.p - shift + bias + width, inner << shift if shift > 0 else inner >> -shift
            here, n = how.p - shift, max(shift, 0)
        elif how.whole:
            y = (how.p + bias << width) - 1 if negative else 0
            words.append((y + negative << how.drop) | negative << 8 * size - 1)
            continue
        else:
            less = next(near)
            e, m = how.p + bias - less if less else 0, 0
            here, n = max(e, 1) - bias - width, width if less else 0
        below, known = _below(how, here, n)
        n = below - known
        if parts.zeros is None:
            low = bits.get(n)
        else:
            skipped = int(parts.zeros.reshape(-1)[i])
            low = 0 if skipped == n else (bits.get(n - skipped - 1) << 1 | 1) << skipped
        if negative:
            low, m = low ^ (1 << n) - 1, m | (1 << known) - 1
        y = e << width | (m | low << known) & (1 << width) - 1
        words.append((y + negative << how.drop) | negative << 8 * size - 1)
    return np.array(words, f"u{size}").view(dtype).reshape(parts.k.shape)
