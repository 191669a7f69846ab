"""For all holders and persons: what is certain is safe, what is symmetric is symmetric, more agreement is no worse."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from adapters.node.core.matching import PersonIndex
from adapters.node.core.matching.dates import Birth, DateKind, read_date, year_of
from adapters.node.core.matching.likeness import Likeness, align, likeness
from adapters.node.core.matching.names import Names, words
from adapters.node.core.matching.sounds import SAME, distance, keys, sounds
from adapters.sources.port import LocalRef
from schemas.latin import foreign_character, search_form
from schemas.record import PersonBlock
from tests.support.matching import holder, person, refs, row

pytestmark = pytest.mark.slow  # many examples

_GIVEN = ("Ali", "Aly", "Ali Reza", "Reza Ali", "Omar", "Oumar", "Olena", "Elena", "Amin", "Amina", "-", "Mohamsd")
_FAMILIES = ("Sabri", "Al-Sabri", "Noori", "Nuri", "Sabri Noori", "Ali", "-", "Schewtschenko", "Shevchenko")
_DATES = ("1990-05-17", "1990-05-19", "1990-07-05", "1990-05-07", "1990-01-01", "1990", "1991-05-17", "1983-05-17")
_PERSONS = some.builds(
    person,
    some.sampled_from(_GIVEN),
    some.sampled_from(_FAMILIES),
    some.sampled_from([*_DATES, None]),
    some.sampled_from([None, "m", "w"]),
    country=some.sampled_from([None, "sy", "ua"]),
)
_HOLDERS = some.lists(_PERSONS, max_size=6)
_WORDS = some.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=9)
_DAYS = some.builds(
    lambda year, month, day: read_date(f"{year}-{month:02}-{day:02}"),
    some.integers(1940, 2024) | some.integers(1340, 1440),
    some.integers(1, 12),
    some.integers(1, 31),
)
_NUMBERS = _DAYS | some.sampled_from([0, 19900000, 19900500, 13690000, 14110000])


def _index(rows: list[PersonBlock], order: list[int] | None = None) -> PersonIndex:
    index = PersonIndex()
    for number in order or range(len(rows)):
        index.add(row(str(number), rows[number]))
    return index


@given(_HOLDERS, _PERSONS)
def test_what_is_certain_contradicts_nothing(rows: list[PersonBlock], asked: PersonBlock) -> None:
    """One row, no doubt; years of birth known and equal, no day unknown on either side, sexes not different."""
    found = holder(*rows).query(asked)
    if found.outcome != "certain":
        return
    (best,) = found.candidates
    known = best.candidate.person
    assert best.doubts == frozenset()
    assert year_of(read_date(known.birth_date)) == year_of(read_date(asked.birth_date)) > 0
    assert read_date(known.birth_date) % 100 > 0 < read_date(asked.birth_date) % 100
    assert known.sex is None or asked.sex is None or known.sex == asked.sex


@given(_HOLDERS, _PERSONS)
def test_nothing_is_certain_with_a_rival(rows: list[PersonBlock], asked: PersonBlock) -> None:
    """A second row like the certain one makes a human choose; after one just like the person asked for, no other is."""
    index = holder(*rows)
    found = index.query(asked)
    if found.outcome == "certain":
        index.add(row("rival", found.candidates[0].candidate.person))
        assert index.query(asked).outcome == "ambiguous"
        index.add(row("rival", asked))
        assert index.query(asked).outcome != "certain" or refs(index.query(asked)) == ["rival"]


@given(_HOLDERS, _PERSONS)
def test_who_is_not_certain_is_shown_with_a_doubt(rows: list[PersonBlock], asked: PersonBlock) -> None:
    """A human's list is never empty, never without a reason, best first; nobody found means an empty list."""
    found = holder(*rows).query(asked)
    scores = [one.score_bits for one in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert (found.outcome == "none") == (not scores)
    assert (found.outcome in {"certain", "none"}) == all(not one.doubts for one in found.candidates[:1])


@given(_HOLDERS, _PERSONS, some.integers(0, 5))
def test_the_order_of_rows_does_not_matter(rows: list[PersonBlock], asked: PersonBlock, turn: int) -> None:
    """The same rows give the same answer in whatever order they came, and after some were away for a while."""
    order = [*range(len(rows))][::-1]
    order = order[turn:] + order[:turn]
    plain, mixed = _index(rows), _index(rows, order)
    for number in order[:2]:
        mixed.remove(LocalRef(str(number)))
        mixed.add(row(str(number), rows[number]))
    assert plain.query(asked) == mixed.query(asked)


@given(_PERSONS)
def test_more_agreement_is_no_worse(known: PersonBlock) -> None:
    """A row's score does not fall when the person asked for says more that fits, and not rise when it does not."""
    sure = PersonBlock.model_validate(known.model_dump() | {"birth_date": "1990-05-17", "sex": "m"})
    index = holder(sure)

    def score(**changed: str | None) -> float:
        found = index.query(PersonBlock.model_validate(sure.model_dump() | changed)).candidates
        return found[0].score_bits if found else float("-inf")

    assert score() >= score(sex=None) >= score(sex="w")
    assert score() >= score(birth_date="1990-05") >= score(birth_date="1990") >= score(birth_date=None)
    assert score() >= score(birth_date="1990-05-19") >= score(birth_date="1990-11-28")
    assert score() >= score(family_name="Wokurka")


@given(_WORDS, _WORDS)
def test_likeness_is_symmetric(one: str, other: str) -> None:
    """Which word is whose does not matter, and a word is like itself."""
    assert likeness(one, other) is likeness(other, one)
    assert distance(one, other) == distance(other, one)
    assert likeness(one, one) is Likeness.EXACT
    assert distance(one, one) == 0


@given(_WORDS, _WORDS, _WORDS)
def test_distances_are_those_of_a_path(one: str, other: str, third: str) -> None:
    """A detour over the empty word is never shorter, and a longer word is never nearer to nothing."""
    assert distance(one, other) <= distance(one, "") + distance("", other)
    assert distance(one + third, "") + SAME >= 0 <= distance(one, "")


@given(_WORDS)
def test_every_word_has_sounds_and_keys(word: str) -> None:
    """No word is without a key, no sound without meaning."""
    assert 1 <= len(keys(word)) <= 4
    assert all(sound.mask > 0 and sound.missing > 0 for sound in sounds(word))


@given(_NUMBERS, _NUMBERS)
def test_dates_are_symmetric(one: int, other: int) -> None:
    """How two dates stand to each other does not depend on who asks; the same date is equal or compatible."""
    assert Birth.of(one).kind(other) is Birth.of(other).kind(one)
    assert Birth.of(one).kind(one) in {DateKind.EQUAL, DateKind.SAME_MONTH, DateKind.SAME_YEAR, DateKind.UNKNOWN}


@given(_DAYS)
def test_slips_lead_back(date: int) -> None:
    """From each date that one slip makes, the same kind of slip leads back."""
    birth = Birth.of(date)
    for slip, kind in birth.slips.items():
        assert Birth.of(slip).kind(date) is kind


@given(some.text(max_size=30))
def test_any_text_can_be_a_name(text: str) -> None:
    """Whatever stands in a name field is read without failing, and in search form it stays."""
    form = search_form(text)
    assert words(form) == words(search_form(form))
    assert foreign_character(text) is None or foreign_character(text)
    names = Names.of(text, text, (text,))
    assert align(names.given, names.given).left_mine == ()
    assert names.all_words() == {*names.given, *words(text)}
