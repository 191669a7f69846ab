"""The traps of finding a person, end to end: what a machine answers with here would be another person's record."""

import asyncio
from pathlib import Path

import pytest

from adapters.node.finder import LOOK_EVERY_MS
from adapters.node.releases import Chosen
from adapters.node.store.rows import Asked, AskedState
from adapters.sources.port import LocalRef
from schemas.record import PersonBlock
from tests.support.matching import person
from tests.support.matching import town as strangers
from tests.support.small_town import PERSON, VALUES, Town
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

ALI = person("Ali", "Sabri", "2001-03-04", "m")
OMAR = person("Omar", "Sabri", "2003-05-06", "m")
FATHER = person("Mohammad", "Ahmadi", "1965-03-12", "m")

TRAPS = {
    "the_other_twin": ([person("Amal", "Karimi")], person("Iman", "Karimi")),
    "both_twins": ([person("Amal", "Karimi"), person("Iman", "Karimi")], person("Amal", "Karimi")),
    "the_father": ([FATHER], person("Mohammad", "Ahmadi", "1993-08-12", "m")),
    "father_or_son": ([FATHER, person("Mohammad", "Ahmadi", "1993-08-12", "m")], person("Mohammad", "Ahmadi", "1993")),
    "first_of_january": ([person("Zebulon", "Querqual", "1990-01-01")], person("Zebulon", "Querqual", "1990-01-01")),
    "only_the_year": ([person("Zebulon", "Querqual", "1990")], person("Zebulon", "Querqual", "1990-06-03")),
    "a_brothers_date": ([ALI, OMAR], person("Ali", "Sabri", "2003-05-06", "m")),
    "a_brothers_name": ([person("Omar", "Sabri", "2001-03-04", "m")], ALI),
    "two_rows": ([PERSON, PERSON], PERSON),
}


async def fill(town: Town, *rows: PersonBlock) -> None:
    """Put persons in place of all the holder has, among people of other names, and let the node see them."""
    town.source.rows.clear()
    for number, known in enumerate((*rows, *strangers(30))):
        town.source.add(f"T-{number}", known, VALUES)
    await pass_time(2 * LOOK_EVERY_MS / 1000)


async def ask(town: Town, asked: PersonBlock) -> Asked:
    """Ask for a person under a consent for exactly that person."""
    return await town.ask(await town.consent(asked))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_never_answered_by_machine(tmp_path: Path, trap: str) -> None:
    """Nothing is read and nothing leaves; the request is "later", and "not available" at its deadline."""
    known, asked = TRAPS[trap]

    @virtual
    async def run() -> None:
        town = await Town.start(tmp_path, answer_within_s=600)
        await fill(town, *known)
        began_s = asyncio.get_running_loop().time()
        first = await ask(town, asked)
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(5.0, abs=1e-6)
        assert (first.state, first.record, town.source.read) == (AskedState.GRANTED, None, [])
        shown = {one.ref for waiting in await town.holder.releases.waiting("staff-4") for one in waiting.candidates}
        assert shown <= {f"T-{number}" for number in range(len(known))}
        await pass_time(601)
        last = await town.requester.result(first.exchange)
        assert (last.state, last.record, town.source.read) == (AskedState.NOT_AVAILABLE, None, [])
        assert town.world.kinds()[-1] == "exchange.unavailable"
        await town.close()

    run()


@virtual
async def test_a_human_tells_twins_apart(tmp_path: Path) -> None:
    """The one a human picks is the one whose record leaves, and later contacts lead to that one without a name."""
    town = await Town.start(tmp_path)
    await fill(town, person("Amal", "Karimi"), person("Iman", "Karimi"))
    consent = await town.consent(person("Iman", "Karimi"))
    asked = await town.ask(consent)
    await town.holder.releases.release(asked.exchange, Chosen(LocalRef("T-1"), "staff-4"))
    await pass_time(1)
    assert (await town.requester.result(asked.exchange)).state is AskedState.ANSWERED
    town.source.rows[LocalRef("T-2")] = town.source.rows[LocalRef("T-1")]  # a namesake more is none to a handle
    assert (await town.ask(consent)).state is AskedState.ANSWERED
    await town.close()


@virtual
async def test_another_spelling_is_found(tmp_path: Path) -> None:
    """What is the same name in another romanisation is answered by machine, where nothing else speaks against it."""
    town = await Town.start(tmp_path)
    await fill(town, person("Mohammed Yousef", "El Hamadi", "1991-03-17", "m"))
    assert (await ask(town, person("Muhammad Yusuf", "Al-Hamadi", "1991-03-17", "m"))).state is AskedState.ANSWERED
    await town.close()
