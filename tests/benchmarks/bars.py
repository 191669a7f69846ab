"""The bars that figures must reach, and in one line why one that falls short does.

A cause says what the figures of the same run show, and no more: what takes the time, or that nothing here does.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tests.benchmarks.matching.febrl import GOAL_PRECISION, GOAL_RECALL
from tests.benchmarks.matching.speed import LIMIT_MB, LIMIT_MS
from tests.benchmarks.results import Figure

Run = Mapping[str, Figure]
"""All figures of a run, by name."""
Cause = Callable[[Figure, Run], str]


def _load() -> str:
    return f"the load was {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"


def _unknown(_figure: Figure, _run: Run) -> str:
    return f"nothing measured here tells why; {_load()}: measure it alone on a quiet machine"


def _exchange(figure: Figure, run: Run) -> str:
    """Of many exchanges at a time: what the processors did for one."""
    in_flight = figure.name.rpartition(".")[2]
    cpu, relayed = run[f"exchange.cpu_ms.{in_flight}"].value, run[f"relay.cpu_ms.{in_flight}"].value
    return (
        f"processor time: {cpu:.2f} ms of all processes for each exchange on {os.cpu_count()} cores; two hops with"
        f" nothing between take {relayed:.2f}, the rest is Python, cryptography and commits at three parties"
    )


def _alone(figure: Figure, run: Run) -> str:
    """Of one exchange at a time: how much is processor time, and how much waiting."""
    cpu, relayed = run["exchange.cpu_ms.1"].value, run["relay.p50_ms.1"].value
    return (
        f"its steps wait for each other: of {figure.value:.1f} ms, {cpu:.1f} are processor time, of one process after"
        f" the other; two hops with nothing between take {relayed:.1f}"
    )


def _append(figure: Figure, _run: Run) -> str:
    floor = figure.floor or figure.value
    return (
        f"{1000 / figure.value:.2f} ms an entry: {1000 / floor:.2f} for the two flushes no commit can do without, the"
        " rest for SQLite's pages, reading back what was written, the checkpoint's signature and the lock"
    )


def _replay(figure: Figure, _run: Run) -> str:
    floor = figure.floor or figure.value
    return (
        f"of {1e6 / figure.value:.0f} us an entry, {1e6 / floor:.0f} are its signature alone (libsodium); the rest is"
        " Python: entry and statement checked field by field and for their spelling, and the decision made again"
    )


def _second_core(figure: Figure, run: Run) -> str:
    """Two processes share the work about evenly; what is left is their start and what passes between them."""
    alone = run["ledger.replay_rate.1"].value
    return (
        f"{figure.value:.0f} instead of {alone:.0f} entries/s: the second process has to start, gets each entry sent,"
        f" and needs a core of its own; {_load()}"
    )


def _ready(figure: Figure, _run: Run) -> str:
    return f"parsing {figure.floor} of {figure.value} s: each consent is read and checked as it was when it was taken"


@dataclass(frozen=True)
class Bar:
    """The least or the largest value, or ratio to the floor, that is good enough."""

    least: float | None = None
    most: float | None = None
    least_ratio: float | None = None
    cause: Cause = _unknown

    def __str__(self) -> str:
        """Give the bar as it is printed."""
        if self.least_ratio is not None:
            return f">= {self.least_ratio} x floor"
        return f">= {self.least:,}" if self.least is not None else f"<= {self.most:,}"

    def met_by(self, figure: Figure) -> bool:
        """Tell whether a figure is good enough."""
        if self.least_ratio is not None:
            return figure.ratio is not None and figure.ratio >= self.least_ratio
        return figure.value >= self.least if self.least is not None else figure.value <= (self.most or 0)


BARS: Final[Mapping[str, Bar]] = {
    "exchange.rate.64": Bar(least=1000, cause=_exchange),
    "exchange.p50_ms.1": Bar(most=4, cause=_alone),
    "match.p99_ms": Bar(most=LIMIT_MS),
    "match.peak_mb": Bar(most=LIMIT_MB),
    "match.febrl4.recall": Bar(least=GOAL_RECALL),
    "match.febrl4.precision": Bar(least=GOAL_PRECISION),
    "law.decision_p50_us": Bar(most=50),
    "law.consents_mb": Bar(most=100),
    "law.consents_ready_s": Bar(most=5, cause=_ready),
    "ledger.append_rate.256": Bar(least=20_000, cause=_append),
    "ledger.append_rate.1": Bar(least=1000, cause=_append),
    "ledger.receipt_p50_ms.64": Bar(most=15),
    "ledger.proof_p99_ms": Bar(most=2),
    "ledger.verify_rate": Bar(least=300_000),
    "ledger.replay_rate.1": Bar(least=8000, cause=_replay),
    "ledger.replay_rate.2": Bar(least_ratio=1.4, cause=_second_core),
    "ledger.overhead_bytes": Bar(most=140),
    "ledger.restart_s": Bar(most=2),
}
"""What must be reached, by the figure's name."""


def against_bars(figures: Iterable[Figure]) -> list[Figure]:
    """Put each figure beside its bar, and one that falls short beside its cause."""
    run = {one.name: one for one in figures}
    return [_against(one, run) for one in run.values()]


def _against(figure: Figure, run: Run) -> Figure:
    bar = BARS.get(figure.name)
    if bar is None:
        return figure
    return replace(figure, bar=str(bar), cause=None if bar.met_by(figure) else bar.cause(figure, run))
