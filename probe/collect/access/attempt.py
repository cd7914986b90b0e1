"""One attempt to log in, and what a way of logging in has to offer for the contrast to be made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import LoginResult, Service

CONNECT_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What is presented. ``username`` is empty where the protocol has none."""

    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt met. ``proved`` says that a read-only action which needs the login worked twice."""

    result: LoginResult
    detail: str = ""
    seconds: float = 0.0
    """From the moment the credential was sent to the answer."""
    proved: bool = False
    seen: str = ""
    """What could be read, in one phrase."""
    lockout: str = ""
    """A sign that the device guards against guessing, in its own terms."""
    refused_connection: bool = False
    """No connection came about because the port refused it: no credential was presented."""
    tls: bool | None = None
    """Whether the credential went through TLS, where that differs from the service."""
    also_clear: bool = False
    """The service asked for the credential without TLS, too."""
    must_change: bool = False
    """The credential was taken, but the device wants a new password before anything else."""
    no_password: str = ""
    """No password is asked for; what is, instead. Nothing was presented."""
    guest: bool = False
    """The session is that of a public account (anonymous FTP): the other accounts are tried all the same."""
    alone: bool = False
    """Each credential is an account of its own (SNMP): one that works says nothing of the next."""
    owner: Owner = Owner.DEVICE
    """Whose doing a missing answer is."""
    proof: tuple[Proof, ...] = ()


def no_answer(error: NoAnswer) -> Attempt:
    """The attempt that met ``error``."""
    return Attempt(
        result=LoginResult.NO_ANSWER,
        detail=f"{error.why}: {error.detail}",
        owner=error.owner,
        proof=(error.proof,) if error.proof else (),
    )


class Method(Protocol):
    """One way of logging in to one service."""

    name: str
    """``basic``, ``digest``, ``form``, ``password``, ``community`` …"""
    silence_refuses: bool
    """The protocol answers a wrong credential with silence (SNMP), so silence does not end the test."""

    asks_for_user: bool
    """False where the password alone is asked for; known after the attempt without a credential."""
    doubt: str
    """Why a refusal says nothing about the credential itself; empty in most cases."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Present ``credential``, or none at all. Raises NoAnswer when nothing useful came back."""
        ...


Talk = Callable[[Wire], Awaitable[Attempt]]


async def over_tcp(session: DeviceSession, service: Service, caption: str, talk: Talk) -> Attempt:
    """Hold one conversation over a new connection and put its transcript behind the attempt."""
    try:
        async with session.connect(service.address, service.port, within=CONNECT_WITHIN) as wire:
            try:
                if service.tls:
                    await wire.start_tls()
                attempt = await talk(wire)
            except NoAnswer as error:
                attempt = no_answer(error)
            wire.transcript.remark(f"{attempt.result}: {attempt.detail}")
            ref = session.keep_transcript(wire.transcript, caption)
        return replace(attempt, proof=(*attempt.proof, ref))
    except NoAnswer as error:
        tried = Coverage(
            tried=f"TCP connection, {error.why}", times=1, deadline_s=CONNECT_WITHIN, answered=0
        )
        return replace(no_answer(error), proof=(tried,), refused_connection=error.why is Why.CLOSED)


def caption(credential: Credential | None, service: Service) -> str:
    """The caption of an attempt's transcript."""
    what = "no credential" if credential is None else f"login as '{credential.username}'"
    return f"{service.protocol} port {service.port}, {what}"
