"""Work on many tiles with a few threads, results in order."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor


def in_parallel(work, items, threads=None, progress=None):
    """Yield ``work(item)`` for each item, in order, computed a few ahead.

    Parameters
    ----------
    work : callable
    items : sequence, or iterable with ``len``
        Taken one by one, in the caller's thread, as the work goes on.
    threads : int, optional
        As many as there are cores by default.
    progress : callable, optional
        Called with (done, all) after each.
    """
    count = len(items)
    threads = min(threads or os.cpu_count() or 1, count)
    results = _ahead(work, items, threads) if threads > 1 else map(work, items)
    for done, result in enumerate(results, 1):
        if progress:
            progress(done, count)
        yield result


def _ahead(work, items, threads):
    waiting = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
