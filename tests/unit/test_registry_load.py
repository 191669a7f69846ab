"""The law as data: what is shipped holds together, and what contradicts itself is named with file and line."""

import re
from functools import cache

import pytest

from schemas import canonical
from schemas.calendar import berlin_ms, parse_day
from schemas.commitment import sha256
from schemas.errors import Malformed
from schemas.ids import AgencyId, CodeName, FieldName, Purpose, purpose_id
from schemas.registry import FILES, BasisKind, Registry, called, load, prohibited_by
from schemas.registry_files import bundle_of
from tests.support.registry import SHIPPED, SMALL, changed, shipped
from tests.support.small_law import LAW

JOBCENTER, MBE = CodeName("jobcenter"), CodeName("mbe")


@cache
def _shipped() -> Registry:
    return load(bundle_of(shipped()))


def _small() -> Registry:
    return load(bundle_of(SMALL))


def test_the_shipped_registry_holds_together() -> None:
    """The files of schemas/registry make a bundle without a contradiction, and every purpose names fields."""
    assert sorted(path.stem for path in SHIPPED.glob("*.toml")) == sorted(FILES)
    registry = _shipped()
    assert {purpose_id(name) for name in registry.purposes} == {f"Z{n:02}" for n in range(1, 31)} - {"Z05", "Z11"}
    assert all(rule.fields for rule in registry.purposes.values() if rule.row.mode != "no_exchange")
    assert {field.lead for field in registry.fields.values()} <= set(registry.kinds) | {"any", "client"}


def test_no_requester_of_a_shipped_purpose_asks_in_vain() -> None:
    """Of each shipped purpose, each kind of requester may receive at least one field under its ceiling."""
    registry = _shipped()
    for rule in (rule for rule in registry.purposes.values() if rule.row.basis):
        lowest = min(registry.fields[name].sensitivity for name in rule.fields)
        assert all(registry.kinds[kind].ceiling >= lowest for kind in rule.row.requester_kinds), rule.row.purpose


def test_what_the_law_of_the_land_must_allow_first_is_off() -> None:
    """Purposes that need a check are refused whatever their dates say, and no other is; the rest are drafts."""
    registry = _shipped()
    off = {name for name, rule in registry.purposes.items() if rule.row.review == "needs_legal_review"}
    assert {purpose_id(name) for name in off} == {"Z03", "Z06", "Z27"}
    noon = berlin_ms(parse_day("2026-11-20", "day"), 12)
    assert {name for name, rule in registry.purposes.items() if not rule.in_force(noon)} == off


def test_two_agencies_of_one_kind_need_a_word_for_it() -> None:
    """Jobcentre to Jobcentre on relocation, counselling to counselling; no immigration office asks another."""
    registry = _shipped()
    pairs = {
        (purpose_id(name), asks)
        for name, rule in registry.purposes.items()
        for asks in registry.kinds
        if rule.pairs(asks, asks)
    }
    assert {name for name, _ in pairs} == {"Z10", "Z20", "Z21"}
    assert ("Z10", JOBCENTER) in pairs
    assert not registry.purposes[Purpose("Z01@1")].pairs(CodeName("auslaenderbehoerde"), CodeName("auslaenderbehoerde"))
    assert registry.purposes[Purpose("Z01@1")].pairs(CodeName("asylblg_office"), CodeName("auslaenderbehoerde"))


def test_nothing_rests_on_consent_where_a_statute_stands() -> None:
    """And what counselling has goes to the immigration office as the client's own paper alone."""
    registry = _shipped()
    assert not [name for name, rule in registry.purposes.items() if {"consent", "statute"} <= set(rule.row.basis)]
    office, counselling = CodeName("auslaenderbehoerde"), ("mbe", "jmd", "case_management")
    ways = {
        (purpose_id(name), basis)
        for name, rule in registry.purposes.items()
        for kind in counselling
        for basis in rule.row.basis
        if rule.pairs(office, CodeName(kind)) and prohibited_by(registry, office, CodeName(kind), name, basis) is None
    }
    assert ways == {("Z23", "client_request")}


