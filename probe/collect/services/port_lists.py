"""The TCP port lists, as data, and how a plan's list is cut into jobs.

Composed for this probe from the IANA registry, vendors' documentation and what devices announce; it is
not ranked by any measured frequency, because measurements of the Internet do not speak for a LAN of
devices. ``full`` is always there for those who want no choice at all.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

from probe.model.ports import HIGHEST_PORT, parse_ports

QUICK: tuple[int, ...] = (
    # What decides most: plain and TLS web, remote shells, file transfer.
    *(80, 443, 23, 22, 21, 8080, 8443, 2323, 1883, 8883, 554, 53),
    # Debug doors: adb, gdbserver, OpenOCD (gdb, telnet, tcl), TCF agent, node inspector, docker.
    *(5555, 1234, 2345, 3333, 4444, 6666, 1534, 9229, 2375, 2159, 5037),
    # Shells and consoles on other ports.
    *(2222, 2121, 24, 26, 992, 2000, 2001, 4000, 9527, 60001),
    # Web again: cameras, hubs, routers, set-top boxes.
    *(81, 82, 83, 88, 8000, 8001, 8008, 8009, 8060, 8081, 8082, 8083, 8088, 8089, 8090, 8123, 8181),
    *(8888, 9000, 9080, 9090, 9443, 10000, 10443, 3000, 3001, 5000, 5001, 7000, 7080, 9999),
    # Media: RTSP over TLS and alternate, RTMP, cast, speakers, recorders.
    *(322, 8554, 1935, 1400, 7001, 37777, 34567, 6036),
    # Printing.
    *(515, 631, 9100),
    # Automation: Modbus (plain, TLS), S7, DNP3, EtherNet/IP, IEC 104, OPC UA, Fox, CODESYS, KNX.
    *(502, 802, 102, 20000, 44818, 2404, 4840, 1911, 2455, 11740, 3671),
    # Hubs and makers: Tuya, ESPHome, Yeelight, Node-RED, Kasa is 9999, CoAP over TCP, HomeKit is random.
    *(6668, 6053, 55443, 1880, 5683, 5684, 5540, 8266, 3232),
    # Management: CWMP, RouterOS, Smart Install, SIP, PPTP, UPnP event and IGD ports.
    *(7547, 8291, 8728, 4786, 5060, 5061, 1723, 1900, 2869, 49152, 49153, 49154),
    # File sharing, remote frames, data bases, brokers.
    *(139, 445, 111, 2049, 873, 5900, 3389, 3306, 5432, 6379, 27017, 11211, 5672, 25, 110, 143),
)

_STANDARD_TEXT = (
    # System ports: the first ones whole, then those with an assignment that devices have a use for.
    "1-150,161-163,177-179,194,199,264,318,322,389,427,443-445,464-465,"
    "475,497,500,502,510,512-515,520,523-524,540-548,554,563,587,591,593,601,623-626,631,"
    "636,639,646,655,660,666-668,674,700,749-751,777,783,787,789,"
    "800-810,830-833,843,847-848,853-854,860-862,873-874,880-890,898,900-903,911,953,987-1000,1008,1010-1011,1021-1023,"
    # Where the first dynamic ports of old and small systems lie, and where those of UPnP stacks do.
    "1024-1050,32768-32783,49152-49180,"
    # Round, repeated and counted-up numbers, which developers like.
    "1111,1212,1234-1236,1313,1337,2020-2022,2121-2123,2222-2224,2323-2324,2345,3030,3232,3333-3335,"
    "3456,4040,4242,4321,4343,4444-4446,4545,4567,5050-5052,5544,5550-5560,5656,5678-5679,"
    "6060,6161,6543,6565,6666-6670,6789,6868,6969,7070-7080,7171,7474,7575,7676-7681,7777-7779,"
    "7878,7890,8118,8123,8181-8185,8222,8282,8383,8787,8880-8890,8989-8990,9191,"
    "9876,9898,9981,9990-10010,11111,12345,22222,33333,44444,54321,"
    "55555,60606,64738,"
    # Each thousand and what follows it: the habit of web and control interfaces.
    "2000-2010,3000-3011,4000-4010,5000-5011,6000-6010,7000-7010,7100,7200,7443,7500,8000-8011,8020-8022,"
    "8040-8045,8060,8069-8070,8080-8100,8150,8190-8193,8200-8203,8280-8283,8300-8303,8400-8403,"
    "8440-8446,8500,8530,8600,8800,8843,8899-8901,9000-9012,9050,9080-9100,"
    "9110,9200-9202,9300,9400,9443-9445,9500-9502,9600,9700,9800,9900,10080-10082,10443-10444,11000,"
    "12000-12002,13000,14000,15000,16000,18080,18443,20000,20443,28080,30000,38080,40000,48080,50000-50003,"
    "58080,60000-60001,60443,"
    # Debug and maintenance: debuggers, target agents, hypervisor and container doors, remote shells.
    "1534,1636,2159,2331-2334,2375-2377,4711,4730,5037,5985-5986,6443-6445,7547-7548,8266,9222,9229,9339,"
    "9527,9530,10250,10255,13337,17185,17988,23023,30005,31337,58000,"
    # Automation, energy, buildings, vehicles, health.
    "1089-1091,1217,1541,1911,1962,2222,2404-2405,2455,3671,4059,4712,4840,4843,4911,5094,5450,5652,6626,"
    "9600,11740,12289,13400,18245-18246,20547,34962-34964,38400,41100,44818,46824,47808,55000-55003,56001,"
    # Cameras, recorders, speakers, screens, printers, set-top boxes.
    "1400-1401,1410,1443,1554,1755,1900,1935,2869,3400-3401,3500,3689,4070,5800-5803,5900-5910,6036-6037,"
    "7236,7250,8554-8557,8612,9008,9197,10554,15500,18181,34567-34568,34571,34599,36669,36866,37215,37777-37778,"
    "38520,52323,53048,55442-55443,56789,"
    # Hubs, brokers, voice, and the makers' own protocols.
    "1880-1888,3478,4369,5060-5062,5222-5223,5269,5280,5298,5353,5355,5357-5358,5540,5671-5672,5683-5684,"
    "6052-6053,6346,6454,8728-8729,8291,8765,8883-8884,9123,9418,10001,11095,15672,16992-16995,17500,20560,"
    "22023,25565,25672,28015,32400,40317,45555,47989,51820,61613-61614,61616,62078,"
    # Data bases, directories, files, remote frames, tunnels, metrics.
    "1080,1099,1194,1200,1352,1433-1434,1494,1521,1526,1701,1720,1723,1812,1984,2049,2082-2083,2086-2087,"
    "2181,2379-2380,2483-2484,2525,2601-2605,2638,3050,3128,3260,3268-3269,3283,3306,3310,3388-3390,3493,"
    "3632,3690,4190,4443,4500,4505-4506,4786,4848,4899,5432-5433,5500,5601,5631-5632,5666,5938,5984,"
    "6379-6381,7001,8009,8086,8332,9042,9160,9418,10050-10051,11211,15692,27017-27019,33060,50070"
)
STANDARD: frozenset[int] = parse_ports(_STANDARD_TEXT) | set(QUICK)


CHUNK = 250
"""Ports of one job: small enough to show progress and to lose little, some 7 s at 36 packets/s."""
LARGE_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """One job's worth of a list, in the order to knock."""

    list_name: str
    """``standard 2/5``: which part of which list. Checks see from it that a part is missing."""
    ports: tuple[int, ...]
    first: bool
    """The part that is scanned before everything else."""


