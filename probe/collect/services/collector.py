"""Names the jobs of the services room: scan, ask over UDP, identify what was found open."""

from collections.abc import Iterable, Iterator
from functools import partial

from probe.collect.collector import Task, task
from probe.collect.services.identify import identify, identify_further
from probe.collect.services.port_lists import QUICK, parts, wanted_ports
from probe.collect.services.scan import scan
from probe.collect.services.tcp_probes import PRINTS
from probe.collect.services.udp.encrypted import ANNOUNCED_AS, announced_probe
from probe.collect.services.udp.probe import UdpProbe
from probe.collect.services.udp.survey import PROBES, survey
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.observation import ANNOUNCED_PORT, Announced
from probe.model.plan import Plan

MAX_ADDRESSES = 16
"""A device that claims more addresses is scanned on the first ones; the others stay unknown."""
MAX_ANNOUNCED = 32
MAX_FURTHER = 12
"""Unknown ports of the device on which the rarer protocols are tried; each costs up to a dozen seconds."""
MAX_IDENTIFIED = 64
"""Open ports of one address that are identified; a tarpit opens all 65,535."""

_RANK = {port: n for n, port in enumerate(QUICK)}


class Services:
    """TCP connect scan, typed UDP probes, identification of every open TCP port."""

    name = "services"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """Everything that could be done now, done before or not."""
        addresses = dut.device.addresses[:MAX_ADDRESSES]
        for n, address in enumerate(addresses):
            yield from self._scans(dut, plan, address, n)
            yield task(
                self.name,
                dut.device,
                f"udp {address}",
                f"typed UDP probes to {address}",
                partial(_survey, address),
                priority=15,
                lane="udp",
            )
        yield from self._announced(dut, plan, addresses)
        yield from self._announced_dtls(dut, addresses)
        yield from self._identify(dut)
        yield from self._identify_further(dut)

    def _scans(self, dut: Dut, plan: Plan, address: str, n: int) -> Iterator[Task]:
        for part in parts(plan.tcp_ports):
            yield task(
                self.name,
                dut.device,
                f"tcp {address} {part.list_name}",
                f"TCP ports of {address}, {part.list_name} ({len(part.ports)} ports)",
                partial(_scan, address, part.ports, part.list_name),
                priority=10 if part.first else 70 + n,
                lane="scan",
            )

    def _announced(self, dut: Dut, plan: Plan, addresses: Iterable[str]) -> Iterator[Task]:
        """Ports that the device itself announces and that the plan's list does not hold."""
        announced = {s.fact.port for s in dut.all(Announced) if "._udp" not in s.fact.kind}
        extra = sorted({p for p in announced if p} - wanted_ports(plan.tcp_ports))[:MAX_ANNOUNCED]
        for address in addresses:
            for port in extra:
                yield task(
                    self.name,
                    dut.device,
                    f"tcp {address} announced {port}",
                    f"announced TCP port {port} of {address}",
                    partial(_scan, address, (port,), ANNOUNCED_PORT),
                    priority=12,
                    lane="scan",
                )

    def _announced_dtls(self, dut: Dut, addresses: Iterable[str]) -> Iterator[Task]:
        """DTLS where the device itself announces it, on a port that no typed probe is for."""
        usual = {probe.port for probe in PROBES}
        said = {
            s.fact.port: ANNOUNCED_AS[s.fact.kind]
            for s in dut.all(Announced)
            if s.fact.port and s.fact.kind in ANNOUNCED_AS
        }
        extra = sorted(port for port in said if port not in usual)[:MAX_ANNOUNCED]
        for address in addresses:
            for port in extra:
                yield task(
                    self.name,
                    dut.device,
                    f"udp {address} announced {port}",
                    f"announced UDP port {port} of {address}, {said[port].upper()}",
                    partial(_ask_announced, address, announced_probe(said[port], port)),
                    priority=16,
                    lane="udp",
                )

    def _identify(self, dut: Dut) -> Iterator[Task]:
        ports: dict[str, list[int]] = {}
        for address, port in sorted(dut.open_ports(), key=lambda p: (_RANK.get(p[1], 999), p)):
            ports.setdefault(address, []).append(port)
        for address, found in ports.items():
            for port in found[:MAX_IDENTIFIED]:
                where = endpoint("tcp", address, port)
                yield task(
                    self.name,
                    dut.device,
                    f"identify {where}",
                    f"what listens on {where}",
                    partial(_identify, address, port),
                    priority=20,
                )

    def _identify_further(self, dut: Dut) -> Iterator[Task]:
        unknown = [s.fact for s in dut.services("unknown") if s.fact.transport == "tcp"]
        # Inside TLS everything was asked already.
        for service in [s for s in unknown if not s.tls and s.port not in PRINTS][:MAX_FURTHER]:
            where = endpoint("tcp", service.address, service.port)
            yield task(
                self.name,
                dut.device,
                f"identify further {where}",
                f"rarer protocols on {where}",
                partial(_identify_further, service.address, service.port),
                priority=45,
            )


async def _scan(
    address: str, ports: tuple[int, ...], list_name: str, session: DeviceSession
) -> None:
    await scan(session, address, ports, list_name)


async def _survey(address: str, session: DeviceSession) -> None:
    await survey(session, address)


async def _ask_announced(address: str, probe: UdpProbe, session: DeviceSession) -> None:
    await survey(session, address, (probe,), ANNOUNCED_PORT)


async def _identify(address: str, port: int, session: DeviceSession) -> None:
    await identify(session, address, port)


async def _identify_further(address: str, port: int, session: DeviceSession) -> None:
    await identify_further(session, address, port)


COLLECTOR = Services()