def test_a_bundle_has_one_hash() -> None:
    """The bundle is canonical, its hash is that of its bytes, and a comment in a file changes neither."""
    raw = bundle_of(SMALL)
    assert canonical.encode(canonical.decode(raw)) == raw
    assert load(raw).hash == sha256(raw)
    assert bundle_of(SMALL | {"fields": "# a remark\n" + SMALL["fields"]}) == raw
    assert bundle_of(changed("fields", "Beginn", "Anfang")) != raw


def test_everything_is_found_by_its_name() -> None:
    """A loaded registry gives kinds, code lists, fields, purposes and prohibitions by name, with their defaults."""
    registry = _small()
    assert set(registry.kinds) == {"jobcenter", "mbe"}
    assert [value.code for value in registry.code_lists[CodeName("state")].values] == ["running", "ended"]
    assert registry.fields[FieldName("course.state")].many is False
    assert registry.purposes[Purpose("Z16@1")].row.later_after_ms == 5000
    assert [one.rule for one in registry.prohibitions] == ["v01"]


def test_a_category_stands_for_its_fields() -> None:
    """`course.*` names the fields of this category, and none of a category whose name only begins alike."""
    registry = _small()
    assert registry.purposes[Purpose("Z16@1")].fields == {"course.state", "course.started_on"}
    assert registry.purposes[Purpose("Z16@2")].fields == {"course.state", "courses.count"}


def test_a_purpose_is_in_force_from_midnight_to_midnight_in_berlin() -> None:
    """From the first millisecond of its first day to the last of its last, the day of 23 hours among them."""
    ends, begins = _small().purposes[Purpose("Z16@1")], _small().purposes[Purpose("Z16@2")]
    first = berlin_ms(parse_day("2025-01-01", "day"))
    last = berlin_ms(parse_day("2026-03-30", "day"))
    assert [ends.in_force(at) for at in (first - 1, first, last - 1, last)] == [False, True, True, False]
    assert [begins.in_force(at) for at in (last - 1, last, last * 2)] == [False, True, True]


@pytest.mark.parametrize(
    ("requester", "holder", "purpose", "basis", "rule"),
    [
        (JOBCENTER, MBE, "Z16@1", "consent", "v01"),
        (JOBCENTER, MBE, "Z16@1", "client_request", None),
        (JOBCENTER, MBE, "Z16@9", "client_request", None),
        (JOBCENTER, MBE, "Z16@1", "cooperation_duty", "v01"),
        (JOBCENTER, MBE, "Z17@1", "client_request", "v01"),
        (MBE, JOBCENTER, "Z16@1", "consent", None),
        (JOBCENTER, JOBCENTER, "Z16@1", "consent", None),
    ],
    ids=str,
)
def test_prohibitions(requester: CodeName, holder: CodeName, purpose: str, basis: BasisKind, rule: str | None) -> None:
    """A prohibited pair is stopped but for the named purpose on the named basis, both at once; other pairs are not."""
    assert prohibited_by(_small(), requester, holder, Purpose(purpose), basis) == rule


