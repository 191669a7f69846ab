"""`make bench`: measure, print, and write `build/bench.json`."""

import sys
import tempfile
from pathlib import Path

import uvloop

from tests.benchmarks import exchange, law, ledger, matched
from tests.benchmarks.bars import against_bars
from tests.benchmarks.results import show, show_bars, write

SECONDS = 5.0


def main() -> None:
    """Run every benchmark; an argument sets the seconds of each measurement of exchanges."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    place = Path("build")
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        exchanges = uvloop.run(exchange.measure(Path(folder), seconds))
        show(exchanges)
        matches = matched.measure(Path(folder))
        show(matches)
        laws = list(law.measure())
        show(laws)
        logs = ledger.measure(Path(folder))
    show(logs)
    figures = against_bars([*exchanges, *matches, *laws, *logs])
    show_bars(figures)
    write(figures)


main()
