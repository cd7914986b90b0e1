"""Gateway control: a twin, the genuine miniupnpd in both of its modes, and hostile documents."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.discovery.collector import Location
from probe.collect.discovery.upnp import DescriptionFault
from probe.collect.exposure import igd
from probe.collect.exposure.collector import COLLECTOR, control
from probe.model.exposure import GatewayControl, MappingsRead
from probe.model.observation import Announced, NotMeasured

HERE = "127.0.0.1"
URN = "urn:schemas-upnp-org:service:WANIPConnection:1"
ROOT = f"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>
<serviceList><service><serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
<SCPDURL>/c.xml</SCPDURL><controlURL>/c</controlURL></service>
<service><serviceType>{URN}</serviceType><SCPDURL>SCPD</SCPDURL><controlURL>/ctl</controlURL></service>
</serviceList></device></deviceList></device></root>"""
SCPD = "<scpd><actionList>{}</actionList></scpd>"
ALL = ("GetExternalIPAddress", "GetGenericPortMappingEntry", "AddPortMapping", "DeletePortMapping")


def scpd(*names):
    return SCPD.format("".join(f"<action><name>{n}</name></action>" for n in names))


def answer(action, **values):
    inside = "".join(f"<{k}>{v}</{k}>" for k, v in values.items())
    return f'<s:Envelope xmlns:s="x"><s:Body><u:{action} xmlns:u="y">{inside}</u:{action}></s:Body></s:Envelope>'


def fault(code):
    return answer("Fault", errorCode=code)


ENTRY = {
    "NewExternalPort": "8080",
    "NewProtocol": "TCP",
    "NewInternalPort": "80",
    "NewInternalClient": "198.51.100.9",
}


def gateway(entries=1, root=ROOT, actions=ALL, guarded=False):
    async def talk(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        length = [x for x in head.lower().split("\r\n") if x.startswith("content-length:")]
        body = (await reader.readexactly(int(length[0].split(":")[1]))).decode() if length else ""
        talk.asked.append((path, body))
        status, said = "200 OK", ""
        if path == "/root.xml":
            said = root.replace("SCPD<", "/scpd.xml<")
        elif path == "/scpd.xml":
            said = scpd(*actions)
        elif guarded:
            status = "401 Unauthorized"
        elif "GetExternalIPAddress" in body:
            said = answer("GetExternalIPAddressResponse", NewExternalIPAddress="203.0.113.5")
        elif "GetGenericPortMappingEntry" in body:
            index = int(body.split("<NewPortMappingIndex>")[1].split("<")[0])
            if index < entries:
                said = answer("GetGenericPortMappingEntryResponse", **ENTRY)
            else:
                status, said = "500 Internal Server Error", fault(713)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(said)}\r\n\r\n{said}".encode())

    talk.asked = []
    return talk


async def measured(bench, serve, talk):
    b = bench(HERE)
    async with serve(talk) as port:
        await control(b.session, place=Location(HERE, port, "/root.xml"))
    assert all(o.proof for o in b.recorded.observations)
    sent = " ".join(body for _, body in talk.asked)
    assert "AddPortMapping" not in sent
    assert "Delete" not in sent
    return b.recorded


async def test_a_gateway_that_lists_its_mappings(bench, serve):
    [found] = (await measured(bench, serve, gateway())).facts(GatewayControl)
    assert found.service == "WANIPConnection:1"
    assert found.actions == ALL
    assert found.external_told
    assert found.mappings == ("tcp 8080 to 198.51.100.9:80",)
    assert found.mappings_read is MappingsRead.LISTED


@pytest.mark.parametrize(
    ("talk", "read"),
    [
        (gateway(entries=0), MappingsRead.EMPTY),
        (gateway(guarded=True), MappingsRead.REFUSED),
        (gateway(actions=("AddPortMapping",)), MappingsRead.NO_ANSWER),
    ],
)
async def test_without_mappings(bench, serve, talk, read):
    [found] = (await measured(bench, serve, talk)).facts(GatewayControl)
    assert found.mappings == ()
    assert found.mappings_read is read


