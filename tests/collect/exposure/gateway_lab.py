"""Runs the gateway collector against 127.0.0.1:5000 in the namespace it is started in; prints its facts."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import make_bench

from probe.codec import to_plain
from probe.collect.discovery.collector import Location
from probe.collect.exposure.collector import control
from probe.model.observation import Fact


async def main() -> None:
    bench = make_bench("127.0.0.1")
    await control(bench.session, place=Location("127.0.0.1", 5000, "/rootDesc.xml"))
    print(json.dumps([to_plain(o.fact, Fact) for o in bench.recorded.observations]))


asyncio.run(main())
