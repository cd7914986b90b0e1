"""One list of what a service accepts: what was picked of it so far, and whether that is all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from probe.collect.tls.codec import Version
from probe.collect.tls.earlier import Picked
from probe.collect.tls.interview import Settled
from probe.collect.tls.learned import Question
from probe.model.tls import Reply, TlsList

Answers = Mapping[Question, Settled]


@dataclass(slots=True)
class List:
    """One list while it is being taken."""

    kind: str
    version: Version
    name: Callable[[int], str]
    picked: list[int]
    ends: list[Question]
    """Refused at last, each says that nothing is left."""
    shown: list[str] = field(default_factory=list)
    """The transcript of each that was picked, by its SHA-256."""
    order: str = ""
    told: tuple[str, ...] = ()
    """The transcript that told the order."""
    detail: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind} of {self.version.label}"

    def fact(self, answers: Answers) -> TlsList:
        """As it is recorded; what was picked alone is not all, unless every end was refused."""
        return TlsList(
            kind=self.kind,
            version=self.version.label,
            accepted=tuple(self.name(n) for n in self.picked),
            order=self.order,
            complete=self._complete(answers),
            detail=self.detail or self._why_it_ended(answers),
            evidence=(*self.shown, *self._ends_shown(answers), *self.told),
        )

    def _ends_shown(self, answers: Answers) -> Iterator[str]:
        for end in self.ends:
            if answer := answers.get(end):
                yield from answer.evidence

    def _complete(self, answers: Answers) -> bool:
        last = [answers.get(end) for end in self.ends]
        return bool(last) and all(
            a is not None and (a.reply is Reply.REFUSED or _lower_version(a, self.version))
            for a in last
        )

    def _why_it_ended(self, answers: Answers) -> str:
        if self._complete(answers):
            return ""
        last = [answers.get(end) for end in self.ends]
        open_ends = [a.detail for a in last if a is not None and a.reply is not Reply.REFUSED]
        return open_ends[-1] if open_ends else "not asked to the end"


def chosen_in(settled: Settled, version: Version, picked: Picked) -> int | None:
    """None when nothing was chosen, or in another version than the list is of."""
    if settled.reply is not Reply.ACCEPTED or settled.reaction is None:
        return None
    if settled.reaction.server_hello.version != version:
        return None
    return picked(settled.reaction)


def _lower_version(settled: Settled, version: Version) -> bool:
    """A lower version was chosen: in this one, nothing of the rest was wanted."""
    reaction = settled.reaction
    accepted = settled.reply is Reply.ACCEPTED and reaction is not None
    return accepted and reaction is not None and reaction.server_hello.version < version
