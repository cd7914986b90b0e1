"""Reads the host keys of every SSH service: one for each kind that it offers, without any login."""

from collections.abc import Iterable
from functools import partial

from probe.collect.answers import NoAnswer, Why
from probe.collect.collector import Task, task, tcp_services
from probe.collect.session import DeviceSession
from probe.collect.ssh.kexinit import MAX_PACKET, Hello, SshFormatError, read_hello
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage, EvidenceRef
from probe.model.observation import Service
from probe.model.plan import Plan
from probe.model.service import HostKey, SshHostKeys
from probe.model.text import clean

PRIORITY = 44
"""Before logins: a guard that counts connections may shut them out afterwards."""
WITHIN_S = 10.0
PACKETS = 14
"""What a conversation costs that ends after the key exchange."""
IDENTIFICATION = b"SSH-2.0-probe\r\n"
KINDS = {
    "ed25519": ("ssh-ed25519",),
    "ecdsa": ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    "rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    "dsa": ("ssh-dss",),
}
"""A server holds at most one key of each, but for ECDSA, where it presents that of the first curve."""
SETTLE = "Read the host keys with ssh-keyscan, or run again when the SSH service answers."


class Ssh:
    """The host keys of each SSH service."""

    name = "ssh"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One job for each SSH service and address."""
        del plan
        for where, service in tcp_services(dut, "ssh"):
            title, work = f"SSH host keys of {where}", partial(host_keys, service)
            yield task(self.name, dut.device, where, title, work, priority=PRIORITY)


async def host_keys(service: Service, session: DeviceSession) -> None:
    """Record SshHostKeys; a NotMeasured beside it for each kind that is offered and was not read."""
    where = endpoint("tcp", service.address, service.port)
    try:
        hello, proof = await _hello(session, service)
    except NoAnswer as error:
        _missing(session, where, "list of algorithms", error)
        return
    wanted = {kind: [a for a in some if a in hello.host_keys] for kind, some in KINDS.items()}
    keys, proofs, unread = list[HostKey](), [proof], list[str]()
    for kind, algorithms in wanted.items():
        if not algorithms:
            continue
        try:
            key, shown = await _key(session, service, algorithms)
        except NoAnswer as error:
            unread.append(kind)
            _missing(session, where, f"{kind} host key", error)
            continue
        keys.append(key)
        proofs.append(shown)
    session.observe(
        SshHostKeys(
            address=service.address,
            port=service.port,
            identification=clean(hello.identification),
            offered=tuple(clean(name, 64) for name in hello.host_keys[:40]),
            keys=tuple(keys),
            unread=tuple(unread),
        ),
        *proofs,
    )


def _missing(session: DeviceSession, where: str, what: str, error: NoAnswer) -> None:
    tried = Coverage(tried=f"SSH key exchange, {where}", times=1, deadline_s=WITHIN_S)
    session.not_measured(
        f"{where} host keys",
        f"its {what} was not read: {error.why} ({clean(error.detail)})",
        *((error.proof,) if error.proof else ()),
        tried,
        owner=error.owner,
        settle=SETTLE,
    )


async def _hello(session: DeviceSession, service: Service) -> tuple[Hello, EvidenceRef]:
    """The server's first words, as recorded. Raises NoAnswer."""
    async with session.connect(service.address, service.port, within=WITHIN_S) as wire:
        transcript = wire.transcript
        await wire.send(IDENTIFICATION)
        try:
            data = await wire.recv_until(_whole, limit=MAX_PACKET + 4_096)
        except NoAnswer as error:
            proof = session.keep_transcript(transcript, "SSH key exchange, broken off")
            raise NoAnswer(error.why, error.detail, proof) from None
    proof = session.keep_transcript(transcript, "SSH: what the server offers")
    try:
        hello = read_hello(data)
    except SshFormatError as error:
        raise NoAnswer(Why.GARBAGE, str(error), proof) from None
    if hello is None:
        raise NoAnswer(Why.ENDED, "its list of algorithms did not come whole", proof)
    return hello, proof


def _whole(data: bytes) -> bool:
    try:
        return read_hello(data) is not None
    except SshFormatError:
        return True


async def _key(
    session: DeviceSession, service: Service, algorithms: list[str]
) -> tuple[HostKey, EvidenceRef]:
    """The key that the server proves to hold: it signed the key exchange. Raises NoAnswer."""
    import asyncssh

    s = service
    async with session.raw_connection(s.address, s.port, within=WITHIN_S, packets=PACKETS) as sock:
        try:
            options = asyncssh.SSHClientConnectionOptions(
                config=None,
                encryption_algs="*",
                mac_algs="*",
                connect_timeout=WITHIN_S,
                login_timeout=WITHIN_S,
            )
            key = await asyncssh.get_server_host_key(
                sock=sock,
                kex_algs="*",
                server_host_key_algs=algorithms,
                config=None,
                options=options,
            )
        except asyncssh.DisconnectError as error:
            raise NoAnswer(Why.ENDED, clean(error.reason)) from None
        except (asyncssh.Error, ValueError, EOFError) as error:
            raise NoAnswer(Why.GARBAGE, f"no key exchange: {clean(str(error))}") from None
        except TimeoutError:
            raise NoAnswer(Why.SILENT, "the key exchange did not end in time") from None
        except OSError as error:
            raise NoAnswer(Why.RESET, error.strerror or str(error)) from None
    if key is None:
        raise NoAnswer(Why.GARBAGE, "no host key was presented")
    fingerprint = key.get_fingerprint()
    shown = session.keep(
        key.export_public_key(),
        media_type="text/plain",
        caption=f"SSH host key of {endpoint('tcp', s.address, s.port)}, {fingerprint}",
    )
    algorithm = clean(key.get_algorithm(), 64)
    return HostKey(algorithm=algorithm, fingerprint=fingerprint, evidence=(shown.sha256,)), shown


COLLECTOR = Ssh()
