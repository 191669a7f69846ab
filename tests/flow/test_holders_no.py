"""Promise 8: a holder's "no" tells nothing, in content and in time, whatever its cause."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from adapters.node.store.rows import AskedState
from schemas import messages as ms
from schemas.ids import Hash
from schemas.record import ConsentPackage, PersonBlock, SealedPerson
from tests.flow.test_promises import DEADLINE_S, send_block
from tests.support.small_town import HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

# -- 8: a holder's no tells nothing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """All a requester can see of a no: what reached it, when, how large, and what its own node says in the end."""

    heard: tuple[tuple[float, str, int], ...]
    states: tuple[AskedState, AskedState]
    reason: str | None
    kinds: tuple[str, ...]


Cause = Callable[[Town], Awaitable[PersonBlock]]


async def unknown(_: Town) -> PersonBlock:
    """Ask for a name that nobody has."""
    return STRANGER


async def blocked(town: Town) -> PersonBlock:
    """Know the person, of whom nothing may be handed out."""
    town.source.add("T-1", PERSON, VALUES, blocked=True)
    return PERSON


async def undecided(town: Town) -> PersonBlock:
    """Wait for a human who does not decide."""
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    return PERSON


async def refused(town: Town) -> PersonBlock:
    """Let a human decide against it."""
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asyncio.get_running_loop().call_later(60, lambda: town.world.nodes[HOLDER].background.spawn("no", _refuse(town)))
    return PERSON


async def _refuse(town: Town) -> None:
    (waiting,) = await town.holder.releases.waiting("staff-4")
    await town.holder.releases.refuse(waiting.request.exchange, "staff-4", "too_uncertain")


async def ambiguous(town: Town) -> PersonBlock:
    """Have two rows that are the person alike."""
    town.source.add("T-2", PERSON, VALUES)
    return PERSON


async def half_alike(town: Town) -> PersonBlock:
    """Have one row that may be the person."""
    town.source.rows.clear()
    town.source.add("T-2", PERSON.model_copy(update={"birth_date": "1991"}), VALUES)
    return PERSON


async def down(town: Town) -> PersonBlock:
    """Take the source down."""
    town.source.down = True
    return PERSON


async def broken(town: Town) -> PersonBlock:
    """Give the source a defect, which shows only where the person is known."""
    town.source.broken = True
    return PERSON


async def slow(town: Town) -> PersonBlock:
    """Ask for nobody, and take longer than the delay to find out."""
    town.source.slow_s = 30.0
    return STRANGER


CAUSES: tuple[Cause, ...] = (blocked, undecided, refused, ambiguous, half_alike, down, broken, slow)


def seen(folder: Path, cause: Cause) -> Seen:
    """Ask about a person and look at all that comes until well after the deadline."""

    @virtual
    async def run() -> Seen:
        town = await Town.start(folder, answer_within_s=DEADLINE_S)
        consent = await town.consent(await cause(town))
        bus = town.world.buses[REQUESTER]
        begun = len(bus.heard)
        asked = await town.ask(consent)
        await pass_time(DEADLINE_S - 5 - 0.001)
        before = await town.requester.result(asked.exchange)
        await pass_time(600)
        after = await town.requester.result(asked.exchange)
        states = (before.state, after.state)
        kinds = tuple(kind for kind in town.world.kinds() if kind.startswith("exchange"))
        heard = tuple(one for one in bus.heard[begun:] if one[1] != "ask.chain")
        await town.close()
        return Seen(heard, states, after.reason, kinds)

    return run()


@cache
def seen_of_nobody(folder: Path) -> Seen:
    """Give what is seen of a person nobody knows."""
    return seen(folder, unknown)


@pytest.mark.parametrize("cause", CAUSES, ids=[cause.__name__ for cause in CAUSES])
def test_8_every_no_is_the_same(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, cause: Cause) -> None:
    """Whatever the reason, the same messages of the same size come at the same time (`Responder.permit`, the pace)."""
    expected = seen_of_nobody(tmp_path_factory.getbasetemp())
    assert expected.states == (AskedState.GRANTED, AskedState.NOT_AVAILABLE)
    assert (expected.reason, expected.kinds) == ("not_available", ("exchange.granted", "exchange.unavailable"))
    assert expected.heard[0][:2] == (5.0, "ask.request")
    assert expected.heard[-1][:2] == (float(DEADLINE_S), "adapter.deliver")
    assert seen(tmp_path, cause) == expected


@pytest.mark.parametrize(
    "block", [b"\x01" * 200, b"", SealedPerson(handle=Hash("a" * 64))], ids=["garbled", "empty", "handle"]
)
def test_8_a_block_that_does_not_open_is_no_other(tmp_path: Path, block: SealedPerson | bytes) -> None:
    """A garbled block or a handle nobody gave gets "later" at the same time as everybody (`Responder._examine`)."""

    @virtual
    async def run() -> None:
        town = await Town.start(tmp_path, answer_within_s=DEADLINE_S)
        consent, loop = await town.consent(), asyncio.get_running_loop()
        begun_s = loop.time()
        assert isinstance(await send_block(town, consent, block), ms.Later)
        assert loop.time() - begun_s == pytest.approx(5.0, abs=1e-6)
        await pass_time(DEADLINE_S + 1)
        assert town.world.kinds()[-1] == "exchange.unavailable"
        await town.close()

    run()


@virtual
async def test_8_the_package_of_another_consent_is_no_other(tmp_path: Path) -> None:
    """A package that does not open the commitment gets "later" like an unknown person (`Responder._open`)."""
    town = await Town.start(tmp_path)
    consent = await town.consent()
    forged = ConsentPackage(id=consent, person=PERSON, commitment_key=Hash("b" * 64))
    begun_s = asyncio.get_running_loop().time()
    assert isinstance(await send_block(town, consent, SealedPerson(package=forged)), ms.Later)
    assert asyncio.get_running_loop().time() - begun_s == pytest.approx(5.0, abs=1e-6)
    assert town.source.read == []
    await town.close()
