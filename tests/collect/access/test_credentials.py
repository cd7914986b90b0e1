"""The list of documented defaults and how candidates are picked from it."""

from collections import Counter
from pathlib import Path

import pytest

from probe.checks.access import logins
from probe.collect.access import credentials, listed
from probe.collect.access.collector import COLLECTOR
from probe.collect.access.credentials import attempt_list, candidates, chosen, old_passwords
from probe.collect.access.listed import filtered, own_rows, read_list
from probe.errors import ProbeError
from probe.model.declaration import Declaration, DeclaredAccount
from probe.model.device import Attribute, Device
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.observation import (
    Fact,
    HttpPage,
    LoginResult,
    LoginTest,
    Observation,
    Service,
    UdpSilence,
)
from probe.model.plan import OwnCredential, Plan
from probe.registry import plans

PLAN = Plan(name="standard", summary="", catalogues=(), tcp_ports="standard")


def service(protocol: str, port: int, address: str = "198.51.100.11", **more: str) -> Service:
    transport = "udp" if protocol == "snmp" else "tcp"
    return Service(transport=transport, address=address, port=port, protocol=protocol, **more)


def dut(
    *facts: Fact,
    attributes: tuple[tuple[str, str], ...] = (),
    accounts: tuple[DeclaredAccount, ...] = (),
) -> Dut:
    device = Device(
        id="ip-198.51.100.11",
        addresses=("198.51.100.11", "2001:db8::11"),
        attributes=tuple(Attribute(name=n, value=v, source="test") for n, v in attributes),
    )
    proof = (Coverage(tried="given", times=1, deadline_s=1.0),)
    seen = [
        Observation(id=f"t#{n}", device=device.id, collector="t", at=0.0, fact=f, proof=proof)
        for n, f in enumerate(facts)
    ]
    return Dut(device, seen, Declaration(product="p", accounts=accounts) if accounts else None)


def test_the_list_is_sound() -> None:
    made = read_list()
    assert len(made.rows) >= 300
    assert all(row.source and row.licence and row.year > 2000 for row in made.rows)
    assert all(row.protocols for row in made.rows)
    pairs = Counter(
        (r.vendor, r.model, p, r.username, r.password) for r in made.rows for p in r.protocols
    )
    assert max(pairs.values()) == 1, pairs.most_common(1)
    generic = Counter(p for r in made.rows if not r.vendor for p in r.protocols)
    assert set(generic) == set(listed.PROTOCOLS)
    assert set(logins.PROTOCOLS) <= set(listed.PROTOCOLS)
    assert max(generic.values()) <= 12
    used = {row.vendor for row in made.rows}
    assert set(made.signs) <= used, set(made.signs) - used


def test_the_vendor_decides_what_comes_first() -> None:
    one = service("http", 80)
    camera = dut(one, attributes=(("vendor", "Hangzhou Hikvision Digital Technology Co.,Ltd."),))
    first = candidates(camera, one)[0]
    assert (first.username, first.password, first.tier) == ("admin", "12345", "vendor")
    assert "hikvision-12345" in first.source
    assert all(c.tier == "generic" for c in candidates(dut(one), one))


def test_a_word_inside_a_word_is_no_vendor() -> None:
    assert "axis" not in credentials.vendors_of(dut(attributes=(("vendor", "Praxis GmbH"),)))
    assert "axis" in credentials.vendors_of(dut(attributes=(("vendor", "Axis Communications"),)))


def test_pages_and_banners_give_a_vendor_away() -> None:
    page = HttpPage(
        address="198.51.100.11",
        port=80,
        tls=False,
        path="/",
        status=200,
        headers=(("server", "uc-httpd 1.0.0"),),
    )
    telnet = service("telnet", 23)
    seen = dut(telnet, page)
    assert candidates(seen, telnet)[0].password == "xc3511"
    assert candidates(seen, telnet)[0].tier == "vendor"


def test_a_model_makes_it_a_product() -> None:
    one = service("ssh", 22)
    seen = dut(one, attributes=(("vendor", "Cisco"), ("model", "Aironet 1200 Access Point")))
    assert [c.username for c in candidates(seen, one)] != []
    one_of = {c.username: c.tier for c in candidates(seen, one)}
    assert one_of["Cisco"] == "vendor" or one_of["Cisco"] == "product"


def test_the_declared_default_comes_first_and_a_label_password_never() -> None:
    one = service("ssh", 22)
    seen = dut(
        one,
        accounts=(
            DeclaredAccount(
                service="ssh", username="maint", password="f4ctory", origin="universal"
            ),
            DeclaredAccount(service="any", username="a", password="b", origin="unique-per-device"),
            DeclaredAccount(service="ssh", username="c", origin="user-defined"),
            DeclaredAccount(service="http", username="d", password="e"),
        ),
    )
    pick = chosen(seen, one, PLAN)
    assert (pick[0].username, pick[0].password, pick[0].tier) == ("maint", "f4ctory", "declared")
    assert not {"a", "c", "d"} & {c.username for c in pick}


