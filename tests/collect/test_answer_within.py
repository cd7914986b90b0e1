"""An answer that came in time counts, also when the machine was too busy to look at once."""

import asyncio
import socket
import time

import pytest

from probe.collect.together import answer_within


async def test_an_answer_is_heard_by_a_machine_that_wakes_late():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        loop = asyncio.get_running_loop()

        def answered_while_busy():
            theirs.send(b"here")
            time.sleep(0.2)

        loop.call_later(0.02, answered_while_busy)
        assert await answer_within(loop.sock_recv(ours, 99), 0.1) == b"here"


async def test_silence_ends_at_its_time_and_leaves_nothing_waiting():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await answer_within(loop.sock_recv(ours, 99), 0.05)
        assert time.monotonic() - began < 1
        theirs.send(b"late")
        assert await loop.sock_recv(ours, 99) == b"late", "nobody else was waiting for it"


async def test_who_is_cut_off_lets_go_of_the_question():
    ended = asyncio.Event()

    async def question():
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    asking = asyncio.create_task(answer_within(question(), 30))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ended.is_set()


async def test_a_refusal_is_raised_as_it_is():
    async def refused():
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await answer_within(refused(), 1)
