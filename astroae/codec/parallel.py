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
    threads = min(threads or os.cpu_count() or 1, len(numbers))
    if threads <= 1:  # a pool takes longer to start than a small tile
        for done, i in enumerate(numbers, 1):
            result = work(i)
            if progress:
                progress(done, len(numbers))
            yield result
        return
    waiting, done = deque(), 0
    with ThreadPoolExecutor(threads) as pool:
        ahead = iter(numbers)
        while done < len(numbers):
            while len(waiting) <= 2 * threads and (i := next(ahead, None)) is not None:
                waiting.append(pool.submit(work, i))
            result = waiting.popleft().result()
            done += 1
            if progress:
                progress(done, len(numbers))
            yield result
