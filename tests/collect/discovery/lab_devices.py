"""Small devices for the discovery tests, run inside a namespace: ``python lab_devices.py WHAT``."""

import http.server
import socket
import struct
import sys
import threading
import time

ME, MAC = "198.51.100.31", "00:00:5e:00:53:1f"
PROXY_MAC = "00:00:5e:00:53:20"


def ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def dhcp_server() -> None:
    """Acknowledges DHCPINFORM, to the address that the client says it has."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 67))
    while True:
        data, _ = sock.recvfrom(2048)
        client = socket.inet_ntoa(data[12:16])
        answer = b"\x02" + data[1:236] + bytes.fromhex("63825363 350105 ff")
        sock.sendto(answer, (client, 68))


def claimant() -> None:
    """Announces the address of the UPnP device as its own, again and again."""
    mac, me = bytes.fromhex("00005e005322"), socket.inet_aton(ME)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0x0806))
    ready()
    while True:
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + me + bytes(6) + me
        sock.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)
        time.sleep(0.5)


def upnp() -> None:
    """Answers M-SEARCH and DHCPINFORM; one LOCATION is its own, one points to somebody else."""
    xml = b"<root><device><friendlyName>Den</friendlyName><modelName>R2</modelName></device></root>"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(xml)))
            self.end_headers()
            self.wfile.write(xml)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer((ME, 49152), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=dhcp_server, daemon=True).start()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", 1900))
    group = socket.inet_aton("239.255.255.250") + socket.inet_aton(ME)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    ready()
    while True:
        data, sender = sock.recvfrom(2048)
        if data.startswith(b"M-SEARCH"):
            for n, place in enumerate((f"http://{ME}:49152/d.xml", "http://203.0.113.66/evil.xml")):
                answer = f"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:{n}\r\n"
                sock.sendto(f"{answer}LOCATION: {place}\r\nSERVER: Den/1\r\n\r\n".encode(), sender)


def proxy() -> None:
    """Answers ARP for every address from .128 up, with one MAC."""
    mac = bytes.fromhex(PROXY_MAC.replace(":", ""))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    sock.bind(("eth0", 0x0806))
    ready()
    while True:
        frame = sock.recv(2048)
        if frame[20:22] == b"\0\x01" and frame[41] >= 128 and frame[28:32] != frame[38:42]:
            body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac + frame[38:42] + frame[22:32]
            sock.send(frame[22:28] + mac + b"\x08\x06" + body)


def router() -> None:
    """Advertises a prefix that is not in the probe's scope, every second."""
    from probe.collect.packet.helper import build

    mac = "00:00:5e:00:53:21"
    frame = build.advertisement(
        mac, "fe80::200:5eff:fe00:5321", "fd99:1:2:3::/64", valid=600, preferred=600
    )
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind(("eth0", 0))
    ready()
    while True:
        sock.send(frame)
        time.sleep(1)


def sniff(port: str, source: str) -> None:
    """Until stdin ends, note where unicast frames of ``source`` go; then print the MACs."""
    own = bytes.fromhex(source.replace(":", ""))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((port, 3))
    sock.settimeout(0.2)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    ready()
    found = set()
    while not over.is_set():
        try:
            frame = sock.recv(2048)
        except TimeoutError:
            continue
        # Unicast ARP and ND is the kernel's own: it answers those who ask for the probe, and then looks
        # whether they are still there (RFC 4861 section 7.3). Discovery asks the whole link.
        kernel = frame[12:14] == b"\x08\x06"
        kernel = kernel or (
            frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] in (135, 136)
        )
        if frame[6:12] == own and not frame[0] & 1 and not kernel:
            found.add(frame[:6].hex(":"))
    print(" ".join(sorted(found)))


if __name__ == "__main__":
    {"upnp": upnp, "claimant": claimant, "proxy": proxy, "router": router, "sniff": sniff}[
        sys.argv[1]
    ](*sys.argv[2:])
