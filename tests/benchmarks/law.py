"""The law: a decision on the whole registry, and a hundred thousand consents in force."""

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from broker.core.standing import Case, Standing, standing
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.ids import AgencyId, CodeName, Purpose
from schemas.registry import load
from schemas.registry_files import bundle_of
from tests.benchmarks.results import Figure, percentile
from tests.support.ledger_world import founded
from tests.support.pens import changed
from tests.support.registry import shipped

CONSENTS: Final = 100_000
TRIES: Final = 5_000
KINDS: Final = {"beratung": "mbe", "jobcenter": "jobcenter", "kurse": "course_provider"}
"""The agencies of the small federation, as kinds of the shipped registry."""


def measure() -> Iterator[Figure]:
    """Measure decisions one by one, then memory and cold start of many consents."""
    yield _decision()
    yield from _consents()


def _decision() -> Figure:
    """Decide a request under a consent, from members and keys to the fields; the floor is to sort those."""
    law, ledger = load(bundle_of(shipped())), founded()
    consent, state = ledger.consented(uses=5), ledger.state
    fields = law.purposes[Purpose("Z16@1")].fields
    for name, kind in KINDS.items():
        state.members[AgencyId(name)] = replace(state.members[AgencyId(name)], kind=CodeName(kind))
    for key, approval in state.approved.items():
        state.approved[key] = replace(approval, fields=fields)
    state.catalogues[AgencyId("kurse")] = fields
    state.evidence[consent.consent].fields = fields
    asked = tuple(sorted(fields))
    request = changed(ledger.request("jobcenter", "kurse", consent), fields=asked, registry=law.hash)
    case = Case(state, law, request, AgencyId("jobcenter"), ledger.clock.ms)
    taken, floor = list[float](), list[float]()
    for _ in range(TRIES):
        began = time.perf_counter()
        decided = standing(case)
        taken.append(time.perf_counter() - began)
        assert isinstance(decided, Standing), decided
        assert decided.fields.granted == asked
        began = time.perf_counter()
        sorted(asked)
        floor.append(time.perf_counter() - began)
    p50_us, floor_us = (percentile(sorted(times), 50) * 1e6 for times in (taken, floor))
    return Figure.beside("law.decision_p50_us", p50_us, "us", floor_us)


def _consents() -> Iterator[Figure]:
    """Fold consents into a state as a broker does that starts: what they hold, and how long it takes."""
    ledger = founded()
    first = ledger.consented()
    *before, text = ledger.leaves
    state = LedgerState(ledger.log)
    for raw in before:
        leaf = read_leaf(raw)
        state.apply(raw, leaf.entry, leaf.statement)
    tracemalloc.start()
    for number in range(CONSENTS):
        leaf = read_leaf(_another(text, first, number))
        state.apply(text, leaf.entry, leaf.statement)
    held_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    assert len(state.evidence) == CONSENTS
    yield Figure("law.consents_mb", round(held_mb, 1), "MB")
    leaves = [_another(text, first, CONSENTS + number) for number in range(CONSENTS)]
    began = time.perf_counter()
    for raw in leaves:
        leaf = read_leaf(raw)
        state.apply(raw, leaf.entry, leaf.statement)
    took_s = time.perf_counter() - began
    began = time.perf_counter()
    for raw in leaves:
        read_leaf(raw)
    yield Figure.beside("law.consents_ready_s", took_s, "s", time.perf_counter() - began)


def _another(text: bytes, first: st.ConsentGiven, number: int) -> bytes:
    """Give the leaf of another consent: another id, another view code, the next number."""
    return (
        text.replace(first.consent.encode(), b"%032x" % number)
        .replace(first.view.encode(), b"%064x" % number)
        .replace(b'\\"n\\":%d,' % first.n, b'\\"n\\":%d,' % (first.n + number))
    )
