"""Keys as openssl, ssh-keygen and dropbearkey write them; the marker of a key alone is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.content.private_keys import from_der, from_dropbear, from_pem, published
from probe.model.firmware import ImageCertificate, ImageKey

Facts = Callable[..., list[Any]]
Written = Callable[..., bytes]


@pytest.mark.parametrize(
    ("options", "algorithm", "bits"),
    [
        (("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"), "RSA", 1024),
        (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "EC", 256),
        (("-algorithm", "ED25519"), "Ed25519", 256),
    ],
)
def test_pem_der_and_a_key_inside_a_program(
    options: tuple[str, ...], algorithm: str, bits: int, facts: Facts, written: Written
) -> None:
    pem = written("k", "openssl", "genpkey", *options, "-out", "k")
    der = written("d", "openssl", "pkey", "-in", "k", "-outform", "DER", "-out", "d")
    quoted = json.dumps({"key": pem.decode()}).encode()
    program = b"\x7fELF\0\0" + b"\0" * 600 + pem + b"\0" * 100
    found = facts(
        {
            "etc/ssl/server.pem": pem,
            "etc/server.key": der,
            "etc/cloud.json": quoted,
            "usr/sbin/httpd": program,
        },
        ImageKey,
    )
    assert len(found) == 4
    assert len({key.fingerprint for key in found}) == 1
    assert {(key.use, key.algorithm, key.bits) for key in found} == {
        ("private key", algorithm, bits)
    }
    assert not any(key.public_name for key in found)


def test_encrypted_keys_are_said_to_be(facts: Facts, written: Written, tool: Any) -> None:
    new = written(
        "e", "openssl", "genrsa", "-aes128", "-passout", "pass:secret", "-out", "e", "1024"
    )
    old = written(
        "o",
        "openssl",
        "rsa",
        "-in",
        "e",
        "-passin",
        "pass:secret",
        "-aes128",
        "-passout",
        "pass:x",
        "-traditional",
        "-out",
        "o",
    )
    tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", "s")
    ssh = written("s", "true")
    found = facts({"etc/a.pem": new, "etc/b.pem": old, "etc/c": ssh}, ImageKey)
    assert [key.encrypted for key in found] == [True, True, True]
    assert found[2].fingerprint, "OpenSSH leaves the public half open"


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("rsa", "RSA"), ("ecdsa", "EC"), ("ed25519", "Ed25519")]
)
def test_host_keys_of_openssh_and_dropbear(
    kind: str, algorithm: str, facts: Facts, written: Written, tool: Any, tmp_path: Path
) -> None:
    tool("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", "host")
    public = (tmp_path / "host.pub").read_bytes()
    dropbear = written("db", "dropbearkey", "-t", kind, "-f", "db")
    found = facts(
        {
            f"etc/ssh/ssh_host_{kind}_key": written("host", "true"),
            f"etc/dropbear/dropbear_{kind}_host_key": dropbear,
            "root/.ssh/authorized_keys": b"# maker\n" + public,
        },
        ImageKey,
    )
    assert [key.algorithm for key in found] == [algorithm] * 3
    openssh, _, authorised = found
    assert authorised.use == "authorised key"
    assert authorised.fingerprint == openssh.fingerprint, "whoever has this image may enter"


def test_a_marker_is_no_key(facts: Facts) -> None:
    marker = b"-----BEGIN RSA PRIVATE KEY-----"
    library = b"\x7fELF" + b"\0" * 64 + marker + b"\0-----END RSA PRIVATE KEY-----\0" + b"\0" * 400
    script = b"grep -q -- '" + marker + b'\' "$1" || exit 1\n'
    text = (
        marker
        + b"\nnot a key at all, only a sentence that stands here for a key\n-----END RSA PRIVATE KEY-----\n"
    )
    assert not facts(
        {"usr/lib/libcrypto.so.3": library, "usr/bin/check": script, "etc/t": text}, ImageKey
    )


def test_a_published_key_is_named_and_a_library_may_test_itself_with_it(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, written: Written
) -> None:
    pem = written("k", "openssl", "genrsa", "-out", "k", "1024")
    (mine,) = facts({"etc/k.pem": pem}, ImageKey)
    monkeypatch.setitem(published(), mine.fingerprint, "ExampleTLS 1.0, tests/server.key")
    in_use, own_test = facts(
        {"etc/k.pem": pem, "usr/lib/libssl.so.3": b"\x7fELF\0" + pem}, ImageKey
    )
    assert (in_use.use, in_use.public_name) == ("private key", "ExampleTLS 1.0, tests/server.key")
    assert own_test.use == "example key"


def test_keys_of_documentation_are_examples(facts: Facts, written: Written) -> None:
    pem = written("k", "openssl", "genrsa", "-out", "k", "1024")
    (one,) = facts({"usr/share/doc/openvpn/examples/ca.key": pem}, ImageKey)
    assert one.use == "example key"


def certificate(written: Written, name: str, *options: str) -> tuple[bytes, bytes]:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", f"/CN={name}"]
    pem = written("c", *command, "-keyout", "ck", "-out", "c", *options)
    return pem, written("ck", "true")


def test_certificates_with_and_without_their_key(facts: Facts, written: Written) -> None:
    pem, key = certificate(written, "device")
    other, _ = certificate(written, "maker")
    der = written("x.der", "openssl", "x509", "-in", "c", "-outform", "DER", "-out", "x.der")
    files = {"etc/d.pem": pem, "etc/d.key": key, "etc/maker.crt": der}
    found = {one.path: one for one in facts(files, ImageCertificate)}
    assert found["etc/d.pem"].with_key
    assert not found["etc/maker.crt"].with_key
    assert found["etc/maker.crt"].certificate.subject == "CN=maker"
    assert found["etc/d.pem"].certificate.key_bits == 1024
    assert other


def test_a_list_of_authorities_is_no_finding_unless_a_key_of_it_is_shipped(
    facts: Facts, written: Written
) -> None:
    pem, key = certificate(written, "authority", "-days", "1")
    bundle = {
        "etc/ssl/certs/ca-certificates.crt": pem * 10,
        "usr/share/ca-certificates/m/A.crt": pem,
    }
    assert not facts(bundle, ImageCertificate)
    found = facts({**bundle, "etc/ca.key": key}, ImageCertificate)
    assert found
    assert all(one.with_key and one.certificate.is_ca for one in found)


@pytest.mark.parametrize(
    "read", [from_der, from_dropbear, lambda data: from_pem(b"RSA PRIVATE KEY", data)]
)
def test_hostile_keys_are_none(read: Callable[[bytes], Any], written: Written) -> None:
    dropbear = written("db", "dropbearkey", "-t", "rsa", "-s", "1024", "-f", "db")
    for size in (0, 1, 4, 11, 15, 40, 200):
        assert read(dropbear[:size]) is None
    assert read(dropbear[:11] + b"\xff" * 300) is None
    assert read(b"\x30\x82\xff\xff" + b"\0" * 100) is None
