"""What agencies sign, in the order a client's story meets them: admission, law, approval, consent, exchange, upkeep.

A statement is a C2SP signed note: one domain line `handschlag/<type>/v1`, one line of canonical JSON, and the signature
lines. It is sent, stored and embedded in the ledger as the bytes that were signed. Nothing here is free text, and
nothing here names a person: only ids, codes, hashes and numbers.
"""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas import canonical
from schemas.canonical import Decode
from schemas.errors import Code, Malformed
from schemas.ids import (
    AgencyId,
    ApprovalId,
    CodeName,
    ConsentId,
    ExchangeId,
    FieldName,
    GivenId,
    Hash,
    KeyId,
    KeyName,
    Norm,
    Purpose,
)
from schemas.steering_statements import (
    NO_PREVIOUS,
    KeyAdded,
    KeyRevoked,
    KeyRole,
    Language,
    LogKey,
    MemberAdmitted,
    MemberLeft,
    Millis,
    Number,
    Opening,
    RegistrySet,
    ShardClosed,
    ShardOpened,
    ShardPruned,
    Signed,
    Steered,
    Suite,
    TextReviewed,
    Vkey,
)
from schemas.wire import MAX_STATEMENT_BYTES, Wire

__all__ = [
    "NO_PREVIOUS",
    "KeyAdded",
    "KeyRevoked",
    "KeyRole",
    "Language",
    "LogKey",
    "MemberAdmitted",
    "MemberLeft",
    "Millis",
    "Number",
    "Opening",
    "RegistrySet",
    "ShardClosed",
    "ShardOpened",
    "ShardPruned",
    "Signed",
    "Steered",
    "Suite",
    "TextReviewed",
    "Vkey",
]  # what moved out of this file is still said here, where all statements are


def _sorted_unique(values: tuple[str, ...]) -> tuple[str, ...]:
    if list(values) != sorted(set(values)):
        message = "must be sorted and without repeats"
        raise ValueError(message)
    return values


_SORTED: Final = AfterValidator(_sorted_unique)
_UNIQUE: Final = Field(json_schema_extra={"uniqueItems": True})

Uses = Annotated[int, Field(ge=1, le=1_000_000)]
Fields = Annotated[tuple[FieldName, ...], Field(min_length=1, max_length=200), _UNIQUE, _SORTED]
Holders = Annotated[tuple[AgencyId, ...], Field(min_length=1, max_length=20), _UNIQUE, _SORTED]
Codes = Annotated[tuple[CodeName, ...], Field(max_length=20), _UNIQUE, _SORTED]
AnsweredFields = Annotated[tuple[FieldName, ...], Field(max_length=200), _UNIQUE, _SORTED]
Exchanges = Annotated[tuple[ExchangeId, ...], Field(min_length=1, max_length=256), _UNIQUE, _SORTED]

SINGLE_CASE: Final = CodeName("single_case_release")
"""The condition of an approval that demands a human's release in each single case (b.8)."""

Withdrawal = Literal["withdrawn", "revoked", "invalidated"]

Medium = Literal["screen", "own_device", "paper", "oral"]
"""The way a text reached the client; what is read out or interpreted is `oral`."""
Capacity = Literal["own", "guardian"]
Interpreter = Literal["none", "sworn", "professional", "lay", "relative"]
"""Who interpreted: nobody, a sworn or another trained interpreter, somebody of one's trust, a relative."""
Understood = Literal["first", "second", "talked_over", "not_asked"]
"""The answer to the one question about the text: right at the first or second try, else gone through in talking."""

CODE: Final = re.compile(r"^[A-Z2-7]{16,40}$")
"""A code on a client's receipt: 80 random bits or more in base32."""
_EVIDENCE: Final = {
    "statute": "norm",
    "cooperation_duty": "given",
    "consent": "consent",
    "client_request": "given",
}


class Numbered(Signed):
    """A statement of one agency key; `n` counts that key's statements in this shard without gaps from 1."""

    key: KeyName
    n: Number


class ApprovalGiven(Numbered):
    """The DPO of an agency approves a kind of access: role, purpose with version, and at most these fields (b.8).

    `conditions` are codes that each request must declare, beside those of the purpose; and `single_case_release`, with
    which a human at the holder releases each single case, however certain the match.
    """

    approval: ApprovalId
    role: CodeName
    purpose: Purpose
    fields: Fields
    valid_until: Millis
    ceiling: Annotated[int, Field(ge=0, le=3)] = 2
    automatic: bool = False
    conditions: Codes | None = None


class ApprovalEnded(Numbered):
    """The DPO ends an approval from this index on."""

    approval: ApprovalId


class CatalogueSet(Numbered):
    """The fields a holder can deliver; an input of decisions, never data."""

    fields: Fields


