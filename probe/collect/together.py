"""Waiting for a device: for several answers at once, and for one within its time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


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


async def answer_within(asking: Coroutine[Any, Any, T], seconds: float) -> T:
    """The answer, or TimeoutError.

    A busy machine wakes late, and finds the answer and the end of its time in one turn of the loop.
    ``asyncio.wait_for`` of Python 3.12 and later then throws the answer away, and the device would be
    called silent.
    """
    task = asyncio.ensure_future(asking)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            await asyncio.sleep(0)  # the turn in which an answer that is there reaches its task
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
