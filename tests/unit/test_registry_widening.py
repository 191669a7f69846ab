"""What of a new version of the law lets more through is marked, and what only narrows is not."""

from collections.abc import Mapping

import pytest

from schemas.registry import AgencyKind, FieldDef, Prohibition, PurposeRow, Registry, load
from schemas.registry_diff import changes
from schemas.registry_files import bundle_of
from schemas.registry_widening import widens
from schemas.wire import Wire
from tests.support.registry import SMALL, changed

WAYS = [
    ("purposes", "fields", "a.b", "a.b a.c"),
    ("purposes", "requester_kinds", "mbe", "jobcenter mbe"),
    ("purposes", "holder_kinds", "mbe", "jobcenter mbe"),
    ("purposes", "basis", "statute", "statute client_request"),
    ("purposes", "norm", "§1", "§1 §2"),
    ("purposes", "conditions", "azr_insufficient", ""),
    ("purposes", "neutral_collector", "jobcenter mbe", "mbe"),
    ("purposes", "mode", "push", "package"),
    ("purposes", "off", "yes", "no"),
    ("purposes", "same_kind", "no", "yes"),
    ("purposes", "release", "human", "automatic"),
    ("purposes", "release", "two_humans", "human"),
    ("purposes", "secrecy_release", "always", "if_holder_203"),
    ("purposes", "secrecy_release", "if_holder_203", "never"),
    ("purposes", "answer_within_s", "60", "600"),
    ("purposes", "valid_from", "2025-01-01", "2024-12-31"),
    ("purposes", "valid_to", "2025-12-31", "2026-01-01"),
    ("purposes", "valid_to", "2099-12-31", ""),
    ("prohibitions", "requester_kinds", "jobcenter mbe", "mbe"),
    ("prohibitions", "holder_kinds", "jobcenter mbe", "mbe"),
    ("prohibitions", "except_purposes", "", "Z23"),
    ("prohibitions", "except_basis", "", "consent"),
    ("fields", "sensitivity", "2", "1"),
    ("agency_kinds", "ceiling", "2", "3"),
    ("agency_kinds", "public", "no", "yes"),
    ("agency_kinds", "section35", "no", "yes"),
    ("agency_kinds", "secrecy_203", "yes", "no"),
    ("agency_kinds", "secret_clientele", "yes", "no"),
    ("agency_kinds", "sanction_power", "yes", "no"),
]
"""From what lets less through to what lets more: table, key, both values of a row."""
NEUTRAL = {
    "purposes": {"purpose", "label", "azr_task", "exempt_norm", "inform", "later_after_ms", "occasion", "review"},
    "prohibitions": {"rule", "label"},
    "fields": {"name", "label", "type", "many", "code_list", "dsa", "dpv", "lead"},
    "agency_kinds": {"name", "label", "power"},
}
"""What no decision and no answer by machine rests on."""


def _law(files: Mapping[str, str] = SMALL) -> Registry:
    return load(bundle_of(files))


def _marked(before: Registry, after: Registry) -> set[tuple[str, str]]:
    return {(change.name, change.key) for change in changes(before, after) if change.wider}


@pytest.mark.parametrize(("table", "key", "less", "more"), WAYS)
def test_the_way_up_is_marked_and_the_way_back_is_not(table: str, key: str, less: str, more: str) -> None:
    """Each key that decides: to the wider value it is marked, to the narrower one nothing is."""
    old, new = less.split(), more.split()
    rows = ({key: tuple(old)}, {key: tuple(new)})
    gone, come = tuple(one for one in old if one not in new), tuple(one for one in new if one not in old)
    assert widens((table, key), rows, gone, come)
    assert not widens((table, key), rows[::-1], come, gone)


def test_no_key_is_forgotten() -> None:
    """Every key of the law is one that decides, or stands among those of which it is known that they do not."""
    shapes: dict[str, type[Wire]] = {
        "purposes": PurposeRow,
        "prohibitions": Prohibition,
        "fields": FieldDef,
        "agency_kinds": AgencyKind,
    }
    for table, shape in shapes.items():
        assert {key for one, key, *_ in WAYS if one == table} | NEUTRAL[table] == shape.model_fields.keys()
        row = dict.fromkeys(shape.model_fields, ("x",))
        assert not any(widens((table, key), (row, row), ("x",), ("y",)) for key in NEUTRAL[table] - {"purpose"})


def test_a_purpose_that_is_new_is_marked_unless_it_is_off() -> None:
    """One more version is one more way, whatever the version before said."""
    third = SMALL["purposes"].partition("\n\n")[2].replace("Z16@2", "Z16@3")
    on, off = (_law(SMALL | {"purposes": f"{SMALL['purposes']}\n{third}{more}"}) for more in ("", "off = true\n"))
    assert _marked(_law(), on) == {("Z16@3", "purpose")}
    assert _marked(_law(), off) == set()
    assert _marked(on, _law()) == set()


def test_a_prohibition_that_is_gone_is_marked_and_a_new_one_is_not() -> None:
    """So is no new field, kind or list: by itself each lets nothing through."""
    law = _law(SMALL | {"prohibitions": SMALL["prohibitions"] + SMALL["prohibitions"].replace("v01", "v02")})
    assert _marked(law, _law()) == {("v02", "rule")}
    assert _marked(_law(), law) == set()
    field = SMALL["fields"] + SMALL["fields"].partition("\n\n")[0].replace("course.state", "other.state")
    assert _marked(_law(), _law(SMALL | {"fields": field})) == set()
    assert _marked(_law(), _law(changed("fields", 'de = "Stand"', 'de = "Lage"'))) == set()
