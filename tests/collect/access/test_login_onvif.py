"""ONVIF and the TR-069 connection request: found by what they answer, logged in to by contrast."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import auth, cwmp, onvif
from twins.site import Request, site

from probe.collect.access.credentials import Candidate
from probe.collect.onvif import soap
from probe.collect.onvif.collector import COLLECTOR, ask
from probe.collect.services.identify import identify
from probe.collect.services.signatures import as_called, recognise
from probe.model.observation import (
    LoginResult,
    NotMeasured,
    OpenAccess,
    Service,
    SpokenBeside,
)

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED


@pytest.fixture(autouse=True)
def two_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of credentials is another test's matter."""
    pairs = [("admin", "12345"), ("admin", "admin")]
    found = [Candidate(username=u, password=p, tier="generic", source="t") for u, p in pairs]
    monkeypatch.setattr("probe.collect.access.collector.chosen", lambda *_: found)


def beside(port: int) -> SpokenBeside:
    return SpokenBeside(
        transport="tcp", address="127.0.0.1", port=port, tls=False, protocol="onvif", spoken=True
    )


def said(got: Any) -> str:
    words = [m.reason for m in got.missing]
    for test in got.tests:
        words += [test.problem, *(c.detail for c in test.candidates)]
    return " | ".join(words)


@pytest.mark.parametrize("name", onvif.OPEN)
async def test_a_true_default(login: Any, serve: Any, service: Any, name: str) -> None:
    async with serve(site(onvif.OPEN[name]())) as port:
        got = await login(service("http", port), beside(port))
    assert got.opened == [("admin", "admin")], said(got)
    assert got.test.protocol == "onvif"
    assert got.test.method == ("digest" if name == "digest" else "token")
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.test.candidates[0].result is REFUSED


@pytest.mark.parametrize("name", onvif.TRAPS)
async def test_a_trap(login: Any, serve: Any, service: Any, name: str) -> None:
    make, words = onvif.TRAPS[name]
    async with serve(site(make())) as port:
        got = await login(service("http", port), beside(port))
    assert got.opened == []
    assert words in said(got)
    assert bool(got.open) is (name == "open-to-all")
    if name == "no-clock":
        assert {c.result for c in got.test.candidates} == {LoginResult.NO_ANSWER}
    if name == "another-password":
        assert {c.result for c in got.test.candidates} == {REFUSED}


@pytest.mark.parametrize("name", cwmp.OPEN)
async def test_a_default_connection_request(
    login: Any, serve: Any, service: Any, name: str
) -> None:
    async with serve(site(cwmp.OPEN[name]())) as port:
        got = await login(service("cwmp", port))
    assert got.opened == [("admin", "admin")], said(got)
    assert got.test.method == ("basic" if name == "basic" else "digest")
    assert got.test.without_credential is got.test.random_credential is REFUSED


@pytest.mark.parametrize("name", cwmp.TRAPS)
async def test_a_connection_request_that_says_nothing(
    login: Any, serve: Any, service: Any, name: str
) -> None:
    make, words = cwmp.TRAPS[name]
    async with serve(site(make())) as port:
        got = await login(service("cwmp", port))
    assert got.opened == []
    assert words in said(got)


def only_there(inner: Any) -> Any:
    return lambda r: inner(r) if r.path == soap.DEVICE_SERVICE else (404, [], "")


# --- recognised -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "spoken"),
    [
        (onvif.Camera(), True),
        (onvif.Camera(clock=False), True),
        (onvif.Camera(clock=False, status=400), True),
        (auth.nobody(), False),
        (lambda _: (404, [], "<html>not found</html>"), False),
        (lambda _: (405, [], ""), False),
        (auth.refuses_all(), False),
        (lambda _: (500, [], "oops"), False),
        (only_there(auth.refuses_all()), None),
        (only_there(lambda _: (500, [], "oops")), None),
        (lambda _: (429, [("Retry-After", "9")], ""), None),
    ],
    ids=[
        "clock",
        "fault",
        "fault-400",
        "page",
        "404",
        "405",
        "401 everywhere",
        "500 everywhere",
        "401",
        "500",
        "429",
    ],
)
async def test_which_web_services_speak_onvif(
    bench: Callable[..., Any], serve: Any, service: Any, handler: Any, spoken: bool | None
) -> None:
    made = bench("127.0.0.1")
    async with serve(site(handler)) as port:
        await ask(service("http", port), made.session)
    found = [f.spoken for f in made.recorded.facts(SpokenBeside)]
    assert found == ([] if spoken is None else [spoken])
    missing = made.recorded.facts(NotMeasured)
    assert [m.subject for m in missing] == (
        [f"tcp 127.0.0.1:{port} onvif"] if spoken is None else []
    )


