"""Several questions at once, none of which outlives the others' failure."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*work: Coroutine[Any, Any, object]) -> None:
    """Wait for all. The first failure ends the others and is raised, when the last one has ended.

    ``asyncio.gather`` leaves the others running: they would go on asking the device for a job that
    is over.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
