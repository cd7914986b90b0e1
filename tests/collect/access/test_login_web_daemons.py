"""Genuine web servers of Debian: basic, digest and a form by CGI; over TLS, over IPv6, under a tarpit."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twins import auth, pages
from twins.site import certificate, site

from probe.collect.access.protocols.web import auth as http_auth
from probe.collect.access.protocols.web import visit
from probe.model.observation import HttpPage, LoginResult, Service

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
Start = Callable[..., None]
APACHE = Path("/usr/lib/apache2/modules")
UNIXD = APACHE / "mod_unixd.so"
V4, V6 = "127.0.0.1", "::1"
FORM = """#!/usr/bin/env python3
import os, pathlib, secrets, sys, urllib.parse
kept = pathlib.Path(__file__).with_name("sessions")
known = kept.read_text().split() if kept.exists() else []
sid = os.environ.get("HTTP_COOKIE", "").partition("sid=")[2]
page = "<form method=post><input type=hidden name=t value=7><input name=user>" \\
    "<input type=password name=pass><input type=submit name=ok value=Login></form>"
if os.environ["REQUEST_METHOD"] == "POST":
    sent = sys.stdin.read(int(os.environ["CONTENT_LENGTH"]))
    f = dict(urllib.parse.parse_qsl(sent, keep_blank_values=True))
    if (f.get("user"), f.get("pass"), f.get("t"), f.get("ok")) == ("admin", "PASSWORD", "7", "Login"):
        new = secrets.token_hex(8)
        kept.write_text(" ".join([*known, new]))
        print("Status: 303\\r\\nLocation: /cgi-bin/index.py\\r\\nSet-Cookie: sid=" + new + "\\r\\n\\r\\n")
        sys.exit()
    page = "Login failed" + page
elif sid in known and "out" in os.environ["QUERY_STRING"]:
    kept.write_text(" ".join(s for s in known if s != sid))
elif sid in known:
    page = "Port 1 up <a href='/cgi-bin/index.py?logout'>Logout</a>"
print("Content-Type: text/html\\r\\n\\r\\n" + page)
"""


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def at(address: str, port: int, tls: bool) -> Service:
    return Service(transport="tcp", address=address, port=port, protocol="http", tls=tls)


def lighttpd_conf(folder: Path, port: int, address: str, tls: bool, lines: str) -> str:
    (folder / "index.html").write_text("inside")
    host = f"[{address}]" if ":" in address else address
    text = f"""
server.document-root = "{folder}"
server.port = {port}
server.bind = "{host}"
index-file.names = ("index.html")
{lines}
"""
    if tls:
        certificate(folder)
        both = (folder / "twin.key").read_text() + (folder / "twin.crt").read_text()
        (folder / "twin.pem").write_text(both)
        text += f'server.modules += ("mod_openssl")\nssl.engine = "enable"\nssl.pemfile = "{folder}/twin.pem"\n'
    (folder / "conf").write_text(text)
    return str(folder / "conf")


@needs("lighttpd")
@pytest.mark.parametrize("scheme", ["basic", "digest-MD5", "digest-SHA-256"])
@pytest.mark.parametrize(("address", "tls"), [(V6, False), (V4, True), (V6, True)])
async def test_lighttpd_over_tls_and_ipv6(
    login: Any, start: Start, port: int, tmp_path: Path, scheme: str, address: str, tls: bool
) -> None:
    if tls and not list(Path("/usr/lib/lighttpd").glob("mod_openssl*")):
        pytest.skip("lighttpd-mod-openssl is not installed")
    kind, _, algorithm = scheme.partition("-")
    (tmp_path / "users").write_text("admin:admin\n")
    extra = f', "algorithm" => "{algorithm}"' if algorithm else ""
    lines = f"""server.modules = ("mod_auth", "mod_authn_file")
auth.backend = "plain"
auth.backend.plain.userfile = "{tmp_path}/users"
auth.require = ("/" => ("method" => "{kind}", "realm" => "a cam", "require" => "valid-user"{extra}))
"""
    start("lighttpd", "-D", "-f", lighttpd_conf(tmp_path, port, address, tls, lines))
    got = await login(at(address, port, tls))
    assert got.opened == [("admin", "admin")], (got.test.problem, got.test.candidates)
    assert got.test.method == kind
    assert got.test.tls is tls


@needs("nginx")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
@pytest.mark.parametrize(("address", "tls"), [(V4, False), (V6, False), (V4, True)])
async def test_nginx_basic(
    login: Any, start: Start, port: int, tmp_path: Path, password: str, address: str, tls: bool
) -> None:
    made = subprocess.run(
        ["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True
    )
    (tmp_path / "users").write_text(f"admin:{made.stdout}")
    (tmp_path / "index.html").write_text("inside")
    host = f"[{address}]" if ":" in address else address
    secure = ""
    if tls:
        certificate(tmp_path)
        secure = f"ssl_certificate {tmp_path}/twin.crt; ssl_certificate_key {tmp_path}/twin.key;"
        (tmp_path / "twin.key").chmod(0o644)
    (tmp_path / "conf").write_text(f"""