async def test_silence_is_no_answer(bench: Callable[..., Any], serve: Any, service: Any) -> None:
    async def hang_up(reader: Any, writer: Any) -> None:
        await reader.read(10)

    made = bench("127.0.0.1")
    async with serve(hang_up) as port:
        await ask(service("http", port), made.session)
    assert made.recorded.facts(SpokenBeside) == []
    assert len(made.recorded.facts(NotMeasured)) == 1


def test_one_job_for_each_web_service(bench: Callable[..., Any], service: Any) -> None:
    made = bench("127.0.0.1")
    for fact in (service("http", 80), service("http", 443, tls=True), service("ssh", 22)):
        made.session.observe(fact, made.session.keep(b"x", media_type="text/plain", caption="x"))
    jobs = [t.job.id.rpartition("/")[2] for t in COLLECTOR.tasks(made.dut, made.session.plan)]
    assert jobs == ["tcp 127.0.0.1:80", "tcp 127.0.0.1:443"]


@pytest.mark.parametrize(
    ("head", "port", "protocol"),
    [
        ('401 X\r\nWWW-Authenticate: Digest realm="HuaweiHomeGateway"', 7547, "cwmp"),
        ("404 X\r\nServer: gSOAP", 7547, "cwmp"),
        ("405 X", 7548, "cwmp"),
        ('401 X\r\nWWW-Authenticate: Digest realm="cwmp"', 30005, "cwmp"),
        ('401 X\r\nWWW-Authenticate: Digest realm="cam"', 80, "http"),
        ("404 X\r\nServer: gSOAP", 80, "http"),
        ("200 X\r\nServer: RomPager", 7547, "http"),
        ("302 X\r\nLocation: /login", 7547, "http"),
    ],
)
def test_what_a_port_is_called(head: str, port: int, protocol: str) -> None:
    data = f"HTTP/1.1 {head}\r\n\r\n".encode()
    match = recognise(data)
    assert match is not None
    assert as_called(match, data, port).protocol == protocol


async def test_the_realm_names_it_on_any_port(bench: Callable[..., Any], serve: Any) -> None:
    made = bench("127.0.0.1")

    def handler(_: Request) -> Any:
        return 401, [("WWW-Authenticate", 'Digest realm="TR-069 CPE", nonce="1", qop="auth"')], ""

    async with serve(site(handler)) as port:
        await identify(made.session, "127.0.0.1", port)
    assert [s.protocol for s in made.recorded.facts(Service)] == ["cwmp"]
    assert made.recorded.facts(OpenAccess) == []


# --- the codec --------------------------------------------------------------------------------------


def test_the_digest_of_a_token() -> None:
    """Against a value worked out with coreutils: nonce 16 times 'n', a time, the password 'userpassword'."""
    when = datetime(2010, 9, 16, 7, 50, 45, tzinfo=UTC)
    made = soap.token("u<&>", "userpassword", b"n" * 16, when)
    assert "<Username>u&lt;&amp;&gt;</Username>" in made
    assert "2010-09-16T07:50:45Z" in made
    assert ">Z+j31RVvZt52goFUb8Xi8oKibuU=<" in made


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    for body in (text, f"<e:Envelope><Body>{text}", f"<Envelope><UTCDateTime>{text}</UTCDateTime>"):
        answer = soap.read(body)
        assert answer.clock is None or answer.clock.tzinfo is UTC
        assert isinstance(answer.refused, bool)
        assert isinstance(answer.fault, str)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_any_clock_can_be_followed(asked: datetime, told: datetime) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert soap.at_the_device(now, asked, told).tzinfo is UTC
