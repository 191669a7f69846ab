"""How common names are learned, and what agreement is worth."""

from math import isclose, log2

import pytest

from adapters.node.core.matching.compare import Comparison, NameMatch, agreement, name_matches
from adapters.node.core.matching.dates import DateKind
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.likeness import Alignment, Likeness, Pair
from adapters.node.core.matching.names import Names
from adapters.node.core.matching.weights import DEFAULT, Weights

EMPTY = Alignment((), (), ())


def _learned(*names: str, year: int = 1990) -> Frequencies:
    """Learn from persons written as `given family`."""
    learned = Frequencies()
    for name in names:
        learned.add(Names.of(*name.split(" ", 1)), year)
    return learned


def _best(mine: Names, theirs: Names, learned: Frequencies, weights: Weights = DEFAULT) -> NameMatch:
    return max(name_matches(mine, theirs), key=lambda match: weights.names(match, learned))


def _bits(mine: Names, theirs: Names) -> float:
    return DEFAULT.names(_best(mine, theirs, Frequencies()), Frequencies())


def test_shares_follow_the_rows() -> None:
    """A name borne by more is more common; a name nobody bears, and an empty holder, have a share above nothing."""
    learned = _learned("ali sabri", "ali noori", "omar sabri")
    assert learned.share("ALI") > learned.share("OMAR") > learned.share("PETER") > 0
    assert learned.share_of_sound("ALI") == learned.share_of_sound("ELI") > learned.share_of_sound("PETER")
    assert learned.share_of_year(1990) > learned.share_of_year(1950) > 0
    assert Frequencies().share("ALI") > 0
    assert (learned.rows, learned.bearers("ALI"), learned.bearers("PETER")) == (3, 2, 0)
    assert list(learned.years()) == [1990]


def test_a_few_rows_prove_no_name_rare() -> None:
    """With one row a name is as common as anybody's, not borne by everybody and not by one in a million."""
    learned = _learned("ali sabri")
    assert 1 / 1000 < learned.share("ALI") < 1 / 100


def test_what_was_counted_in_is_counted_out() -> None:
    """After a row is gone nothing of it is left, whatever was counted in between."""
    learned = _learned("ali sabri", "omar noori")
    learned.add(Names.of("Ali Reza", "-"), 0)
    learned.remove(Names.of("Ali", "Sabri"), 1990)
    learned.remove(Names.of("Ali Reza", "-"), 0)
    assert vars(learned) == vars(_learned("omar noori"))


def test_names_that_go_together() -> None:
    """Given and family names that often come together are worth less than chance would have it, never more."""
    letters = "abcdefghijklmnopqrst"
    apart = _learned(*(f"ali {letter}obin" for letter in letters), *(f"{letter}eter sabri" for letter in letters))
    together = _learned(*["ali sabri"] * 20, *(f"{letter}eter {letter}obin" for letter in letters))
    assert apart.together("ALI", "SABRI") == 1.0
    assert together.together("ALI", "SABRI") > 2.0
    assert together.together("ALI", "SABRI") == together.together("SABRI", "ALI")
    assert together.together("NOBODY", "KNOWS") >= 1.0


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (Names.of("Ali", "Sabri"), Names.of("Ali", "Sabri")),
        (Names.of("Ali", "Sabri"), Names.of("Aly", "Sebri")),
        (Names.of("Berghild", "Sabri"), Names.of("Berghjld", "Sabri")),
        (Names.of("Ali", "Sabri"), Names.of("Sabri", "Ali")),
        (Names.of("Ali", "Sabri"), Names.of("Ali", "Noori", ("Sabri",))),
        (Names.of("Abel", "Tesfay Kidane"), Names.of("Abel Tesfay", "Kidane")),
        (Names.of("Ali Reza", "Sabri"), Names.of("Ali", "Sabri")),
        (Names.of("Ali", "-"), Names.of("Ali", "Ali")),
    ],
)
def test_agreement_speaks_for_a_row(mine: Names, theirs: Names) -> None:
    """Romanisations, slips, swapped and shifted parts, other names, a name less: all of them are worth something."""
    assert _bits(mine, theirs) > 0
    assert isclose(_bits(mine, theirs), _bits(theirs, mine), abs_tol=0.2)


def test_the_more_alike_the_better() -> None:
    """The same spelling is worth more than the same sound, that more than a slip, that more than another name."""
    mine = Names.of("Mohammad", "Sabri")
    others = ("Mohammad", "Muhamed", "Mohammsd", "Peter")
    bits = [_bits(mine, Names.of(given, "Sabri")) for given in others]
    assert bits == sorted(bits, reverse=True)
    assert len(set(bits)) == len(others)


