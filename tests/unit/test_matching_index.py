"""The index: rows come, change and go; what is found, with which outcome and which doubts."""

from dataclasses import fields

import pytest

from adapters.node.core.matching import Doubt, PersonIndex
from adapters.node.core.matching.blocks import MAX_ROWS, Blocks
from adapters.node.core.matching.dates import Birth
from adapters.node.core.matching.decide import MAX_FOUND
from adapters.sources.port import Candidate, LocalRef
from schemas.record import PersonBlock
from tests.support.matching import holder, person, refs, row, town

AMAL = person("Amal", "Haddad", sex="w", country="sy")


def _doubts(index: PersonIndex, asked: PersonBlock) -> set[Doubt]:
    """Give the doubts about the best row."""
    return set(index.query(asked).candidates[0].doubts)


def test_an_empty_holder_knows_nobody() -> None:
    """Nothing is found where nothing is."""
    index = PersonIndex()
    assert len(index) == 0
    assert index.query(AMAL).outcome == "none"
    assert index.query(AMAL).candidates == ()


def test_a_row_comes_out_as_it_went_in() -> None:
    """What is found is the whole row, no part of it at its default: the finder compares it with the source's."""
    whole = Candidate(
        LocalRef("T-1"),
        "AZ-1",
        AMAL.model_copy(update={"other_names": ("Nasser",)}),
        transfer_block=True,
        guardian=True,
        team="Nord",
    )
    plain = Candidate(whole.ref, "", AMAL, transfer_block=False, guardian=False)
    assert all(getattr(whole, part.name) != getattr(plain, part.name) for part in fields(Candidate)[1:])
    index = PersonIndex()
    index.add(whole)
    assert [one.candidate for one in index.query(whole.person).candidates] == [whole]


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (person("Amal", "Haddad"), person("Amal", "Haddad")),
        (person("Mohammed", "Al-Khatib"), person("Muhamad", "El Chatib")),
        (person("Olena", "Shevchenko"), person("Elena Ivanivna", "Schewtschenko")),
        (person("Serhii", "Hryhorenko"), person("Sergey", "Grigorenko")),
        (person("Ayşe", "Öztürk"), person("Ayse", "Oeztuerk")),
        (person("Ayşe", "Öztürk"), person("Ayse", "Ozturk")),
        (person("Jörg", "Großmüller"), person("Joerg", "Grossmueller")),
        (person("Abd al-Rahman", "Sabri"), person("Abdulrahman", "Sabri")),
        (person("Ali", "Alizada"), person("Ali", "Alizadeh")),
        (person("Abel", "Tesfay Kidane"), person("Abel Tesfay", "Kidane")),
        (person("Ahmad", "Sabri"), person("Sabri", "Ahmad")),
        (person("Maria Anna", "Weiß"), person("Maria", "Weiss")),
        (person("Maria", "Weiß", "1990-05-17", None, "Groß"), person("Maria", "Gross")),
        (person("Maria", "Weiß"), person("Maria", "Gross", "1990-05-17", None, "Weiss")),
        (person("Maxamed", "Cabdi"), person("Mahamed", "Abdi")),
        (person("Шевченко", "Олена"), person("Шевченко", "Олена")),
        (person("Amal", "Haddad", "1990-05-07"), person("Amal", "Haddad", "1990-07-05")),
        (person("Amal", "Haddad", "1990-05-17"), person("Amal", "Haddad", "1990-05-19")),
    ],
)
def test_the_same_person_in_other_spelling_is_certain(known: PersonBlock, asked: PersonBlock) -> None:
    """Romanisations, diacritics, prefixes, patronymics, three-part names, swapped fields, former names, one slip."""
    found = holder(known, *town(40)).query(asked)
    assert (found.outcome, refs(found)) == ("certain", ["0"])
    assert found.candidates[0].doubts == frozenset()


