"""Names of things: which texts are ids of which kind."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas import ids
from schemas.ids import Purpose, purpose_id

GOOD: dict[str, list[str]] = {
    "AgencyId": ["a", "jobcenter", "mbe-2", "a" * 32],
    "FederationName": ["musterstadt.example", "a", "a" * 64],
    "LogId": ["musterstadt.example/log/2026-11", "m/log/1"],
    "ExchangeId": ["0123456789abcdef" * 2],
    "ApprovalId": ["0" * 32],
    "ConsentId": ["f" * 32],
    "GivenId": ["f" * 32],
    "Purpose": ["Z01@1", "Z16@9999"],
    "FieldName": ["family.members", "a_1.b_2"],
    "KeyName": ["musterstadt.example/jobcenter/statement-1", "m/a/seal-999999"],
    "KeyId": ["0" * 64],
    "Hash": ["0123456789abcdef" * 4],
    "CodeName": ["v01", "a" * 64],
    "Norm": ["SGB X § 67b(2)", "AufenthG § 87(1)", "IntV § 8(3), Nr. 2"],
    "NatsAccount": ["A" + "BCDEFGHIJKLMNOPQRSTUVWXYZ234567"[:11] * 5],
}
BAD: dict[str, list[str]] = {
    "AgencyId": ["", "-a", "a-", "A", "a.b", "a b", "a" * 33, "ä", "*", ">", "a\n"],
    "FederationName": ["", ".a", "a.", "A", "a/b", "a" * 65],
    "LogId": ["musterstadt.example/log/", "musterstadt.example/jobcenter/1", "/log/1", "m/log/1/2", "m/log/-"],
    "ExchangeId": ["0" * 31, "0" * 33, "F" * 32, "g" * 32],
    "ApprovalId": ["0" * 64],
    "ConsentId": [""],
    "GivenId": ["0" * 31 + "\n"],
    "Purpose": ["Z1@1", "Z16", "Z16@0", "Z16@10000", "z16@1", "Z16@1 "],
    "FieldName": ["family", "family.", ".members", "family.*", "a.b.c", "A.b", "a." + "b" * 41],
    "KeyName": ["jobcenter/statement-1", "m/a/statement-0", "m/a/statement-1000000", "m/a/statement", "m/a/Seal-1"],
    "KeyId": ["0" * 63],
    "Hash": ["0" * 63, "0" * 65, "A" * 64],
    "CodeName": ["", "1a", "a-b", "A", "a" * 65],
    "Norm": ["", "§", "x" * 121, "SGB\nX", "<b>"],
    "NatsAccount": ["A" * 55, "A" * 57, "U" + "A" * 55, "A" + "1" * 55, "A" + "a" * 55],
}


def test_the_tables_name_every_id() -> None:
    """Each kind of id stands in both tables below."""
    kinds = {name for name in vars(ids) if hasattr(getattr(ids, name), "__supertype__")}
    assert kinds == set(GOOD) == set(BAD)


@pytest.mark.parametrize("name", GOOD)
def test_only_texts_of_its_form_are_ids(name: str) -> None:
    """A kind of id takes its own form, at its limits of length too, and no other text or type."""
    adapter: TypeAdapter[str] = TypeAdapter(getattr(ids, name))
    for text in GOOD[name]:
        assert adapter.validate_python(text) == text
    for unverified in (*BAD[name], 1, None, b"a"):
        with pytest.raises(ValidationError):
            adapter.validate_python(unverified)


def test_a_purpose_names_its_id_and_version() -> None:
    """The id of a purpose is what stands before its version."""
    assert purpose_id(Purpose("Z16@12")) == "Z16"
