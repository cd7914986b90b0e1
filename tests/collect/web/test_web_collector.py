"""The pages room on small servers: what is read, followed, and left alone."""

import pytest

from probe.collect.web.collector import COLLECTOR, pages, to_crawl
from probe.model.exposure import SecurityTxt
from probe.model.observation import HttpPage, NotMeasured, Service

HERE = "127.0.0.1"


def site(**answers):
    """Answers by path; remembers what was asked for."""

    async def talk(reader, writer):
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split(" ")[1]
        talk.asked.append(path)
        writer.write(answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))

    talk.asked = []
    return talk


async def read(bench, serve, talk):
    b = bench(HERE)
    async with serve(talk) as port:
        service = Service(transport="tcp", address=HERE, port=port, protocol="http")
        await pages(service, b.session)
    return b.recorded


def html(body, head=b""):
    return b"HTTP/1.1 200 OK\r\nServer: x\r\n" + head + b"\r\n" + body


async def test_the_first_page_and_security_txt(bench, serve):
    talk = site(**{"/": html(b"<title>Hub</title><input type=password>")})
    got = await read(bench, serve, talk)
    first, second = got.facts(HttpPage)
    assert (first.title, first.login_form, first.status) == ("Hub", True, 200)
    assert (second.path, second.status) == ("/.well-known/security.txt", 404)
    assert talk.asked == ["/", "/.well-known/security.txt"]
    assert all(o.proof for o in got.observations)


async def test_challenges_are_recorded(bench, serve):
    refusal = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n\r\n'
    got = await read(bench, serve, site(**{"/": refusal}))
    assert got.facts(HttpPage)[0].auth_schemes == ("digest",)


async def test_a_redirect_on_the_device_is_followed(bench, serve):
    moved = b"HTTP/1.1 302 Found\r\nLocation: /login.html?next=/\r\n\r\n"
    talk = site(**{"/": moved, "/login.html?next=/": html(b"<title>Login</title>")})
    got = await read(bench, serve, talk)
    first, second, _ = got.facts(HttpPage)
    assert (first.redirect, first.redirect_in_scope) == ("/login.html?next=/", True)
    assert second.title == "Login"


@pytest.mark.parametrize(
    "location",
    [
        b"http://192.0.2.1/",
        b"http://device.example/",
        b"https://[::ffff:192.0.2.1]/",
        b"ftp://127.0.0.1/",
        b"http://[::1",
        b"//192.0.2.7/x",
        b"http://127.0.0.1:99999/",
    ],
)
async def test_a_redirect_elsewhere_is_recorded_and_not_followed(bench, serve, location):
    moved = b"HTTP/1.1 301 Moved\r\nLocation: " + location + b"\r\n\r\n"
    talk = site(**{"/": moved})
    got = await read(bench, serve, talk)
    first = got.facts(HttpPage)[0]
    assert first.redirect == location.decode()
    assert not first.redirect_in_scope
    assert talk.asked == ["/", "/.well-known/security.txt"]


async def test_a_circle_of_redirects_ends(bench, serve):
    def to(path):
        return b"HTTP/1.1 302 Found\r\nLocation: " + path + b"\r\n\r\n"

    talk = site(**{"/": to(b"/a"), "/a": to(b"/b"), "/b": to(b"/"), "/c": to(b"/d")})
    await read(bench, serve, talk)
    assert talk.asked == ["/", "/a", "/b", "/.well-known/security.txt"]


async def test_endless_new_places_end(bench, serve):
    async def talk(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        talk.count += 1
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + path + b"x\r\n\r\n")

    talk.count = 0
    await read(bench, serve, talk)
    assert talk.count == 8


async def test_no_answer_is_not_measured(bench, serve):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")

    got = await read(bench, serve, talk)
    assert not got.facts(HttpPage)
    [missing] = got.facts(NotMeasured)
    assert missing.owner == "device"
    assert "ended" in missing.reason


def test_tasks_for_http_services_only(bench):
    b = bench(HERE)
    for port, protocol, tls in ((80, "http", False), (443, "http", True), (22, "ssh", False)):
        b.session.observe(
            Service(transport="tcp", address=HERE, port=port, protocol=protocol, tls=tls),
            b.session.keep(b"x", media_type="text/plain", caption="x"),
        )
    tasks = list(COLLECTOR.tasks(b.dut, b.session.plan))
    assert [t.job.title for t in tasks] == [
        f"web pages of tcp {HERE}:80",
        f"web pages of tcp {HERE}:443 over TLS",
    ]


def known(bench, *services, root=200):
    b = bench(HERE)
    proof = b.session.keep(b"x", media_type="text/plain", caption="x")
    for port, tls, product in services:
        b.session.observe(
            Service(
                transport="tcp", address=HERE, port=port, protocol="http", tls=tls, product=product
            ),
            proof,
        )
        b.session.observe(
            HttpPage(
                address=HERE,
                port=port,
                tls=tls,
                path="/",
                status=root if not tls else 200,
                headers=(),
                redirect=f"https://{HERE}/" if root == 301 and not tls else "",
            ),
            proof,
        )
    return b


def crawled_ports(b):
    return [service.port for service in to_crawl(b.dut)]


def test_a_service_is_crawled_once_its_first_page_is_known(bench):
    b = known(bench, (80, False, "x"), (443, True, "x"))
    assert crawled_ports(b) == [80, 443]
    titles = [t.job.title for t in COLLECTOR.tasks(b.dut, b.session.plan)]
    assert sum("without a session" in title for title in titles) == 2


def test_a_mere_redirect_is_not_crawled(bench):
    assert crawled_ports(known(bench, (80, False, "x"), (443, True, "x"), root=301)) == [443]


def test_not_more_than_a_few_services_are_crawled(bench):
    b = known(bench, *((8000 + n, False, "x") for n in range(9)))
    assert crawled_ports(b) == [8000, 8001, 8002, 8003]


async def test_security_txt_is_read(bench, serve):
    text = b"Contact: mailto:a@example.com\nExpires: 2020-01-01T00:00:00Z\n"
    talk = site(
        **{
            "/": html(b"x"),
            "/.well-known/security.txt": b"HTTP/1.1 200 OK\r\n\r\n" + text,
        }
    )
    [found] = (await read(bench, serve, talk)).facts(SecurityTxt)
    assert found.contacts == ("mailto:a@example.com",)
    assert found.expired is True
