"""A paper agency: what a human types is bound by types and lists, and is given once, to the release it is for."""

from pathlib import Path

import pytest

from adapters.sources.opening import source_of
from adapters.sources.paper import MAX_NUMBER, MAX_PREPARED, PaperSource
from adapters.sources.port import LocalRef, Search
from adapters.sources.typed import Typed, typed_record
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.ids import CodeName, FieldName
from schemas.record import FieldValues, PersonBlock, Value
from schemas.registry import Registry, load
from schemas.registry_files import bundle_of
from tests.support.registry import shipped

STATE = FieldName("course_participation.state")
HOURS = FieldName("course_participation.hours_used")
BEGAN = FieldName("course_participation.started_on")
ONLINE = FieldName("placement_need.online_ok")
PHONE = FieldName("contact.phone")
KIND = FieldName("measures.kind")
ALL = frozenset({STATE, HOURS, BEGAN, ONLINE, PHONE, KIND})
ROLE = CodeName("course_office")
TEXT = 'kind = "paper"\nfields = ["course_participation.state", "contact.phone"]\n'
OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")


@pytest.fixture(scope="module")
def law() -> Registry:
    """Load the shipped registry."""
    return load(bundle_of(shipped()))


def paper(text: str = TEXT) -> PaperSource:
    """Open a paper source as a node would."""
    source = source_of(text, "mapping.toml", Path(), ALL)
    assert isinstance(source, PaperSource)
    return source


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        (STATE, "running", Value(value="running", recorded_by=ROLE)),
        (HOURS, " 300 ", Value(value=300, recorded_by=ROLE)),
        (ONLINE, "yes", Value(value=True, recorded_by=ROLE)),
        (ONLINE, "no", Value(value=False, recorded_by=ROLE)),
        (BEGAN, "12.1.2026", Value(value="2026-01-12", recorded_by=ROLE, precision="day")),
        (BEGAN, "2026-01", Value(value="2026-01", recorded_by=ROLE, precision="month")),
        (BEGAN, "2026", Value(value="2026", recorded_by=ROLE, precision="year")),
        (PHONE, "Zoe\u0308  1", Value(value="Zoë 1", recorded_by=ROLE)),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_type(law: Registry, field: FieldName, typed: str, value: Value) -> None:
    """Each type of the law is read; the reader's role stands as the one who recorded it."""
    assert typed_record(law, frozenset({field}), {field: (Typed(text=typed),)}, ROLE) == (
        FieldValues(field=field, values=(value,)),
    )


def test_the_reader_says_how_surely(law: Registry) -> None:
    """Original or statement, the paper's own date, doubt and the entry of a list are kept."""
    entry = Typed(text="coaching", verified="document", written="2026-02", disputed=True, discussed="2026-01-30", row=2)
    (kinds,) = typed_record(law, frozenset({KIND}), {KIND: (Typed(text="internship", row=1), entry)}, ROLE)
    assert kinds.values[1] == Value(
        value="coaching",
        recorded_at="2026-02",
        recorded_by=ROLE,
        verified="document",
        disputed=True,
        discussed="2026-01-30",
        row=2,
    )


def test_every_granted_field_is_answered(law: Registry) -> None:
    """Where nothing was typed the field comes without values, in order."""
    record = typed_record(law, ALL, {PHONE: (Typed(text="0171"),)}, ROLE)
    assert [found.field for found in record] == sorted(ALL)
    assert [len(found.values) for found in record if found.field != PHONE] == [0] * 5


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        (STATE, ("Havchenko",), "course_participation.state: is no code of the list participation_state"),
        (HOURS, ("viele",), "course_participation.hours_used: is no whole number"),
        (HOURS, ("1" * 13,), "course_participation.hours_used: is no whole number"),
        (ONLINE, ("ja",), "placement_need.online_ok: is neither yes nor no"),
        (BEGAN, ("30.02.2026",), "course_participation.started_on: is no date of the form"),
        (BEGAN, ("1.1.1900",), "course_participation.started_on: holds a date before 1900-01-02"),
        (PHONE, (" \t",), "contact.phone: is blank"),
        (PHONE, ("0171", "0172"), "contact.phone: takes one value"),
        (KIND, ("coaching",) * 1001, "measures.kind: more than 1000 values"),
        (FieldName("benefits.state"), ("granted",), "benefits.state: was not granted"),
    ],
)
def test_what_breaks_a_rule_is_named_and_not_repeated(
    law: Registry, field: FieldName, typed: tuple[str, ...], said: str
) -> None:
    """Field and rule are said; nothing at all is answered."""
    with pytest.raises(Malformed) as refused:
        typed_record(law, ALL, {field: tuple(Typed(text=text) for text in typed)}, ROLE)
    assert str(refused.value).startswith(said)
    assert "Havchenko" not in str(refused.value)


