"""Accounts: hashes made by the programs that devices use; each state with its twin."""

from collections.abc import Callable
from typing import Any

import pytest
from passlib.hash import sha512_crypt

from firmware_checks.content.files import NOT_READ
from firmware_checks.content.passwords import Cracker, candidates, type_of
from probe.model.firmware import AccountState, ImageAccount, ImageWeakness

Facts = Callable[..., list[Any]]
PASSWD = b"root:x:0:0:root:/root:/bin/ash\ndaemon:*:1:1::/var:/bin/false\n"
GOOD = "correct-horse-7461-battery"


def openssl(tool: Callable[..., Any], kind: str, password: str) -> str:
    return str(tool("openssl", "passwd", kind, password).stdout).strip()


def root(found: list[ImageAccount]) -> ImageAccount:
    (one,) = [account for account in found if account.username == "root"]
    return one


@pytest.mark.parametrize(
    ("kind", "name", "weak"),
    [("-1", "MD5", True), ("-5", "SHA-256", False), ("-6", "SHA-512", False)],
)
def test_a_known_password_is_found_and_another_is_not(
    kind: str, name: str, weak: bool, facts: Facts, tool: Callable[..., Any]
) -> None:
    def shadow(password: str) -> dict[str, Any]:
        line = f"root:{openssl(tool, kind, password)}:19000:0:99999:7:::\n"
        return {"etc/passwd": PASSWD, "etc/shadow": line.encode()}

    bad, good = root(facts(shadow("xc3511"), ImageAccount)), root(facts(shadow(GOOD), ImageAccount))
    assert (bad.state, bad.password) == (AccountState.KNOWN, "xc3511")
    assert (good.state, good.password) == (AccountState.HASHED, "")
    assert "known passwords" in good.tried
    for one in (bad, good):
        assert (one.hash_type, one.weak_hash, one.uid, one.shell) == (name, weak, 0, "/bin/ash")
        assert one.path == "etc/shadow"


def test_des_of_busybox(facts: Facts, tool: Callable[..., Any]) -> None:
    hashed = str(tool("busybox", "mkpasswd", "-m", "des", "-S", "ab", "vizxv").stdout).strip()
    (one,) = facts({"etc/passwd": f"root:{hashed}:0:0::/:/bin/sh\n".encode()}, ImageAccount)
    assert (one.state, one.password, one.hash_type) == (AccountState.KNOWN, "vizxv", "DES")
    assert one.weak_hash


def test_no_password_and_a_hash_of_the_empty_one(facts: Facts) -> None:
    assert (
        root(facts({"etc/passwd": b"root::0:0::/:/bin/sh\n"}, ImageAccount)).state
        is AccountState.EMPTY
    )
    shadow = f"root:{sha512_crypt.using(rounds=5000).hash('')}:::::::\n".encode()
    found = facts({"etc/passwd": PASSWD, "etc/shadow": shadow}, ImageAccount)
    assert root(found).state is AccountState.EMPTY


@pytest.mark.parametrize("secret", ["*", "!", "!!", "*LK*", "!$6$salt$abc", "x!"])
def test_a_locked_account_is_locked(secret: str, facts: Facts) -> None:
    shadow = f"root:{secret}:19000:0:99999:7:::\n".encode()
    found = facts({"etc/passwd": PASSWD, "etc/shadow": shadow}, ImageAccount)
    assert {one.state for one in found} == {AccountState.LOCKED}


def test_a_shadow_that_is_not_there_is_not_taken_for_locked(facts: Facts) -> None:
    assert root(facts({"etc/passwd": PASSWD}, ImageAccount)).state is AccountState.ELSEWHERE


def test_bcrypt_yescrypt_and_many_rounds_are_said_not_to_be_tried(facts: Facts) -> None:
    bcrypt = "$2b$12$" + "a" * 53
    yescrypt = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
    slow = "$6$rounds=999999999$salt$" + "a" * 86
    for hashed, said in ((bcrypt, "bcrypt"), (yescrypt, "yescrypt"), (slow, "999999999 rounds")):
        found = facts(
            {"etc/passwd": PASSWD, "etc/shadow": f"root:{hashed}:1::::::\n".encode()}, ImageAccount
        )
        assert root(found).state is AccountState.HASHED
        assert root(found).tried == f"not tried: {said}"


