"""What happened under one consent, given basis or notice: from the log's entries to the steps a client is shown.

Pure. The entries say all of it: who asked whom, when, for what, which fields, and what came of it; of what a holder
answered with "not available" nobody learns why, the client's page included.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from consent_ledger.core.evidence import evidence_id
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.signed import CLIENT
from schemas import statements as st
from schemas.entries import Answered, Granted, Refused, Rejected, Withheld
from schemas.ids import AgencyId, ConsentId, ExchangeId, FieldName, GivenId, Purpose

What = Literal[
    "given",
    "asked",
    "refused",
    "disclosed",
    "unavailable",
    "withheld",
    "withdrawn",
    "withdrawn_by_client",
    "renewed",
    "recoded",
]

_EXCHANGE: Final = b"handschlag/entry/exchange."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, at an index of the log: what, who said it, towards whom, for what, and which fields.

    `reason` is the code of a refusal. An answer that was withheld has the deadline for its time and no index (-1), so
    that nobody learns from this page sooner than the requester what came of a request.
    """

    what: What
    agency: str
    other: str = ""
    purpose: Purpose | None = None
    fields: tuple[FieldName, ...] = ()
    reason: str = ""
    index: int = -1
    at_ms: int = 0


class Story:
    """The steps under what a view code belongs to, taken from the log's entries one after the other.

    It begins with the entry the code came into the log with: a consent, a given basis, or the request of a notice.
    """

    def __init__(self, view: str) -> None:
        """Take the hash of the view code, by which a notice's request is known."""
        self.steps: list[Step] = []
        self.basis: ConsentId | GivenId | None = None
        self.consent: st.ConsentGiven | None = None
        self._view = view
        self._notice: ExchangeId | None = None
        self._mark: bytes | None = None
        self._requests: dict[ExchangeId, st.Request] = {}

    def see(self, index: int, raw: bytes) -> None:
        """Take the next entry; those of others are passed over unread, as far as their bytes show that they are."""
        if self._mark is None:
            self._mark = self._begin(read_leaf(raw)).encode()
        if self._mark and self._may_hold(raw, self._mark):
            leaf = read_leaf(raw)
            step = None if isinstance(leaf.entry, Rejected) else self._step(leaf)
            if step is not None:
                hidden = step.what == "withheld"
                self.steps.append(step if hidden else replace(step, index=index, at_ms=leaf.entry.time))

    def _begin(self, leaf: Leaf) -> str:
        """Give the id that every entry of the story has, or an entry it names; empty where no story begins."""
        match leaf.statement:
            case st.ConsentGiven() as consent:
                self.basis, self.consent = consent.consent, consent
                return self.basis
            case st.BasisGiven() as given:
                self.basis = given.given
                return self.basis
            case st.Request() as request if request.view == self._view:
                self._notice = request.exchange
                return self._notice
            case _:
                return ""

    def _may_hold(self, raw: bytes, mark: bytes) -> bool:
        """Tell at little cost whether an entry may belong to it: by its id, or by that of a request under it."""
        if mark in raw:
            return True
        return raw.startswith(_EXCHANGE) and any(name.encode() in raw for name in self._requests)

    def _step(self, leaf: Leaf) -> Step | None:
        """Give the step an entry is, None for one of another story."""
        statement = leaf.statement
        match statement:
            case st.ConsentGiven() | st.BasisGiven() if evidence_id(statement) == self.basis:
                return Step("given", _agency(statement), statement.recipient, statement.purpose, statement.fields)
            case st.ConsentGiven(replaces=name) if name is not None and name == self.basis:
                return Step("renewed", _agency(statement))
            case st.ConsentWithdrawn(consent=name) | st.BasisWithdrawn(given=name) if name == self.basis:
                return Step("withdrawn", _agency(statement))
            case st.ClientWithdrawn(basis=name) if name == self.basis:
                return Step("withdrawn_by_client", CLIENT)
            case st.ConsentCodes(basis=name) if name == self.basis:
                return Step("recoded", _agency(statement))
            case st.Request() if self._concerns(statement):
                return self._asked(leaf, statement)
            case st.Outcome() if statement.exchange in self._requests:
                return self._answered(leaf, self._requests.pop(statement.exchange))
            case _:
                return None

    def _concerns(self, request: st.Request) -> bool:
        named = request.basis.consent or request.basis.given
        return request.exchange == self._notice or (self.basis is not None and named == self.basis)

    def _asked(self, leaf: Leaf, request: st.Request) -> Step:
        step = Step("asked", _agency(request), request.holder, request.purpose)
        if isinstance(leaf.entry, Granted):
            self._requests[request.exchange] = request
            return replace(step, fields=leaf.entry.fields)
        reason = leaf.entry.reason.value if isinstance(leaf.entry, Refused) else ""
        return replace(step, what="refused", fields=request.fields, reason=reason)

    def _answered(self, leaf: Leaf, request: st.Request) -> Step:
        step = Step("withheld", request.holder, _agency(request), request.purpose)
        if isinstance(leaf.entry, Answered):
            what: What = "disclosed" if leaf.entry.body.kind == "disclosed" else "unavailable"
            return replace(step, what=what, fields=leaf.entry.body.fields)
        reason = leaf.entry.reason.value if isinstance(leaf.entry, Withheld) else ""
        return replace(step, reason=reason, at_ms=request.answer_by)


def _agency(statement: st.Numbered) -> AgencyId:
    """Give the agency in the name of a statement's key, `<federation>/<agency>/<role>-<n>`."""
    return AgencyId(statement.key.split("/")[1])