daemon off; user root; pid {tmp_path}/pid; error_log stderr; worker_processes 1;
events {{}}
http {{ access_log off; root {tmp_path}; client_body_temp_path {tmp_path}/b;
 server {{ listen {host}:{port}{" ssl" if tls else ""}; {secure}
  location / {{ auth_basic "cam"; auth_basic_user_file {tmp_path}/users; }} }} }}
""")
    start("nginx", "-c", str(tmp_path / "conf"))
    got = await login(at(address, port, tls))
    assert got.test.method == "basic"
    assert got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    if not got.opened:
        assert {c.result for c in got.test.candidates} == {REFUSED}


@needs("lighttpd")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
@pytest.mark.parametrize("address", [V4, V6])
async def test_a_form_by_cgi_on_lighttpd(
    login: Any, start: Start, port: int, tmp_path: Path, password: str, address: str
) -> None:
    place = tmp_path / "cgi-bin"
    place.mkdir()
    (place / "index.py").write_text(FORM.replace("PASSWORD", password))
    lines = (
        'server.modules = ("mod_cgi", "mod_redirect")\ncgi.assign = (".py" => "/usr/bin/python3")\n'
        'url.redirect = ("^/$" => "/cgi-bin/index.py")\n'
    )
    start("lighttpd", "-D", "-f", lighttpd_conf(tmp_path, port, address, False, lines))
    got = await login(at(address, port, False))
    assert got.test.method == "form"
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    sessions = place / "sessions"
    assert not sessions.exists() or not sessions.read_text().strip(), "it logged out"


def apache_conf(folder: Path, port: int, modules: str, lines: str) -> str:
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<html>inside <a href='/logout.html'>Log out</a></html>")
    names = f"mpm_event authn_core authn_file authz_core authz_user dir {modules}".split()
    loads = "".join(f"LoadModule {n}_module {APACHE}/mod_{n}.so\n" for n in names)
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    if user:
        loads += f"LoadModule unixd_module {APACHE}/mod_unixd.so\n" * UNIXD.exists()
    (folder / "conf").write_text(
        f"{loads}{user}ServerRoot {folder}\nServerName twin\nPidFile {folder}/pid\n"
        f"DefaultRuntimeDir {folder}\nMutex sem\nErrorLog {folder}/apache.log\n"
        f"Listen {V4}:{port}\nDocumentRoot {pages}\nDirectoryIndex index.html\n{lines}"
    )
    return str(folder / "conf")


@needs("apache2")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
@pytest.mark.parametrize("lifetime", [300, 1])
async def test_apache_digest(
    login: Any, start: Start, port: int, tmp_path: Path, password: str, lifetime: int
) -> None:
    """Its nonces carry a time, and a stale one is said to be so."""
    ha1 = hashlib.md5(f"admin:a cam:{password}".encode()).hexdigest()
    (tmp_path / "users").write_text(f"admin:a cam:{ha1}\n")
    lines = f"""<Location />
AuthType Digest
AuthName "a cam"
AuthDigestProvider file
AuthUserFile {tmp_path}/users
AuthDigestNonceLifetime {lifetime}
Require valid-user
</Location>
"""
    start("apache2", "-X", "-f", apache_conf(tmp_path, port, "auth_digest", lines))
    got = await login(at(V4, port, False))
    assert got.test.method == "digest"
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    if not got.opened:
        assert {c.result for c in got.test.candidates} == {REFUSED}


@needs("apache2")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
@pytest.mark.parametrize("inline", [False, True], ids=["redirect", "inside a 401"])
async def test_apache_form(
    login: Any, start: Start, port: int, tmp_path: Path, password: str, inline: bool
) -> None:
    """mod_auth_form: its page comes by redirect, or as the body of a 401."""
    made = subprocess.run(
        ["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True
    )
    (tmp_path / "users").write_text(f"admin:{made.stdout}")
    asks = "ErrorDocument 401 /login.html" if inline else ""
    asks = asks or 'AuthFormLoginRequiredLocation "/login.html"'
    lines = f"""<Location />