class ConsentGiven(Numbered):
    """A collected consent: one purpose, one recipient (Art. 4(11), 7 GDPR; § 67b(2) SGB X).

    `person` commits to the person block as taken; `view` and `withdraw` are SHA-256 of the two codes on the receipt.
    `text_sha256` is of the exact text that was shown, `words` of the language's file it was made from; a form of an
    agency's own has none. `staff` is a pseudonym whose map stays at the collector, as that of a request; whoever
    interpreted or consented for the client is named nowhere. Consents of early logs lack `words` and what follows it.

    `replaces` is the consent this one renews: the same collector's, of the same purpose and recipient, still valid; it
    ends with this entry.
    """

    consent: ConsentId
    purpose: Purpose
    recipient: AgencyId
    holders: Holders
    fields: Fields
    not_before: Millis
    expires: Millis
    uses: Uses
    text_sha256: Hash
    language: Language
    medium: Medium
    capacity: Capacity
    secrecy_release: bool
    person: Hash
    view: Hash
    withdraw: Hash
    replaces: ConsentId | None = None
    words: Hash | None = None
    staff: Hash | None = None
    role: CodeName | None = None
    interpreter: Interpreter | None = None
    understood: Understood | None = None

    @model_validator(mode="after")
    def _valid_for_a_time(self) -> Self:
        if self.not_before >= self.expires:
            message = "expires: must lie after not_before"
            raise ValueError(message)
        return self


class ConsentRefused(Numbered):
    """A recorded no: as easy as a yes, and it names nobody."""

    purpose: Purpose
    recipient: AgencyId
    text_sha256: Hash
    language: Language


class ConsentWithdrawn(Numbered):
    """A consent ends at this statement's index; said by its collector, its recipient or one of its holders."""

    consent: ConsentId
    cause: Withdrawal


class ConsentCodes(Numbered):
    """New codes for a consent or given basis whose receipt was lost; the old ones are dead from this index on."""

    basis: ConsentId
    view: Hash
    withdraw: Hash


class ClientWithdrawn(Signed):
    """A consent or given basis ends at this index by the client's own word: the code printed on the receipt.

    Nobody signs it; who knows the code (80 random bits, of which the ledger holds SHA-256) may end the basis.
    """

    basis: ConsentId
    code: Annotated[str, StringConstraints(strict=True, pattern=CODE.pattern)]


class BasisGiven(Numbered):
    """A client's request to hand a paper over, or a duty to cooperate (§ 60 SGB I) with the date of its notice."""

    given: GivenId
    kind: Literal["client_request", "cooperation_duty"]
    purpose: Purpose
    recipient: AgencyId
    holders: Holders
    fields: Fields
    expires: Millis
    uses: Uses
    norm: Norm
    notice_date: Millis | None = None
    person: Hash
    view: Hash
    withdraw: Hash

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "client_request" and (len(self.holders) != 1 or self.uses != 1):
            message = "client_request: has one holder and one use"
            raise ValueError(message)
        if self.kind == "cooperation_duty" and self.notice_date is None:
            message = "notice_date: a duty to cooperate needs the date of its written notice (§ 66(3) SGB I)"
            raise ValueError(message)
        return self


class BasisWithdrawn(Numbered):
    """A given basis ends at this statement's index."""

    given: GivenId


class Basis(Wire):
    """The one legal basis a request names, with its evidence: the norm, the consent or the given basis."""

    kind: Literal["statute", "cooperation_duty", "consent", "client_request"]
    norm: Norm | None = None
    consent: ConsentId | None = None
    given: GivenId | None = None

    @model_validator(mode="after")
    def _one_evidence(self) -> Self:
        present = [
            name
            for name, value in (("norm", self.norm), ("consent", self.consent), ("given", self.given))
            if value is not None
        ]
        if present != [_EVIDENCE[self.kind]]:
            message = f"kind {self.kind} names exactly one evidence, {_EVIDENCE[self.kind]}"
            raise ValueError(message)
        return self


class Request(Numbered):
    """A caseworker's request for fields of one person's record; the person travels sealed beside it.

    `staff` is a pseudonym whose map stays at the agency; `answer_by` and `exp` are absolute, in ms; `seal_key` is the
    requester's key the record shall be sealed to; `person_ct` is SHA-256 of the sealed person block.
    """

    exchange: ExchangeId
    staff: Hash
    role: CodeName
    purpose: Purpose
    holder: AgencyId
    fields: Fields
    basis: Basis
    declared: Codes = ()
    view: Hash | None = None
    registry: Hash
    person_ct: Hash
    seal_key: KeyId
    answer_by: Millis
    exp: Millis


