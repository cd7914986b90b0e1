"""What is read after a ServerHelloDone, and what is hidden of it: no input breaks or swells either."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.tls.attacks.masking import masked
from probe.collect.tls.attacks.messages import (
    MAX_HEARTBEATS,
    Aftermath,
    DatagramAftermath,
    handshake,
    heartbeat_request,
    record,
)
from probe.collect.tls.codec import TlsFormatError
from probe.collect.tls.codec.flight import MAX_FLIGHT
from probe.collect.wire import Transcript

HELLO = handshake(2, b"\3\3" + bytes(32) + b"\1\x07" + b"\x00\x2f\0")
DONE = handshake(14, b"")


@given(st.lists(st.binary(max_size=200), max_size=12))
def test_nothing_breaks_the_reading(pieces: list[bytes]) -> None:
    for flight in (Aftermath(), DatagramAftermath()):
        try:
            for piece in pieces:
                flight.feed(piece)
                flight.go_on()
        except TlsFormatError:
            pass
        assert flight.pending <= MAX_FLIGHT
        assert len(flight.heartbeats) <= MAX_HEARTBEATS + 1


@given(st.binary(max_size=300), st.integers(1, 40))
def test_pieces_of_any_size_say_the_same(ticket: bytes, size: int) -> None:
    said = record(22, 0x0303, HELLO + DONE)
    body = bytes(4) + len(ticket).to_bytes(2, "big") + ticket
    said += record(22, 0x0303, handshake(4, body)) + record(20, 0x0303, b"\1")
    flight = Aftermath()
    for at in range(0, len(said), size):
        flight.feed(said[at : at + size])
        if flight.done and not flight.encrypted:
            flight.go_on()
    while not flight.encrypted:
        flight.go_on()
    assert flight.hello is not None
    assert flight.hello.session_id == b"\x07"
    assert flight.ticket == ticket


def test_a_flood_of_heartbeats_ends() -> None:
    flight = Aftermath()
    beat = record(24, 0x0303, heartbeat_request(b"x", 1, bytes(16)))
    with pytest.raises(TlsFormatError):
        for _ in range(MAX_HEARTBEATS + 2):
            flight.feed(beat)
            flight.go_on()


@given(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6),
    st.integers(0, 80),
    st.integers(0, 80),
)
def test_what_is_hidden_cannot_be_read(pieces: list[bytes], start: int, shown: int) -> None:
    transcript = Transcript("tcp 198.51.100.1:443")
    transcript.add(">", b"ours")
    for piece in pieces:
        transcript.add("<", piece)
    lines = [json.loads(line) for line in masked(transcript, start, shown).decode().splitlines()]
    came, whole = b"", b"".join(pieces)
    came = b"".join(bytes.fromhex(line["hex"]) for line in lines if line.get("dir") == "<")
    limit = start + shown
    assert came == whole[:limit] + bytes(len(whole) - len(whole[:limit]))
    assert [line["hex"] for line in lines if line.get("dir") == ">"] == [b"ours".hex()]
    if hidden := whole[limit:]:
        assert f"the last {len(hidden)} bytes" in lines[-1]["text"]
        assert hashlib.sha256(hidden).hexdigest() in lines[-1]["text"]
