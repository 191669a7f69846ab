"""What `make bench` says of its own figures: each beside its bar, and one that falls short beside its cause."""

import json
import time
from pathlib import Path

import pytest

from tests.benchmarks import results
from tests.benchmarks.bars import BARS, against_bars
from tests.benchmarks.results import Figure, own_cpu_s, show_bars, write

BESIDE = (
    Figure("exchange.cpu_ms.64", 4.2, "ms"),
    Figure("relay.cpu_ms.64", 0.4, "ms"),
    Figure("exchange.cpu_ms.1", 6.1, "ms"),
    Figure("relay.p50_ms.1", 0.9, "ms"),
    Figure("ledger.replay_rate.1", 5000, "entries/s", 17_000, 0.294),
)


def _judged(name: str, value: float, ratio: float) -> Figure:
    """Give a figure beside its bar, as one of a whole run."""
    run = [one for one in BESIDE if one.name != name]
    return against_bars([*run, Figure(name, value, "u", 2.0, ratio)])[-1]


@pytest.mark.parametrize("name", BARS)
def test_a_figure_that_falls_short_has_a_cause(name: str) -> None:
    """Every bar can be missed, and then one line says why; it is reached by what lies just on its good side."""
    bar = BARS[name]
    short = _judged(name, 0.01 if bar.most is None else 10 * bar.most, ratio=0.5)
    assert (short.bar, bool(short.cause), "\n" in (short.cause or "")) == (str(bar), True, False)
    reached = _judged(name, bar.least or bar.most or 0.01, bar.least_ratio or 0.5)
    assert (reached.bar, reached.cause) == (str(bar), None)


def test_a_share_of_the_floor_can_be_the_bar() -> None:
    """Two cores are held against one, not against a number."""
    bar = BARS["ledger.replay_rate.2"]
    figures = [Figure("ledger.replay_rate.2", 9000, "entries/s", 6000, ratio) for ratio in (1.5, 1.3, None)]
    assert [bar.met_by(one) for one in figures] == [True, False, False]
    assert str(bar) == ">= 1.4 x floor"


def test_a_cause_tells_what_the_run_measured() -> None:
    """The numbers in a cause are those of the run."""
    (short,) = (one for one in against_bars(BESIDE) if one.cause)
    assert short.name == "ledger.replay_rate.1"
    assert "of 200 us an entry, 59 are its signature alone" in (short.cause or "")


def test_figures_are_written_with_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file keeps its keys and has two more; the table marks what falls short."""
    monkeypatch.setattr(results, "WRITTEN_TO", tmp_path / "bench.json")
    figures = against_bars(BESIDE)
    show_bars(figures)
    write(figures)
    printed = capsys.readouterr().out
    assert "1 of these figures have a bar" in printed
    assert "FALLS SHORT: of 200 us an entry" in printed
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written[0] == dict.fromkeys(("floor", "ratio", "bar", "cause")) | {
        "name": "exchange.cpu_ms.64",
        "value": 4.2,
        "unit": "ms",
    }
    assert written[-1]["bar"] == ">= 8,000"


def test_the_processor_time_of_the_benchmark_is_counted() -> None:
    """What this process has used is in it, to the kernel's hundredth of a second, and it never falls."""
    before = own_cpu_s()
    assert before > time.process_time() - 0.1
    assert own_cpu_s() >= before
