"""The shipped data model: what must never be in it is not, and lists are what their sources say."""

import pytest

from schemas.ids import CodeName, FieldName
from schemas.registry import Registry, load
from schemas.registry_files import bundle_of
from tests.support.registry import shipped

# DSAusländer: health, religion, photo, fingerprints, expulsion to search, search notes, description, SIS, offences.
NEVER = {"011", "020", "022", "023", "062", "069", "073", "074"} | {
    f"{group:03}" for group in (*range(42, 55), 57, 58, 59)
}
IDENTIFIERS = {"002", "065"}
UNWANTED = (
    "health",
    "religion",
    "photo",
    "fingerprint",
    "ethnic",
    "offence",
    "azr",
    "customer_number",
    "transfer_block",
)


@pytest.fixture(scope="module")
def law() -> Registry:
    """Load the shipped registry."""
    return load(bundle_of(shipped()))


def test_no_field_of_a_forbidden_group_exists(law: Registry) -> None:
    """Health, religion, photo, removal, search and offences have no field, so no purpose can ever name one."""
    groups = {field.dsa[:3] for field in law.fields.values()}
    assert groups.isdisjoint(NEVER | IDENTIFIERS)
    assert not [name for name in law.fields if any(word in name for word in UNWANTED)]
    assert all("health" not in value.code for one in law.code_lists.values() for value in one.values)


def test_sensitive_fields_are_marked(law: Registry) -> None:
    """Aliases, asylum, document numbers, counselling itself and advice on return are strictly confidential."""
    strict = {name for name, field in law.fields.items() if field.sensitivity == 3}
    assert {"needs.return_advice", "needs.counselling_from", "asylum.procedure_state"} <= strict
    assert law.fields[FieldName("needs.need")].sensitivity == 2
    assert {name for name in strict if name.startswith("alias_names.")} >= {"alias_names.other_names"}


def test_advice_on_return_is_in_no_purpose(law: Registry) -> None:
    """Nobody can ask whether a person wants advice on return."""
    assert all(FieldName("needs.return_advice") not in rule.fields for rule in law.purposes.values())


@pytest.mark.parametrize(
    ("name", "count"),
    [("cefr", 7), ("isced", 9), ("occupation", 53), ("land", 16), ("entitlement_ground", 7), ("deletion_trigger", 8)],
)
def test_lists_are_complete(law: Registry, name: str, count: int) -> None:
    """As many values as the legal source has, each once: ISCO-08 has 10 major and 43 sub-major groups."""
    codes = [value.code for value in law.code_lists[CodeName(name)].values]
    assert len(codes) == len(set(codes)) == count


def test_no_name_stands_twice(law: Registry) -> None:
    """Fields, lists, kinds and the codes of each list are unique, and every label has both languages."""
    files = shipped()
    assert files["fields"].count("[[field]]") == len(law.fields)
    assert files["code_lists"].count("[[code_list]]") == len(law.code_lists)
    assert files["agency_kinds"].count("[[agency_kind]]") == len(law.kinds)
    for one in law.code_lists.values():
        assert len({value.code for value in one.values}) == len(one.values), one.name


def test_kinds_that_keep_secrets_have_no_power_to_sanction(law: Registry) -> None:
    """Counselling keeps its clientele secret and cannot sanction; planning receives nothing of a person."""
    assert {kind.name for kind in law.kinds.values() if kind.secret_clientele} == {"mbe", "jmd"}
    assert not any(kind.sanction_power for kind in law.kinds.values() if kind.secret_clientele)
    assert law.kinds[CodeName("planning")].ceiling == 0
    assert {kind.name for kind in law.kinds.values() if kind.ceiling == 3} == {"mbe", "jmd"}
