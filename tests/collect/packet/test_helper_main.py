"""The helper's own loop: when its eyes fail it ends, and does not sit there as if all were quiet."""

import asyncio

import pytest

from probe.collect.packet.helper.__main__ import _serve


class Blind:
    """An engine that is its own ear."""

    @property
    def ear(self) -> "Blind":
        return self

    async def report_traffic(self) -> None:
        raise ValueError("a frame that nobody thought of")


async def test_a_helper_that_can_no_longer_report_ends() -> None:
    reader = asyncio.StreamReader()
    with pytest.raises(ValueError, match="nobody thought of"):
        await asyncio.wait_for(_serve(Blind(), reader, None), 5)
