"""Which links are followed: everything on the same service that only reads, nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.web.links import MAX_LINKS, Origin, acts, links, target

HERE = Origin("198.51.100.11", 80, False)


@pytest.mark.parametrize(
    "path",
    [
        "/logout",
        "/cgi-bin/reboot.cgi",
        "/cgi-bin/setWifi",
        "/factory_reset.html",
        "/index.php?action=delete&id=3",
        "/cgi-bin/luci/admin?cmd=ls",
        "/x?do=anything",
        "/api/users/remove/3",
        "/%72eboot",
        "/%2572eboot",
        "/form/apply;now",
        "/a?x=1&reset",
        "/PowerOff",
        "/SYSREBOOT.cgi",
        "/goform/reBoot",
        "/firmware-upgrade.htm",
    ],
)
def test_an_action_is_left_alone(path):
    assert acts(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/index.html", "/settings.html", "/setup/network.htm", "/status?page=wlan"),
        *("/news", "/backup.cfg", "/config.bin", "/addresses", "/js/app.min.js", "/?lang=en"),
        *("/cgi-bin/luci", "/offers.html"),
    ],
)
def test_a_page_is_read(path):
    assert not acts(path)


def test_links_of_a_page():
    found = links(
        HERE,
        "/a/b.html",
        "<a href='../c.html#x'>c</a><A HREF=/d>d</A><a href=/logout>out</a><frame src='e.htm'>"
        "<script src=/app.js></script><form action=/save><img src=/i.png><a href='//192.0.2.1/f'>f</a>"
        "<a href='http://198.51.100.11:8080/g'>g</a><a href='http://198.51.100.11/h?p=1'>h</a>"
        "<a href='javascript:x()'>i</a><a href='https://198.51.100.11/j'>j</a><a href=mailto:k@l>k</a>"
        "<meta http-equiv=refresh content='0; url=/main.html'><!-- <a href=/old>old</a> -->",
    )
    assert found.pages == ("/c.html", "/d", "/a/e.htm", "/h?p=1", "/main.html")
    assert found.scripts == ("/app.js",)
    assert found.actions == ("/logout",)


@pytest.mark.parametrize("link", ["http://[::1", "http://x:99999/", "http://:80/", "/a\x07b"])
def test_nonsense_leads_nowhere(link):
    assert target(HERE, "/", link) is None


def test_ipv6_origin():
    origin = Origin("2001:db8::1", 8443, True)
    assert target(origin, "/", "https://[2001:db8::1]:8443/x") == "/x"
    assert target(origin, "/", "http://[2001:db8::1]:8443/x") is None


@given(st.text(max_size=400))
def test_any_text_has_an_answer(text):
    found = links(HERE, "/", f"<a href='{text}'>" + text)
    for path in (*found.pages, *found.scripts):
        assert path.startswith("/")
        assert not acts(path)


@pytest.mark.parametrize("piece", ["<a ", "<a href=/x>", '<a href="', "%25", "<script src=/%2525>"])
def test_long_pages_are_bounded(piece):
    began = time.monotonic()
    found = links(HERE, "/", piece * (65_536 // len(piece)))
    assert len(found.pages) <= MAX_LINKS
    assert time.monotonic() - began < 1.0