AuthType form
AuthName "cam"
AuthFormProvider file
AuthUserFile {tmp_path}/users
{asks}
AuthFormLoginSuccessLocation "/index.html"
Session On
SessionCookieName session path=/
Require valid-user
</Location>
<Location /login.html>
Require all granted
</Location>
<Location /logout.html>
SetHandler form-logout-handler
AuthFormLogoutLocation "/login.html"
Session On
SessionMaxAge 1
SessionCookieName session path=/
</Location>
<Location /in>
SetHandler form-login-handler
</Location>
"""
    conf = apache_conf(tmp_path, port, "auth_form request session session_cookie", lines)
    (tmp_path / "pages/login.html").write_text(
        "<form method=post action='/in'><input name=httpd_username>"
        "<input type=password name=httpd_password><input type=submit name=login></form>"
    )
    start("apache2", "-X", "-f", conf)
    got = await login(at(V4, port, False))
    assert got.test.method == "form", (tmp_path / "apache.log").read_text()[-800:]
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    if not got.opened:
        assert {c.result for c in got.test.candidates} == {REFUSED}


@needs("busybox")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_busybox_httpd(
    login: Any, start: Start, port: int, tmp_path: Path, password: str
) -> None:
    (tmp_path / "index.html").write_text("<html>hello, <a href='/admin/'>log in</a></html>")
    (tmp_path / "admin").mkdir()
    (tmp_path / "admin/index.html").write_text("inside")
    (tmp_path / "conf").write_text(f"/admin:admin:{password}\n")
    words = ["-p", f"{V4}:{port}", "-h", str(tmp_path), "-c", str(tmp_path / "conf")]
    start("busybox", "httpd", "-f", *words)
    got = await login(at(V4, port, False))
    assert got.test.method == "basic"
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    if not got.opened:
        assert {c.result for c in got.test.candidates} == {REFUSED}


@pytest.mark.parametrize("old", [False, True], ids=["today", "TLS 1.0"])
@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("room", ["auth", "pages"])
async def test_twins_inside_tls(
    login: Any, tmp_path: Path, old: bool, address: str, room: str
) -> None:
    handler = auth.Digest("SHA-256") if room == "auth" else pages.Portal()
    serve = auth.serve if room == "auth" else pages.serve
    port = await serve(handler, host=address, tls=certificate(tmp_path, old=old))
    got = await login(at(address, port, True))
    assert got.opened == [("admin", "admin")], (got.tests, got.missing)
    assert got.test.tls
    versions = {b"TLSv1 " if b"TLS TLSv1," in data else b"" for data in got.evidence.values()}
    assert versions == ({b"TLSv1 "} if old else {b""})


@pytest.mark.parametrize("after", [0, 60])
async def test_a_tarpit_is_no_login(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """It drips its answer, from the start on or in the middle of the headers, for ever."""
    monkeypatch.setattr(visit, "WITHIN", 0.5)
    monkeypatch.setattr(http_auth, "WITHIN", 0.5)

    async def drip(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write((b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\nX-Endless: " + b"x" * 60)[:after])
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    page = {"tls": False, "headers": (), "address": V4}
    async with serve(drip) as port:
        got = await login(service("http", port))
        assert got.tests == []
        assert "no answer" in got.missing[0].reason
        seen = HttpPage(port=port, path="/", status=401, auth_schemes=("basic",), **page)
        got = await login(service("http", port), seen)
        assert got.opened == []
        assert got.test.problem.startswith("without a credential")
        seen = HttpPage(port=port, path="/", status=200, login_form=True, **page)
        got = await login(service("http", port), seen)
        assert got.opened == []
        assert got.tests == []


async def test_a_page_behind_an_open_root(login: Any, serve: Any, service: Any) -> None:
    """The root is for everybody; a page that was read before asks."""
    inner = auth.Digest("MD5")

    def handler(request: Any) -> Any:
        return inner(request) if request.path == "/setup" else (200, [], "<html>hello</html>")

    async with serve(site(handler)) as port:
        page = HttpPage(
            address=V4, port=port, tls=False, path="/setup", status=401, headers=(),
            auth_schemes=("digest",),
        )  # fmt: skip
        got = await login(service("http", port), page)
    assert got.opened == [("admin", "admin")]
