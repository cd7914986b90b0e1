"""Blocks decompressed by two threads, a little ahead of who takes them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

THREADS = 2
AHEAD = 8
"""Pieces of work that are under way, or done and not yet taken: bounds the memory."""
W = TypeVar("W")
R = TypeVar("R")


def in_order(
    work: Iterable[W], do: Callable[[W], R], is_work: Callable[[W], bool]
) -> Iterator[tuple[W, R | None]]:
    """Everything in ``work`` in its order, with ``do`` of it when ``is_work``. ``do`` raises nothing."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS, thread_name_prefix="block") as pool:
        waiting: deque[tuple[W, Future[R] | None]] = deque()
        busy = 0
        try:
            for one in work:
                future = pool.submit(do, one) if is_work(one) else None
                waiting.append((one, future))
                busy += future is not None
                while busy >= AHEAD:
                    done, future = waiting.popleft()
                    busy -= future is not None
                    yield done, future.result() if future else None
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result() if future else None
        finally:
            for _, future in waiting:
                if future:
                    future.cancel()