@pytest.mark.parametrize(
    ("asked", "doubts"),
    [
        (person("Amal", "Haddad", "1990-05-17", "m"), {Doubt.SEX}),
        (person("Amal", "Haddad", "1991-05-17", "w"), {Doubt.YEAR}),
        (person("Amal", "Haddad", "1980-05-17", "w"), {Doubt.YEAR}),
        (person("Amal", "Haddad", "1983-05-17", "w"), {Doubt.YEAR, Doubt.DATE}),
        (person("Amal", "Haddad", "1990-02-27", "w"), {Doubt.DATE}),
        (person("Amal", "Haddad", "1990", "w"), {Doubt.DAY}),
        (person("Amal", "Haddad", "1990-05", "w"), {Doubt.DAY}),
        (person("Amal", "Haddad", None, "w"), {Doubt.DAY}),
        (person("Amal", "Haddad", "1991", "w"), {Doubt.DAY, Doubt.YEAR, Doubt.SCORE}),
        (person("Amal", "-", "1990-05-17", "w"), {Doubt.FAMILY_NAME}),
        (person("Amal", "Sabri", "1990-05-17", "w"), {Doubt.FAMILY_NAME}),
        (person("-", "Haddad", "1990-05-17", "w"), {Doubt.GIVEN_NAMES}),
        (person("Amala", "Haddad", "1990-05-17", "w"), {Doubt.GIVEN_NAMES}),
        (person("Nour Amal", "Haddad", "1990-05-17", "w"), {Doubt.GIVEN_NAMES}),
    ],
)
def test_what_speaks_against_a_row_is_named(asked: PersonBlock, doubts: set[Doubt]) -> None:
    """Each kind of disagreement is a doubt of its own, and one doubt is enough to ask a human."""
    index = holder(AMAL)
    found = index.query(asked)
    assert found.outcome == "probable"
    assert _doubts(index, asked) - {Doubt.SCORE} == doubts - {Doubt.SCORE}


def test_a_clash_is_named() -> None:
    """Each side has a name the other lacks: a brother or a sister, or another family of which one half is the same."""
    index = holder(person("Mohammad Ali", "Karimi Noori"))
    assert _doubts(index, person("Mohammad Reza", "Karimi Noori")) == {Doubt.GIVEN_NAMES}
    assert _doubts(index, person("Mohammad Ali", "Karimi Sabri")) == {Doubt.FAMILY_NAME}


def test_a_birth_date_alone_is_nobody() -> None:
    """Whose names have nothing in common with the person's is not shown, however few rows there are."""
    assert holder(person("Petra", "Meyer")).query(AMAL).outcome == "none"
    assert holder(person("-", "-")).query(AMAL).outcome == "none"


def test_common_names_score_too_little() -> None:
    """Where very many bear a name, even the same birth date proves nothing: a human looks."""
    rows = [person("Ali", "Sabri", f"{1960 + number % 40}-{number % 11 + 2:02}-13") for number in range(300)]
    index = holder(person("Ali", "Sabry", "1990-05-17"), *rows)
    assert Doubt.SCORE in _doubts(index, person("Aly", "Sabri", "1990-05-17"))


def test_the_best_row_comes_first_and_others_are_shown_as_rivals() -> None:
    """Two rows that fit about as well are ambiguous, both are shown, and the better one comes first."""
    index = holder(person("Amal", "Haddad"), person("Amel", "Hadad"))
    found = index.query(person("Amel", "Hadad"))
    assert found.outcome == "ambiguous"
    assert refs(found) == ["1", "0"]
    assert {Doubt.RIVAL, Doubt.TWIN} <= found.candidates[0].doubts


def test_equal_rows_are_shown_in_the_order_of_their_keys() -> None:
    """The order of equal rows does not depend on when they came."""
    index = PersonIndex()
    for ref in ("c", "a", "b"):
        index.add(row(ref, AMAL))
    assert refs(index.query(AMAL)) == ["a", "b", "c"]


def test_no_more_rows_than_a_human_can_choose_from() -> None:
    """A long list is cut."""
    assert len(holder(*[AMAL] * 30).query(AMAL).candidates) == MAX_FOUND


def test_a_slip_of_the_pen_is_told_from_a_name_by_the_holders_own_rows() -> None:
    """`Mohamsd` is nobody's name where Mohamad is in use: a slip. Amina and Amin are both in use: two persons."""
    mohamads = [person("Mohamad", family, "1970-03-04") for family in ("Bauer", "Kaya", "Noori", "Sabri", "Weiss")]
    asked = person("Mohamsd", "Haddad", "1990-05-17")
    assert _doubts(holder(person("Mohamad", "Haddad")), asked) == {Doubt.GIVEN_NAMES}
    assert _doubts(holder(person("Mohamad", "Haddad"), *mohamads), asked) == set()
    both = [person(given, family, "1970-03-04") for given in ("Amin", "Amina") for family in ("Kaya", "Noori", "Bauer")]
    index = holder(person("Amina", "Haddad"), *both)
    assert _doubts(index, person("Amin", "Haddad")) == {Doubt.GIVEN_NAMES}


