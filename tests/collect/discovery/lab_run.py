"""Discovery as a run does it, inside the probe's namespace; what came of it as JSON on stdout.

``python lab_run.py '{"targets": [], "helper": true, "seconds": 0, "kill": false}'``
"""

import asyncio
import hashlib
import json
import os
import sys
import time

from probe.codec import to_plain
from probe.collect.discovery.discovery import Discovery
from probe.collect.discovery.link import LinkSession
from probe.collect.packet.client import PacketClient
from probe.collect.scope import ScopeGuard
from probe.collect.traffic.watch import TrafficWatch
from probe.model.evidence import EvidenceRef
from probe.model.observation import Fact
from probe.model.plan import Plan
from probe.model.run import Scope

NAME = "probe0"


async def main(wish: dict) -> None:
    began = time.monotonic()
    notes, devices, first, facts, kept = [], {}, {}, [], {}
    scope = Scope(interface=NAME, networks=("198.51.100.0/24",), targets=tuple(wish["targets"]))

    def note(text, owner):
        notes.append(f"{text} ({owner})")

    def seen(device):
        devices[device.id] = to_plain(device)
        first.setdefault(device.id, round(time.monotonic() - began, 2))

    def keep(data, *, media_type, caption):
        digest = hashlib.sha256(data).hexdigest()
        kept[digest] = media_type
        return EvidenceRef(sha256=digest, caption=caption)

    def observe(device, fact, *proof):
        assert proof
        facts.append([device, to_plain(fact, Fact)])

    client = await PacketClient.start(NAME, scope, on_note=note) if wish["helper"] else None
    guard = ScopeGuard(scope)
    link = LinkSession.open(guard, client, note)
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
    discovery = Discovery(link, plan, seen, observe, keep)
    task = asyncio.create_task(discovery.run())
    if wish.get("kill"):
        await asyncio.sleep(1.0)
        os.kill(client.pid, 9)
    await discovery.active_done.wait()
    active = time.monotonic() - began
    await asyncio.sleep(wish["seconds"])
    known = [discovery.inventory.get(d) for d in devices]
    for device in devices:
        discovery.settled(device)
    traffic = {}
    for entry in known:
        device = discovery.inventory.device(entry, settled=True)
        found = TrafficWatch(client).facts(device, time.monotonic() - began)
        traffic[device.id] = [to_plain(fact, Fact) for fact, _ in found]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if client is not None:
        await client.close()
    result = {"notes": notes, "devices": devices, "first": first, "facts": facts, "active": active}
    print(json.dumps({**result, "traffic": traffic, "kept": sorted(set(kept.values()))}))


asyncio.run(main(json.loads(sys.argv[1])))
