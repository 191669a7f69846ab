"""Names of migrants in the hands of two agencies: the frozen error model, with names nobody tuned on.

The product is measured as it ships. Jaro-Winkler is given a threshold on the training names, for the same precision,
and answers a twentieth of the same questions in the same run.
"""

from collections.abc import Iterator
from typing import Final

from adapters.node.core.matching.weights import DEFAULT
from tests.benchmarks.matching.figures import Answer, Figure, at_least, intervals, shares
from tests.benchmarks.matching.jaro_winkler import JaroWinklerIndex, best_threshold
from tests.benchmarks.matching.names_test import TEST
from tests.benchmarks.matching.names_train import TRAIN
from tests.benchmarks.matching.worlds import World, ask, world

PERSONS: Final = 40_000
ASKED: Final = 20_000
ASKED_PLAINLY: Final = 1_000
GOAL_PRECISION: Final = 0.999
CURVE_BITS: Final = (-4, 0, 2, 4, 5, 6, 8, 10, 12)

_TRAINING_SEED: Final = 1
_TESTING_SEED: Final = 2


def run(persons: int = PERSONS, asked: int = ASKED, asked_plainly: int = ASKED_PLAINLY) -> Iterator[Figure]:
    """Ask the holder of a world made of the test names, and give the figures."""
    there = world(_TESTING_SEED, persons, asked, TEST)
    answers = ask(there)
    threshold = DEFAULT.certain_bits
    found = shares(answers, threshold)
    recall, precision = intervals((one, threshold) for one in answers)
    band = sum(one.listed for one in answers) / max(1, sum(one.present for one in answers))
    disturbed = sum(one.shown > 0 for one in answers if not one.present) / max(1, sum(not o.present for o in answers))
    training = world(_TRAINING_SEED, persons, asked, TRAIN)
    similarity = best_threshold(_ask_plainly(training, asked_plainly), GOAL_PRECISION)
    plain = shares(_ask_plainly(there, asked_plainly), similarity)
    yield at_least("match.names.recall_auto", found.recall, plain.recall)
    yield at_least("match.names.recall_auto.low", recall.low, plain.recall)
    yield at_least("match.names.recall_auto.high", recall.high, plain.recall)
    yield at_least("match.names.recall_band", band, found.recall)
    yield at_least("match.names.precision", found.precision, GOAL_PRECISION)
    yield at_least("match.names.precision.low", precision.low, GOAL_PRECISION)
    yield at_least("match.names.precision.high", precision.high, GOAL_PRECISION)
    yield Figure("match.names.absent_shown", round(disturbed, 5), "share", 0.1, round(0.1 / max(disturbed, 1e-9), 4))
    yield at_least("match.names.jaro_winkler.recall", plain.recall, plain.recall)
    yield at_least("match.names.jaro_winkler.precision", plain.precision, GOAL_PRECISION)
    for bits in CURVE_BITS:
        point = shares(answers, bits)
        yield at_least(f"match.names.curve.recall.{bits}", point.recall, found.recall)
        yield at_least(f"match.names.curve.precision.{bits}", point.precision, GOAL_PRECISION)


def _ask_plainly(there: World, asked: int) -> list[Answer]:
    index = JaroWinklerIndex(there.rows())
    return [index.ask(number, there.question(number), present=number in there.known) for number in there.asked[:asked]]