class OutcomeBody(Wire):
    """What the holder decided; it travels beside the statement, which holds only its HMAC under a fresh key.

    `ct` is SHA-256 of the sealed record, `commitment` the payload commitment; both only where something is disclosed.
    """

    kind: Literal["disclosed", "unavailable"]
    fields: AnsweredFields = ()
    ct: Hash | None = None
    commitment: Hash | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = (self.ct is not None, self.commitment is not None)
        if parts != ((True, True) if self.kind == "disclosed" else (False, False)) or (self.fields and not all(parts)):
            message = "fields, ct and commitment belong to a disclosure and only to it"
            raise ValueError(message)
        return self


class Outcome(Numbered):
    """The holder's answer to one grant, closed.

    `grant` is the leaf hash of the granted entry; `body` = HMAC-SHA256(k, canonical OutcomeBody), so that a withheld
    entry does not tell whether the holder knew the person.
    """

    exchange: ExchangeId
    grant: Hash
    body: Hash


class Acknowledged(Numbered):
    """The requester has what it was sent, up to 256 exchanges of one holder; the holder then drops the sealed bytes."""

    holder: AgencyId
    exchanges: Exchanges


class Void(Numbered):
    """Numbers `first`..`last` of this key that the log lacks at this index are dead; logged ones stand."""

    first: Number
    last: Number

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not self.first <= self.last < self.n:
            message = "first, last: a range below this statement's own number"
            raise ValueError(message)
        return self


class AgencyHead(Numbered):
    """An agency's last number is `last` (this statement's own included): closes the tail, at least daily."""

    last: Number


Statement = (
    ShardOpened
    | ShardClosed
    | LogKey
    | ShardPruned
    | RegistrySet
    | TextReviewed
    | MemberAdmitted
    | MemberLeft
    | KeyAdded
    | KeyRevoked
    | ApprovalGiven
    | ApprovalEnded
    | CatalogueSet
    | ConsentGiven
    | ConsentRefused
    | ConsentWithdrawn
    | ConsentCodes
    | ClientWithdrawn
    | BasisGiven
    | BasisWithdrawn
    | Request
    | Outcome
    | Acknowledged
    | Void
    | AgencyHead
)

STATEMENTS: Final[dict[str, type[Statement]]] = {
    "shard.opened": ShardOpened,
    "shard.closed": ShardClosed,
    "log.key": LogKey,
    "pruned": ShardPruned,
    "registry.set": RegistrySet,
    "text.reviewed": TextReviewed,
    "member.admitted": MemberAdmitted,
    "member.left": MemberLeft,
    "key.added": KeyAdded,
    "key.revoked": KeyRevoked,
    "approval.given": ApprovalGiven,
    "approval.ended": ApprovalEnded,
    "catalogue.set": CatalogueSet,
    "consent.given": ConsentGiven,
    "consent.refused": ConsentRefused,
    "consent.withdrawn": ConsentWithdrawn,
    "consent.codes": ConsentCodes,
    "client.withdrawn": ClientWithdrawn,
    "basis.given": BasisGiven,
    "basis.withdrawn": BasisWithdrawn,
    "request": Request,
    "outcome": Outcome,
    "acknowledged": Acknowledged,
    "void": Void,
    "agency.head": AgencyHead,
}
"""Statement types by the middle word of their domain line."""

_DOMAINS: Final = {shape: f"handschlag/{name}/v1" for name, shape in STATEMENTS.items()}
_BY_DOMAIN: Final = {domain: shape for shape, domain in _DOMAINS.items()}

NEVER_EXPIRE: Final = (ConsentWithdrawn, ClientWithdrawn, BasisWithdrawn, Void, AgencyHead)
"""Statements that are taken however late they come (LEDGER: a withdrawal never expires)."""


def statement_text(statement: Statement) -> str:
    """Give the text to be signed: domain line and one line of canonical JSON, each with its newline."""
    return f"{_DOMAINS[type(statement)]}\n{canonical.encode_model(statement).decode()}\n"


def parse_statement_text(text: str, decode: Decode = canonical.decode_model) -> Statement:
    """Read a signed text back; Malformed when domain, form, size or any field is not as written by `statement_text`.

    `decode` may be `canonical.decode_spelled` for a text that was read before.
    """
    if len(text.encode()) > MAX_STATEMENT_BYTES:
        message = f"statement: longer than {MAX_STATEMENT_BYTES} bytes"
        raise Malformed(message, code=Code.TOO_LARGE)
    domain, first, rest = text.partition("\n")
    body, second, tail = rest.partition("\n")
    if domain not in _BY_DOMAIN or not first or not second or tail:
        message = "statement: a known domain line and one line of canonical JSON are expected"
        raise Malformed(message)
    return decode(_BY_DOMAIN[domain], body.encode())
