"""Two versions of the law side by side: everything that differs is told, once, where an officer looks for it."""

from collections.abc import Mapping

import pytest

from schemas.registry import FILES, Registry, load
from schemas.registry_diff import HEADINGS, Change, changes, side_by_side
from schemas.registry_files import bundle_of
from tests.support.registry import SMALL, changed, shipped

_Told = tuple[str, str, tuple[str, ...], tuple[str, ...]]
"""Row, key and both sides of a difference."""


def _law(files: Mapping[str, str] = SMALL) -> Registry:
    return load(bundle_of(files))


def test_what_is_the_same_has_no_differences() -> None:
    """A law beside itself is one line with its hash twice; each table of a bundle is compared."""
    assert list(changes(_law(), _law())) == []
    law = _law(shipped())
    assert list(side_by_side(law, law)) == [
        f"{'+ lets more through':26}{'before ' + law.hash[:12]:56}  after {law.hash[:12]}"
    ]
    assert set(HEADINGS) == set(FILES)


@pytest.mark.parametrize(
    ("stem", "old", "new", "told"),
    [
        ("agency_kinds", "ceiling = 3", "ceiling = 2", ("mbe", "ceiling", ("3",), ("2",))),
        ("agency_kinds", "section35 = true", "section35 = false", ("jobcenter", "section35", ("yes",), ("no",))),
        ("code_lists", '"2025-01-01"', '"2025-02-01"', ("state", "valid_from", ("2025-01-01",), ("2025-02-01",))),
        (
            "code_lists",
            'en = "ended"',
            'en = "over"',
            ("state", "values", ("ended / beendet / ended",), ("ended / beendet / over",)),
        ),
        ("fields", 'de = "Stand"', 'de = "Lage"', ("course.state", "label", ("Stand / state",), ("Lage / state",))),
        ("fields", 'lead = "mbe"', 'lead = "mbe"\ndpv = "Work"', ("course.state", "dpv", (), ("Work",))),
        (
            "prohibitions",
            '["client_request"]',
            '["client_request", "cooperation_duty"]',
            ("v01", "except_basis", (), ("cooperation_duty",)),
        ),
        ("purposes", '["course.*"]', '["course.state"]', ("Z16@1", "fields", ("course.started_on",), ())),
        ("purposes", '"SGB X § 69(1)"', '"SGB X § 70"', ("Z16@2", "norm", ("SGB X § 69(1)",), ("SGB X § 70",))),
        ("purposes", '"2026-03-29"', '"2026-12-31"', ("Z16@1", "valid_to", ("2026-03-29",), ("2026-12-31",))),
        ("purposes", 'valid_to = "2026-03-29"\n', "", ("Z16@1", "valid_to", ("2026-03-29",), ())),
        (
            "purposes",
            'mode = "single"',
            'mode = "single"\nconditions = ["azr_insufficient"]',
            ("Z16@1", "conditions", (), ("azr_insufficient",)),
        ),
        (
            "purposes",
            'requester_kinds = ["mbe"]',
            'requester_kinds = ["jobcenter", "mbe"]',
            ("Z16@2", "requester_kinds", (), ("jobcenter",)),
        ),
    ],
    ids=[f"{number:02}" for number in range(13)],
)
def test_each_key_is_told_with_what_differs_alone(stem: str, old: str, new: str, told: _Told) -> None:
    """Of a list only what left and what joined is told, of anything else both sides; nothing else is a difference."""
    found = changes(_law(), _law(changed(stem, old, new)))
    assert [(change.name, change.key, change.before, change.after) for change in found] == [told]


def test_a_field_that_joins_a_category_shows_at_its_purposes() -> None:
    """Who reads the file of purposes alone would not see that they grew."""
    field = SMALL["fields"] + SMALL["fields"].partition("\n\n")[0].replace("course.state", "course.ended")
    found = [(change.table, change.name, change.key) for change in changes(_law(), _law(SMALL | {"fields": field}))]
    assert ("purposes", "Z16@1", "fields") in found
    assert {table for table, *_ in found} == {"fields", "purposes"}


def test_a_new_version_is_compared_with_the_one_before() -> None:
    """The third version stands beside the second; the versions themselves go on unchanged."""
    third = SMALL["purposes"].partition("\n\n")[2].replace("Z16@2", "Z16@3").replace(', "courses.count"', "")
    found = list(changes(_law(), _law(SMALL | {"purposes": SMALL["purposes"] + "\n" + third})))
    assert [(one.name, one.instead_of, one.key, one.before, one.after) for one in found] == [
        ("Z16@3", "Z16@2", "purpose", ("Z16@2",), ("Z16@3",)),
        ("Z16@3", "Z16@2", "fields", ("courses.count",), ()),
    ]


def test_a_row_that_is_new_or_gone_is_told_whole() -> None:
    """A second prohibition, seen from either side, and a purpose none of whose versions was there."""
    law = _law(SMALL | {"prohibitions": SMALL["prohibitions"] + SMALL["prohibitions"].replace("v01", "v02")})
    there, back = list(changes(_law(), law)), list(changes(law, _law()))
    assert there[0] == Change("prohibitions", "v02", "Nein", "", "rule", (), ("v02",))
    assert [(one.key, one.before, one.after) for one in back] == [(one.key, one.after, one.before) for one in there]
    other = SMALL | {"purposes": SMALL["purposes"].replace("Z16@2", "Z17@1")}
    assert [one.instead_of for one in changes(_law(), _law(other)) if one.name == "Z17@1"][:1] == [""]


def test_the_words_stand_side_by_side() -> None:
    """A heading for each row, a line for each value, fields with their names; what has no name has none."""
    new = changed("purposes", '["course.*"]', '["courses.count"]') | {
        "code_lists": SMALL["code_lists"].replace('source = "b.2"', 'source = "b.3"')
    }
    before, after = _law(), _law(new)
    assert [" ".join(line.split()) for line in side_by_side(before, after)] == [
        f"+ lets more through before {before.hash[:12]} after {after.hash[:12]}",
        "",
        "code list state",
        "source b.2 b.3",
        "",
        "purpose Z16@1: Kursstand",
        "+ fields course.started_on (Beginn) courses.count (Anzahl)",
        "course.state (Stand)",
    ]


def test_a_row_that_differs_twice_has_one_heading() -> None:
    """Lines of one row stand together, without its name again."""
    field = SMALL["fields"].replace('de = "Stand"', 'de = "Lage"').replace('lead = "mbe"', 'lead = "any"')
    lines = list(side_by_side(_law(), _law(SMALL | {"fields": field})))
    assert [line for line in lines if line.startswith("field ")] == ["field course.state: Lage"]
    assert [line.split()[0] for line in lines[-2:]] == ["label", "lead"]


def test_a_planned_end_reads_as_one() -> None:
    """A day against no end is a day against a dash."""
    law = _law(changed("purposes", 'valid_to = "2026-03-29"\n', ""))
    *_, last = side_by_side(_law(), law)
    assert last.startswith("+ to the day, included ")
    assert last.endswith("-")
