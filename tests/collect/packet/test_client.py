"""The client when there is no helper, a mute one, a lying one, or one that dies."""

import asyncio

import pytest

from probe.collect.packet import client as module
from probe.collect.packet import protocol
from probe.collect.packet.client import PacketClient
from probe.collect.packet.interface import InterfaceFacts
from probe.model.finding import Owner
from probe.model.run import Scope

FACTS = InterfaceFacts(name="eth9", index=9, mac="02:00:5e:00:53:02")
SCOPE = Scope(interface="eth9", networks=("198.51.100.0/24",))
READY = '{"is":"Ready","interface":"eth9","privileges":"none"}'


@pytest.fixture
def started(tmp_path, monkeypatch):
    """``await started(code)`` starts a client whose helper is the Python code given."""
    notes: list[tuple[str, Owner]] = []

    async def start(code: str) -> tuple[PacketClient, list[tuple[str, Owner]]]:
        (tmp_path / "fakehelper.py").write_text(code)
        monkeypatch.setattr(module, "HELPER", "fakehelper")
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "interface_facts", lambda name: FACTS)
        note = lambda text, owner: notes.append((text, owner))  # noqa: E731
        return await PacketClient.start("eth9", SCOPE, on_note=note), notes

    return start


async def nothing_is_known(client: PacketClient) -> None:
    assert not client.available
    assert await client.alive("00:00:5e:00:53:0b", "198.51.100.11") is None
    assert await client.arp_sweep(["198.51.100.11"]) is None
    assert await client.ipv6_sweep(("mld",)) is None
    assert await client.advertise("fd12::/64") is None
    client.admit(("198.51.100.11",), "198.51.100.12")
    await client.close()


async def test_no_permission_is_said_once_with_owner_and_next_step(started):
    refused = (
        '{"is":"Refused","reason":"raw packets are not permitted","owner":"environment",'
        '"next_step":"Start with sudo."}'
    )
    client, notes = await started(f"import sys\nsys.stdin.readline()\nprint('{refused}')")
    await asyncio.sleep(0.2)
    await nothing_is_known(client)
    assert notes == [("raw packets are not permitted. Start with sudo.", Owner.ENVIRONMENT)]


async def test_helper_that_dies_at_once(started):
    client, notes = await started("raise SystemExit('no module for you')")
    await nothing_is_known(client)
    assert len(notes) == 1
    assert "no module for you" in notes[0][0]


async def test_helper_that_dies_while_it_is_asked(started):
    code = (
        f"import os, sys\nsys.stdin.readline()\nprint('{READY}', flush=True)\n"
        "sys.stdin.readline()\nos.kill(os.getpid(), 9)"
    )
    client, notes = await started(code)
    assert client.available
    assert await asyncio.wait_for(client.alive(None, "198.51.100.11", 30), 5) is None
    await asyncio.sleep(0.1)
    await nothing_is_known(client)
    assert [owner for _, owner in notes] == [Owner.ENVIRONMENT]


@pytest.mark.parametrize(
    "line", ["hello", '{"is":"Ping"}', "x" * 400_000, '{"is":"Done","id":"1"}']
)
async def test_helper_that_talks_garbage_is_not_believed(started, line):
    size = len(line)
    say = f"'{line}'" if size < 1000 else f"'x' * {size}"
    client, notes = await started(
        f"import sys\nsys.stdin.readline()\nprint('{READY}', flush=True)\n"
        f"print({say}, flush=True)\nsys.stdin.read()"
    )
    for _ in range(50):
        if not client.available:
            break
        await asyncio.sleep(0.05)
    await nothing_is_known(client)
    assert [owner for _, owner in notes] == [Owner.TOOL]


async def test_mute_helper_is_not_waited_for_for_ever(started, monkeypatch):
    monkeypatch.setattr(module, "START_S", 0.3)
    client, notes = await started("import sys\nsys.stdin.read()")
    await nothing_is_known(client)
    assert len(notes) == 1


async def test_loopback_needs_no_helper():
    notes: list[str] = []
    scope = Scope(interface="lo", networks=("127.0.0.0/8",))
    client = await PacketClient.start("lo", scope, on_note=lambda text, _: notes.append(text))
    assert client.pid is None
    assert len(notes) == 1
    await nothing_is_known(client)


async def test_sightings_before_subscription_are_told_again(started):
    seen = (
        '{"is":"Sighting","method":"arp","mac":"00:00:5e:00:53:0b","address":"198.51.100.11",'
        '"at":1.0,"frame":""}'
    )
    client, _ = await started(
        f"import sys\nsys.stdin.readline()\nprint('{READY}', flush=True)\nprint('{seen}', flush=True)\n"
        "sys.stdin.read()"
    )
    await asyncio.sleep(0.2)
    heard = []
    stop = client.subscribe(heard.append)
    assert [s.address for s in heard] == ["198.51.100.11"]
    stop()
    await client.close()


def conversation(number: int, mac: str) -> protocol.FlowSeen:
    return protocol.FlowSeen(
        number=number,
        at=1.0,
        client_mac=mac,
        server_mac="00:00:5e:00:53:01",
        client="198.51.100.11",
        client_port=4000,
        server="203.0.113.7",
        server_port=80,
        up=b"GET / HTTP/1.1\r\n\r\n",
        down=b"",
        up_total=18,
        down_total=0,
        ended=True,
    )


def test_a_busy_device_takes_no_room_from_others_and_it_is_counted():
    client = PacketClient(FACTS, lambda text, owner: None)
    busy, other = "00:00:5e:00:53:0b", "00:00:5e:00:53:0c"
    for number in range(module.MAX_FLOWS_OF_ONE + 3):
        client._take(conversation(number, busy))
    client._take(conversation(9000, other))
    client._take(conversation(9000, other))  # once more, for the same conversation
    assert len(client.flows) == module.MAX_FLOWS_OF_ONE + 1
    assert {mac: len(numbers) for mac, numbers in client.flows_dropped.items()} == {busy: 3}
