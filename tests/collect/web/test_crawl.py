"""The crawl on small servers: what is read and what never is, and how each page is told."""

import pytest

from probe.collect.web.crawl import FOREIGN, crawl
from probe.model.exposure import HostAnswer, Shown, WebCrawl
from probe.model.observation import NotMeasured, Service
from probe.model.plan import Gentleness, Plan

HERE = "127.0.0.1"
MOST = Gentleness().web_connections
LOGIN = b"<html><form action=/login><input name=u><input type=password name=p></form></html>"


def response(status=b"200 OK", body=b"", kind=b"text/html", head=b""):
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\n" + head + b"\r\n" + body


def site(answers, *, otherwise=None, own_names_only=False):
    """Answers by path; remembers method, path and host of every request."""
    missing = response(b"404 Not Found", b"no such page") if otherwise is None else otherwise

    async def talk(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        host = head.lower().split("host: ")[1].split("\r\n")[0]
        talk.asked.append((method, path, host))
        if own_names_only and not host.startswith(HERE):
            writer.write(response(b"421 Misdirected Request"))
        else:
            writer.write(answers.get(path, missing))

    talk.asked = []
    return talk


async def crawled(bench, serve, talk):
    b = bench(HERE)
    async with serve(talk) as port:
        await crawl(Service(transport="tcp", address=HERE, port=port, protocol="http"), b.session)
    assert all(o.proof for o in b.recorded.observations)
    assert len(talk.asked) <= MOST
    assert {method for method, _, _ in talk.asked} == {"GET"}
    return b.recorded


def told(recorded):
    [found] = recorded.facts(WebCrawl)
    return {page.path: page.shown for page in found.pages if page.found != "made up"}, found


async def test_a_login_with_a_forgotten_page(bench, serve):
    root = LOGIN + b"<a href=/help.html>help</a><a href=/logout>x</a><a href=/guarded.html>g</a>"
    talk = site(
        {
            "/": response(body=root),
            "/help.html": response(body=b"<html><a href=/status.json>s</a></html>"),
            "/guarded.html": response(b"302 Found", head=b"Location: /\r\n"),
            "/status.json": response(body=b'{"wpa_psk": "geheim1234"}', kind=b"application/json"),
        }
    )
    recorded = await crawled(bench, serve, talk)
    shown, found = told(recorded)
    assert shown["/"] is Shown.GUARDED
    assert shown["/guarded.html"] is Shown.GUARDED
    assert shown["/help.html"] is Shown.READABLE
    [page] = [p for p in found.pages if p.path == "/status.json"]
    assert [s.kind for s in page.sensitive] == ["wifi key"]
    assert b"geheim1234".hex().encode() in recorded.evidence[page.evidence]
    assert found.left_out == ("/logout",)
    assert "/logout" not in {path for _, path, _ in talk.asked}
    assert found.connections == len(talk.asked)
    assert not found.problem


async def test_two_links_deep_and_no_further(bench, serve):
    answers = {
        f"/{n or ''}": response(body=b"<html>%d<a href=/%d>n</a></html>" % (n, n + 1))
        for n in range(6)
    }
    shown, _ = told(await crawled(bench, serve, site(answers)))
    assert {"/", "/1", "/2"} <= set(shown)
    assert "/3" not in shown


async def test_one_page_for_every_address(bench, serve):
    """A single-page application answers everything with its shell: no settings file is there."""
    shell = response(body=b"<html><script src=/app.js></script>app</html>")
    recorded = await crawled(bench, serve, site({}, otherwise=shell))
    shown, found = told(recorded)
    assert shown["/"] is Shown.READABLE
    assert {s for path, s in shown.items() if path != "/"} == {Shown.ABSENT}
    assert not any(page.sensitive for page in found.pages)


async def test_a_settings_file_under_a_usual_name(bench, serve):
    saved = response(body=bytes(range(256)), kind=b"application/octet-stream")
    _, found = told(
        await crawled(bench, serve, site({"/": response(body=LOGIN), "/config.bin": saved}))
    )
    [page] = [p for p in found.pages if p.path == "/config.bin"]
    assert [s.kind for s in page.sensitive] == ["configuration file"]


async def test_a_guarded_settings_file_is_none(bench, serve):
    refusal = response(b"401 Unauthorized", b"x" * 100, b"application/octet-stream")
    _, found = told(
        await crawled(bench, serve, site({"/": response(body=LOGIN)}, otherwise=refusal))
    )
    assert not any(page.sensitive for page in found.pages)


async def test_a_maze_ends_within_its_connections(bench, serve):
    async def talk(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        talk.asked.append(("GET", path, HERE))
        body = b"".join(b"<a href=%s%d>x</a>" % (path.rstrip(b"/") + b"/", n) for n in range(50))
        writer.write(response(body=b"<html>" + body))

    talk.asked = []
    _, found = told(await crawled(bench, serve, talk))
    assert found.connections <= MOST
    assert found.unread > 0


async def test_the_plan_says_how_many_connections(bench, serve):
    gentle = Gentleness(packets_per_s=2000, web_connections=7)
    plan = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle)
    b = bench(HERE, plan=plan)
    talk = site({"/": response(body=b"<html><a href=/a>a</a>")})
    async with serve(talk) as port:
        await crawl(Service(transport="tcp", address=HERE, port=port, protocol="http"), b.session)
    assert len(talk.asked) == 7


async def test_a_server_that_falls_silent_is_let_alone(bench, serve):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        talk.asked.append(("GET", "", HERE))
        if len(talk.asked) < 3:
            writer.write(response(body=b"<html>%d" % len(talk.asked)))

    talk.asked = []
    _, found = told(await crawled(bench, serve, talk))
    assert found.problem
    assert len(talk.asked) == 4


async def test_no_first_page_is_not_measured(bench, serve):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        talk.asked.append(("GET", "", HERE))

    talk.asked = []
    recorded = await crawled(bench, serve, talk)
    assert not recorded.facts(WebCrawl)
    assert recorded.facts(NotMeasured)[0].owner == "device"


@pytest.mark.parametrize(("strict", "same"), [(False, True), (True, False)])
async def test_the_foreign_name(bench, serve, strict, same):
    talk = site({"/": response(body=b"<html>hub at 12:30:11</html>")}, own_names_only=strict)
    [answer] = (await crawled(bench, serve, talk)).facts(HostAnswer)
    assert answer.same_page is same
    assert answer.host == FOREIGN
    assert [host for _, _, host in talk.asked].count(FOREIGN) == 1


async def test_a_page_that_varies_is_not_compared(bench, serve):
    words = iter("abcdefghijklmnopqrstuvwxyz" * 4)

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        talk.asked.append(("GET", "", HERE))
        writer.write(response(body=b"<html>" + next(words).encode()))

    talk.asked = []
    [answer] = (await crawled(bench, serve, talk)).facts(HostAnswer)
    assert answer.varies
    assert not answer.same_page
