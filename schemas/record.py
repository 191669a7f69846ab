"""What travels sealed between two nodes and is readable by nobody in the middle: the person asked for, the record."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.ids import CodeName, ConsentId, ExchangeId, FieldName, GivenId, Hash
from schemas.wire import Wire

Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
ShortText = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=400)]
IsoDate = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")
]
"""`2001-04-30`, or `2001-04` and `2001` where no more is known (DSAusländer: Teilbekanntes Datum)."""

Precision = Literal["day", "month", "year", "unknown"]
Verified = Literal["none", "document", "register", "client"]
Origin = Literal["own", "azr", "client"]

MAX_FIELDS: Final = 200
MAX_VALUES: Final = 1000


class PersonBlock(Wire):
    """The person a request is about, as the asking or collecting agency knows them; travels only sealed.

    `birth_date` may be known to the year or month only. `sex` is a code of XInneres geschlecht (m, w, d, x).
    """

    family_name: Name
    given_names: Name
    birth_date: IsoDate | None = None
    birth_country: CodeName | None = None
    sex: Literal["m", "w", "d", "x"] | None = None
    other_names: Annotated[tuple[Name, ...], Field(max_length=20)] = ()


class ConsentPackage(Wire):
    """What the collector seals to the recipient, who seals it unchanged to the holder with a request.

    `commitment_key` opens the person commitment that the ledger's entry holds (HMAC-SHA256 over the canonical block).
    """

    id: ConsentId | GivenId
    person: PersonBlock
    commitment_key: Hash


class SealedPerson(Wire):
    """The plain text of the sealed person block of a request: exactly one of `package`, `person` or `handle`.

    * `package`: first contact under a consent or given basis.
    * `person`: first contact on a statute.
    * `handle`: later contacts, where both sides hold the pair handle; no names travel.

    `offer` is the random pair handle the requester proposes for this person with its first contact. `case` is the
    requester's own file reference, for the holder's file note only.
    """

    package: ConsentPackage | None = None
    person: PersonBlock | None = None
    handle: Hash | None = None
    offer: Hash | None = None
    case: ShortText | None = None

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if sum(part is not None for part in (self.package, self.person, self.handle)) != 1:
            message = "exactly one of package, person and handle is named"
            raise ValueError(message)
        return self


class Value(Wire):
    """One value of a field with its provenance, so that a reader sees who recorded it, when and how surely.

    `row` numbers, from 1, the entries of a list that one person has several of: values of one category with the same
    number belong together (the kind, the carrier and the end of one measure). `discussed` is the day on which it was
    talked over with the person, None where nobody says that it was: an exchange does not replace the talk (R46).
    """

    value: ShortText | bool | Annotated[int, Field(ge=-(10**12), le=10**12)]
    recorded_at: IsoDate | None = None
    recorded_by: CodeName | None = None
    verified: Verified = "none"
    precision: Precision | None = None
    origin: Origin = "own"
    disputed: bool = False
    discussed: IsoDate | None = None
    valid_from: IsoDate | None = None
    valid_to: IsoDate | None = None
    row: Annotated[int, Field(ge=1, le=MAX_VALUES)] | None = None


class FieldValues(Wire):
    """All values a source holds of one field; empty where the source knows the field but has nothing for the person."""

    field: FieldName
    values: Annotated[tuple[Value, ...], Field(max_length=MAX_VALUES)]


def _sorted_unique(fields: tuple[FieldValues, ...]) -> tuple[FieldValues, ...]:
    names = [one.field for one in fields]
    if names != sorted(set(names)):
        message = "must be sorted by field and without repeats"
        raise ValueError(message)
    return fields


class Record(Wire):
    """The plain text of a sealed answer: the granted fields and the key of the payload commitment.

    `mask` is the fresh 32-byte key (hex) of the commitment HMAC-SHA256(mask, canonical fields) in the ledger.
    """

    exchange: ExchangeId
    fields: Annotated[tuple[FieldValues, ...], Field(max_length=MAX_FIELDS), AfterValidator(_sorted_unique)]
    mask: Hash
