"""`make test-faults`: kill a broker under load, let each call to its disk fail, and audit the log after each.

First 50 kills, one after the other on one log. Then faults (killed at the call, EIO, ENOSPC) at every syscall that
changes the ledger's files, sampled over the calls as long as there is time, each on a copy of the same log. After each
the broker is started again, what was unanswered is sent again, and `ledger verify`, `ledger replay` and every receipt
must be sound. A process that met EIO or ENOSPC must have gone on or ended with one line. Exit code 0: all of that held.
"""

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final

import click

from tests.support.broker_load import broken_promises
from tests.support.faulty_broker import FaultyBroker, Scene
from tests.support.injected_faults import FAULTS, SYSCALLS, Point, spread

KILLS: Final = 50
EVERY: Final = 10
SECONDS: Final = 480.0
"""Begin no new fault after so many seconds; the whole stays within ten minutes."""


async def _kills(site: FaultyBroker) -> list[str]:
    """Kill the broker under load, each time after another number of answers; give what was broken."""
    load, broken = site.load.branch(), list[str]()
    broker = await site.federation.start_broker()
    for number in range(1, KILLS + 1):
        await load.until_killed(broker, enough=7 * number % 100 + 1)
        broker = await site.federation.start_broker()
        found = [*await load.repeat(), *await broken_promises(site.federation, load)]
        broken += [f"kill {number}: {one}" for one in found]
        if number % EVERY == 0:
            click.echo(
                f"{number} kills under load, {len(load.answered)} statements answered, {len(broken)} promises broken"
            )
    await broker.end()
    return broken


def _points(scenes: Sequence[Scene]) -> Iterator[tuple[Scene, Point]]:
    """Give every point there is, one of each kind in turn, each kind's first ones spread over the whole run."""
    kinds = (
        [(scene, Point(syscall, fault, n)) for n in spread(scene.calls[syscall])]
        for syscall in SYSCALLS
        for fault in FAULTS
        for scene in scenes
    )
    return (point for point in chain.from_iterable(zip_longest(*kinds)) if point is not None)


def _show(scenes: Sequence[Scene], hits: Counter[tuple[str, str, str]]) -> None:
    """Print how many points were hit, of how many there are."""
    click.echo(f"\n{'start':10}{'syscall':12}{'calls':>6}" + "".join(f"{fault:>8}" for fault in FAULTS))
    for scene in scenes:
        for syscall in SYSCALLS:
            row = "".join(f"{hits[scene.name, syscall, fault]:8}" for fault in FAULTS)
            click.echo(f"{scene.name:10}{syscall:12}{scene.calls[syscall]:6}{row}")


async def _faults(site: FaultyBroker, until_s: float) -> list[str]:
    """Hit the broker by one fault after the other until the time is over; give what was broken."""
    scenes, broken = (await site.crashed(), await site.founding()), list[str]()
    hits: Counter[tuple[str, str, str]] = Counter()
    missed = 0
    for scene, point in _points(scenes):
        if time.monotonic() > until_s:
            break
        ended = await site.hit(scene, point)
        hits[scene.name, point.syscall, point.fault] += ended.hit
        missed += not ended.hit
        broken += [f"{scene.name}, {point}: {one}" for one in ended.broken]
    _show(scenes, hits)
    click.echo(f"{hits.total()} faults came to pass, {missed} did not (that run made fewer calls)")
    return broken


async def _run(seconds: float) -> int:
    until_s = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        async with FaultyBroker.made(Path(folder)) as site:
            broken = [*await _kills(site), *await _faults(site, until_s)]
    for one in broken:
        click.echo(f"BROKEN {one}")
    click.echo("all promises held" if not broken else f"{len(broken)} promises broken")
    return 1 if broken else 0


def main() -> None:
    """Run everything; an argument sets the seconds."""
    if shutil.which("strace") is None:
        sys.exit("strace is missing (on Debian: apt-get install strace)")
    sys.exit(asyncio.run(_run(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))


main()
