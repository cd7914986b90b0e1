"""Wrong input gets one clear line on stderr, nothing on stdout, a documented exit code, no traceback."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe import __version__
from probe.errors import Exit


def probe(*argv: str, store: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PROBE_STORE": str(store or "/nonexistent/store")}
    return subprocess.run(
        [sys.executable, "-m", "probe", *argv],
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["rn"], Exit.USAGE, "No such command 'rn'"),
        (["run", "--fast"], Exit.USAGE, "--fast"),
        (["run"], Exit.USAGE, "No interface was named"),
        (["run", "-i", "lq"], Exit.USAGE, "lq"),
        (["run", "-i", "lo", "--plan", "standrad"], Exit.USAGE, "Did you mean 'standard'?"),
        (["run", "-i", "lo", "--catalogue", "psty"], Exit.USAGE, "Did you mean 'psti'?"),
        (["run", "-i", "lo", "--ports", "1-99999"], Exit.USAGE, "1-99999"),
        (["run", "-i", "lo", "--target", "camera.local"], Exit.USAGE, "not an IP address"),
        (["run", "-i", "lo", "--target", "198.51.100.7"], Exit.USAGE, "over the interface lo"),
        (["run", "-i", "lo", "--target", "ff02::1"], Exit.USAGE, "one device"),
        (["run", "-i", "lo", "--wan", "eth2"], Exit.USAGE, "no INTERFACE=ADDRESS"),
        (["run", "-i", "lo", "--wan", "lo=203.0.113.7"], Exit.USAGE, "the test network already"),
        (
            ["run", "-i", "lo", "--wan", "nil9=203.0.113.7"],
            Exit.USAGE,
            "no network interface 'nil9'",
        ),
        (["run", "--resume", "last", "-i", "lo"], Exit.USAGE, "keeps its interface"),
        (["run", "-i", "lo"], Exit.USAGE, "--authorised-by"),
        (["run", "-i", "lo", "--no-logins", "--permit", "brute-force"], Exit.USAGE, "brute-force"),
        (["run", "-i", "lo", "--permit", "everything"], Exit.USAGE, "'everything'"),
        (["run", "-i", "lo", "--key", "k.pem"], Exit.USAGE, "no image was given"),
        (["run", "-i", "lo", "--key", "k.pem", "--dry-run"], Exit.USAGE, "no image was given"),
        (["run", "--resume", "last", "--key", "k.pem"], Exit.USAGE, "images and keys"),
        (
            ["run", "-i", "lo", "--firmware", "192.0.2.7=a.bin", "--dry-run"],
            Exit.USAGE,
            "no address of a tested device (127.0.0.0/8",
        ),
        (
            ["run", "-i", "lo", "-t", "127.0.0.5", "--firmware", "127.0.0.6=a.bin"],
            Exit.USAGE,
            "no address of a tested device (127.0.0.5)",
        ),
        (["stop", "last"], Exit.ENVIRONMENT, "no result store"),
        (["run", "-i", "lo", "--declaration", "/no/such.toml"], Exit.USAGE, "/no/such.toml"),
        (["catalogue", "show", "psti", "PSTI-11"], Exit.USAGE, "Did you mean 'PSTI-1'?"),
        (["catalogue", "lint", "/no/such.toml"], Exit.USAGE, "/no/such.toml"),
        (["runs"], Exit.ENVIRONMENT, "no result store"),
        (["show", "last"], Exit.ENVIRONMENT, "no result store"),
        (["tui", "last"], Exit.USAGE, "needs a terminal"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_wrong_input(argv: list[str], code: Exit, says: str) -> None:
    done = probe(*argv)
    assert says in done.stderr + done.stdout
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_the_version_costs_nothing() -> None:
    done = probe("--version")
    assert done.stdout == f"probe {__version__}\n"
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv=['probe','--version']\n"
            "from probe.cli import main; main()\n"
            "print(*(m for m in ('click','textual','sqlite3','cattrs','scapy','asyncio') if m in sys.modules))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert loaded.stdout.splitlines()[1] == ""


def test_a_damaged_store_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "probe.db").write_bytes(b"nonsense " * 1000)
    done = probe("runs", store=tmp_path)
    assert done.returncode == Exit.ENVIRONMENT
    assert "damaged" in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m probe catalogue show en303645-v3.1.3 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "EN 303 645" in done.stdout


def test_the_dry_run_sends_nothing_and_lists_every_login() -> None:
    done = probe("run", "-i", "lo", "--dry-run")
    assert done.returncode == Exit.PASS, done.stderr
    assert "packets/s" in done.stdout
    assert "admin" in done.stdout
    assert "authorised by: not named yet" in done.stdout


def test_the_dry_run_names_images_and_keys_and_who_left_logins_out(tmp_path: Path) -> None:
    image, key = tmp_path / "a\x1b[31m.bin", tmp_path / "maker.pem"
    image.write_bytes(b"\x00\x01" * 500)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    given = ("--firmware", f"127.0.0.5={image}", "--key", str(key))
    done = probe("run", "-i", "lo", "-t", "127.0.0.5", "--dry-run", "--no-logins", *given)
    assert done.returncode == Exit.PASS, done.stderr
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    (told,) = (
        line for line in done.stdout.splitlines() if line.startswith("firmware of 127.0.0.5")
    )
    assert digest in told
    assert "\x1b" not in told
    assert f"key that should have signed it: {key}" in done.stdout
    assert "no login is tried, the operator left them out (--no-logins)" in done.stdout
    without = probe("run", "-i", "lo", "-t", "127.0.0.5", "--dry-run").stdout
    assert "firmware of" not in without
    assert "key that" not in without


def test_who_authorised_what_is_on_record(tmp_path: Path) -> None:
    names = ("--authorised-by", "C. Diaz, owner\x1b[31m", "--permit", "tls-attacks")
    started = probe("run", "-i", "lo", "-t", "127.0.0.9", "--detach", *names, store=tmp_path)
    assert started.returncode == Exit.PASS, started.stderr
    probe("stop", started.stdout.strip(), store=tmp_path)
    shown = probe("show", "last", store=tmp_path).stdout
    assert "C. Diaz, owner" in shown
    assert "\x1b" not in shown
    assert "default logins, tls-attacks on 127.0.0.9" in " ".join(shown.split())


def test_catalogues_are_listed_with_all_their_provisions() -> None:
    done = probe("catalogue", "list")
    sizes = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert sizes == {
        "cra": 31,
        "en18031": 48,
        "en303645-v2.1.1": 68,
        "en303645-v3.1.3": 78,
        "nistir8425": 45,
        "psti": 7,
    }


def test_the_doctor_answers_every_topic() -> None:
    done = probe("doctor", "-i", "lo")
    topics = [line.split()[0] for line in done.stdout.splitlines() if line[0] != " "]
    assert {"python", "raw", "namespaces", "interface", "ipv6", "clock", "store"} <= set(topics)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device"), Exit.ENVIRONMENT),
        (BrokenPipeError(), Exit.STOPPED),
        (RuntimeError("ours"), Exit.TOOL),
    ],
    ids=["full disk", "reader gone", "defect"],
)
def test_what_breaks_off_is_neither_a_pass_nor_a_failed_requirement(
    error: Exception, code: Exit
) -> None:
    script = (
        "import sys\nfrom probe.cli import app\n"
        f"def fails(*_, **__): raise {type(error).__name__}{error.args!r}\n"
        "app.app = fails\nsys.exit(app.run_app())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr
