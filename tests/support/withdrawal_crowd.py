"""Many agencies and clients at one log, drawn from a seed, and an oracle of what must never be in it.

The oracle reads nothing but the entries' bytes, and knows nothing of the state the decisions were made on.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence

from consent_ledger.core.decision import NotLogged, OpenedBody
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.sequencer import Receipt
from schemas import statements as st
from schemas.errors import Unavailable
from schemas.ids import ConsentId, ExchangeId, Hash
from tests.support.pens import DAY, DEADLINE, Federation, changed

Said = tuple[st.Statement, OpenedBody | None]
Answer = Receipt | NotLogged | BaseException


def wrongs(leaves: Sequence[bytes]) -> list[str]:
    """Find every disclosure that should not be: after an end, an expiry or its deadline, or one use too many.

    An end is a withdrawal, by whomever, or a renewal: the consent that is renewed ends with the entry of the new one.
    """
    consents: dict[ConsentId, st.ConsentGiven] = {}
    ended: set[ConsentId] = set()
    asked: dict[ExchangeId, st.Request] = {}
    used: Counter[ConsentId] = Counter()
    found = []
    for index, raw in enumerate(leaves):
        leaf = read_leaf(raw)
        match leaf.kind, leaf.statement:
            case "consent.given", st.ConsentGiven() as consent:
                consents[consent.consent] = consent
                ended |= set() if consent.replaces is None else {consent.replaces}
            case "consent.withdrawn", st.ConsentWithdrawn() as withdrawn:
                ended.add(withdrawn.consent)
            case "client.withdrawn", st.ClientWithdrawn() as said:
                ended.add(said.basis)
            case "exchange.granted", st.Request() as request:
                asked[request.exchange] = request
            case "exchange.disclosed", st.Outcome() as outcome:
                request = asked.pop(outcome.exchange)
                name = request.basis.consent
                assert name is not None
                used[name] += 1
                over = leaf.entry.time >= consents[name].expires or leaf.entry.time > request.answer_by + 60_000
                if name in ended or over or used[name] > consents[name].uses:
                    found.append(f"{index}: {name}")
            case _:
                pass
    return found


class Crowd:
    """Draws what many agencies and clients do at the same moment; what was not answered is said again."""

    def __init__(self, pens: Federation, seed: int) -> None:
        """Begin without any consent."""
        self.pens = pens
        self.chance = random.Random(seed)  # noqa: S311  repeatable draws of a test, no secret
        self.consents: list[st.ConsentGiven] = []
        self.open: list[Leaf] = []
        self.unanswered: list[Said] = []

    def take_up(self, leaves: Sequence[bytes]) -> None:
        """Go on where a log ends: with the consents that stand in it, and the grants nobody has answered."""
        known = [read_leaf(raw) for raw in leaves]
        answered = {leaf.statement.exchange for leaf in known if isinstance(leaf.statement, st.Outcome)}
        self.consents = [leaf.statement for leaf in known if isinstance(leaf.statement, st.ConsentGiven)]
        self.open = [
            leaf
            for leaf in known
            if leaf.kind == "exchange.granted"
            and isinstance(leaf.statement, st.Request)
            and leaf.statement.exchange not in answered
        ]

    def consent(self) -> Said:
        """Take a new consent, now and then to renew one of the last."""
        lasts = self.chance.choice([DAY, DEADLINE // 2])
        consent = self.pens.consent("beratung", "jobcenter", uses=self.chance.randint(1, 3))
        renewed = self.chance.choice(self.consents[-6:]).consent if self.consents[-6:] and self._seldom() else None
        self.consents.append(changed(consent, expires=self.pens.clock.ms + lasts, replaces=renewed))
        return self.consents[-1], None

    def ask(self) -> Said:
        """Ask under one of the last consents."""
        return self.pens.request("jobcenter", "kurse", self.chance.choice(self.consents[-6:])), None

    def withdraw(self) -> Said:
        """End one of the last consents, by one of its parties or by the client's own code."""
        consent = self.chance.choice(self.consents[-6:])
        party = self.chance.choice(["beratung", "jobcenter", "kurse", "client"])
        if party == "client":
            return self.pens.client_withdrawal(consent), None
        return self.pens.withdrawal(party, consent), None

    def answer(self) -> Said:
        """Answer a grant that was open a while ago, mostly with a record."""
        if not self.open:
            return self.ask()
        granted = self.open.pop(self.chance.randrange(len(self.open)))
        kind = self.chance.choice(["disclosed", "disclosed", "unavailable"])
        return self.pens.outcome(granted, Hash(leaf_hash(granted.raw).hex()), kind)

    def moment(self, events: int) -> list[Said]:
        """Draw what is said at once, what was not answered before first of all."""
        acts: list[Callable[[], Said]] = [self.ask, self.withdraw, self.answer]
        said = [*self.unanswered, self.consent()]
        return said + [act() for act in self.chance.choices(acts, weights=[5, 1, 4], k=events)]

    def told(self, said: Sequence[Said], answers: Sequence[Answer]) -> None:
        """Take the answers to what was said, and let some time pass.

        Everything is logged or not answered, but for a client's word on what is over already.
        """
        for (statement, _), answer in zip(said, answers, strict=True):
            late = isinstance(statement, st.ClientWithdrawn) and isinstance(answer, NotLogged)
            assert late or isinstance(answer, Receipt | Unavailable), answer
        pairs = list(zip(said, answers, strict=True))
        self.unanswered = [one for one, answer in pairs if isinstance(answer, Unavailable)]
        self.open += [one.leaf for one in answers if isinstance(one, Receipt) and one.leaf.kind == "exchange.granted"]
        self.pens.clock.ms += self.chance.choice([0, 1, 1000, DEADLINE // 3])

    def _seldom(self) -> bool:
        return self.chance.random() < 1 / 3