FINDINGS = [
    ("agency_kinds", 'name = "mbe"', 'name = "jobcenter"', 12, "agency_kind.1.name: jobcenter is there already"),
    ("agency_kinds", "ceiling = 3", "ceiling = 4", 19, "agency_kind.1.ceiling: Input should be less than"),
    ("agency_kinds", "public = true\n", "", 1, "agency_kind.0.public: Field required"),
    ("agency_kinds", "public = true", "publik = true", 4, "agency_kind.0.publik: Extra inputs are not permitted"),
    ("agency_kinds", "public = true", 'public = "yes"', 4, "agency_kind.0.public: Input should be a valid boolean"),
    ("agency_kinds", ', en = "Jobcentre"', "", 3, "agency_kind.0.label.en: Field required"),
    ("code_lists", '"ended"', '"running"', 5, "code_list.0.values: running is there 2 times"),
    ("code_lists", '"2025-01-01"', '"2025-02-30"', 4, "code_list.0.valid_from: no day of the calendar"),
    ("code_lists", '"2025-01-01"', '"3025-01-01"', 4, "code_list.0.valid_from: String should match"),
    ("code_lists", "values", 'valid_to = "2024-12-31"\nvalues', 5, "code_list.0.valid_to: lies before valid_from"),
    ("fields", '"course.started_on"', '"course.state"', 10, "field.1.name: course.state is there already"),
    ("fields", 'code_list = "state"\n', "", 1, "field.0.code_list: a field of type code names its list"),
    ("fields", 'type = "date"', 'type = "date"\ncode_list = "state"', 13, "field.1.code_list: a field of type code"),
    ("fields", 'code_list = "state"', 'code_list = "stand"', 5, "field.0.code_list: unknown code list stand"),
    ("fields", 'lead = "mbe"', 'lead = "mbb"', 7, "field.0.lead: unknown agency kind mbb"),
    ("fields", '"courses.count"', '"courses"', 17, "field.2.name: String should match"),
    ("prohibitions", '["mbe"]', '["mbb"]', 5, "prohibition.0.holder_kinds: unknown agency kind mbb"),
    ("prohibitions", '["jobcenter"]', '["job"]', 4, "prohibition.0.requester_kinds: unknown agency kind job"),
    ("prohibitions", 'except_basis = ["client_request"]\n', "", 6, "prohibition.0.except_purposes: an exception names"),
    ("prohibitions", 'except_purposes = ["Z16"]\n', "", 1, "prohibition.0.except_purposes: an exception names"),
    ("prohibitions", '["Z16"]', '["Z16", "Z61"]', 6, "prohibition.0.except_purposes: unknown purpose Z61"),
    ("prohibitions", '["mbe"]', '["mbe", "mbe"]', 5, "prohibition.0.holder_kinds: mbe is there 2 times"),
    ("agency_kinds", 'de = "Jobcenter"', 'de = ""', 3, "agency_kind.0.label.de: String should have at least 1"),
    ("purposes", '["DSGVO Art. 6(1)(a)"]', "[]", 7, "purpose.0.norm: Tuple should have at least 1 item"),
    ("purposes", 'norm = ["DSGVO Art. 6(1)(a)"]\n', "", 1, "purpose.0.norm: Field required"),
    ("purposes", '["course.*"]', '["course.*", "course.*"]', 8, "purpose.0.fields: course.* is there 2 times"),
    ("purposes", '["course.*"]', '["course.*", "course.state"]', 8, "purpose.0.fields: course.* names course.state"),
    ("purposes", '"Z16@2"', '"Z16@1"', 19, "purpose.1.purpose: Z16@1 is there already"),
    ("purposes", '["jobcenter"]', '["job"]', 4, "purpose.0.requester_kinds: unknown agency kind job"),
    (
        "purposes",
        'holder_kinds = ["jobcenter"]',
        'holder_kinds = ["mbb"]',
        5,
        "purpose.0.holder_kinds: unknown agency kind mbb",
    ),
    ("purposes", 'collector = ["jobcenter"]', 'collector = ["mbe"]', 10, "neutral_collector: mbe is no requester"),
    ("purposes", '"courses.count"', '"courses.sum"', 25, "purpose.1.fields: unknown field courses.sum"),
    ("purposes", '"course.*"', '"curse.*"', 8, "purpose.0.fields: unknown field curse.*"),
    ("purposes", '"2026-03-29"', '"2024-12-31"', 14, "purpose.0.valid_to: lies before valid_from"),
    ("purposes", '["statute"]', '["consent", "statute"]', 23, "purpose.1.basis: a purpose with a statute must not"),
    ("purposes", '"single"', '"mixed"', 9, "purpose.0.mode: Input should be 'single'"),
    ("purposes", 'inform = "now"\n', "", 18, "purpose.1.inform: a purpose with a statute says when"),
    ("purposes", '"single"', '"single"\ninform = "now"', 10, "purpose.0.inform: a purpose with a statute says when"),
    ("purposes", '"now"', '"exempt"', 18, "purpose.1.exempt_norm: who need not be informed is exempt by a norm"),
    ("purposes", '"now"', '"now"\nexempt_norm = "DSGVO Art. 14(5)(c)"', 29, "purpose.1.exempt_norm: who need not be"),
    ("purposes", '"single"', '"package"', 1, "purpose.0.occasion: a purpose of mode package names its occasion"),
    ("purposes", '"single"', '"single"\noccasion = "move"', 10, "purpose.0.occasion: a purpose of mode package names"),
    ("purposes", '"move"', '"moving"', 27, "purpose.1.occasion: unknown code moving of the list occasion"),
    ("purposes", "[[purpose]]", "[[porpoise]]", 1, "porpoise: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(
    ("stem", "old", "new", "line", "rule"),
    FINDINGS,
    ids=[f"{number}-{finding[4]}" for number, finding in enumerate(FINDINGS)],
)
def test_a_contradiction_is_named_with_file_and_line(stem: str, old: str, new: str, line: int, rule: str) -> None:
    """A value out of form, a name that is there twice or not at all, rules at odds: each has file, line and place."""
    with pytest.raises(Malformed) as refused:
        bundle_of(changed(stem, old, new))
    first = next(told for told in str(refused.value).splitlines() if rule in told)
    assert first.startswith(f"registry/{stem}.toml:{line}: ")


UNLAWFUL = [
    ("fields", "sensitivity = 1\n", 'sensitivity = 1\ndsa = "011"\n', "dsa: group 011 is never exchanged (V02, V05)"),
    ("fields", "sensitivity = 1\n", 'sensitivity = 1\ndsa = "002"\n', "dsa: group 002 is an official number"),
    ("purposes", 'mode = "single"\n', 'mode = "single"\nazr_task = "21"\n', "azr_task: no purpose serves task 21"),
    ("fields", '"courses.count"', '"understanding.tries"', "name: category understanding is never exchanged (V10)"),
    ("fields", '"courses.count"', '"health.count"', "name: category health is never exchanged (V05)"),
    (
        "fields",
        '"courses.count"',
        '"courses.azr_number"',
        "name: azr_number is an official number and in no answer (V04)",
    ),
    (
        "purposes",
        'mode = "single"',
        'mode = "single"\nconditions = ["because"]',
        "conditions: unknown condition because",
    ),
    ("purposes", 'mode = "single"', 'mode = "no_exchange"', "basis: an exchange rests on a basis"),
    ("purposes", 'basis = ["consent"]', "basis = []", "basis: an exchange rests on a basis"),
    ("purposes", 'fields = ["course.*"]', "fields = []", "fields: an exchange is about fields"),
    ("purposes", "same_kind = true\n", "", "requester_kinds: between these kinds the purpose is prohibited"),
    ("purposes", 'holder_kinds = ["jobcenter"]', 'holder_kinds = ["mbe"]', "requester_kinds: between these kinds"),
    ("agency_kinds", "ceiling = 2", "ceiling = 0", "fields: all are above the ceiling of jobcenter"),
]
"""What no file may say, whatever its form: the tables that are never exchanged, tasks, bases and ways that are none."""


@pytest.mark.parametrize(
    ("stem", "old", "new", "rule"), UNLAWFUL, ids=[f"{number}-{one[3]}" for number, one in enumerate(UNLAWFUL)]
)
def test_what_the_law_cannot_say_never_becomes_a_bundle(stem: str, old: str, new: str, rule: str) -> None:
    """Each names file, line and rule."""
    with pytest.raises(Malformed) as refused:
        bundle_of(changed(stem, old, new))
    told = [line for line in str(refused.value).splitlines() if rule in line]
    assert told
    assert all(line.startswith("registry/") and ".toml:" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"004.01"', '"011.01"'),
        ('"azr_task":"25"', '"azr_task":"21"'),
        ('["azr_insufficient"]', '["because"]'),
        ('"courses.count"', '"health.count"'),
        ('"courses.count"', '"courses.azr_number"'),
    ],
)
def test_what_the_law_cannot_say_loads_nowhere(old: str, new: str) -> None:
    """A bundle made by other means than from files holds to the same rules, whoever signed it."""
    more = 'mode = "single"\nconditions = ["azr_insufficient"]\nazr_task = "25"'
    files = SMALL | {
        "fields": SMALL["fields"].replace("sensitivity = 1", 'sensitivity = 1\ndsa = "004.01"'),
        "purposes": SMALL["purposes"].replace('mode = "single"', more),
    }
    raw = bundle_of(files)
    assert old.encode() in raw
    rules = "group 011|no purpose serves task 21|unknown condition because|category health|azr_number is an official"
    with pytest.raises(Malformed, match=f"registry: ({rules})"):
        load(raw.replace(old.encode(), new.encode()))


