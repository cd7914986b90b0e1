"""One account under some dozens of wrong passwords, and how it comes back.

The order: no credential and the right one as they are now; guesses one after another; side by side; from
a second address. After each round the right credential again: a device that locks without a word refuses
that, too. At the first sign of a lock the rounds end, it is told what is locked, and recovery is timed.
"""

import json
import time
from dataclasses import asdict, replace

from probe.collect.access.attempt import Credential, Method
from probe.collect.answers import NoAnswer
from probe.collect.guessing.rounds import Asker, one_after_another, side_by_side
from probe.collect.guessing.target import Target
from probe.collect.guessing.telling import latencies, unlocked, very_slow
from probe.collect.session import DeviceSession
from probe.model.access import Guard, GuessingTest, GuessRound
from probe.model.device import endpoint
from probe.model.evidence import Coverage, EvidenceRef
from probe.model.finding import Owner
from probe.model.observation import LoginResult

PAUSES_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
"""Between two looks whether a locked device lets in again; the last one goes on."""


class Guessing:
    """One service, one method, one account. ``run`` records exactly one GuessingTest."""

    def __init__(self, session: DeviceSession, target: Target, method: Method) -> None:
        gentle = session.plan.gentleness
        self.session, self.target, self.method = session, target, method
        self.second = session.plan.second_source
        if (":" in self.second) != (":" in target.service.address):
            self.second = ""
        self.planned = gentle.guesses
        limit = self.planned * (3 if self.second else 2)
        self.asker = Asker(session, target, method, limit)
        self.rounds: list[GuessRound] = []
        self.guard, self.sign = Guard.NOT_KNOWN, ""
        self.account_known = False
        self.recovered_s: float | None = None
        self.watched_s, self.recovered_by = 0.0, ""
        self.problem, self.owner = "", Owner.DEVICE
        self._locked_at = 0.0

    async def run(self) -> None:
        """Raises nothing for what the device does; everything ends in the GuessingTest."""
        try:
            if await self._as_it_is():
                await self._rounds()
        except NoAnswer as error:
            self.guard, self.problem, self.owner = Guard.NOT_KNOWN, str(error), error.owner
        finally:
            self.session.source = ""
            self._record()

    async def _as_it_is(self) -> bool:
        """Whether the service asks for a credential now; and whether the right one is right."""
        if not await self.asker.answers():
            self.problem = "it did not ask for a credential as it did before"
            return False
        lets_in = await self.asker.lets_in()
        self.account_known = bool(lets_in) or not self.method.asks_for_user
        if lets_in is False:
            self.target = self.asker.target = replace(self.target, right=None)
            self.problem = "the credential that was taken for right did not work"
            self.owner = Owner.OPERATOR
        return True

    # --- the rounds ------------------------------------------------------------------------------

    async def _rounds(self) -> None:
        ways = ["", "many", *([self.second] if self.second else [])]
        for way in ways:
            done = (
                await side_by_side(self.asker, self.planned)
                if way == "many"
                else await one_after_another(self.asker, self.planned, source=way)
            )
            if await self._locked(done):
                await self._what_is_locked()
                await self._recovery()
                return
        self.guard = unlocked(tuple(self.rounds))
        if self.guard is Guard.NOT_KNOWN and not self.problem:
            self.problem = "too few of the guesses were answered to tell"

    async def _locked(self, done: GuessRound) -> bool:
        """Whether this round met a lock, by its own sign or by what the right credential meets now."""
        self._locked_at = time.monotonic()
        lets_in = await self.asker.lets_in()
        self.rounds.append(replace(done, still_lets_in=lets_in))
        self.sign = done.sign
        if lets_in:
            # Whatever was said or lost: whoever has the password gets in, and so would who guessed it.
            return False
        if lets_in is False:
            guesses = sum(len(r.guesses) for r in self.rounds)
            self.sign = done.sign or f"the right credential was refused after {guesses} wrong ones"
            return True
        if (done.sign or len(done.guesses) > done.refused) and not await self.asker.answers():
            self.sign = done.sign or "it did not answer any more after many connections at once"
            return True
        return bool(done.sign) and not very_slow(latencies(done))

    # --- what is locked --------------------------------------------------------------------------

    async def _what_is_locked(self) -> None:
        """Address or account; where nothing tells them apart it stays a lock."""
        self.guard = Guard.LOCK
        here = await self.asker.answers()
        if self.second:
            lets_in = await self.asker.lets_in(source=self.second)
            if lets_in or (not here and await self.asker.answers(source=self.second)):
                self.guard = Guard.ADDRESS_BAN
            elif here and lets_in is False:
                self.guard = Guard.ACCOUNT_LOCK
            return
        if here and self.rounds[-1].sign and self.method.asks_for_user:
            # The door is open to this address. Does another account meet the same sign?
            other = Credential(self.asker.word(), self.asker.word())
            attempt = await self.asker.ask("random", other)
            if attempt.result is LoginResult.REFUSED and not attempt.lockout:
                self.guard = Guard.ACCOUNT_LOCK

    # --- recovery --------------------------------------------------------------------------------

    async def _recovery(self) -> None:
        """Ask now and then until it lets in again; without the right credential, until it answers."""
        by_right = self.target.right is not None
        if not by_right and await self.asker.answers():
            # Only the account is locked, and nothing that is known would show when it is free again.
            self.problem = "when the lock ends cannot be seen without a right credential"
            self.owner = Owner.OPERATOR
            return
        longest = self.session.plan.gentleness.recovery_s
        self.recovered_by = (
            "a right credential" if by_right else "the question without a credential"
        )
        turn = 0
        while (waited := time.monotonic() - self._locked_at) < longest:
            pause = PAUSES_S[min(turn, len(PAUSES_S) - 1)]
            await self.asker.sleep(min(pause, longest - waited))
            turn += 1
            if await self.asker.lets_in() if by_right else await self.asker.answers():
                self.recovered_s = round(time.monotonic() - self._locked_at, 1)
                break
        self.watched_s = round(time.monotonic() - self._locked_at, 1)

    def _record(self) -> None:
        s = self.target.service
        where = endpoint(s.transport, s.address, s.port)
        tried = Coverage(tried=f"guesses at {where}", times=1, deadline_s=0.0)
        all_of_it = list(dict.fromkeys(self.asker.proof))
        pieces = [p.sha256 for p in all_of_it if isinstance(p, EvidenceRef)]
        lines = [{"way": r.way, **asdict(g)} for r in self.rounds for g in r.guesses]
        table = self.session.keep(
            json.dumps({"guesses": lines, "transcripts": pieces}, indent=1).encode(),
            media_type="application/json",
            caption=f"every guess at {where}, and the hashes of all transcripts",
        )
        self.session.observe(
            GuessingTest(
                transport=s.transport,
                address=s.address,
                port=s.port,
                protocol=s.protocol,
                method=self.method.name,
                username=self.target.username,
                account_known=self.account_known,
                rounds=tuple(self.rounds),
                guard=self.guard,
                sign=self.sign,
                recovered_s=self.recovered_s,
                watched_s=self.watched_s,
                recovered_by=self.recovered_by,
                problem=self.problem,
                owner=self.owner.value if self.problem else "",
            ),
            # The table, how it began and how it ended; each attempt has its own proof in the log.
            *dict.fromkeys((table, *(all_of_it[:2] + all_of_it[-2:] or [tried]))),
        )
