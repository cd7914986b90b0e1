"""Genuine web servers of Debian, each told as what it is."""

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe import registry
from probe.collect.web.collector import pages
from probe.collect.web.crawl import crawl
from probe.model.exposure import HostAnswer, SecurityTxt, Shown, WebCrawl
from probe.model.observation import HttpPage, PortScan, Service

HERE = "127.0.0.1"
LIGHTTPD = """
server.document-root = "{root}"
server.port = {port}
server.bind = "127.0.0.1"
server.modules = ("mod_access", "mod_auth", "mod_authn_file", "mod_dirlisting")
mimetype.assign = (".html" => "text/html", ".json" => "application/json", ".txt" => "text/plain")
index-file.names = ("index.html")
{more}
"""
GUARD = """
auth.backend = "plain"
auth.backend.plain.userfile = "{root}/../users"
$HTTP["url"] !~ "^/(status.json|[.]well-known/)" {{
  auth.require = ("/" => ("method" => "basic", "realm" => "hub", "require" => "valid-user"))
}}
"""
NGINX = """
daemon off; user root; pid {root}/../pid; error_log stderr;
events {{ }}
http {{
  access_log off; types {{ text/html html; }} default_type text/plain;
  client_body_temp_path {root}/../t; proxy_temp_path {root}/../t; fastcgi_temp_path {root}/../t;
  uwsgi_temp_path {root}/../t; scgi_temp_path {root}/../t;
  server {{ listen 127.0.0.1:{port} default_server; return 421; }}
  server {{ listen 127.0.0.1:{port}; server_name 127.0.0.1; root {root};
            location /files/ {{ autoindex on; }} }}
}}
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind((HERE, 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "www"
    (made / ".well-known").mkdir(parents=True)
    (made / "files").mkdir()
    (made / "files" / "a.log").write_text("started\n")
    (made / "index.html").write_text("<html><title>Hub</title><a href=/files/>files</a></html>")
    (made / "status.json").write_text('{"wpa_psk": "geheim1234"}')
    (made / ".well-known" / "security.txt").write_text(
        "Contact: mailto:psirt@example.com\nExpires: 2099-01-01T00:00:00Z\n"
    )
    (tmp_path / "users").write_text("admin:long and unguessable\n")
    return made


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., None]]:
    running: list[subprocess.Popen[bytes]] = []

    def run(port: int, *command: str) -> None:
        if not shutil.which(command[0]):
            pytest.skip(f"{command[0]} is not installed")
        log = (tmp_path / "log").open("ab")
        running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for _ in range(100):
            with socket.socket() as sock:
                if sock.connect_ex((HERE, port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail((tmp_path / "log").read_text()[-2000:])

    yield run
    for process in running:
        process.terminate()
        process.wait(10)


async def measured(bench, port):
    b = bench(HERE)
    service = Service(transport="tcp", address=HERE, port=port, protocol="http")
    proof = b.session.keep(b"x", media_type="text/plain", caption="x")
    scan = {"transport": "tcp", "address": HERE, "list_name": "quick 1/1", "tested": "1-65535"}
    b.session.observe(PortScan(open=(port,), **scan), proof)
    b.session.observe(service, proof)
    await pages(service, b.session)
    await crawl(service, b.session)
    [found] = b.recorded.facts(WebCrawl)
    assert not found.problem
    assert found.connections <= 25
    b.recorded.dut = b.dut
    return b.recorded, {p.path: p for p in found.pages}


def outcomes(recorded):
    """What each check of the pages says of the server."""
    return {
        name: {a.outcome.value for a in registry.check_function(f"exposure/{name}")(recorded.dut)}
        for name in (
            *("directory_listing", "error_details", "foreign_host_name", "pages_without_login"),
            *("secrets_in_pages", "security_txt", "session_cookies", "web_headers"),
        )
    }


async def test_lighttpd_without_login_lists_its_files(bench, port, root, start, tmp_path):
    conf = tmp_path / "l.conf"
    more = 'dir-listing.activate = "enable"'
    conf.write_text(LIGHTTPD.format(root=root, port=port, more=more))
    start(port, "lighttpd", "-D", "-f", str(conf))
    recorded, found = await measured(bench, port)
    assert found["/"].shown is Shown.READABLE
    assert found["/files/"].listing
    assert found["/files/a.log"].shown is Shown.READABLE
    [answer] = recorded.facts(HostAnswer)
    assert answer.same_page
    [contact] = recorded.facts(SecurityTxt)
    assert contact.contacts == ("mailto:psirt@example.com",)
    assert contact.expired is False
    assert outcomes(recorded) == {
        "directory_listing": {"violated"},
        "error_details": {"satisfied"},
        "foreign_host_name": {"violated"},
        "pages_without_login": {"inconclusive"},
        "secrets_in_pages": {"satisfied"},
        "security_txt": {"satisfied"},
        "session_cookies": {"satisfied"},
        "web_headers": {"violated"},
    }


async def test_lighttpd_with_basic_and_a_forgotten_file(bench, port, root, start, tmp_path):
    """The file is not linked from a page that can be read, and no usual path: it stays unseen."""
    conf = tmp_path / "l.conf"
    conf.write_text(LIGHTTPD.format(root=root, port=port, more=GUARD.format(root=root)))
    start(port, "lighttpd", "-D", "-f", str(conf))
    recorded, found = await measured(bench, port)
    assert recorded.facts(HttpPage)[0].auth_schemes == ("basic",)
    assert {p.shown for path, p in found.items() if p.found != "made up"} == {Shown.GUARDED}
    assert outcomes(recorded) == {
        "directory_listing": {"satisfied"},
        "error_details": {"satisfied"},
        "foreign_host_name": {"violated"},
        "pages_without_login": {"satisfied"},
        "secrets_in_pages": {"satisfied"},
        "security_txt": {"satisfied"},
        "session_cookies": {"inconclusive"},
        "web_headers": {"inconclusive"},
    }
    assert base64.b64encode(b"admin:") not in b"".join(recorded.evidence.values())


async def test_nginx_that_knows_its_names(bench, port, root, start, tmp_path):
    conf = tmp_path / "n.conf"
    conf.write_text(NGINX.format(root=root, port=port))
    start(port, "nginx", "-c", str(conf))
    recorded, found = await measured(bench, port)
    assert found["/files/"].listing
    [answer] = recorded.facts(HostAnswer)
    assert (answer.status, answer.same_page) == (421, False)
    assert outcomes(recorded)["foreign_host_name"] == {"satisfied"}


async def test_busybox_httpd(bench, port, root, start):
    start(port, "busybox", "httpd", "-f", "-p", f"{HERE}:{port}", "-h", str(root))
    recorded, found = await measured(bench, port)
    assert found["/"].shown is Shown.READABLE
    assert found["/files/"].shown is Shown.ABSENT
    assert recorded.facts(HostAnswer)[0].same_page


async def test_python_http_server_lists(bench, port, root, start):
    (root / "index.html").unlink()
    start(port, "python3", "-m", "http.server", str(port), "--bind", HERE, "--directory", str(root))
    recorded, found = await measured(bench, port)
    assert found["/"].listing
    assert outcomes(recorded)["secrets_in_pages"] == {"violated"}
    [page] = [p for p in found.values() if p.path == "/status.json"]
    assert [s.kind for s in page.sensitive] == ["wifi key"]