def wanted_ports(tcp_ports: str) -> frozenset[int]:
    """The ports that a plan's ``tcp_ports`` names; raises ValueError for what is no list and no range."""
    match tcp_ports:
        case "quick":
            return frozenset(QUICK)
        case "standard":
            return STANDARD
        case "full":
            return frozenset(range(1, HIGHEST_PORT + 1))
        case _:
            return parse_ports(tcp_ports)


@cache
def parts(tcp_ports: str) -> tuple[Part, ...]:
    """The plan's list cut into jobs: what decides most first, then the rest, spread, in chunks.

    Deterministic, so that a resumed run finds the same jobs.
    """
    wanted = wanted_ports(tcp_ports)
    name = tcp_ports if tcp_ports in ("quick", "standard", "full") else "chosen"
    head = tuple(p for p in QUICK if p in wanted)
    # A list that the operator wrote is short of surprises: all of it belongs to the first part.
    if name == "chosen" and len(wanted) <= len(QUICK):
        head = tuple(sorted(wanted, key=_spread))
    done = set(head)
    rest = sorted((wanted & STANDARD) - done, key=_spread)
    rest += sorted(wanted - STANDARD - done, key=_spread)
    size = CHUNK if len(rest) < 4 * CHUNK else LARGE_CHUNK
    chunks = [head] if head else []
    chunks += [tuple(rest[n : n + size]) for n in range(0, len(rest), size)]
    return tuple(
        Part(list_name=f"{name} {n}/{len(chunks)}", ports=chunk, first=n == 1)
        for n, chunk in enumerate(chunks, 1)
    )


def _spread(port: int) -> bytes:
    # Neighbouring ports often belong to one service: knocking in this order spreads the load over all.
    return hashlib.sha256(b"%d" % port).digest()
