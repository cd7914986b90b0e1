"""A TLS server in pure Python, for versions and suites that OpenSSL no longer has.

    python serve_tlslite.py PORT CHAIN KEY SETTINGS

``SETTINGS`` is JSON: attributes of tlslite's HandshakeSettings, and ``anon``.
"""

import json
import socket
import sys
import threading
from pathlib import Path

from tlslite.api import (
    HandshakeSettings,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)


def main(port: str, chain: str, key: str, wanted: str) -> None:
    options = json.loads(wanted)
    anon = options.pop("anon", False)
    settings = HandshakeSettings()
    for name, value in options.items():
        setattr(settings, name, tuple(value) if name.endswith("Version") else value)
    certificates = X509CertChain()
    certificates.parsePemList(Path(chain).read_text())
    private = parsePEMKey(Path(key).read_text(), private=True)

    def talk(sock: socket.socket) -> None:
        try:
            sock.settimeout(10)
            connection = TLSConnection(sock)
            if anon:
                connection.handshakeServer(anon=True, settings=settings)
            else:
                connection.handshakeServer(
                    certChain=certificates, privateKey=private, settings=settings
                )
            connection.close()
        except Exception:  # noqa: BLE001 - whatever a peer does ends its own connection only
            pass
        finally:
            sock.close()

    with socket.create_server(("127.0.0.1", int(port)), backlog=64) as listener:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=talk, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
