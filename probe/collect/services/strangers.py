"""What a service gives to somebody without a credential, each by one read-only question."""

from probe.collect.answers import NoAnswer
from probe.collect.services.debug import SHELL_QUESTION, shell_user
from probe.collect.services.signatures import Match, recognise
from probe.collect.services.talk import ANSWER_S, CONNECT_S, READ_LIMIT, Talk, listen
from probe.collect.services.tcp_probes import MODBUS_UNITS, modbus_read


async def access(talk: Talk, match: Match) -> tuple[str, bool]:
    """What the service gives to somebody without a credential, and whether it refused to.

    Each by one read-only question, on a connection of its own where the first answer did not tell.
    """
    try:
        if match.protocol == "vnc":
            return await vnc(talk)
        if match.protocol == "rtsp":
            return await rtsp(talk)
        if match.protocol == "shell":
            return await shell(talk), False
        if match.protocol == "modbus" and not match.open_access:
            return await modbus(talk), False
    except NoAnswer as error:
        talk.troubles.append(str(error))
    return match.open_access, match.refused


async def vnc(talk: Talk) -> tuple[str, bool]:
    """Security type 1 is "None" (RFC 6143 section 7.1.2)."""
    async with talk.session.connect(talk.address, talk.port, within=CONNECT_S) as wire:
        try:
            await wire.recv_until(lambda d: b"\n" in d, limit=12, within=ANSWER_S)
            await wire.send(b"RFB 003.008\n")
            kinds = await wire.recv_until(
                lambda d: bool(d) and len(d) > d[0], limit=256, within=ANSWER_S
            )
        finally:
            talk.proofs.append(talk.session.keep_transcript(wire.transcript, "VNC security types"))
    offered = kinds[1 : 1 + kinds[0]] if kinds and kinds[0] < 32 else b""
    what = "the screen, keyboard and pointer (security type None)" if 1 in offered else ""
    return what, bool(offered)


async def shell(talk: Talk) -> str:
    """A prompt may be painted: only a shell does the sum. Nothing is changed by it."""
    async with talk.session.connect(talk.address, talk.port, within=CONNECT_S) as wire:
        try:
            # Some print the prompt at once, some wait for a line.
            await listen(wire, ANSWER_S)
            await wire.send(SHELL_QUESTION)
            heard = await wire.recv_until(
                lambda d: shell_user(d) is not None, limit=READ_LIMIT, within=ANSWER_S
            )
        finally:
            talk.proofs.append(talk.session.keep_transcript(wire.transcript, "a sum for the shell"))
    user = shell_user(heard)
    if user is None:
        return ""
    return "a command shell as root" if user == "0" else "a command shell"


async def modbus(talk: Talk) -> str:
    """Two registers of the first unit that has them. The protocol has no login that could refuse them."""
    for unit in MODBUS_UNITS:
        heard = await talk.say(modbus_read(unit), banner=0.0)
        match = recognise(heard)
        if match is None or match.protocol != "modbus":
            break
        if match.open_access:
            return match.open_access
        # Illegal address or value: it did as it was told, and has no such register (MODBUS Application
        # Protocol V1.1b3, section 7). Other exceptions may come from a gateway or a function left out.
        if heard[8] in (2, 3):
            return f"answers to the reading of registers (exception {heard[8]}: none at address 0)"
    return ""


async def rtsp(talk: Talk) -> tuple[str, bool]:
    """DESCRIBE of the root: a session description without a credential is a picture without one."""
    host = f"[{talk.address}]" if ":" in talk.address else talk.address
    request = f"DESCRIBE rtsp://{host}:{talk.port}/ RTSP/1.0\r\nCSeq: 2\r\n\r\n".encode()
    heard = await talk.say(request, banner=0.0)
    given = status_ok(heard) and (b"v=0" in heard or b"application/sdp" in heard.lower())
    return ("the description of a media stream" if given else ""), heard[8:12] == b" 401"


def status_ok(heard: bytes) -> bool:
    """Whether an RTSP response has status 200."""
    return heard[:5] == b"RTSP/" and heard[8:12] == b" 200"