def test_every_mistake_is_named_at_once(law: Registry) -> None:
    """A form with three mistakes is mended in one go."""
    typed = {HOURS: (Typed(text="x"),), ONLINE: (Typed(text="x"),), FieldName("plan.body"): (Typed(text="x"),)}
    with pytest.raises(Malformed) as refused:
        typed_record(law, ALL, typed, ROLE)
    assert len(str(refused.value).splitlines()) == 3


def test_a_field_that_the_law_does_not_know_is_refused(law: Registry) -> None:
    """A grant under another registry is not answered."""
    with pytest.raises(Malformed, match="the registry has no such field"):
        typed_record(law, frozenset({FieldName("contact.fax")}), {}, ROLE)


async def test_no_machine_finds_anybody_in_paper() -> None:
    """The release list handles it: nobody is found, nothing is looked up, and the port says why."""
    source = paper()
    assert source.by_hand
    assert source.catalogue == {STATE, PHONE}
    await source.check()
    assert (await source.candidates(OLENA), await source.search(Search(family_name="H"))) == ((), ())
    with pytest.raises(Unavailable, match="a human looks into the file"):
        await source.lookup(LocalRef("K-1"))


async def test_a_prepared_answer_is_given_once_and_for_its_fields(law: Registry) -> None:
    """What a human typed goes to the release it was typed for; after that it is forgotten."""
    source = paper()
    ref = source.prepare(law, " K-1/26 ", frozenset({PHONE}), {PHONE: (Typed(text="0171"),)}, ROLE)
    assert ref == "K-1/26"
    for wrong in (source.fetch(ref, frozenset({STATE})), source.fetch(LocalRef("K-2"), frozenset({PHONE}))):
        with pytest.raises(Unavailable, match="nobody has prepared"):
            await wrong
    (phone,) = await source.fetch(ref, frozenset({PHONE}))
    assert phone.values == (Value(value="0171", recorded_by=ROLE),)
    with pytest.raises(Unavailable, match="nobody has prepared"):
        await source.fetch(ref, frozenset({PHONE}))


async def test_two_requests_about_one_file_do_not_meet(law: Registry) -> None:
    """Two releases from the same file each get their own answer."""
    source = paper()
    for granted in (frozenset({PHONE}), frozenset({PHONE, STATE})):
        source.prepare(law, "K-1", granted, {}, ROLE)
    assert len(await source.fetch(LocalRef("K-1"), frozenset({PHONE}))) == 1
    assert len(await source.fetch(LocalRef("K-1"), frozenset({PHONE, STATE}))) == 2


async def test_a_field_outside_the_catalogue_is_misuse(law: Registry) -> None:
    """A grant can only be of what the agency published."""
    source = paper()
    with pytest.raises(Misuse, match=r"offers no course_participation\.hours_used"):
        source.prepare(law, "K-1", frozenset({HOURS}), {}, ROLE)
    with pytest.raises(Misuse, match=r"offers no course_participation\.hours_used"):
        await source.fetch(LocalRef("K-1"), frozenset({HOURS}))


@pytest.mark.parametrize("number", ["", " ", "x" * (MAX_NUMBER + 1)])
def test_a_file_has_a_number(law: Registry, number: str) -> None:
    """Without it nobody would find the file again when the next request comes."""
    with pytest.raises(Malformed, match="file number"):
        paper().prepare(law, number, frozenset({PHONE}), {}, ROLE)


def test_prepared_answers_do_not_pile_up(law: Registry) -> None:
    """So many answers nobody fetches are a fault of the portal, not a store of personal data."""
    source = paper()
    for number in range(MAX_PREPARED):
        source.prepare(law, str(number), frozenset({PHONE}), {}, ROLE)
    with pytest.raises(Unavailable, match="are prepared and not released"):
        source.prepare(law, "one more", frozenset({PHONE}), {}, ROLE)


async def test_a_closed_source_forgets(law: Registry) -> None:
    """After close nothing is given and nothing is taken."""
    source = paper()
    source.prepare(law, "K-1", frozenset({PHONE}), {}, ROLE)
    await source.close()
    with pytest.raises(Unavailable, match="closed"):
        await source.fetch(LocalRef("K-1"), frozenset({PHONE}))
    with pytest.raises(Unavailable, match="closed"):
        source.prepare(law, "K-1", frozenset({PHONE}), {}, ROLE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "paper"\nfields = ["contact.fax"]', "mapping.toml: fields: the registry has no field contact.fax"),
        ('kind = "paper"\nfields = []', "mapping.toml:2: fields"),
        ('kind = "paper"\nfields = ["contact.phone"]\nkey = "Nr"', "mapping.toml:3: key"),
        ('kind = "stone"\nfields = ["contact.phone"]', "mapping.toml"),
        ("kind = ", "mapping.toml: Invalid value"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(text: str, said: str) -> None:
    """File, place and rule; paper needs nothing but its fields."""
    with pytest.raises(Malformed, match=said):
        paper(text)
