"""Complete exchanges: every step, durable ledger, real NATS with TLS, own processes, pair handles, SQLite; no HTTP."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.infra.process import settle
from adapters.node.approvals import Wish
from adapters.node.core.compose import Question
from adapters.node.core.consent_text import Terms
from adapters.node.core.taking import Taken
from adapters.node.node import Node
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, Purpose
from tests.benchmarks import relay
from tests.benchmarks.results import Figure, Load, load
from tests.benchmarks.town import (
    COLLECTOR,
    FIELDS,
    HOLDER,
    KINDS,
    PERSON,
    REQUESTER,
    pins_of,
    start_node,
    write_courses,
)
from tests.support.real_federation import Agency, Process, RealFederation

IN_FLIGHT = (1, 16, 64)
PURPOSE = Purpose("Z16@1")
YEAR_MS = 365 * 86_400_000
USES = 1_000_000


async def measure(folder: Path, seconds: float) -> list[Figure]:
    """Measure the relay and then the exchanges, on one federation in one run."""
    async with RealFederation.made(folder / "federation") as federation:
        await federation.start_broker()
        agencies = {name: await federation.admit(name, kind, "--commitment", "signed") for name, kind in KINDS.items()}
        assert federation.broker is not None
        await federation.broker.end()
        write_courses(agencies[HOLDER].folder)
        floors = await _relay(federation, agencies, seconds)
        await federation.start_broker()
        found = await _exchanges(federation, agencies, seconds)
    return _figures(floors, found)


async def _relay(federation: RealFederation, agencies: dict[AgencyId, Agency], seconds: float) -> dict[int, Load]:
    holder = agencies[HOLDER]
    module = (sys.executable, "-m", "tests.benchmarks.relay")
    middle = await Process.start(*module, "middle", federation.folder, ready="relay ready")
    end = await Process.start(*module, "end", holder.folder, holder.log, ready="relay ready")
    bus = await agencies[REQUESTER].connect()
    try:
        return {n: await relay.measure(bus, n, seconds) for n in IN_FLIGHT}
    finally:
        await bus.close()
        for process in (end, middle):
            await process.end()


async def _exchanges(federation: RealFederation, agencies: dict[AgencyId, Agency], seconds: float) -> dict[int, Load]:
    async with _nodes(federation, agencies) as (collector, requester):
        question = await _agreed(collector, requester)
        settle()

        async def ask() -> None:
            """Ask once; anything but a record is a fault of the benchmark."""
            assert requester.requester is not None
            asked = await requester.requester.ask(question)
            if asked.state != "answered":
                message = f"exchange: {asked.state} ({asked.reason})"
                raise Misuse(message)

        return {n: await load(ask, n, seconds) for n in IN_FLIGHT}


@asynccontextmanager
async def _nodes(federation: RealFederation, agencies: dict[AgencyId, Agency]) -> AsyncIterator[tuple[Node, Node]]:
    """Run the holder in a process of its own, collector and requester in this one."""
    holder = agencies[HOLDER]
    command = (sys.executable, "-m", "tests.benchmarks.holder", federation.folder, holder.folder, holder.log)
    process = await Process.start(*command, ready="holder ready")
    pins = pins_of(federation.folder)
    collector = await start_node(agencies[COLLECTOR], pins, None)
    requester = await start_node(agencies[REQUESTER], pins, None)
    try:
        yield collector, requester
    finally:
        await requester.close()
        await collector.close()
        await process.end()


async def _agreed(collector: Node, requester: Node) -> Question:
    """Let the DPO approve and the client consent, and give the question that is asked again and again."""
    now = requester.identity.clock.now_ms()
    await requester.approvals.approve(Wish(CodeName("adviser"), PURPOSE, now + YEAR_MS))
    assert collector.collector is not None
    await collector.federation.catch_up()
    terms = Terms(PURPOSE, REQUESTER, (HOLDER,), FIELDS, now + YEAR_MS, USES)
    consent = await collector.collector.collect(
        Taken(
            **terms._asdict(),
            person=PERSON,
            text_sha256=collector.collector.text(terms, "de").hash,
            language="de",
            medium="screen",
            capacity="own",
            secrecy_release=False,
            interpreter="none",
            understood="first",
            staff="bench",
            role=CodeName("adviser"),
        )
    )
    return Question(PURPOSE, HOLDER, CodeName("adviser"), "bench", consent=ConsentId(consent.id))


def _figures(floors: dict[int, Load], found: dict[int, Load]) -> list[Figure]:
    figures = [Figure(f"relay.rate.{n}", round(one.rate, 1), "1/s") for n, one in floors.items()]
    figures += [Figure.beside(f"exchange.rate.{n}", found[n].rate, "1/s", floors[n].rate) for n in IN_FLIGHT]
    figures += [Figure.beside(f"exchange.p50_ms.{n}", found[n].p50_ms, "ms", floors[n].p50_ms) for n in IN_FLIGHT]
    figures += [Figure(f"relay.p50_ms.{n}", round(one.p50_ms, 3), "ms") for n, one in floors.items()]
    figures += [Figure(f"relay.cpu_ms.{n}", round(one.cpu_ms, 3), "ms") for n, one in floors.items()]
    figures += [Figure.beside(f"exchange.cpu_ms.{n}", found[n].cpu_ms, "ms", floors[n].cpu_ms) for n in IN_FLIGHT]
    figures += [Figure.beside(f"exchange.p99_ms.{n}", found[n].p99_ms, "ms", floors[n].p99_ms) for n in IN_FLIGHT]
    return figures
