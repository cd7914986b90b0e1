"""The order that makes a login a fact: nothing, a random credential, the candidates, a proof.

A candidate counts only if the device took it where it refused a random one, and something could be
read that needs the login. Without that difference nothing is said about any candidate.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method, no_answer
from probe.collect.access.credentials import OWN_ACCOUNTS, Candidate
from probe.collect.access.log import log_attempt
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import CandidateResult, LoginResult, LoginTest, OpenAccess, Service

LONGEST_ATTEMPT = 60.0
LONGEST_GAP = 10.0
SLOWER = 5.0
"""An answer this many times slower than the first refusal is a sign of throttling …"""
SLOW_S = 2.0
"""… if it is also longer than this, so that jitter on a fast service is not taken for it."""


def random_word() -> str:
    """16 hex digits: a user or password that no device has."""
    return secrets.token_hex(8)


class Contrast:
    """One service, one method, one run through the order. Each ``run`` records exactly one LoginTest."""

    def __init__(
        self,
        session: DeviceSession,
        service: Service,
        method: Method,
        candidates: Sequence[Candidate],
        *,
        old: Sequence[Candidate] = (),
        word: Callable[[], str] = random_word,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.session, self.service, self.method = session, service, method
        self.candidates, self._word, self._sleep = candidates, word, sleep
        self.old = old
        self.old_results: list[CandidateResult] = []
        self.none = self.random = LoginResult.NOT_TRIED
        self.results: list[CandidateResult] = []
        self.lockout = self.problem = ""
        self.owner: Owner | None = None
        self.proof: list[Proof] = []
        self.no_password = ""
        self._also_clear = False
        self._tls = service.tls
        self._presented = 0
        self._earliest = 0.0
        self._first_refusal: float | None = None

    async def run(self) -> None:
        """Raises nothing for what the device does; everything ends in the LoginTest."""
        if await self._without_credential() and await self._with_random():
            await self._with_old()
            await self._with_candidates()
        self._record()

    async def run_without(self) -> None:
        """Only the first step: on a further address of a service that is tested elsewhere."""
        await self._without_credential()
        self._record(further=True)

    # --- the three steps -------------------------------------------------------------------------

    async def _without_credential(self) -> bool:
        """Whether the service asks for a credential, so that the next step makes sense."""
        attempt = await self._twice("no credential", lambda: None)
        self.none = attempt.result
        if attempt.result is LoginResult.ACCEPTED:
            if attempt.proved:
                self.session.observe(self._open_access(attempt), *self._proof_of(attempt))
                return attempt.guest
            self.none = LoginResult.NO_ANSWER
            self._fail("nothing was asked for, and nothing could be read", attempt)
            return False
        gone = attempt.refused_connection or not self.method.silence_refuses
        if attempt.result is LoginResult.NO_ANSWER and gone:
            self._fail(f"without a credential: {attempt.detail}", attempt)
            return False
        return True

    async def _with_random(self) -> bool:
        """Whether a random credential was refused, so that the candidates have a contrast."""
        attempt = await self._twice("random", lambda: Credential(self._word(), self._word()))
        self.random = attempt.result
        if attempt.no_password:
            self.random, self.no_password = LoginResult.NOT_TRIED, attempt.no_password
            return False
        if attempt.must_change:
            self.random = LoginResult.NO_ANSWER
            self._fail("a new password is asked for, whatever is presented", attempt)
            return False
        if attempt.result is LoginResult.REFUSED:
            return True
        if attempt.result is LoginResult.ACCEPTED and not attempt.proved:
            self.random = LoginResult.NO_ANSWER
            self._fail("a random credential seemed to work, but nothing could be read", attempt)
        elif attempt.result is LoginResult.NO_ANSWER and self.method.silence_refuses:
            return True
        elif attempt.result is not LoginResult.ACCEPTED:
            self._fail(f"with a random credential: {attempt.detail}", attempt)
        return False

    async def _with_old(self) -> None:
        """Passwords that were changed: each is tried, for one that works says nothing of the others."""
        self.old = self._distinct(self.old)
        for candidate in self.old:
            if self.lockout:
                break
            attempt = await self._with_candidate(candidate, "old password")
            self.old_results.append(_result(candidate, attempt))

    async def _with_candidates(self) -> None:
        self.candidates = self._distinct(self.candidates)
        for candidate in self.candidates:
            if self.lockout:
                break
            attempt = await self._with_candidate(candidate, "default")
            if attempt.result is LoginResult.NOT_TRIED:
                self._fail(attempt.detail, attempt)
            self.results.append(_result(candidate, attempt))
            worked = attempt.result is LoginResult.ACCEPTED and attempt.proved
            if worked or attempt.must_change:
                await self._same_user_random_password(candidate)
                if not attempt.alone:
                    return
        worked = any(r.result is LoginResult.ACCEPTED and r.proved for r in self.results)
        if self.method.silence_refuses and not self.lockout and not worked:
            self._explain_silence()

    async def _with_candidate(self, candidate: Candidate, purpose: str) -> Attempt:
        credential = Credential(candidate.username, candidate.password)
        attempt = await self._try(credential, purpose, candidate=candidate)
        if attempt.result is LoginResult.REFUSED and self.method.doubt:
            detail = f"refused, but {self.method.doubt}"
            attempt = replace(attempt, result=LoginResult.NO_ANSWER, detail=detail)
        return attempt

    def _distinct(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Each password once where no user is asked for."""
        if self.method.asks_for_user:
            return candidates
        passwords: dict[str, Candidate] = {}
        for candidate in candidates:
            passwords.setdefault(candidate.password, candidate)
        return list(passwords.values())

    async def _same_user_random_password(self, candidate: Candidate) -> None:
        """Does that account take any password? Asked after the success, so that it locks nobody out."""
        if self.method.silence_refuses:
            # The agent is there and answers, so what it met with silence it refused.
            self.none = _refused_if_silent(self.none)
            self.random = _refused_if_silent(self.random)
            self.results = [replace(r, result=_refused_if_silent(r.result)) for r in self.results]
            self.old_results = [
                replace(r, result=_refused_if_silent(r.result)) for r in self.old_results
            ]
            return
        other = Credential(candidate.username, self._word())
        attempt = await self._try(other, "random", optional=True)
        if attempt.must_change and self.results[-1].must_change:
            detail = "a new password is asked for, whatever password is presented"
            self.results[-1] = replace(self.results[-1], must_change=False, detail=detail)
        if attempt.result is LoginResult.ACCEPTED and attempt.proved:
            self.random = LoginResult.ACCEPTED
            detail = "this account takes any password: a random one worked too"
            self.results[-1] = replace(self.results[-1], detail=detail)

    def _explain_silence(self) -> None:
        if any(r.result is LoginResult.NO_ANSWER for r in self.results):
            self.problem = (
                "every question was met with silence, which this protocol also uses to refuse"
            )
            self.owner = Owner.NETWORK

    # --- one attempt -----------------------------------------------------------------------------

    async def _twice(self, purpose: str, credential: Callable[[], Credential | None]) -> Attempt:
        """One attempt, and one more when the first stayed without an answer: packets get lost."""
        attempt = await self._try(credential(), purpose)
        again = attempt.result is LoginResult.NO_ANSWER and not attempt.lockout
        return (
            await self._try(credential(), purpose)
            if again and not self.method.silence_refuses
            else attempt
        )

    async def _try(
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
            self._tls = attempt.tls
        self._also_clear |= attempt.also_clear
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

    # --- the record ------------------------------------------------------------------------------

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

    def _fail(self, problem: str, attempt: Attempt) -> None:
        self.problem = self.problem or problem
        self.owner = self.owner or attempt.owner

    def _proof_of(self, attempt: Attempt) -> tuple[Proof, ...]:
        return attempt.proof or (
            Coverage(tried=f"login, {self.method.name}", times=1, deadline_s=LONGEST_ATTEMPT),
        )

    def _open_access(self, attempt: Attempt) -> OpenAccess:
        s = self.service
        return OpenAccess(
            transport=s.transport,
            address=s.address,
            port=s.port,
            protocol=s.protocol,
            what=attempt.seen or "a session",
        )

    def _record(self, *, further: bool = False) -> None:
        s = self.service
        untried = self.candidates[len(self.results) :]
        old = self.old[len(self.old_results) :]
        success = any(r.result is LoginResult.ACCEPTED and r.proved for r in self.results)
        why = "a login had worked already" if success else (self.lockout or self.problem)
        if self.none is LoginResult.ACCEPTED and self.random is LoginResult.NOT_TRIED:
            why = "no credential is needed"
        elif self.no_password:
            why = f"no password is asked for: {self.no_password}"
        elif self.random is LoginResult.ACCEPTED and not success:
            why = "any credential is accepted"
        nothing = Coverage(
            tried=f"login to {endpoint(s.transport, s.address, s.port)}", times=1, deadline_s=0.0
        )
        self.session.observe(
            LoginTest(
                transport=s.transport,
                address=s.address,
                port=s.port,
                protocol=s.protocol,
                tls=self._tls,
                method=self.method.name,
                without_credential=self.none,
                random_credential=self.random,
                candidates=(*self.results, *_not_tried(untried, why)),
                old=(*self.old_results, *_not_tried(old, why)),
                lockout_sign=self.lockout,
                problem=self.problem,
                owner=(self.owner or Owner.DEVICE).value if self.problem else "",
                further=further,
                no_password=self.no_password,
                also_clear=self._also_clear,
            ),
            *(tuple(dict.fromkeys(self.proof)) or (nothing,)),
        )


def _result(candidate: Candidate, attempt: Attempt) -> CandidateResult:
    return CandidateResult(
        username=candidate.username,
        password=candidate.password,
        tier=candidate.tier,
        source=candidate.source,
        result=attempt.result,
        proved=attempt.proved,
        detail=attempt.detail,
        must_change=attempt.must_change,
    )


def _not_tried(candidates: Sequence[Candidate], why: str) -> list[CandidateResult]:
    left = Attempt(result=LoginResult.NOT_TRIED, detail=why)
    return [_result(candidate, left) for candidate in candidates]


def _refused_if_silent(result: LoginResult) -> LoginResult:
    return LoginResult.REFUSED if result is LoginResult.NO_ANSWER else result
