"""What a benchmark gives: figures with stable names, each beside the floor measured in the same run."""

import asyncio
import json
import math
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

WRITTEN_TO = Path("build") / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One figure; `floor` is what the same machine gave for the bare thing in the same run.

    `bar` is what it must reach, and `cause` says why it does not; both are put in when all figures are there.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    bar: str | None = None
    cause: str | None = None

    @classmethod
    def beside(cls, name: str, value: float, unit: str, floor: float) -> "Figure":
        """Make a figure with its floor."""
        return cls(name, round(value, 3), unit, round(floor, 3), round(value / floor, 3))


@dataclass(frozen=True)
class Load:
    """How a number of callers fared: calls per second and the two percentiles of one call, in ms.

    `cpu_ms` is the processor time of this process and all below it for each call.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


async def load(call: Callable[[], Awaitable[None]], in_flight: int, seconds: float, warm_up: int = 30) -> Load:
    """Keep `in_flight` calls going for some seconds and measure each; the first few are not counted."""
    for _ in range(warm_up):
        await call()
    taken: list[float] = []
    began, busy_s = time.perf_counter(), own_cpu_s()
    until = began + seconds

    async def caller() -> None:
        """Call again and again until the time is up."""
        while (start := time.perf_counter()) < until:
            await call()
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    lasted, busy_s = time.perf_counter() - began, own_cpu_s() - busy_s
    taken.sort()
    p50_ms, p99_ms = (percentile(taken, percent) * 1000 for percent in (50, 99))
    return Load(len(taken) / lasted, p50_ms, p99_ms, busy_s / len(taken) * 1000)


def own_cpu_s() -> float:
    """Give the processor time that this process and all below it have used (proc(5), `/proc/<pid>/stat`)."""
    used, below = dict[int, int](), dict[int, list[int]]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process that has just ended
            _state, parent, *rest = path.read_text("utf-8").rpartition(")")[2].split()
            pid = int(path.parent.name)
            below.setdefault(int(parent), []).append(pid)
            used[pid] = int(rest[9]) + int(rest[10])
    ours = [os.getpid()]
    for pid in ours:
        ours += below.get(pid, [])
    return sum(used[pid] for pid in ours) / os.sysconf("SC_CLK_TCK")


def percentile(ordered: list[float], percent: int) -> float:
    """Give a percentile of values in order, by the nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def show(figures: list[Figure]) -> None:
    """Print the figures as a table."""
    for one in figures:
        beside = "" if one.floor is None else f"   floor {one.floor:>12,.3f}   ratio {one.ratio:.3f}"
        print(f"{one.name:<36} {one.value:>14,.3f} {one.unit:<10}{beside}")  # noqa: T201  the benchmark's own output


def show_bars(figures: list[Figure]) -> None:
    """Print each figure that has a bar beside it, and why those that fall short do."""
    barred = [one for one in figures if one.bar is not None]
    print(f"\n{len(barred)} of these figures have a bar:\n")  # noqa: T201  the benchmark's own output
    for one in barred:
        found = f"{one.ratio} x floor" if one.bar and one.bar.endswith("floor") else f"{one.value:,} {one.unit}"
        short = "" if one.cause is None else f"   FALLS SHORT: {one.cause}"
        print(f"{one.name:<36} {one.bar:>16}   {found:<22}{short}")  # noqa: T201  the benchmark's own output


def write(figures: list[Figure]) -> None:
    """Write the figures where later work and scripts find them."""
    WRITTEN_TO.parent.mkdir(exist_ok=True)
    WRITTEN_TO.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", "utf-8")  # noqa: TID251  figures, not signed bytes
