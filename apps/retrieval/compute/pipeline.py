"""Prepare items in threads ahead of the model that uses them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from apps.retrieval.compute.pixels import UnreadableError

Item = TypeVar("Item")


def prepared_ahead(
    items: Iterable[Item],
    *,
    prepare: Callable[[Item], Any],
    workers: int,
    ahead: int,
) -> Iterator[Any]:
    """Yield `prepare(item)` in the order of the items, at most `ahead` of them in advance.

    An `UnreadableError` is yielded in place of the item; every other error is raised.
    Memory is bounded by `ahead`, whatever the number of items.
    """
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="loader") as pool:

        def guarded(item: Item) -> Any:
            try:
                return prepare(item)
            except UnreadableError as error:
                return error

        try:
            for item in items:
                waiting.append(pool.submit(guarded, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