def test_rows_are_given_back_as_they_were() -> None:
    """A found candidate is the one that was added, with its flags, file number and all names."""
    added = row(
        "7", person("Maria", "Weiß", "1990-05-17", "d", "Groß", "Klein", country="de"), blocked=True, guardian=True
    )
    index = PersonIndex()
    index.add(added)
    assert index.query(added.person).candidates[0].candidate == added


def test_rows_are_replaced_and_removed() -> None:
    """The row of a key is the last one added; a removed row is gone, and its place is used again."""
    index = holder(AMAL)
    index.add(row("0", person("Petra", "Meyer")))
    assert index.query(AMAL).outcome == "none"
    assert refs(index.query(person("Petra", "Meyer"))) == ["0"]
    index.remove(LocalRef("0"))
    index.remove(LocalRef("0"))
    assert len(index) == 0
    assert index.query(person("Petra", "Meyer")).outcome == "none"
    index.add(row("1", AMAL))
    assert refs(index.query(AMAL)) == ["1"]


def test_an_index_kept_current_is_as_one_built_anew() -> None:
    """After rows have come and gone, what was learned and what is found is as if they had never been there."""
    kept = holder(*town(60))
    for number, known in enumerate(town(120)[60:]):
        kept.add(row(f"x{number}", known))
    for number in range(60):
        kept.remove(LocalRef(f"x{number}"))
    fresh = holder(*town(60))
    for asked in town(120)[30:90]:
        assert kept.query(asked) == fresh.query(asked)


def test_a_row_held_already_changes_nothing_and_one_not_kept_goes() -> None:
    """Reading a source again costs nothing where nothing changed; what is not there any more is found no longer."""
    index = holder(AMAL, *town(20))
    index.add(row("0", AMAL))
    assert (len(index), refs(index.query(AMAL))) == (21, ["0"])
    index.keep({LocalRef(str(number)) for number in range(1, 10)})
    assert (len(index), refs(index.query(AMAL))) == (9, [])


def test_persons_without_a_birth_date_are_found_by_their_names() -> None:
    """Without a date on one side the names are enough for a human's list, whatever the other side knows."""
    index = holder(person("Amal", "Haddad", None), person("Petra", "Meyer", "1990-05-17"), *town(40))
    assert refs(index.query(AMAL)) == ["0"]
    assert refs(index.query(person("Petra", "Meyer", None))) == ["1"]


def test_a_single_name_is_enough_where_there_is_no_other() -> None:
    """Who has one name only is found by it, under the whole year as well."""
    index = holder(person("Zarlashta", "-", "1990-01-01"), *town(40))
    assert refs(index.query(person("Zarlashta", "-", "1990-06-03"))) == ["0"]


def test_blocks_find_by_date_by_slip_and_by_part_of_a_date() -> None:
    """A row is worth comparing for its date alone, with one word for a slip of it, with two for a part of it."""
    blocks = Blocks()
    both, one = frozenset({"AMAL", "HADDAD"}), frozenset({"AMAL", "SABRI"})
    for number, (words, date) in enumerate(
        ((frozenset({"PETRA"}), 19900517), (one, 19910517), (both, 19900000), (one, 19900000), (both, 19850711))
    ):
        blocks.add(number, words, date)
    assert blocks.find(both, Birth.of(19900517), ()) == {0, 1, 2}
    assert blocks.find(frozenset({"SABRI"}), Birth.of(19900000), ()) == {3, 1}
    assert blocks.find(both, Birth.of(0), (1990, 1985)) == {2, 4}
    blocks.remove(2, both, 19900000)
    blocks.remove(3, one, 19900000)
    blocks.remove(0, frozenset({"PETRA"}), 19900517)
    assert blocks.find(both, Birth.of(19900517), ()) == {1}


def test_rows_that_nothing_tells_apart_are_cut() -> None:
    """Of very many rows of one name and year a bounded number is compared, the first of them."""
    blocks = Blocks()
    words = frozenset({"ALI", "SABRI"})
    for number in range(MAX_ROWS + 50):
        blocks.add(number, words, 19900000)
    assert blocks.find(words, Birth.of(19900000), ()) == set(range(MAX_ROWS))
