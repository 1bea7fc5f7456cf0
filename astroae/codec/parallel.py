"""Work on many tiles with a few threads, results in order."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor


def in_parallel(work, numbers, threads=None, progress=None):
    """Yield ``work(i)`` for each number, in order, computed a few ahead.

    Parameters
    ----------
    work : callable
    numbers : iterable of int
    threads : int, optional
        As many as there are cores by default.
    progress : callable, optional
        Called with (done, all) after each.
    """
    numbers = [int(i) for i in numbers]
    threads = threads or os.cpu_count() or 1
    waiting, done = deque(), 0
    with ThreadPoolExecutor(max(1, min(threads, len(numbers)))) as pool:
        ahead = iter(numbers)
        while done < len(numbers):
            while len(waiting) <= 2 * threads and (i := next(ahead, None)) is not None:
                waiting.append(pool.submit(work, i))
            result = waiting.popleft().result()
            done += 1
            if progress:
                progress(done, len(numbers))
            yield result
