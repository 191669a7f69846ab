"""How fast one is found among 200,000, and what the index weighs."""

import gc
import resource
import sys
import time
from collections.abc import Iterator
from typing import Final

from adapters.node.core.matching import PersonIndex
from adapters.sources.port import Candidate, LocalRef
from schemas.record import PersonBlock
from tests.benchmarks.matching.error_model import people, record
from tests.benchmarks.matching.figures import Figure, at_most
from tests.benchmarks.matching.names_train import TRAIN

PERSONS: Final = 200_000
QUERIES: Final = 2_000
LIMIT_MS: Final = 20.0
LIMIT_MB: Final = 400.0

_BATCH: Final = 10_000
_WARM_UP: Final = 500
_KIB_PER_MB: Final = 1024
_SHOWN_EVERY: Final = 50_000


def run(persons: int = PERSONS, queries: int = QUERIES) -> Iterator[Figure]:
    """Build the index row by row, then ask for persons of whom about half are known.

    The memory is the largest that the whole process ever had, so this is run before the other benchmarks. Collecting
    garbage is told to leave the index alone (`gc.freeze`), as a node does once the index stands.
    """
    index = PersonIndex()
    began = time.perf_counter()
    for number, row in enumerate(_rows(persons), start=1):
        index.add(row)
        if number % _SHOWN_EVERY == 0:
            _show(number)
    built_s = time.perf_counter() - began
    gc.collect()
    gc.freeze()
    questions = list(_questions(_WARM_UP + queries, persons))
    for question in questions[:_WARM_UP]:
        index.query(question)
    walls: list[float] = []
    processor: list[float] = []
    for question in questions[_WARM_UP:]:
        began, began_cpu = time.perf_counter(), time.thread_time()
        index.query(question)
        walls.append(time.perf_counter() - began)
        processor.append(time.thread_time() - began_cpu)
    gc.unfreeze()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_MB
    yield at_most("match.p99_ms", _percentile(walls, 99), "ms", LIMIT_MS)
    yield at_most("match.p99_cpu_ms", _percentile(processor, 99), "ms", LIMIT_MS)
    yield at_most("match.p50_ms", _percentile(walls, 50), "ms", LIMIT_MS)
    yield at_most("match.peak_mb", peak, "MB", LIMIT_MB)
    yield at_most("match.build_s_with_generation", built_s, "s", 60.0)


def _rows(persons: int) -> Iterator[Candidate]:
    """Give the holder's rows in batches, each a town of its own, so that the persons themselves take no room."""
    for batch in range(0, persons, _BATCH):
        for person in people(batch, min(_BATCH, persons - batch), TRAIN):
            number = f"{batch + person.number}"
            row = record(person, batch, "holder")
            yield Candidate(LocalRef(number), number, row, transfer_block=False, guardian=False)


def _questions(count: int, persons: int) -> Iterator[PersonBlock]:
    """Ask by turns for somebody of the first town and for somebody of a town the holder does not know."""
    known, others = people(0, min(_BATCH, persons), TRAIN), people(1, count, TRAIN)
    for number in range(count):
        town, there = (known, 0) if number % 2 else (others, 1)
        yield record(town[number % len(town)], there, "requester")


def _percentile(times_s: list[float], percent: int) -> float:
    return sorted(times_s)[len(times_s) * percent // 100] * 1000


def _show(done: int) -> None:
    if done % _SHOWN_EVERY == 0:
        sys.stderr.write(f"indexed {done}\n")
