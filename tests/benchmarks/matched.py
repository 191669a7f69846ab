"""The figures about matching within `make bench`; each part has a process of its own, so its memory is its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.results import Figure

PARTS = ("speed", "names", "febrl4")
LIMIT_S = 300
"""No part takes longer, or something is wrong."""


def measure(folder: Path) -> list[Figure]:
    """Measure speed and memory, then both benchmarks of right and wrong answers with plain Jaro-Winkler beside.

    The floor of a share is what it must reach, that of a cost what it must not exceed; a ratio of 1 or more is good.
    """
    figures: list[Figure] = []
    for part in PARTS:
        written = folder / f"{part}.json"
        command = (sys.executable, "-m", "tests.benchmarks.matching", part, str(written))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
        figures += [Figure(**figure) for figure in json.loads(written.read_text("utf-8"))]
    return figures
