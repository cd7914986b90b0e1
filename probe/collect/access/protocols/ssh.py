"""SSH by asyncssh: ``none``, then password or keyboard-interactive; proof by a sum or an open session.

No key, agent, known-hosts or configuration file of the operator is used. Each connection presents the
password once, by one method, so that the device counts one failure.
"""

import time
from dataclasses import replace

import asyncssh

from probe.collect.access.attempt import (
    CONNECT_WITHIN,
    Attempt,
    Credential,
    Method,
    caption,
    no_answer,
)
from probe.collect.access.protocols.ssh_auth import NEW, OnePassword
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Transcript
from probe.model.device import endpoint
from probe.model.evidence import Coverage
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

PROBED_USER = "root"
"""Whose name the question without a credential bears; ``none`` needs one (RFC 4252 section 5.2)."""
LOGIN_WITHIN = 25.0
PROOF_WITHIN = 8.0
PACKETS = 24
"""What one conversation costs: banner, key exchange, one request, one exec, close."""
MAX_ALGORITHMS = "*"
SUM = "echo $((6*7))"


class Password:
    """One account, one password, one connection."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""
        s = self.service
        transcript = Transcript(endpoint("tcp", s.address, s.port))
        user = credential.username if credential else PROBED_USER
        client = OnePassword(user, credential.password if credential else None, transcript)
        transcript.remark(f"user '{user}'" + ("" if credential else ", authentication 'none'"))
        try:
            async with session.raw_connection(
                s.address, s.port, within=CONNECT_WITHIN, packets=PACKETS
            ) as sock:
                attempt = await self._login(sock, user, client, transcript)
        except NoAnswer as error:
            tried = Coverage(
                tried=f"TCP connection, {error.why}", times=1, deadline_s=CONNECT_WITHIN
            )
            closed = error.why is Why.CLOSED
            return replace(no_answer(error), proof=(tried,), refused_connection=closed)
        transcript.remark(f"{attempt.result}: {attempt.detail}")
        ref = session.keep_transcript(transcript, caption(credential, s))
        return replace(attempt, proof=(ref,))

    async def _login(
        self, sock: object, user: str, client: OnePassword, transcript: Transcript
    ) -> Attempt:
        began = time.monotonic()
        try:
            connection = await asyncssh.connect(
                sock=sock,
                username=user,
                client_factory=lambda: client,
                client_keys=None,
                agent_path=None,
                config=None,
                known_hosts=None,
                gss_host=None,
                x509_trusted_certs=None,
                # Without a key to offer; it is only asked whether the server would take one.
                preferred_auth=("password", "keyboard-interactive", "publickey"),
                # Old devices offer nothing else; what they offer is judged elsewhere.
                kex_algs=MAX_ALGORITHMS,
                encryption_algs=MAX_ALGORITHMS,
                mac_algs=MAX_ALGORITHMS,
                server_host_key_algs=MAX_ALGORITHMS,
                login_timeout=LOGIN_WITHIN,
                keepalive_interval=0,
            )
        except asyncssh.PermissionDenied:
            return self._refused(client, time.monotonic() - began)
        except asyncssh.DisconnectError as error:
            return _disconnected(client, clean(error.reason), time.monotonic() - began)
        except (asyncssh.Error, ValueError, EOFError) as error:
            return no_answer(NoAnswer(Why.GARBAGE, f"no SSH session: {clean(str(error))}"))
        except TimeoutError:
            return no_answer(NoAnswer(Why.SILENT, "the login did not end in time"))
        except OSError as error:
            return no_answer(NoAnswer(Why.RESET, error.strerror or str(error)))
        seconds = time.monotonic() - began
        version = clean(str(connection.get_extra_info("server_version", "")))
        key = connection.get_server_host_key()
        transcript.remark(f"server {version}, host key {key.get_fingerprint() if key else 'none'}")
        try:
            seen = await self._prove(connection, client, transcript)
        finally:
            connection.close()
            await connection.wait_closed()
        detail = f"logged in by {client.presented or 'none'}"
        if client.must_change:
            return _must_change(detail, seconds)
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=detail,
            seconds=seconds,
            proved=bool(seen),
            seen=seen,
        )

    def _refused(self, client: OnePassword, seconds: float) -> Attempt:
        if client.must_change:
            return _must_change(f"{client.presented} taken", seconds)
        presented = client.presented
        takes = {"password", "keyboard-interactive"} & set(client.offered)
        if not presented and not takes:
            only = ", ".join(client.offered) or "a method that is neither password nor key"
            return Attempt(
                result=LoginResult.REFUSED,
                detail=f"no password is asked for, only {only}",
                no_password=f"it takes {only} only",
            )
        if not presented and client.further:
            detail = f"asks for more than a password: {client.further}"
            return Attempt(result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds)
        if not presented:
            return Attempt(
                result=LoginResult.REFUSED, detail=f"asks for {', '.join(sorted(takes))}"
            )
        if not client.asked_again:
            detail = f"{presented} was taken as the first of several steps"
            if client.further:
                detail = f"it asks for more before it says yes or no: {client.further}"
            return Attempt(result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds)
        return Attempt(result=LoginResult.REFUSED, detail=f"{presented} refused", seconds=seconds)

    async def _prove(
        self,
        connection: asyncssh.SSHClientConnection,
        client: OnePassword,
        transcript: Transcript,
    ) -> str:
        """What worked twice, or an empty text."""
        done = ""
        for _ in range(2):
            done = await _one_proof(connection, client, transcript)
            if not done:
                return ""
        return done


def _must_change(how: str, seconds: float) -> Attempt:
    detail = f"{how}, but the device wants a new password before anything else"
    return Attempt(result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds, must_change=True)


async def _one_proof(
    connection: asyncssh.SSHClientConnection, client: OnePassword, transcript: Transcript
) -> str:
    try:
        result = await connection.run(SUM, check=False, timeout=PROOF_WITHIN)
        output = clean(str(result.stdout or ""))
        errors = clean(str(result.stderr or ""), 200)
        if NEW.search(output) or NEW.search(errors):
            # OpenSSH lets somebody with an expired password in, and runs passwd instead of the command.
            client.must_change = True
            transcript.remark(f"instead of the command: {output} {errors}")
            return ""
        transcript.remark(f"{SUM} -> '{output}'")
        return "a shell" if output == "42" else "a session"
    except (asyncssh.Error, TimeoutError, OSError) as error:
        transcript.remark(f"no exec: {clean(str(error))}")
    try:
        session = await connection.create_process(term_type="dumb")
    except (asyncssh.Error, TimeoutError, OSError) as error:
        transcript.remark(f"no session: {clean(str(error))}")
        return ""
    session.close()
    return "a session"


def _disconnected(client: OnePassword, reason: str, seconds: float) -> Attempt:
    attempt = no_answer(NoAnswer(Why.ENDED, reason or "disconnected"))
    attempt = replace(attempt, seconds=seconds)
    if client.presented and "too many" in reason.lower():
        return replace(attempt, lockout=reason)
    return attempt


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
