"""The shapes of the node's HTTP API: what callers send and get. Times are milliseconds since 1970 UTC.

What comes in is strict: unknown keys, other types and values out of form are refused by field and rule.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from adapters.node.access import Role
from adapters.node.store.rows import AskedState
from schemas.errors import Code
from schemas.explain import Said
from schemas.ids import AgencyId, ApprovalId, CodeName, ConsentId, ExchangeId, FieldName, GivenId, Norm, Purpose
from schemas.record import FieldValues, IsoDate, Name, PersonBlock, ShortText
from schemas.registry import BasisKind, Labels
from schemas.statements import Millis

PERSON: Final = {"family_name": "Beispiel", "given_names": "Bente", "birth_date": "1991-03-17"}
ID: Final = "0123456789abcdef0123456789abcdef"
HASH: Final = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
FIELDS: Final = ["course_participation.state", "course_results.exam_result"]
AT: Final = 1_795_168_800_000

Ref = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=400)]
Fields = Annotated[list[FieldName], Field(max_length=200)]


class Shape(BaseModel):
    """The base of all of them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


def documented(**values: object) -> ConfigDict:
    """Document a shape by one example."""
    example: dict[str, Any] = {"examples": [values]}
    return ConfigDict(json_schema_extra=example)


class Problem(Shape):
    """Why a call changed nothing: a stable code, and which field and rule; never a value that was sent."""

    model_config = documented(code="malformed", detail="purpose: String should match pattern '^Z[0-9]{2}@…$'")
    code: Code
    detail: str


class Person(Shape):
    """A person as the agency knows them; a birth date may be known to the year or month only."""

    model_config = documented(**PERSON)
    family_name: Name
    given_names: Name
    birth_date: IsoDate | None = None
    birth_country: CodeName | None = None
    sex: Literal["m", "w", "d", "x"] | None = None
    other_names: Annotated[list[Name], Field(max_length=20)] = []

    def block(self) -> PersonBlock:
        """Give the block that travels, sealed."""
        return PersonBlock(**{**dict(self), "other_names": tuple(self.other_names)})


class NewRequest(Shape):
    """A caseworker's question; `fields` left out means all the purpose allows. Exactly one basis is named."""

    model_config = documented(purpose="Z16@1", holder="sprachschule", fields=FIELDS, consent=ID, case_ref="JC-2026-117")
    purpose: Purpose
    holder: AgencyId
    fields: Fields = []
    consent: ConsentId | None = None
    given: GivenId | None = None
    norm: Norm | None = None
    declared: Annotated[list[CodeName], Field(max_length=20)] = []
    person: Person | None = None
    case_ref: ShortText | None = None


class Cut(Shape):
    """A field that was asked for and not granted, and the rule that cut it."""

    field: FieldName
    rule: CodeName


class RequestLine(Shape):
    """A request and how far it has come; `sent` and `granted` may still be answered, until `answer_by_ms`."""

    model_config = documented(
        exchange=ID,
        at_ms=AT,
        purpose="Z16@1",
        holder="sprachschule",
        basis=ID,
        case_ref="JC-2026-117",
        answer_by_ms=AT + 259_200_000,
        state="granted",
        reason=None,
    )
    exchange: ExchangeId
    at_ms: int
    purpose: Purpose
    holder: AgencyId
    basis: str
    case_ref: str | None
    answer_by_ms: int
    state: AskedState
    reason: str | None


class RequestDetail(RequestLine):
    """A request with its record, each value with its provenance; which rule allowed, cut or stopped what, in words."""

    model_config = documented(
        exchange=ID,
        at_ms=AT,
        purpose="Z16@1",
        holder="sprachschule",
        basis=ID,
        case_ref="JC-2026-117",
        answer_by_ms=AT + 259_200_000,
        state="answered",
        reason=None,
        asked_fields=[*FIELDS, "course_results.exam_date"],
        granted_fields=FIELDS,
        cut=[{"field": "course_results.exam_date", "rule": "cut_basis"}],
        record=[
            {
                "field": "course_participation.state",
                "values": [{"value": "running", "recorded_at": "2026-11-02", "recorded_by": "course_office"}],
            }
        ],
        receipts=["grant", "answer"],
        explanation=[
            {
                "rule": "cut_basis",
                "does": "cut",
                "norms": ["DSGVO Art. 6(1)(a)"],
                "fields": ["course_results.exam_date"],
                "de": "Die Einwilligung oder der Wunsch der Person umfasst diese Angaben nicht.",
                "en": "The person's consent or request does not cover these details.",
            }
        ],
    )
    asked_fields: list[FieldName]
    granted_fields: list[FieldName]
    cut: list[Cut]
    record: list[FieldValues] | None
    receipts: list[Literal["grant", "answer"]]
    explanation: list[Said]