def test_the_pick_fits_the_budget() -> None:
    protocols = [("http", 80), ("telnet", 23), ("ssh", 22), ("ftp", 21), ("mqtt", 1883)]
    found = [service(p, port) for p, port in protocols] + [service("snmp", 161)]
    seen = dut(*found)
    total = 0
    for one in found:
        pick = chosen(seen, one, PLAN)
        assert pick
        per_user = Counter(c.username or c.password for c in pick)
        assert max(per_user.values()) <= PLAN.gentleness.logins_per_account
        total += len(pick) + credentials.CONTROLS
    assert total <= PLAN.gentleness.logins_per_device


def test_a_silent_agent_is_asked_once_and_counts_in_the_budget() -> None:
    silence = [
        UdpSilence(address=a, port=161, protocol="snmp", state="silent")
        for a in ("198.51.100.11", "2001:db8::11")
    ]
    (job,) = [t.job.id for t in COLLECTOR.tasks(dut(*silence), PLAN)]
    assert job == "login/ip-198.51.100.11/snmp udp/161"
    closed = UdpSilence(address="198.51.100.11", port=161, protocol="snmp", state="closed")
    assert list(COLLECTOR.tasks(dut(closed), PLAN)) == []


def test_one_job_for_a_service_on_two_addresses() -> None:
    same = [
        service("ssh", 22, product="OpenSSH"),
        service("ssh", 22, "2001:db8::11", product="OpenSSH"),
    ]
    assert len(list(COLLECTOR.tasks(dut(*same), PLAN))) == 1
    other = service("ssh", 22, "2001:db8::11", product="dropbear")
    jobs = [t.job.id for t in COLLECTOR.tasks(dut(same[0], other), PLAN)]
    assert jobs == [
        "login/ip-198.51.100.11/ssh tcp/22 OpenSSH",
        "login/ip-198.51.100.11/ssh tcp/22 dropbear",
    ]


def test_an_address_learnt_later_brings_no_second_job() -> None:
    late, early = service("ssh", 22), service("ssh", 22, "2001:db8::11")
    first, both = (
        [t.job.id for t in COLLECTOR.tasks(dut(*known), PLAN)] for known in ([early], [early, late])
    )
    assert first == both


def ssh_login(address: str) -> LoginTest:
    refused = LoginResult.REFUSED
    return LoginTest(
        transport="tcp",
        address=address,
        port=22,
        protocol="ssh",
        tls=False,
        method="password",
        without_credential=refused,
        random_credential=refused,
        candidates=(),
    )


def test_a_further_address_is_asked_without_a_credential_once_the_service_was_tested() -> None:
    v4, v6 = service("ssh", 22), service("ssh", 22, "2001:db8::11")
    other = service("ssh", 2222, "2001:db8::11")
    known = [v4, v6, other, ssh_login("198.51.100.11")]
    jobs = [t.job.id for t in COLLECTOR.tasks(dut(*known), PLAN)]
    assert jobs == [
        "login/ip-198.51.100.11/ssh tcp/22",
        "login/ip-198.51.100.11/ssh tcp/2222",
        "login/ip-198.51.100.11/without credential ssh tcp [2001:db8::11]:22",
    ]
    quiet = Plan(name="quiet", summary="", catalogues=(), tcp_ports="quick", logins=False)
    assert len(list(COLLECTOR.tasks(dut(*known), quiet))) == 2


def test_the_address_that_is_learnt_after_the_test_is_the_one_that_is_asked() -> None:
    both = [service("ssh", 22), service("ssh", 22, "2001:db8::11"), ssh_login("2001:db8::11")]
    jobs = [t.job.id for t in COLLECTOR.tasks(dut(*both), PLAN)]
    assert jobs[1:] == [
        "login/ip-198.51.100.11/without credential ssh tcp 198.51.100.11:22",
    ]


def test_the_attempt_list_is_exact() -> None:
    one = service("telnet", 23)
    seen = dut(one)
    lines = attempt_list(seen, PLAN)
    shown = [line for line in lines if "tcp 198.51.100.11:23" in line]
    pick = chosen(seen, one, PLAN)
    assert len(shown) == 1 + len(pick)
    for line, candidate in zip(shown[1:], pick, strict=True):
        assert f"'{candidate.username}', password '{candidate.password}'" in line
    assert any("snmp if found" in line and "community 'public'" in line for line in lines)


def test_without_permission_the_list_says_so() -> None:
    plan = Plan(name="quiet", summary="", catalogues=(), tcp_ports="quick", logins=False)
    (line,) = attempt_list(dut(service("ssh", 22)), plan)
    assert "the operator left them out (--no-logins)" in line
    assert all(shipped.logins for shipped in plans().values()), "nobody else leaves them out"


GOOD = """
edition = "1"
rows = [ {{ id = "a", on = ["http"], user = "u", pass = "p", source = "s"{more} }} ]
[sources]
s = {{ title = "t", licence = "l", year = 2020 }}
[vendors]
"""