def test_the_time_for_trying_is_limited(tool: Callable[..., Any]) -> None:
    clock = iter(range(0, 100_000, 1))
    cracker = Cracker(seconds=10, clock=lambda: next(clock))
    guess = cracker.guess("nobody-knows", openssl(tool, "-1", GOOD))
    assert guess.password is None
    assert guess.tried.startswith("time was up after")


def test_server_password_files(facts: Facts, written: Callable[..., bytes]) -> None:
    for name, option in (("htpasswd", "-bmc"), ("b.htpasswd", "-bdc"), ("c.htpasswd", "-bsc")):
        data = written(name, "htpasswd", option, name, "admin", "admin")
        (one,) = facts({f"etc/nginx/{name}": data}, ImageAccount)
        assert (one.username, one.state, one.password) == ("admin", AccountState.KNOWN, "admin")
        assert one.weak_hash
    good = written("d", "htpasswd", "-bmc", "d", "admin", GOOD)
    (one,) = facts({"etc/.htpasswd": good}, ImageAccount)
    assert one.state is AccountState.HASHED


def test_mosquitto_lighttpd_and_busybox_httpd(facts: Facts, written: Callable[..., bytes]) -> None:
    data = written("p", "mosquitto_passwd", "-b", "-c", "p", "mqtt", "mqtt")
    (one,) = facts({"etc/mosquitto/passwd": data}, ImageAccount)
    assert (one.state, one.password, one.hash_type) == (
        AccountState.KNOWN,
        "mqtt",
        "PBKDF2-SHA-512",
    )
    (one,) = facts({"etc/lighttpd/lighttpd.user": b"admin:admin\n"}, ImageAccount)
    assert (one.state, one.hash_type) == (AccountState.KNOWN, "in clear")
    (one,) = facts(
        {"etc/lighttpd.htdigest": b"admin:Router:c85ed41b0c65d4ab12b90f8d1ea8c0fc\n"}, ImageAccount
    )
    assert one.hash_type == "MD5 (digest)"
    httpd = b"A:192.168.0.0/24\n/cgi-bin:admin:$p$root\n/:admin:admin\n"
    (one,) = facts({"etc/httpd.conf": httpd}, ImageAccount)
    assert (one.username, one.password) == ("admin", "admin")


def test_what_is_no_hash_is_none() -> None:
    assert type_of("*") is None
    assert type_of("x") is None
    assert type_of("$9$unknown$abcdefgh") is not None
    assert candidates("admin")[:2] == ["admin", ""]
    assert len(candidates("admin")) == len(set(candidates("admin"))) > 150


def test_documentation_and_examples_are_no_accounts(facts: Facts) -> None:
    lines = b"roger:$6$clQ4Ocu312S0qWgl$Cv2wUxgEN73c6C6jlBkswqR4AkHsvDLWvtEXZZ8NpsBLgP1WAo/qA+WXcmEN/mjDNgdUwcxRAveqNMs2xUVQYA==\n"
    assert not facts({"usr/share/doc/mosquitto/examples/pwfile": lines}, ImageAccount)
    assert not facts({"etc/mosquitto/pwfile.example": lines}, ImageAccount)
    assert facts({"etc/mosquitto/pwfile": lines}, ImageAccount)


def test_accounts_and_start_scripts_beyond_the_limits_are_said_not_to_be_read(facts: Facts) -> None:
    many = b"".join(b"user%d:*:%d:0::/:/bin/sh\n" % (n, n) for n in range(250))
    huge = b"# nothing\n" * 200_000
    found = facts({"etc/passwd": many, "a/etc/passwd": huge, "etc/inittab": huge}, ImageWeakness)
    unread = {(one.path, one.what) for one in found if one.kind == NOT_READ}
    assert ("accounts", "50 accounts beyond the first 200") in unread
    assert {path for path, _ in unread} == {"accounts", "a/etc/passwd", "etc/inittab"}
