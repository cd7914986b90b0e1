"""One service under identification: short conversations with it, and what was heard."""

from dataclasses import dataclass, field

from probe.collect.answers import NoAnswer, Why
from probe.collect.services.signatures import recognise
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.device import endpoint
from probe.model.evidence import EvidenceRef

BANNER_S = 0.3
ANSWER_S = 1.2
CONNECT_S = 3.0
READ_LIMIT = 4096
KEEP = 512


@dataclass(slots=True)
class Talk:
    """One service under identification."""

    session: DeviceSession
    address: str
    port: int
    tls: bool = False
    proofs: list[EvidenceRef] = field(default_factory=list)
    first: bytes = b""
    """The first bytes that were heard, whatever they were."""
    troubles: list[str] = field(default_factory=list)
    broke_off: bool = False
    """Not every probe was sent: a connection or a TLS session did not come about."""
    conversations: int = 0
    resets: int = 0
    """How many of the conversations the device tore down."""

    @property
    def to_the_end(self) -> bool:
        """Every probe was sent, and resets were not all that it ever met."""
        return not self.broke_off and (bool(self.first) or self.resets < self.conversations)

    async def say(self, *requests: bytes, banner: float = BANNER_S) -> bytes:
        """One connection: listen, then say one thing after the other. The last answer counts.

        Raises NoAnswer when the connection does not come about; trouble on it is only noted.
        """
        heard = b""
        where = endpoint("tcp", self.address, self.port)
        async with self.session.connect(self.address, self.port, within=CONNECT_S) as wire:
            self.conversations += 1
            try:
                if self.tls:
                    await wire.start_tls(within=5.0)
                heard = await listen(wire, banner) if banner else b""
                if not (heard and recognise(heard)):
                    for request in requests:
                        await wire.send(request)
                        heard = await wire.recv_until(complete, limit=READ_LIMIT, within=ANSWER_S)
                        if not heard:
                            self.troubles.append(f"{Why.ENDED}: closed without an answer")
            except NoAnswer as error:
                self.troubles.append(f"{error.why}: {error.detail}")
                self.resets += error.why is Why.RESET
            finally:
                caption = f"identification of {where}" + (" inside TLS" if self.tls else "")
                self.proofs.append(self.session.keep_transcript(wire.transcript, caption))
        self.first = self.first or heard[:KEEP]
        return heard


async def listen(wire: Wire, within: float) -> bytes:
    """What the service says by itself, nothing when it waits to be asked."""
    try:
        return await wire.recv_until(complete, limit=READ_LIMIT, within=within)
    except NoAnswer as error:
        if error.why is Why.SILENT:
            return b""
        raise


def complete(data: bytes) -> bool:
    """Whether enough came to recognise by: whole headers of a response, else one whole line."""
    if data.startswith((b"HTTP/", b"RTSP/", b"SIP/")):
        return b"\r\n\r\n" in data
    match = recognise(data)
    if match is None:
        return False
    if match.protocol == "telnet":
        # The prompt comes some time after the negotiation, and often a banner with it.
        return data.rstrip().endswith((b":", b">", b"#", b"$"))
    return b"\n" in data or len(data) >= 64 or match.protocol in ("tls", "mqtt", "rdp", "shell")
