"""What the run saw of each device's own conversations, made into facts at the end of its work."""

import json

from probe.collect.packet.client import PacketClient
from probe.collect.packet.protocol import FlowSeen, TrafficSeen
from probe.collect.traffic.http import answers, read_requests, requests
from probe.collect.traffic.update import magic, update_like, version_text
from probe.model.device import Device
from probe.model.finding import Owner
from probe.model.observation import Fact, NotMeasured, PlainTransfer, TrafficView
from probe.model.text import clean

MIRROR_FRAMES = 8
"""A switch floods a few frames while it learns; from so many on, in both directions, we see all."""
MAX_TRANSFERS = 64

Records = list[tuple[bytes, str, str]]
"""Bytes, caption, media type."""


class TrafficWatch:
    """Reads what the packet client collected since the run began. ``client`` is None without helper."""

    def __init__(self, client: PacketClient | None) -> None:
        self._client = client

    def facts(self, device: Device, seconds: float) -> list[tuple[Fact, Records]]:
        """The device's TrafficView and every PlainTransfer, each with the bytes that prove it.

        ``seconds`` is how long the run has listened. Without a helper, or without a MAC to tell the
        device by, NotMeasured is in place of the view; what a helper that has ended saw still counts.
        """
        client = self._client
        if client is None:
            return [(_not_measured("the packet helper is not available", Owner.ENVIRONMENT), [])]
        if device.mac is None:
            reason = "the device is known by its address only; it is not on this link"
            return [(_not_measured(reason, Owner.NETWORK), [])]
        flows = [f for f in client.flows.values() if f.client_mac == device.mac]
        seen: dict[Fact, Records] = {}
        for flow in sorted(flows, key=lambda f: f.number):
            for fact, records in transfers(flow):
                seen.setdefault(fact, records)
        kept = list(seen.items())[:MAX_TRANSFERS]
        if not client.available:
            reason = "the packet helper is not available, or ended before the run did"
            return [(_not_measured(reason, Owner.ENVIRONMENT), []), *kept]
        counted = client.traffic.get(device.mac)
        unread = (counted.unread if counted else 0) + len(seen) - len(kept)
        unread += len(client.flows_dropped.get(device.mac, ())) + sum(map(is_cut, flows))
        return [_view(device, counted, seconds, unread, client.traffic_lost), *kept]


def is_cut(flow: FlowSeen) -> bool:
    """Whether more was said than was kept and understood, so that a request or an answer is missing."""
    asked, reach = read_requests(flow.up)
    heard = answers(flow.down)
    return flow.up_total > reach or (flow.down_total > 0 and len(heard) < len(asked))


def _view(
    device: Device, counted: TrafficSeen | None, seconds: float, unread: int, lost: int
) -> tuple[TrafficView, Records]:
    out, into = (counted.frames_out, counted.frames_in) if counted else (0, 0)
    both = min(out, into) > 0 and out + into >= MIRROR_FRAMES
    bytes_seen = counted.bytes_out + counted.bytes_in if counted else 0
    summary = {
        "device": device.mac,
        "listened_s": round(seconds, 1),
        "unicast frames from the device to others": out,
        "unicast frames from others to the device": into,
        "bytes": bytes_seen,
        "plain HTTP conversations not looked at, or not to their end": unread,
        "frames of anybody that came too fast to be looked at": lost,
    }
    view = TrafficView(
        position="mirror" if both else "endpoint",
        seconds=round(seconds, 1),
        frames_of_others=out + into,
        bytes_of_others=bytes_seen,
        unread=unread,
        lost_frames=lost,
    )
    data = json.dumps(summary, indent=1).encode()
    return view, [(data, "frames between the device and others", "application/json")]


def transfers(flow: FlowSeen) -> list[tuple[Fact, Records]]:
    """The plain HTTP requests of one captured conversation, with what answered them."""
    heard = answers(flow.down)
    found: list[tuple[Fact, Records]] = []
    for number, request in enumerate(requests(flow.up)):
        answer = heard[number] if number < len(heard) else None
        fact = PlainTransfer(
            server=flow.server,
            host=request.headers.get("host", ""),
            path=request.target,
            user_agent=request.headers.get("user-agent", ""),
            status=answer.status if answer else None,
            content_type=answer.headers.get("content-type", "") if answer else "",
            size=answer.length if answer else None,
            magic=magic(answer.body) if answer else "",
            update_like=update_like(request, answer),
            version_text=version_text(request, answer),
        )
        where = f"{flow.client}:{flow.client_port} and {flow.server}:{flow.server_port}"
        records = [(flow.up, clean(f"request, between {where}", 120), "application/http")]
        if flow.down:
            records.append((flow.down, clean(f"answer, between {where}", 120), "application/http"))
        found.append((fact, records))
    return found


def _not_measured(reason: str, owner: Owner) -> NotMeasured:
    return NotMeasured(
        collector="traffic",
        subject="the device's own conversations",
        reason=reason,
        owner=owner,
        settle=(
            "Run with raw packets permitted on the device's link, at a mirror port of the switch or "
            "between the device and its router."
        ),
    )
