"""The shapes of what waits for a human at the holder, in the node's HTTP API, beside `api_models`."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from adapters.node.api_models import Client, Ref, Shape, documented
from adapters.node.core.deciding import AskedWhy, RefusedWhy
from adapters.node.core.matching.beside import Part
from adapters.node.releases import MAX_NOTE
from adapters.node.store.deciding import Step
from adapters.sources.typed import Typed
from schemas.ids import AgencyId, ExchangeId, FieldName, Hash, Purpose
from schemas.record import MAX_VALUES, PersonBlock
from schemas.statements import Millis

_PERSON: Final = {"family_name": "Beispiel", "given_names": "Bente", "birth_date": "1991-03-17"}
_ID: Final = "0123456789abcdef0123456789abcdef"
_HASH: Final = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
_AT: Final = 1_795_168_800_000


class CandidateLine(Client):
    """A row that may be the person asked for, and the parts known on both sides in which the two differ."""

    differs: list[Part]


class AgreedLine(Shape):
    """The first of two persons' yes: who said it, when, and for which row."""

    model_config = documented(staff="a.lindner", at_ms=_AT, ref="T-1", values=None)
    staff: str
    at_ms: int
    ref: str
    values: dict[FieldName, list[Typed]] | None


class HandedOnLine(Shape):
    """Which colleague was asked to decide, by whom, when, and why; it stays in the agency."""

    model_config = documented(
        by="a.lindner", to="b.wolf", at_ms=_AT, reason="unsure_person", note="Is this the client from Tuesday?"
    )
    by: str
    to: str
    at_ms: int
    reason: AskedWhy | None
    note: str


class WaitingRelease(Shape):
    """A request that waits for a human: the person asked for beside the rows it may be; `why` stays in the house.

    `person` is left out where the requester named the person by the handle of an earlier contact; `earlier` are the
    numbers of paper files from that contact. `yours` says that the caller may decide: no
    other colleague was asked (`handed_on`). Who gave the first of two yeses (`agreed`) may still refuse.
    """

    model_config = documented(
        exchange=_ID,
        at_ms=_AT,
        requester="jobcenter",
        purpose="Z18@1",
        fields=["education.school_degree"],
        basis=_ID,
        answer_by_ms=_AT + 259_200_000,
        why="purpose_demands_human",
        case_ref="JC-2026-117",
        person=_PERSON,
        candidates=[
            {"ref": "T-1", "file_number": "T-1", "person": _PERSON, "transfer_block": False, "guardian": False}
        ],
        earlier=[],
        two_persons=False,
        agreed=None,
        handed_on={
            "by": "a.lindner",
            "to": "b.wolf",
            "at_ms": _AT,
            "reason": "unsure_person",
            "note": "Is this the client from Tuesday?",
        },
        yours=False,
    )
    exchange: ExchangeId
    at_ms: int
    requester: AgencyId
    purpose: Purpose
    fields: list[FieldName]
    basis: str
    answer_by_ms: int
    why: str
    case_ref: str | None
    person: PersonBlock | None
    candidates: list[CandidateLine]
    earlier: list[str]
    two_persons: bool
    agreed: AgreedLine | None
    handed_on: HandedOnLine | None
    yours: bool


class ReleaseBody(Shape):
    """Which of the rows is the person; from a paper file its number, and what stands in it."""

    model_config = documented(ref="T-1")
    ref: Ref
    values: dict[FieldName, Annotated[list[Typed], Field(max_length=MAX_VALUES)]] | None = None


class RefusalBody(Shape):
    """Why a human refuses, as a code for the house's own list; it is told to nobody."""

    model_config = documented(reason="another_person")
    reason: RefusedWhy


class Kept(Shape):
    """A first yes that is kept until another person confirms it; nothing has left the agency."""

    model_config = documented(agreed_at_ms=_AT)
    agreed_at_ms: int


class ConfirmBody(Shape):
    """Which first yes is confirmed: the one that was looked at."""

    model_config = documented(agreed_at_ms=_AT)
    agreed_at_ms: Millis


class AskColleagueBody(Shape):
    """Which colleague is asked to decide, and why; a note stays in the agency and ends with the decision."""

    model_config = documented(colleague="b.wolf", reason="unsure_person", note="Is this the client from Tuesday?")
    colleague: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    reason: AskedWhy | None = None
    note: Annotated[str, StringConstraints(strict=True, max_length=MAX_NOTE)] = ""


class ColleagueLine(Shape):
    """Somebody who releases at this agency and has logged in before."""

    model_config = documented(staff="b.wolf", name="Bo Wolf")
    staff: str
    name: str


class ReleaseStep(Shape):
    """A step of a decision about a waiting request, by pseudonym; it names no client."""

    model_config = documented(exchange=_ID, at_ms=_AT, pseudonym=_HASH, step="asked", reason="unsure_person")
    exchange: ExchangeId
    at_ms: int
    pseudonym: Hash
    step: Step
    reason: str