@pytest.mark.parametrize(
    ("more", "word"),
    [(', colour = "red"', "colour"), (', vendor = "nobody"', "row a")],
)
def test_a_faulty_row_is_named(tmp_path: Path, more: str, word: str) -> None:
    file = tmp_path / "list.toml"
    file.write_text(GOOD.format(more=more))
    with pytest.raises(ProbeError, match=word):
        read_list(file)
    file.write_text("rows = [")
    with pytest.raises(ProbeError, match=r"list\.toml"):
        read_list(file)


def test_an_old_password_is_tried_on_every_service_within_the_budget() -> None:
    found = [service("http", 80), service("ssh", 22), service("telnet", 23)]
    changed = DeclaredAccount(service="http", username="admin", changed_from="before")
    seen = dut(*found, accounts=(changed,))
    (old,) = old_passwords(seen)
    assert (old.username, old.password, old.tier) == ("admin", "before", "old")
    for one in found:
        pick = chosen(seen, one, PLAN)
        assert "before" not in {c.password for c in pick}
        mine = [c for c in pick if c.username == "admin"]
        assert len(mine) + 1 <= PLAN.gentleness.logins_per_account
        lines = [x for x in attempt_list(seen, PLAN) if f":{one.port}:" in x]
        assert sum("'before' [old;" in x for x in lines) == 1


def test_the_operators_rows_come_before_the_list_and_are_never_dropped(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'rows = [ { id = "one", on = ["ssh"], user = "maint", pass = "f4c", source = "page 3" },\n'
        '  { id = "two", on = ["ssh"], user = "x", pass = "y", vendor = "acme" } ]'
    )
    rows = own_rows(file)
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", credentials=rows)
    ssh = service("ssh", 22)
    first, *rest = chosen(dut(ssh), ssh, plan)
    assert (first.username, first.password, first.tier) == ("maint", "f4c", "operator")
    assert first.source == "one: page 3"
    assert "y" not in {c.password for c in rest}
    known = dut(ssh, attributes=(("vendor", "ACME Ltd"),))
    assert "y" in {c.password for c in chosen(known, ssh, plan)}
    assert "f4c" not in {c.password for c in chosen(known, service("http", 80), plan)}


def test_no_service_takes_a_second_of_a_name_that_leaves_another_without_its_first() -> None:
    """Four services and four failures for a name: each tries it once, the likeliest first."""
    found = [service("http", 80), service("http", 443), service("telnet", 23), service("ftp", 21)]
    plan = PLAN
    picks = [chosen(dut(*found), one, plan) for one in found]
    for pick in picks:
        assert [c.password for c in pick if c.username == "admin"] == ["admin"]
    for name in {c.username for pick in picks for c in pick}:
        tried = sum(c.username == name for pick in picks for c in pick)
        assert tried <= plan.gentleness.failures_per_name
    (alone,) = [chosen(dut(found[0]), found[0], plan)]
    assert len([c for c in alone if c.username == "admin"]) > 1


def test_ftp_s_anonymous_login_is_no_default_account() -> None:
    """With ``ftp`` any password is let in (RFC 1635): as a default it would be a false one."""
    rows = [r for r in read_list().rows if "ftp" in r.protocols]
    assert rows
    assert not [r.id for r in rows if r.username in ("ftp", "anonymous")]


@pytest.mark.parametrize(
    "text",
    [
        "rows = [",
        'rows = [ { id = "a", on = ["gopher"], user = "u", pass = "p" } ]',
        'rows = [ { on = ["ssh"], user = "u", pass = "p" } ]',
        'rows = [ { id = "a", on = ["ssh"], user = 1, pass = "p" } ]',
        'rows = [ { id = "a", on = ["ssh"], user = "u", pass = "p", colour = "red" } ]',
        "more = 1",
        "rows = 7",
    ],
)
def test_a_faulty_file_of_the_operator_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ProbeError, match=r"own\.toml"):
        own_rows(file)


def test_the_list_can_be_filtered() -> None:
    rows = read_list().rows
    assert {r.vendor for r in filtered(rows, "mobotix")} == {"mobotix"}
    assert all("rtsp" in r.protocols for r in filtered(rows, "", "rtsp"))
    assert len(filtered(rows)) == len(rows)


def test_own_rows_survive_the_journal() -> None:
    from probe.codec import from_plain, to_plain

    row = OwnCredential(id="a", protocols=("ssh",), username="u", password="p")
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", credentials=(row,))
    assert from_plain(to_plain(plan), Plan) == plan


def test_passwords_without_a_user_are_no_account_of_another_service() -> None:
    """The screen's password, the data store's and a community are three things."""
    vnc, redis = service("vnc", 5900), service("redis", 6379)
    both = dut(vnc, redis, service("snmp", 161))
    assert len(chosen(both, vnc, PLAN)) == 2, "more wrong ones would shut us out"
    alone = dut(redis)
    assert chosen(both, redis, PLAN) == chosen(alone, redis, PLAN)[: len(chosen(both, redis, PLAN))]
    assert len(chosen(both, redis, PLAN)) >= 4
    keys = Service(transport="udp", address="198.51.100.11", port=5684, protocol="coaps")
    assert [c.username for c in chosen(dut(keys), keys, PLAN)][:1] == ["Client_identity"]
