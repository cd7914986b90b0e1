"""SNMP by community and by user: twins that lose, echo or answer everything, and Debian's snmpd."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FAST
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.protocols import snmp_agent, usm
from probe.collect.access.protocols import snmp_codec as codec
from probe.model.access import SnmpWrite
from probe.model.observation import LoginResult
from probe.model.plan import Gentleness, OwnCredential, Permission, Plan

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
NO_ANSWER, NOT_TRIED = LoginResult.NO_ANSWER, LoginResult.NOT_TRIED
ENGINE = bytes.fromhex("80001f8880e9630000d61ff449")


def report(number: int, counter: int) -> bytes:
    """What a genuine agent says to a user or engine that it does not know."""
    oid = usm.STATS + bytes([counter, 0])
    binding = codec.tlv(0x30, codec.tlv(0x30, codec.tlv(6, oid) + codec.tlv(0x41, b"\1")))
    pdu = codec.tlv(codec.REPORT, codec.integer(number) + codec.integer(0) * 2 + binding)
    engine = usm.Engine(id=ENGINE, boots=1, time=5)
    return usm.request(number, engine, b"", pdu)


class Twin(asyncio.DatagramProtocol):
    """An agent: which community it takes, whether it speaks version 3, how reliably, what it writes."""

    def __init__(
        self,
        community: bytes | None,
        *,
        v3: bool,
        lose: int = 0,
        echo: bool = False,
        error: int = 0,
        spoils: bool = False,
    ) -> None:
        self.community, self.v3, self.lose, self.echo = community, v3, lose, echo
        self.error, self.spoils = error, spoils
        self.value = b"Linux \x1b[31mcam"
        self.sets: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.lose:
            self.lose -= 1
            return
        if self.echo:
            self.transport.sendto(data, addr)
            return
        head = codec.split(codec.split(data)[0][1])
        if head[0][1] == b"\3":
            if self.v3:
                got = usm.parse(data)
                self.transport.sendto(report(got.message_id, 3 if got.engine.id else 4), addr)
            return
        if self.community is not None and head[1][1] != self.community:
            return
        pdu = codec.split(head[2][1])
        oid, value = codec.split(codec.split(pdu[3][1])[0][1])
        error = 0
        if head[2][0] == codec.SET:
            self.sets.append(value[1])
            error = self.error
            if self.spoils:
                self.value = b"spoilt"
        shown = codec.tlv(codec.OCTETS, self.value)
        binding = codec.tlv(0x30, codec.tlv(0x30, codec.tlv(codec.OID, oid[1]) + shown))
        numbers = codec.tlv(2, pdu[0][1]) + codec.integer(error) + codec.integer(0)
        answer = codec.tlv(codec.RESPONSE, numbers + binding)
        version = codec.tlv(2, head[0][1]) + codec.tlv(4, head[1][1])
        self.transport.sendto(codec.tlv(0x30, version + answer), addr)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_agent, "WITHIN", 0.15)


@pytest.fixture
def ask(login: Any, service: Any) -> Callable[..., Awaitable[Any]]:
    """``await ask(twin)`` interviews it and returns what was recorded."""

    async def run(twin: Twin, plan: Plan = FAST) -> Any:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: twin, local_addr=("127.0.0.1", 0)
        )
        got = await login(service("snmp", transport.get_extra_info("sockname")[1]), plan=plan)
        transport.close()
        return got

    return run


PERMITTED = Plan(
    name="t",
    summary="",
    catalogues=(),
    tcp_ports="quick",
    gentleness=Gentleness(packets_per_s=2_000.0, burst=8, login_gap_s=0.0),
    permits=(Permission.SNMP_WRITE,),
)


@pytest.mark.parametrize(
    ("twin", "random", "opened"),
    [
        (Twin(b"public", v3=True), REFUSED, ["public"]),
        (Twin(b"private", v3=False), REFUSED, ["private"]),
        (Twin(b"public", v3=True, lose=1), REFUSED, ["public"]),
        (Twin(None, v3=False), NOT_TRIED, []),
        (Twin(b"kjsd8", v3=True), REFUSED, []),
        (Twin(b"kjsd8", v3=False), NO_ANSWER, []),
        (Twin(b"", v3=False, echo=True), NO_ANSWER, []),
    ],
    ids=["public", "private", "lossy", "any", "secret", "secret-silent", "echo"],
)
async def test_communities(ask: Any, twin: Twin, random: Any, opened: list[str]) -> None:
    got = await ask(twin)
    test = next(t for t in got.tests if t.method == "community")
    assert [c.password for c in test.candidates if c.result is ACCEPTED and c.proved] == opened
    assert test.random_credential is (random if not twin.echo else test.random_credential)
    assert "\x1b" not in str(got.tests)
    if twin.echo or random is NO_ANSWER:
        assert test.problem
        assert ACCEPTED not in {c.result for c in test.candidates}
    if random is NO_ANSWER and not twin.echo:
        assert {c.result for c in test.candidates} == {NO_ANSWER}


async def test_users_that_do_not_exist_are_refused(ask: Any) -> None:
    got = await ask(Twin(b"public", v3=True))
    [test] = [t for t in got.tests if t.method == "user"]
    assert (test.without_credential, test.random_credential) == (REFUSED, REFUSED)
    assert {c.result for c in test.candidates} == {REFUSED}
    assert {c.detail for c in test.candidates} == {"unknown user"}
    assert not test.problem


async def test_an_agent_without_version_3_has_no_users(ask: Any) -> None:
    got = await ask(Twin(b"public", v3=False))
    assert [t.method for t in got.tests] == ["community"]


# --- writing --------------------------------------------------------------------------------------


async def test_nothing_is_written_without_permission(ask: Any) -> None:
    twin = Twin(b"private", v3=False)
    got = await ask(twin)
    [write] = got.facts(SnmpWrite)
    assert twin.sets == []
    assert (write.may_write, write.unchanged, write.owner) == (None, None, "operator")


@pytest.mark.parametrize(
    ("twin", "may_write", "unchanged"),
    [
        (Twin(b"private", v3=False), True, True),
        (Twin(b"private", v3=False, error=codec.NO_ACCESS), False, True),
        (Twin(b"private", v3=False, error=17), None, True),
        (Twin(b"private", v3=False, error=5), None, True),
        (Twin(b"private", v3=False, spoils=True), True, False),
    ],
    ids=["writes", "reads only", "object cannot be written", "fails", "spoils the value"],
)
async def test_a_value_is_set_to_itself(
    ask: Any, twin: Twin, may_write: bool | None, unchanged: bool
) -> None:
    before = twin.value
    got = await ask(twin, PERMITTED)
    [write] = got.facts(SnmpWrite)
    assert (write.may_write, write.unchanged) == (may_write, unchanged)
    assert set(twin.sets) == {before}
    assert len(twin.sets) == (1 if may_write or twin.spoils else 2)


# --- Debian's snmpd -------------------------------------------------------------------------------

USERS = """
createUser admin MD5 "defaultpw"
createUser other SHA "zu-7Klo-zu"
createUser initial
rouser admin auth
rouser other auth
"""
OPEN_USER = "rouser initial noauth\n"
needs_snmpd = pytest.mark.skipif(not shutil.which("snmpd"), reason="snmpd is not installed")


@pytest.fixture
def snmpd(start: Any, port: int, tmp_path: Path, service: Any) -> Callable[[str], Any]:
    def run(lines: str) -> Any:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "snmpd.conf").write_text("")
        (tmp_path / "conf").write_text(
            f"[snmp] persistentDir {tmp_path}/state\n{lines}\nagentaddress udp:127.0.0.1:{port}\n"
        )
        start("snmpd", "-f", "-Lo", "-C", "-c", str(tmp_path / "conf"), "-p", str(tmp_path / "pid"))
        return service("snmp", port)

    return run


def own(plan: Plan, *pairs: tuple[str, str]) -> Plan:
    rows = tuple(
        OwnCredential(id=f"own-{n}", protocols=("snmpv3",), username=user, password=password)
        for n, (user, password) in enumerate(pairs)
    )
    return Plan(**{f: getattr(plan, f) for f in plan.__slots__} | {"credentials": rows})


@needs_snmpd
@pytest.mark.parametrize("community", ["public", "zu-7Klo"])
async def test_snmpd_by_community(login: Any, snmpd: Any, community: str) -> None:
    got = await login(snmpd(f"rocommunity {community}"))
    assert got.opened == ([("", "public")] if community == "public" else [])
    for test in got.tests:
        assert test.without_credential is test.random_credential is REFUSED
        assert not test.problem
        expected = {"public"} if test.method == "community" and got.opened else set()
        assert {c.password for c in test.candidates if c.result is not REFUSED} == expected


@needs_snmpd
async def test_snmpd_which_communities_write(login: Any, snmpd: Any) -> None:
    got = await login(snmpd("rocommunity public\nrwcommunity private"), plan=PERMITTED)
    assert {p for _, p in got.opened} == {"public", "private"}
    writes = {w.account: (w.may_write, w.unchanged) for w in got.facts(SnmpWrite)}
    assert writes == {"public": (False, True), "private": (True, True)}


@needs_snmpd
async def test_snmpd_by_user(login: Any, snmpd: Any) -> None:
    plan = own(FAST, ("admin", "wrong-one"), ("admin", "defaultpw"), ("other", "defaultpw"))
    got = await login(snmpd(USERS), plan=plan)
    [test] = [t for t in got.tests if t.method == "user"]
    assert test.without_credential is test.random_credential is REFUSED
    assert [(u, p) for u, p in got.opened] == [("admin", "defaultpw")]
    details = {(c.username, c.password): c.detail for c in test.candidates}
    assert "wrong digest; the user exists" in details["admin", "wrong-one"]
    assert "authenticated with MD5" in details["admin", "defaultpw"]
    assert "it must authenticate" not in details["other", "defaultpw"]
    assert "the user exists" in details["initial", ""]


@needs_snmpd
async def test_snmpd_user_without_authentication(login: Any, snmpd: Any) -> None:
    got = await login(snmpd(USERS + OPEN_USER))
    assert ("initial", "") in got.opened


# --- the messages ---------------------------------------------------------------------------------


def test_the_keys_of_rfc_3414() -> None:
    engine = bytes(11) + b"\2"
    md5, sha = (usm.localised(b"maplesyrup", engine, digest) for digest in ("MD5", "SHA-1"))
    assert md5.hex() == "526f5eed9fcce26f8964c2930787d82b"
    assert sha.hex() == "6695febc9288e36282235fc7151f128497b38f3f"


def test_get_request_bytes() -> None:
    assert codec.get_request(codec.V2C, b"public", 1, codec.SYS_DESCR) == bytes.fromhex(
        "302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500"
    )


@given(st.binary(max_size=120))
def test_only_malformed_is_raised(data: bytes) -> None:
    with contextlib.suppress(codec.Malformed):
        codec.parse_response(data)
    with contextlib.suppress(codec.Malformed):
        usm.parse(data)
    assert usm.engine_in(data) is None


@given(st.integers(0, 400), st.integers(0, 2**31 - 1))
def test_lengths_and_numbers_are_read_back(size: int, number: int) -> None:
    parts = codec.split(codec.tlv(4, bytes(size)) + codec.integer(number))
    assert parts[0] == (4, bytes(size))
    assert int.from_bytes(parts[1][1], "big", signed=True) == number


@given(
    st.binary(min_size=5, max_size=32),
    st.integers(0, 2**31 - 1),
    st.binary(max_size=32),
    st.sampled_from(sorted(usm.DIGESTS)),
    st.integers(0, 60),
)
def test_a_signed_message_is_read_back_and_no_bit_may_change(
    engine_id: bytes, clock: int, user: bytes, digest: str, at: int
) -> None:
    engine = usm.Engine(id=engine_id, boots=clock, time=clock)
    key = b"k" * 20
    content = codec.pdu(codec.GET, 7, codec.SYS_DESCR)
    data = usm.request(9, engine, user, content, key=key, digest=digest)
    got = usm.parse(data)
    assert (got.engine, got.user, got.message_id, got.request_id) == (engine, user, 9, 7)
    assert usm.is_signed(data, got, key, digest)
    assert not usm.is_signed(data, got, b"x" * 20, digest)
    changed = bytearray(data)
    changed[at] ^= 1
    with contextlib.suppress(codec.Malformed):
        assert not usm.is_signed(bytes(changed), usm.parse(bytes(changed)), key, digest)
