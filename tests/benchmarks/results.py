"""What a benchmark gives: figures with stable names, each beside the floor measured in the same run."""

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

WRITTEN_TO = Path("build") / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One figure; `floor` is what the same machine gave for the bare thing in the same run."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None

    @classmethod
    def beside(cls, name: str, value: float, unit: str, floor: float) -> "Figure":
        """Make a figure with its floor."""
        return cls(name, round(value, 3), unit, round(floor, 3), round(value / floor, 3))


@dataclass(frozen=True)
class Load:
    """How a number of callers fared: calls per second and the two percentiles of one call, in ms."""

    rate: float
    p50_ms: float
    p99_ms: float


async def load(call: Callable[[], Awaitable[None]], in_flight: int, seconds: float, warm_up: int = 30) -> Load:
    """Keep `in_flight` calls going for some seconds and measure each; the first few are not counted."""
    for _ in range(warm_up):
        await call()
    taken: list[float] = []
    began = time.perf_counter()
    until = began + seconds

    async def caller() -> None:
        """Call again and again until the time is up."""
        while (start := time.perf_counter()) < until:
            await call()
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    lasted = time.perf_counter() - began
    taken.sort()
    return Load(len(taken) / lasted, percentile(taken, 50) * 1000, percentile(taken, 99) * 1000)


def percentile(ordered: list[float], percent: int) -> float:
    """Give a percentile of values in order, by the nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def show(figures: list[Figure]) -> None:
    """Print the figures as a table."""
    for one in figures:
        beside = "" if one.floor is None else f"   floor {one.floor:>12,.3f}   ratio {one.ratio:.3f}"
        print(f"{one.name:<36} {one.value:>14,.3f} {one.unit:<10}{beside}")  # noqa: T201  the benchmark's own output


def write(figures: list[Figure]) -> None:
    """Write the figures where later work and scripts find them."""
    WRITTEN_TO.parent.mkdir(exist_ok=True)
    WRITTEN_TO.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", "utf-8")  # noqa: TID251  figures, not signed bytes
