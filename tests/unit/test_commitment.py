"""Commitments open with their key and their very bytes, and with nothing else."""

import hashlib
import hmac
from collections.abc import Callable

import pytest

from schemas import canonical
from schemas.commitment import check, commit_body, commit_person, commit_record, sha256
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import Hash
from schemas.record import PersonBlock
from tests.support.examples import BODY_KEY, DISCLOSED_BODY, MASK, PERSON, RECORD, UNAVAILABLE_BODY


def test_commitments_are_hmac_over_canonical_bytes() -> None:
    """A commitment is HMAC-SHA256 (RFC 2104) under its key over the canonical person, body, or list of fields."""
    fields = canonical.encode({"fields": [one.model_dump(mode="json", exclude_none=True) for one in RECORD.fields]})
    for committed, data in (
        (commit_person(MASK, PERSON), canonical.encode_model(PERSON)),
        (commit_body(MASK, DISCLOSED_BODY), canonical.encode_model(DISCLOSED_BODY)),
        (commit_record(MASK, RECORD.fields), fields),
    ):
        assert committed == hmac.new(MASK, data, hashlib.sha256).hexdigest()


def test_a_commitment_fits_one_key_and_one_value() -> None:
    """Another key, another person, another value, or one field less gives another commitment."""
    person = PersonBlock(family_name="Musterić", given_names="Šárka")
    values = {
        commit_person(MASK, PERSON),
        commit_person(BODY_KEY, PERSON),
        commit_person(MASK, person),
        commit_record(MASK, RECORD.fields),
        commit_record(BODY_KEY, RECORD.fields),
        commit_record(MASK, RECORD.fields[:-1]),
        commit_record(MASK, ()),
        commit_body(MASK, DISCLOSED_BODY),
        commit_body(MASK, UNAVAILABLE_BODY),
    }
    assert len(values) == 9


COMMITS: list[Callable[[bytes], Hash]] = [
    lambda key: commit_person(key, PERSON),
    lambda key: commit_record(key, RECORD.fields),
    lambda key: commit_body(key, DISCLOSED_BODY),
]


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_key_has_32_bytes(length: int) -> None:
    """A key of another length is refused for each kind of commitment."""
    for commit in COMMITS:
        with pytest.raises(Malformed, match=f"commitment key: 32 bytes, not {length}$"):
            commit(bytes(length))


def test_opening_compares_the_whole_value() -> None:
    """A commitment that is the same opens; one that differs in a single digit does not, and says what it was about."""
    committed = commit_person(MASK, PERSON)
    check(committed, commit_person(MASK, PERSON), "person")
    other = Hash(committed[:-1] + ("0" if committed[-1] != "0" else "1"))
    with pytest.raises(NotAuthentic, match=r"^person: the commitment does not open"):
        check(committed, other, "person")


def test_sha256_is_the_one_of_the_library() -> None:
    """The hash of no bytes is the well-known one (FIPS 180-4)."""
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