def test_all_contradictions_are_told_at_once() -> None:
    """One look at the message is enough to mend all files."""
    files = changed("fields", 'lead = "mbe"', 'lead = "mbb"') | {
        "prohibitions": SMALL["prohibitions"].replace('["mbe"]', '["mbb", "mbc"]')
    }
    with pytest.raises(Malformed) as refused:
        bundle_of(files)
    assert [re.split(r"[:.]", told)[0] for told in str(refused.value).splitlines()] == [
        "registry/fields",
        "registry/prohibitions",
        "registry/prohibitions",
    ]


@pytest.mark.parametrize(
    ("stem", "text", "rule"),
    [
        ("fields", "[[field]\n", r"registry/fields.toml: .*at line 1, column 8"),
        ("purposes", "valid_from = 2025-01-01\n", "registry/purposes.toml: valid_from: only strings"),
        ("purposes", "share = 0.5\n", "registry/purposes.toml: share: only strings"),
        ("purposes", "Share = 1\n", "registry/purposes.toml: value: an object's keys"),
        ("purposes", 'text = "e\u0301"\n', "registry/purposes.toml: text: text must be in Unicode"),
        ("purposes", "", "registry/purposes.toml:1: purpose: Field required"),
        ("purposes", "purpose = 1\n", "registry/purposes.toml:1: purpose: Input should be a valid array"),
    ],
    ids=["TOML", "date", "fraction", "key", "NFC", "empty", "no tables"],
)
def test_what_is_no_registry_file_is_refused(stem: str, text: str, rule: str) -> None:
    """No TOML, or TOML that has no canonical form, is refused with the name of its file."""
    with pytest.raises(Malformed, match=rule):
        bundle_of(SMALL | {stem: text})


