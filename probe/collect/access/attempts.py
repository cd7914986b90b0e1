"""Attempts on one service: within the budget, at its pace, each in the log, watched for a guard.

How the device takes them decides what more may be tried; what they mean is the matter of ``contrast``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method, no_answer
from probe.collect.access.credentials import OWN_ACCOUNTS, Candidate
from probe.collect.access.log import log_attempt
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.model.evidence import Proof
from probe.model.finding import Owner
from probe.model.observation import LoginResult, Service

LONGEST_ATTEMPT = 60.0
LONGEST_GAP = 10.0
SLOWER = 5.0
"""An answer this many times slower than the first refusal is a sign of throttling …"""
SLOW_S = 2.0
"""… if it is also longer than this, so that jitter on a fast service is not taken for it."""


class Attempts:
    """All attempts on one service by one method."""

    def __init__(
        self,
        session: DeviceSession,
        service: Service,
        method: Method,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.session, self.service, self.method, self._sleep = session, service, method, sleep
        self.proof: list[Proof] = []
        self.lockout = ""
        """The sign that the device began to guard itself; empty as long as there is none."""
        self.tls = service.tls
        """Whether the last credential went through TLS."""
        self.also_clear = False
        self._presented = 0
        self._earliest = 0.0
        self._first_refusal: float | None = None

    async def twice(self, purpose: str, credential: Callable[[], Credential | None]) -> Attempt:
        """One attempt, and one more when the first stayed without an answer: packets get lost."""
        attempt = await self.make(credential(), purpose)
        again = attempt.result is LoginResult.NO_ANSWER and not attempt.lockout
        return (
            await self.make(credential(), purpose)
            if again and not self.method.silence_refuses
            else attempt
        )

    async def make(
        self,
        credential: Credential | None,
        purpose: str,
        *,
        candidate: Candidate | None = None,
        optional: bool = False,
    ) -> Attempt:
        """One attempt, in the log whether it was made or not."""
        attempt = await self._attempted(credential, optional=optional)
        log_attempt(
            self.session,
            self.service,
            self.method.name,
            purpose,
            credential,
            attempt,
            tier=candidate.tier if candidate else "",
            source=candidate.source if candidate else "",
        )
        return attempt

    async def _attempted(self, credential: Credential | None, *, optional: bool) -> Attempt:
        if credential is not None:
            if any(ord(c) < 0x20 for c in credential.username + credential.password):
                detail = "a control character in the credential: it is not sent"
                return Attempt(result=LoginResult.NOT_TRIED, detail=detail, owner=Owner.OPERATOR)
            try:
                self.session.budget.login(
                    self._budget_key(), self._account(credential), self._shared(credential)
                )
            except NoAnswer as error:
                return replace(no_answer(error), result=LoginResult.NOT_TRIED)
        attempt = await self._paced(credential)
        if attempt.refused_connection:
            # A device that serves one connection may still be closing the last one.
            await self._sleep(max(1.0, self.session.plan.gentleness.login_gap_s))
            attempt = await self._paced(credential)
        self.proof += attempt.proof
        if attempt.tls is not None:
            self.tls = attempt.tls
        self.also_clear |= attempt.also_clear
        if credential is not None:
            if attempt.result is LoginResult.ACCEPTED:
                self.session.budget.login_worked(self._shared(credential))
            if not optional:
                attempt = self._watched(attempt)
            self._presented += 1
        return attempt

    async def _paced(self, credential: Credential | None) -> Attempt:
        await self._sleep(max(0.0, self._earliest - time.monotonic()))
        began = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST_ATTEMPT):
                attempt = await self.method.attempt(self.session, credential)
        except TimeoutError:
            attempt = Attempt(
                result=LoginResult.NO_ANSWER, detail=f"no end after {LONGEST_ATTEMPT:.0f} s"
            )
        except NoAnswer as error:
            attempt = no_answer(error)
        now, delay = time.monotonic(), 0.0
        if credential is not None and attempt.result is LoginResult.REFUSED:
            delay = min(LONGEST_GAP, 3 * attempt.seconds)
        self._earliest = max(now + self.session.plan.gentleness.login_gap_s, began + delay)
        return attempt

    def _watched(self, attempt: Attempt) -> Attempt:
        """Look for a sign that the device began to guard itself; then its answers say nothing more."""
        sign = attempt.lockout
        if not sign and attempt.refused_connection and self._presented:
            sign = f"the port refused connections after {self._presented} attempts"
        first = self._first_refusal
        if attempt.result is LoginResult.REFUSED:
            if first is None:
                self._first_refusal = attempt.seconds
            elif not sign and attempt.seconds > max(SLOW_S, SLOWER * first):
                sign = f"a refusal took {attempt.seconds:.1f} s instead of {first:.1f} s"
        if not sign:
            return attempt
        self.lockout = sign
        return replace(attempt, result=LoginResult.NO_ANSWER, proved=False, detail=sign)

    # --- whose account it is ---------------------------------------------------------------------

    def _budget_key(self) -> str:
        # Without the address: an account is the same account on every address of the device.
        return f"{self.service.protocol} {self.service.transport}/{self.service.port}"

    def _account(self, credential: Credential) -> str:
        if not self.method.asks_for_user:
            return "the password alone"
        # SNMP has no user: there the community is the account.
        return credential.username or credential.password

    def _shared(self, credential: Credential) -> str | None:
        """The name that other services may know the account by; None where it is this service's own."""
        if self.service.protocol in OWN_ACCOUNTS:
            return None
        return credential.username if self.method.asks_for_user else ""