def test_a_rare_name_proves_more() -> None:
    """With a name that many rows bear, agreement is worth less, down to next to nothing."""
    common = _learned(*["ali sabri"] * 500)
    names = Names.of("Ali", "Sabri")
    match = _best(names, names, common)
    assert DEFAULT.names(match, Frequencies()) > DEFAULT.names(match, common)


def test_words_left_over_speak_against_it() -> None:
    """A word more on one side costs little, a word more on both much; nothing to compare costs nothing."""
    pair = (Pair("ALI", "ALI", Likeness.EXACT),)
    whole, spare, clash = (
        DEFAULT.names(NameMatch(Alignment(pair, mine, theirs), EMPTY, first_left=False), Frequencies())
        for mine, theirs in (((), ()), (("REZA",), ()), (("REZA",), ("OMAR",)))
    )
    assert whole > spare > clash
    nothing = NameMatch(EMPTY, EMPTY, first_left=False)
    other = NameMatch(Alignment((), ("ALI",), ("OMAR",)), EMPTY, first_left=True)
    assert DEFAULT.names(nothing, Frequencies()) == 0 > DEFAULT.names(other, Frequencies())


def test_a_loose_word_is_never_worth_more_than_the_name_itself() -> None:
    """Where a name is common, a slip in it is worth no more than the name in another romanisation."""
    common = _learned(*["berghild sabri"] * 5000)
    close, same = (
        DEFAULT.names(NameMatch(Alignment((Pair("BERGHILD", other, alike),), (), ()), EMPTY, first_left=False), common)
        for other, alike in (("BERGHILX", Likeness.CLOSE_LONG), ("BERGHILD", Likeness.SAME_SOUND))
    )
    assert close <= same


def test_dates_are_worth_the_more_the_better_they_are_known() -> None:
    """A day in common proves more than a month, that more than a year; a year many are born in proves less."""
    learned = _learned(*["ali sabri"] * 100)
    bits = [DEFAULT.date(kind, (1990, 1990), learned) for kind in DateKind]
    assert bits[DateKind.EQUAL] > bits[DateKind.SAME_MONTH] > bits[DateKind.SAME_YEAR] > bits[DateKind.UNKNOWN] == 0
    assert bits[DateKind.DIFFERENT] == min(bits)
    assert DEFAULT.date(DateKind.EQUAL, (1950, 1950), learned) > bits[DateKind.EQUAL]


def test_the_score_is_a_sum() -> None:
    """Names, date, sex and country add up; what is not known adds nothing; more rows make every match less likely."""
    names = _best(Names.of("Ali", "Sabri"), Names.of("Ali", "Sabri"), Frequencies())
    learned = Frequencies()

    def score(sex: bool | None, country: bool | None) -> float:  # noqa: FBT001 -- as a comparison has them
        return DEFAULT.score(Comparison(names, DateKind.EQUAL, sex, country), (1990, 1990), learned)

    plain = DEFAULT.names(names, learned) + DEFAULT.date(DateKind.EQUAL, (1990, 1990), learned)
    assert isclose(score(None, None), plain)
    assert isclose(score(True, None), plain + DEFAULT.sex[True])  # noqa: FBT003 -- as a comparison has them
    assert isclose(score(None, False), plain + DEFAULT.country[False])  # noqa: FBT003 -- as a comparison has them
    assert score(True, True) > score(None, None) > score(False, False)  # noqa: FBT003 -- as a comparison has them


def test_more_rows_make_a_match_less_likely() -> None:
    """Among many strangers somebody looks like anybody: the score falls by the logarithm of the number of rows."""
    comparison = Comparison(NameMatch(EMPTY, EMPTY, first_left=False), DateKind.UNKNOWN, None, None)
    learned = _learned(*["ali sabri"] * 1024)
    assert isclose(DEFAULT.score(comparison, (0, 0), learned), -log2(1024))
    assert DEFAULT.score(comparison, (0, 0), Frequencies()) == 0


def test_codes_agree_or_not() -> None:
    """Two codes agree, differ, or are not known on one side."""
    assert agreement("m", "m") is True
    assert agreement("m", "w") is False
    assert agreement(None, "w") is agreement("m", None) is None


def test_whole_matches_are_not_laid_out_again() -> None:
    """Where given and family names agree, no other way is looked for; else other names and other fields are tried."""
    whole = [*name_matches(Names.of("Ali", "Sabri", ("Noori",)), Names.of("Ali", "Sabri"))]
    assert [match.is_whole for match in whole] == [True]
    tried = [*name_matches(Names.of("Ali", "Sabri", ("Noori",)), Names.of("Sabri", "Noori"))]
    assert [(match.crossed, match.alias) for match in tried] == [(False, False), (False, True), (True, False)]
    apart = [*name_matches(Names.of("Ali", "Sabri"), Names.of("Peter", "Meyer"))]
    assert [match.first_left for match in apart] == [True]
