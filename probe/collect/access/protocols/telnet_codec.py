"""Telnet (RFC 854): commands taken out of the stream, every option refused but the server's echo."""

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SUPPRESS_GO_AHEAD = 1, 3
WELCOME = frozenset({ECHO, SUPPRESS_GO_AHEAD})
MAX_ANSWERS = 64


class TelnetCodec:
    """Feed received bytes; get the text and the bytes to answer with. Bounded against option loops."""

    def __init__(self) -> None:
        self.negotiated = False
        """The other side has spoken Telnet, not only text."""
        self._pending = b""
        self._answered: set[tuple[int, int]] = set()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """``(text, reply)``; a command that is not complete yet waits for the next call."""
        data = self._pending + data
        self._pending = b""
        text, reply = bytearray(), bytearray()
        at = 0
        while at < len(data):
            if data[at] != IAC:
                text.append(data[at])
                at += 1
                continue
            used = self._command(data, at, text, reply)
            if not used:
                self._pending = data[at : at + 512]
                break
            at += used
        return bytes(text), bytes(reply)

    def _command(self, data: bytes, at: int, text: bytearray, reply: bytearray) -> int:
        """Bytes used by the command at ``at``; 0 when it is not complete."""
        if at + 1 >= len(data):
            return 0
        command = data[at + 1]
        if command == IAC:
            text.append(IAC)
            return 2
        if command == SB:
            self.negotiated = True
            end = data.find(bytes([IAC, SE]), at)
            return end + 2 - at if end >= 0 else 0
        if command not in (DO, DONT, WILL, WONT):
            return 2
        if at + 2 >= len(data):
            return 0
        self.negotiated = True
        self._answer(command, data[at + 2], reply)
        return 3

    def _answer(self, command: int, option: int, reply: bytearray) -> None:
        # Each request is answered once (RFC 1143 tells why more may never end).
        if command not in (DO, WILL) or (command, option) in self._answered:
            return
        if len(self._answered) >= MAX_ANSWERS:
            return
        self._answered.add((command, option))
        if command == WILL:
            reply += bytes([IAC, DO if option in WELCOME else DONT, option])
        else:
            reply += bytes([IAC, WILL if option == SUPPRESS_GO_AHEAD else WONT, option])


def escape(text: bytes) -> bytes:
    """Text as it goes over the wire: IAC doubled."""
    return text.replace(b"\xff", b"\xff\xff")