def test_exactly_the_five_files_make_a_bundle() -> None:
    """A missing file, and one that nobody would read, are refused."""
    for files in ({stem: SMALL[stem] for stem in FILES[1:]}, SMALL | {"purposes_2": ""}):
        with pytest.raises(
            Malformed, match="registry: its files are agency_kinds, code_lists, fields, prohibitions, purp"
        ):
            bundle_of(files)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        bundle_of(SMALL) + b"\n",
        bundle_of(SMALL).replace(b'"Z16@1"', b'"Z16@0"'),
        b'{"fields":{"field":[]}}',
    ],
    ids=["nothing", "empty", "newline", "id", "part"],
)
def test_only_a_canonical_bundle_is_loaded(raw: bytes) -> None:
    """Bytes that are no bundle in canonical form are refused."""
    with pytest.raises(Malformed, match=r"JSON|registry: "):
        load(raw)


def test_an_agency_is_called_by_what_it_is() -> None:
    """Its kind and its name; the name alone where no law is held, or the law knows no such kind."""
    agency, kind = AgencyId("stadtplan"), next(iter(LAW.kinds.values()))
    assert called(agency, kind.name, LAW).de == f"{kind.label.de} (stadtplan)"
    assert called(agency, kind.name, LAW).en == f"{kind.label.en} (stadtplan)"
    for unknown in (called(agency, kind.name, None), called(agency, None, LAW), called(agency, CodeName("x"), LAW)):
        assert (unknown.de, unknown.en) == ("stadtplan", "stadtplan")