class ReceiptText(Shape):
    """A ledger entry's text and its proof (C2SP tlog-proof), as an auditor's tool takes them."""

    entry: str
    proof: str


class Receipts(Shape):
    """The receipts of a request: of the grant, and of the answer or refusal."""

    model_config = documented(
        grant={"entry": "handschlag/entry/exchange.granted/v1\n{…}\n", "proof": "c2sp.org/tlog-proof@v1\nindex 42\n…"},
        answer=None,
    )
    grant: ReceiptText | None
    answer: ReceiptText | None


class LoggedAt(Shape):
    """Where something stands in the ledger; None while it is signed and could not be handed in yet."""

    model_config = documented(log_index=43)
    log_index: int | None


class Disclosure(Shape):
    """A line of the disclosure register: who got which fields of which row, when, why, on which basis."""

    model_config = documented(
        exchange=ID,
        at_ms=AT,
        requester="jobcenter",
        purpose="Z16@1",
        fields=FIELDS,
        basis=ID,
        ref="T-1",
        log_index=44,
    )
    exchange: ExchangeId
    at_ms: int
    requester: AgencyId
    purpose: Purpose
    fields: list[FieldName]
    basis: str
    ref: str
    log_index: int


class Client(Shape):
    """A row of the agency's own source."""

    model_config = documented(ref="T-1", file_number="T-1", person=PERSON, transfer_block=False, guardian=False)
    ref: str
    file_number: str
    person: PersonBlock
    transfer_block: bool
    guardian: bool


class ClientSearch(Shape):
    """What a caseworker knows of a client of their own agency; all that is given must fit."""

    model_config = documented(family_name="Beispiel")
    family_name: Name | None = None
    given_names: Name | None = None
    birth_date: IsoDate | None = None
    file_number: Name | None = None

    @model_validator(mode="after")
    def _something(self) -> "ClientSearch":
        if not any((self.family_name, self.given_names, self.birth_date, self.file_number)):
            message = "give at least a name, a birth date or a file number"
            raise ValueError(message)
        return self


class NewApproval(Shape):
    """A kind of access the officer approves; `fields` left out means all the purpose allows."""

    model_config = documented(role="adviser", purpose="Z16@1", valid_until_ms=AT + 31_536_000_000)
    role: Annotated[Role, Field(strict=False)]
    purpose: Purpose
    fields: Fields = []
    valid_until_ms: Millis
    ceiling: Annotated[int, Field(ge=0, le=3)] = 2
    automatic: bool = False
    conditions: Annotated[list[CodeName], Field(max_length=20)] = []


class ApprovalLine(Shape):
    """An approval of this agency that is in force."""

    model_config = documented(
        approval=ID,
        role="adviser",
        purpose="Z16@1",
        fields=FIELDS,
        valid_until_ms=AT + 31_536_000_000,
        ceiling=2,
        automatic=False,
        conditions=["single_case_release"],
        log_index=18,
    )
    approval: ApprovalId
    role: CodeName
    purpose: Purpose
    fields: list[FieldName]
    valid_until_ms: int
    ceiling: int
    automatic: bool
    conditions: list[CodeName]
    log_index: int


class Approved(Shape):
    """The id of a new approval."""

    model_config = documented(approval=ID)
    approval: ApprovalId


class Catalogue(Shape):
    """The fields an agency says it can deliver; never a person."""

    model_config = documented(agency="sprachschule", fields=FIELDS)
    agency: AgencyId
    fields: list[FieldName]


class PurposeLine(Shape):
    """A purpose in force: who may ask whom, on which basis, for which fields; `occasion` where it goes in packages."""

    model_config = documented(
        purpose="Z16@1",
        label={"de": "Kursstand erfragen", "en": "Ask how a course is going"},
        basis=["consent"],
        norm=["DSGVO Art. 6(1)(a)"],
        conditions=[],
        fields=FIELDS,
        recipients=["jobcenter"],
        holders=["sprachschule"],
        may_ask=True,
        may_answer=False,
        answer_within_s=259_200,
        occasion=None,
    )
    purpose: Purpose
    label: Labels
    basis: list[BasisKind]
    norm: list[Norm]
    conditions: list[CodeName]
    fields: list[FieldName]
    recipients: list[AgencyId]
    holders: list[AgencyId]
    may_ask: bool
    may_answer: bool
    answer_within_s: int
    occasion: CodeName | None


class Health(Shape):
    """Whether the node does its work: `ready` when every part of it does.

    `witnessed` is false once a receipt of this agency has waited too long for a checkpoint that the quorum of its
    witness policy cosigned: until then nothing is released. Without a policy nobody is waited for. `cosigned_age_s` is
    the time since this node itself or that quorum last cosigned the log, None before it saw the first; it only informs.
    """

    model_config = documented(ready=True, witnessed=True, cosigned_age_s=1.5)
    ready: bool
    witnessed: bool
    cosigned_age_s: float | None
