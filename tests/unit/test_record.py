"""What travels sealed: the person, the consent package and the record."""

import pytest

from schemas import canonical
from schemas.canonical import Json, decode_model, encode, encode_model
from schemas.errors import Malformed
from schemas.record import ConsentPackage, PersonBlock, Record, SealedPerson
from tests.support.examples import PACKAGE, PERSON, RECORD, SEALED_PERSON, STARTED, STATE

HASH = "0" * 64
NAMED: Json = {"family_name": "X", "given_names": "Y", "other_names": []}
PARTS: dict[str, Json] = {
    "package": {"id": "0" * 32, "person": NAMED, "commitment_key": HASH},
    "person": NAMED,
    "handle": HASH,
}


@pytest.mark.parametrize(
    "example", [PERSON, PACKAGE, SEALED_PERSON, RECORD], ids=lambda example: type(example).__name__
)
def test_what_is_sealed_is_read_back(example: PersonBlock | ConsentPackage | SealedPerson | Record) -> None:
    """The canonical bytes of each read as the same value."""
    assert decode_model(type(example), encode_model(example)) == example


@pytest.mark.parametrize("part", PARTS)
def test_a_request_is_about_one_person_in_one_way(part: str) -> None:
    """Exactly one of package, person and handle is sealed; none, or two of them, are refused."""
    decode_model(SealedPerson, encode({part: PARTS[part]}))
    decode_model(SealedPerson, encode({part: PARTS[part], "offer": HASH, "case": "M-17"}))
    others: list[Json] = [{part: PARTS[part], name: PARTS[name]} for name in PARTS if name != part]
    others += [{"offer": HASH}, dict(PARTS)]
    for other in others:
        with pytest.raises(Malformed, match="exactly one of package, person and handle"):
            decode_model(SealedPerson, encode(other))


def _values(*values: Json) -> Json:
    return {"exchange": "0" * 32, "fields": [{"field": STATE, "values": list(values)}], "mask": HASH}


@pytest.mark.parametrize(
    "value", ["running", True, False, 0, -(10**12), 10**12, "x" * 400], ids=lambda value: str(value)[:9]
)
def test_a_value_keeps_its_type(value: str | bool | int) -> None:  # noqa: FBT001  # a value of a field may be a truth
    """Text, truth and number come back as what they were sent."""
    whole: Json = {"value": value, "verified": "none", "origin": "own", "disputed": False}
    read = decode_model(Record, encode(_values(whole))).fields[0].values[0].value
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("row", [1, 1000])
def test_a_value_may_be_one_of_several_in_its_row(row: int) -> None:
    """The number of a row is kept, so that lists can be paired."""
    whole: Json = {"value": "x", "verified": "none", "origin": "own", "disputed": False, "row": row}
    assert decode_model(Record, encode(_values(whole))).fields[0].values[0].row == row


BAD_VALUES: dict[str, dict[str, Json]] = {
    "empty": {"value": ""},
    "long": {"value": "x" * 401},
    "large": {"value": 10**12 + 1},
    "list": {"value": []},
    "source": {"origin": "hearsay"},
    "no day": {"recorded_at": "2026-13"},
    "wrong day": {"recorded_at": "2026-12-32"},
    "spelled otherwise": {"valid_from": "1.2.2026"},
    "time": {"valid_to": "2026-12-31T00:00"},
    "precision": {"precision": "hour"},
    "row before the first": {"row": 0},
    "row beyond all": {"row": 1001},
    "number for truth": {"disputed": 0},
    "line break": {"value": "a\nb"},
}


@pytest.mark.parametrize("what", BAD_VALUES)
def test_a_value_out_of_form_is_refused(what: str) -> None:
    """Values and their provenance have their bounds."""
    whole: dict[str, Json] = {"value": "x", "verified": "none", "origin": "own", "disputed": False}
    with pytest.raises(Malformed):
        decode_model(Record, encode(_values(whole | BAD_VALUES[what])))


def test_a_record_names_each_field_once_in_order() -> None:
    """A field that comes twice could be read in two ways; fields in another order would be another spelling."""
    one: Json = {"field": STARTED, "values": []}
    two: Json = {"field": STATE, "values": []}
    for fields in ([], [one], [one, two]):
        decode_model(Record, encode({"exchange": "0" * 32, "fields": fields, "mask": HASH}))
    for fields in ([two, one], [one, one]):
        with pytest.raises(Malformed, match="fields: must be sorted by field and without repeats"):
            decode_model(Record, encode({"exchange": "0" * 32, "fields": fields, "mask": HASH}))


@pytest.mark.parametrize("birth_date", ["1991", "1991-04", "1991-04-30"])
def test_a_birth_date_may_be_known_in_part(birth_date: str) -> None:
    """Year, month or day; what is not known at all is left out."""
    value = canonical.decode(encode_model(PERSON))
    assert isinstance(value, dict)
    assert decode_model(PersonBlock, encode(value | {"birth_date": birth_date})).birth_date == birth_date
    del value["birth_date"]
    assert decode_model(PersonBlock, encode(value)).birth_date is None


@pytest.mark.parametrize(
    "changes",
    [
        {"family_name": ""},
        {"family_name": "x" * 201},
        {"sex": "f"},
        {"birth_date": "30.4.1991"},
        {"other_names": ["x"] * 21},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_person_out_of_form_is_refused(changes: dict[str, Json]) -> None:
    """Names have a length, sex is a code, dates are written one way; the error says which field and never its value."""
    value = canonical.decode(encode_model(PERSON))
    assert isinstance(value, dict)
    with pytest.raises(Malformed) as refused:
        decode_model(PersonBlock, encode(value | changes))
    assert str(refused.value).startswith(f"PersonBlock: {next(iter(changes))}: ")
    assert "Musteri" not in str(refused.value)
