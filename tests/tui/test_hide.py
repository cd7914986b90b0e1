"""Passwords on the screen: masked as in reports, shown by a key or from the beginning."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_run import CATALOGUES, CHECKS, FakeSource, FakeStore
from frames import frame
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from probe.model import event as ev
from probe.model.access import CandidateResult, LoginResult, LoginTest
from probe.model.evidence import Evidence, EvidenceRef
from probe.model.finding import Finding, violated
from probe.model.ids import CheckId
from probe.model.observation import Observation
from probe.tui.app import ProbeApp
from probe.tui.blocks import Field, Heading, Item, Para, Title
from probe.tui.decode import TRANSCRIPT, decoded
from probe.tui.hide import Hidden
from probe.tui.spans import text_of

SECRET, MASKED = "zu-7Klo9", "z***"
SAID = f"Telnet lets in 'root' with the password '{SECRET}', as root:{SECRET} shows"
TALK = "\n".join(
    json.dumps(line)
    for line in (
        {"connection": "tcp 192.0.2.1:23"},
        {"t": 0.1, "dir": ">", "hex": f"root\r\n{SECRET}\r\n".encode().hex()},
        {"t": 0.2, "dir": "#", "text": f"password {SECRET}"},
    )
).encode()
BYTES = b"\x00\x01\x02\xff" * 8 + SECRET.encode() + b"\xfe" * 30
FILES = {"a1" * 32: (TRANSCRIPT, TALK), "b2" * 32: ("application/octet-stream", BYTES)}


class Source(FakeSource):
    """The scripted run, and at its end a login that opened."""

    def __init__(self) -> None:
        super().__init__(61.0)
        device = next(e.event.device for e in self.entries if isinstance(e.event, ev.DeviceSeen))
        proof = tuple(EvidenceRef(sha256=sha256) for sha256 in FILES)
        taken = CandidateResult(
            username="root",
            password=SECRET,
            tier="product",
            source="list",
            result=LoginResult.ACCEPTED,
            proved=True,
        )
        test = LoginTest(
            transport="tcp",
            address=device.addresses[0],
            port=23,
            protocol="telnet",
            tls=False,
            method="password",
            without_credential=LoginResult.REFUSED,
            random_credential=LoginResult.REFUSED,
            candidates=(taken,),
        )
        seen = Observation(
            id="login/x#1", device=device.id, collector="login", at=1.0, fact=test, proof=proof
        )
        self.finding = Finding(
            check=CheckId("access/default_telnet"),
            device=device.id,
            answer=violated("tcp 23", SAID, *proof),
        )
        last = self.entries[-1]
        for more in (ev.Observed(observation=seen), ev.Found(finding=self.finding)):
            number = self.entries[-1].seq + 1
            self.entries.append(ev.Entry(seq=number, at=last.at, event=more))

    def evidence(self, sha256: str) -> tuple[Evidence, bytes] | None:
        if sha256 not in FILES:
            return super().evidence(sha256)
        media, data = FILES[sha256]
        label = Evidence(
            sha256=sha256,
            size=len(data),
            media_type=media,
            caption="what was said",
            collector="login",
            captured_at=1.0,
        )
        return label, data


@asynccontextmanager
async def opened(*, show: bool = False) -> AsyncIterator[tuple[ProbeApp, Pilot[str], Source]]:
    source = Source()
    app = ProbeApp(
        source,
        lambda: CATALOGUES,
        lambda: CHECKS,
        store=FakeStore(),
        now=source.now,
        show_passwords=show,
    )
    async with app.run_test(size=(140, 45)) as pilot:
        await pilot.pause()
        yield app, pilot, source


async def go(app: ProbeApp, pilot: Pilot[str], *target: str) -> None:
    app.open_target(target)
    await pilot.pause()
    await pilot.pause()


async def pressed(pilot: Pilot[str], key: str) -> None:
    await pilot.press(key)
    await pilot.pause()
    await pilot.pause()


def places(source: Source) -> list[tuple[str, ...]]:
    return [
        ("device", source.finding.device),
        ("finding", source.finding.id),
        *(("evidence", sha256) for sha256 in FILES),
    ]


@pytest.mark.parametrize("place", range(4), ids=["device", "finding", "dialogue", "bytes"])
async def test_a_password_is_masked_until_it_is_asked_for(place: int) -> None:
    async with opened() as (app, pilot, source):
        await go(app, pilot, *places(source)[place])
        text = frame(app)
        assert SECRET not in text
        assert MASKED in text
        assert "P Show secrets" in text
        await pressed(pilot, "P")
        text = frame(app)
        assert SECRET in text
        assert "P Mask secrets" in text
        await pressed(pilot, "P")
        assert SECRET not in frame(app)


async def test_the_log_masks_and_the_other_screens_follow() -> None:
    async with opened() as (app, pilot, source):
        await pressed(pilot, "4")
        await pressed(pilot, "G")
        assert MASKED in frame(app)
        assert SECRET not in frame(app)
        await go(app, pilot, "finding", source.finding.id)
        await pressed(pilot, "P")
        await pressed(pilot, "escape")
        assert SECRET in frame(app)


async def test_passwords_can_be_shown_from_the_beginning() -> None:
    async with opened(show=True) as (app, pilot, source):
        await go(app, pilot, "finding", source.finding.id)
        assert SECRET in frame(app)
        assert "P Mask secrets" in frame(app)


async def test_what_is_copied_is_what_is_seen() -> None:
    async with opened() as (app, _, _):
        app.copy(SAID)
        assert SECRET not in app.clipboard
        app.hidden.shown = True
        app.copy(SAID)
        assert app.clipboard == SAID


async def test_the_part_that_is_pointed_at_stays_where_it_is() -> None:
    at = BYTES.index(b"\xfe")
    async with opened() as (app, pilot, _):
        await go(app, pilot, "evidence", "b2" * 32, str(at), str(at + 4))
        (view,) = app.screen.query("#bytes")
        assert view.data[view.cited.start : view.cited.end] == b"\xfe" * 4
        await pressed(pilot, "P")
        assert view.data == BYTES
        assert (view.cited.start, view.cited.end) == (at, at + 4)


def learned() -> Hidden:
    source, hidden = Source(), Hidden()
    entries = source.poll()
    assert hidden.learn(source.state, entries)
    assert not hidden.learn(source.state, entries[-1:]), "a finding tells no password"
    return hidden


def test_a_password_of_a_job_that_is_done_again_stays_masked() -> None:
    """Its findings stay lines of the log."""
    source, hidden = Source(), Hidden()
    entries = source.poll()
    started = [e for e in entries if isinstance(e.event, ev.RunStarted)]
    hidden.learn(source.state, entries)
    source.state.observations.clear()
    assert hidden.learn(source.state, started)
    assert SECRET not in hidden.text(SAID)


def test_every_block_of_a_page_is_masked() -> None:
    hidden, line = learned(), ((SAID, "dim"),)
    blocks = (Title(SAID), Title(line), Para(SAID), Field("x", line), Item(("x",), line, SAID))
    for block in blocks:
        assert SECRET not in repr(hidden.block(block))
        assert MASKED in repr(hidden.block(block))
    assert hidden.block(Heading("x")) == Heading("x")
    hidden.shown = True
    assert [hidden.block(b) for b in blocks] == list(blocks)


def test_what_reports_mask_in_bytes_is_masked_here() -> None:
    mask = learned().bytes_of("a1" * 32)
    shown = [text_of((*s.lead, *s.body)) for s in decoded(TRANSCRIPT, TALK, mask=mask)]
    assert SECRET in TALK.decode()
    assert SECRET.encode().hex() in TALK.decode()
    assert not [line for line in shown if SECRET in line]
    assert sum(MASKED in line for line in shown) == 2
    assert b"Basic eHg6" not in Hidden().bytes_of("")(b"Authorization: Basic eHg6eHg=\r\n")


@given(st.text(max_size=60))
def test_a_text_without_the_password_stays_itself(text: str) -> None:
    assert HIDDEN.text(text) == text or SECRET in text


HIDDEN = learned()
