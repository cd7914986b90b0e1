"""The order that makes a login a fact: nothing, a random credential, the candidates, a proof.

A candidate counts only if the device took it where it refused a random one, and something could be
read that needs the login. Without that difference nothing is said about any candidate.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method
from probe.collect.access.attempts import LONGEST_ATTEMPT, Attempts
from probe.collect.access.credentials import Candidate
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import CandidateResult, LoginResult, LoginTest, OpenAccess, Service


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
        self.candidates, self._word = candidates, word
        self.old = old
        self.old_results: list[CandidateResult] = []
        self.none = self.random = LoginResult.NOT_TRIED
        self.results: list[CandidateResult] = []
        self.problem = ""
        self.owner: Owner | None = None
        self.no_password = ""
        self._attempts = Attempts(session, service, method, sleep)

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
        attempt = await self._attempts.twice("no credential", lambda: None)
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
        attempt = await self._attempts.twice(
            "random", lambda: Credential(self._word(), self._word())
        )
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
            if self._attempts.lockout:
                break
            attempt = await self._with_candidate(candidate, "old password")
            self.old_results.append(_result(candidate, attempt))

    async def _with_candidates(self) -> None:
        self.candidates = self._distinct(self.candidates)
        for candidate in self.candidates:
            if self._attempts.lockout:
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
        if self.method.silence_refuses and not self._attempts.lockout and not worked:
            self._explain_silence()

    async def _with_candidate(self, candidate: Candidate, purpose: str) -> Attempt:
        credential = Credential(candidate.username, candidate.password)
        attempt = await self._attempts.make(credential, purpose, candidate=candidate)
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
        attempt = await self._attempts.make(other, "random", optional=True)
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

    # --- the record ------------------------------------------------------------------------------

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
        why = "a login had worked already" if success else (self._attempts.lockout or self.problem)
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
                tls=self._attempts.tls,
                method=self.method.name,
                without_credential=self.none,
                random_credential=self.random,
                candidates=(*self.results, *_not_tried(untried, why)),
                old=(*self.old_results, *_not_tried(old, why)),
                lockout_sign=self._attempts.lockout,
                problem=self.problem,
                owner=(self.owner or Owner.DEVICE).value if self.problem else "",
                further=further,
                no_password=self.no_password,
                also_clear=self._attempts.also_clear,
            ),
            *(tuple(dict.fromkeys(self._attempts.proof)) or (nothing,)),
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
