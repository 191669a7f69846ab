"""The shapes of the node's HTTP API about consents and given bases; see `api_models`."""

from typing import Annotated, Final, Literal

from pydantic import Field

from adapters.node.api_models import AT, FIELDS, HASH, ID, PERSON, Person, Shape, documented
from adapters.node.core import consent_text
from adapters.node.core.taking import Guardian
from adapters.node.store.rows import ConsentState
from schemas.ids import AgencyId, ConsentId, FieldName, Hash, Norm, Purpose
from schemas.record import PersonBlock
from schemas.statements import Capacity, Interpreter, Language, Medium, Millis, Understood, Uses, Withdrawal

_AN_EXAMPLE: Final[dict[str, object]] = {
    "purpose": "Z16@1",
    "recipient": "jobcenter",
    "holders": ["sprachschule"],
    "fields": FIELDS,
    "expires_ms": AT + 2_592_000_000,
    "uses": 1,
}


class Basis(Shape):
    """What any basis is to: one purpose, one recipient; `expires_ms` is the end of the last day."""

    purpose: Purpose
    recipient: AgencyId
    holders: Annotated[list[AgencyId], Field(min_length=1, max_length=20)]
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=200)]
    expires_ms: Millis
    uses: Uses

    def terms(self) -> consent_text.Terms:
        """Give the terms as the flows take them."""
        parties, fields = (self.recipient, tuple(self.holders)), tuple(self.fields)
        return consent_text.Terms(self.purpose, *parties, fields, self.expires_ms, self.uses)


class Terms(Basis):
    """What a client would consent to, and the language they read."""

    model_config = documented(**_AN_EXAMPLE, language="ar")
    language: Language


class TextPart(Shape):
    """A part of a text: what it is, a heading or none, and its lines."""

    key: str
    heading: str
    lines: list[str]


class ConsentText(Shape):
    """The text to show for these terms, whole and in this order; a yes to it names `text_sha256`.

    `secrecy_release` says whether the yes must release a holder from secrecy; drafts come where settings let them.
    """

    model_config = documented(
        text_sha256=HASH,
        language="de",
        direction="ltr",
        draft=False,
        secrecy_release=False,
        sections=[{"key": "no", "heading": "Wenn Sie Nein sagen", "lines": ["Sie haben dadurch keinen Nachteil."]}],
    )
    text_sha256: Hash
    language: Language
    direction: Literal["ltr", "rtl"]
    draft: bool
    secrecy_release: bool
    sections: list[TextPart]


class NewConsent(Terms):
    """A consent as the client gave it, bound to the text that was shown, with who said it and how it was understood.

    `text_sha256` is of the text `/v1/consents/text` gives for these terms, or of an own printed form that was approved
    for the purpose (`medium` paper). `guardian` says who consented in the client's place; it stays at this agency.
    `replaces` names a valid consent that was collected here, of the same person, purpose and recipient: it is renewed.
    `wished` says that the client wished to be asked, within 90 days of a no.
    """

    model_config = documented(
        **_AN_EXAMPLE,
        person=PERSON,
        text_sha256=HASH,
        language="ar",
        medium="screen",
        capacity="own",
        secrecy_release=False,
        interpreter="none",
        understood="first",
    )
    person: Person
    text_sha256: Hash
    medium: Medium
    capacity: Capacity
    guardian: Guardian | None = None
    secrecy_release: bool
    interpreter: Interpreter
    understood: Understood
    replaces: ConsentId | None = None
    wished: bool = False


class NewBasis(Basis):
    """A client's request that an agency hand a paper over, or their duty to cooperate (§ 60 SGB I) after a notice."""

    model_config = documented(
        **_AN_EXAMPLE | {"purpose": "Z13@1"}, kind="client_request", person=PERSON, norm="IntV § 7(2)"
    )
    kind: Literal["client_request", "cooperation_duty"]
    person: Person
    norm: Norm
    notice_date_ms: Millis | None = None


class Collection(Shape):
    """How a consent was collected, as far as its entry or this agency says; `staff` is a pseudonym.

    Who consented in the client's place and whether the text was a draft is known to the agency that collected it alone.
    """

    language: Language
    medium: Medium
    capacity: Capacity
    guardian: Guardian | None
    interpreter: Interpreter | None
    understood: Understood | None
    text_sha256: Hash
    words: Hash | None
    draft: bool
    staff: Hash | None
    role: str | None


class ConsentLine(Shape):
    """A consent or given basis this agency collected, or holds as recipient; only a consent has `collected`.

    `expired` follows from the time; `withdrawn`, `revoked`, `invalidated` and `renewed` stand in the log at
    `ended_index`, None while this agency could not tell it or only heard of it. `replaces` is the consent this one
    renewed.
    """

    model_config = documented(
        consent=ID,
        side="recipient",
        state="given",
        **{name: value for name, value in _AN_EXAMPLE.items() if name != "uses"},
        person=PERSON,
        log_index=41,
        replaces=None,
        ended_index=None,
        collected={
            "language": "ar",
            "medium": "screen",
            "capacity": "own",
            "guardian": None,
            "interpreter": "none",
            "understood": "first",
            "text_sha256": HASH,
            "words": HASH,
            "draft": False,
            "staff": HASH,
            "role": "adviser",
        },
    )
    consent: str
    side: Literal["collector", "recipient", "both"]
    state: ConsentState
    purpose: Purpose
    recipient: AgencyId
    holders: list[AgencyId]
    fields: list[FieldName]
    person: PersonBlock
    expires_ms: int
    log_index: int | None
    replaces: ConsentId | None
    ended_index: int | None
    collected: Collection | None


class CollectedConsent(ConsentLine):
    """A consent just collected, with the two codes for the client's receipt; they are shown this once."""

    view_code: str
    withdraw_code: str


class NewRefusal(Shape):
    """A client's no; it names nobody in the ledger.

    With `person` this agency notes whose it is: for 90 days nobody asks them the same again, unless they wish it.
    """

    model_config = documented(purpose="Z16@1", recipient="jobcenter", text_sha256=HASH, language="ar")
    purpose: Purpose
    recipient: AgencyId
    text_sha256: Hash
    language: Language
    person: Person | None = None


class WithdrawalBody(Shape):
    """Why a consent ends: the client withdrew it, or the agency revokes or invalidates it."""

    model_config = documented(cause="withdrawn")
    cause: Withdrawal = "withdrawn"