async def test_an_endless_list_ends(bench, serve):
    talk = gateway(entries=10_000)
    [found] = (await measured(bench, serve, talk)).facts(GatewayControl)
    assert len(found.mappings) == 8
    assert len(talk.asked) < 16


@pytest.mark.parametrize(
    "elsewhere", ["http://192.0.2.1/x.xml", "//192.0.2.1/x", "https://127.0.0.1/x"]
)
async def test_links_to_others_are_left_alone(bench, serve, elsewhere):
    talk = gateway(root=ROOT.replace("SCPD<", f"{elsewhere}<"))
    recorded = await measured(bench, serve, talk)
    assert not recorded.facts(GatewayControl)
    assert [path for path, _ in talk.asked] == ["/root.xml"]


@pytest.mark.parametrize("root", ["", "<html>", '<!DOCTYPE r [<!ENTITY a "b">]><root>&a;</root>'])
async def test_nonsense_is_not_measured(bench, serve, root):
    recorded = await measured(bench, serve, gateway(root=root))
    assert recorded.facts(NotMeasured)


def test_jobs_for_gateways_only(bench):
    b = bench(HERE)
    for kind in ("urn:schemas-upnp-org:device:MediaServer:1", "upnp:rootdevice"):
        said = {
            "via": "ssdp",
            "name": "x",
            "port": 80,
            "attributes": (("location", f"http://{HERE}/d"),),
        }
        b.session.observe(
            Announced(kind=kind, **said), b.session.keep(b"x", media_type="t", caption="x")
        )
    assert not list(COLLECTOR.tasks(b.dut, b.session.plan))
    gate = Announced(kind="urn:schemas-upnp-org:device:InternetGatewayDevice:2", **said)
    b.session.observe(gate, b.session.keep(b"y", media_type="t", caption="y"))
    [job] = COLLECTOR.tasks(b.dut, b.session.plan)
    assert f"{HERE}:80" in job.job.title


@pytest.mark.parametrize("action", ["AddPortMapping", "DeletePortMapping", "ForceTermination"])
def test_what_changes_something_cannot_be_built(action):
    with pytest.raises(ValueError, match="only reads"):
        igd.request(URN, action)


@given(st.binary(max_size=600))
def test_any_document_has_an_answer(data):
    for read in (lambda: igd.controls(data, "http://127.0.0.1/"), lambda: igd.actions(data)):
        try:
            read()
        except DescriptionFault:
            pass


MINIUPNPD = """
ext_ifname=ve0
listening_ip=lo
port=5000
enable_natpmp=no
enable_upnp=yes
secure_mode={mode}
uuid=00000000-1111-2222-3333-0123456789ab
allow 1024-65535 0.0.0.0/0 1024-65535
"""
SCRIPT = """
ip link set lo up && ip link add ve0 type veth peer name ve1
ip addr add 203.0.113.5/24 dev ve0 && ip link set ve0 up && ip link set ve1 up
miniupnpd -d -f "$1" -P "$2" >/dev/null 2>&1 &
daemon=$!
for n in $(seq 50); do ss -ltn | grep -q :5000 && break; sleep 0.1; done
"$3" "$4"; result=$?
kill $daemon; wait $daemon; exit $result
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("miniupnpd"), reason="needs root and miniupnpd"
)
def test_miniupnpd_answers_alike_in_both_modes(tmp_path):
    """What can be read does not tell secure mode: the check has to leave it open."""
    facts = []
    for mode in ("yes", "no"):
        conf = tmp_path / f"{mode}.conf"
        conf.write_text(MINIUPNPD.format(mode=mode))
        child = Path(__file__).with_name("gateway_lab.py")
        words = [
            "unshare",
            "-n",
            "sh",
            "-c",
            SCRIPT,
            "sh",
            conf,
            tmp_path / "pid",
            sys.executable,
            child,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        facts.append(json.loads(done.stdout))
    assert facts[0] == facts[1]
    [connection] = [f for f in facts[0] if f.get("service") == "WANIPConnection:2"]
    assert "AddPortMapping" in connection["actions"]
    assert connection["mappings_read"] == "empty"
    assert [f for f in facts[0] if f.get("service", "").startswith("WANIPv6FirewallControl")]
