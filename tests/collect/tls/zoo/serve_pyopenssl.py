"""A server on the OpenSSL of the cryptography wheel: post-quantum groups over TCP, or DTLS over UDP.

    python serve_pyopenssl.py tcp|udp PORT CHAIN KEY CIPHERS

``openssl s_server -dtls`` serves one peer and is stuck after an abandoned handshake; this one keeps
a handshake for each peer.
"""

import contextlib
import hashlib
import socket
import sys
import threading

from OpenSSL import SSL

Peer = tuple[str, int]
MOST_PEERS = 1_000


def context(method: int, chain: str, key: str, ciphers: str) -> SSL.Context:
    made = SSL.Context(method)
    made.use_certificate_chain_file(chain)
    made.use_privatekey_file(key)
    made.set_cipher_list(ciphers.encode())
    return made


def serve_tcp(port: int, made: SSL.Context) -> None:
    def talk(sock: socket.socket) -> None:
        connection = SSL.Connection(made, sock)
        connection.set_accept_state()
        with contextlib.suppress(SSL.Error, OSError):
            connection.do_handshake()
            connection.shutdown()
        with contextlib.suppress(OSError):
            # Unread bytes would turn the end into a reset, which can overtake the alert.
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0.5)
            while sock.recv(4096):
                pass
        sock.close()

    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=talk, args=(sock,), daemon=True).start()


def serve_udp(port: int, made: SSL.Context) -> None:
    cookie = hashlib.sha256(str(port).encode()).digest()[:16]
    made.set_cookie_generate_callback(lambda connection: cookie)
    made.set_cookie_verify_callback(lambda connection, given: given == cookie)
    made.set_options(SSL.OP_COOKIE_EXCHANGE)
    peers: dict[Peer, SSL.Connection] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        while len(peers) < MOST_PEERS:
            data, peer = sock.recvfrom(65_535)
            if peer not in peers:
                peers[peer] = SSL.Connection(made, None)
                peers[peer].set_accept_state()
                peers[peer].set_ciphertext_mtu(1_200)
            connection = peers[peer]
            connection.bio_write(data)
            with contextlib.suppress(SSL.Error):
                connection.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                while answer := connection.bio_read(65_535):
                    for start in _records(answer):
                        sock.sendto(start, peer)


def _records(data: bytes) -> list[bytes]:
    """One datagram for each record: what comes out of memory has lost the borders of datagrams."""
    found = []
    while data:
        end = 13 + int.from_bytes(data[11:13], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def main(transport: str, port: str, chain: str, key: str, ciphers: str) -> None:
    if transport == "udp":
        serve_udp(int(port), context(SSL.DTLS_SERVER_METHOD, chain, key, ciphers))
    else:
        serve_tcp(int(port), context(SSL.TLS_SERVER_METHOD, chain, key, ciphers))


if __name__ == "__main__":
    main(*sys.argv[1:])
