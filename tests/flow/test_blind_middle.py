"""Promise 1: broker, bus, ledger and logs hold no name, birth date, value, file number or member of staff.

Canary values go through every flow there is; then all that crossed the net, all that stands in the ledger, and all that
anybody reported is searched for them, in every spelling they could have been written in. A canary that shows where it
may (in the agencies' own stores) proves that the search would find it.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.node.core.compose import Question
from adapters.node.releases import Chosen
from adapters.node.store.rows import Asked, AskedState
from adapters.sources.port import LocalRef
from schemas import canonical
from schemas.ids import AgencyId, CodeName, ConsentId, Purpose
from schemas.record import PersonBlock
from tests.support.node_http import Front
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER, Town, taken
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

PERSON = PersonBlock(
    family_name="Kanarienvogelova", given_names="Zitronella", birth_date="1987-06-05", other_names=("Gelbschnabel",)
)
TWIN = PERSON.model_copy(update={"given_names": "Pirol Zitronella"})
GHOST = PersonBlock(family_name="Niemandsvogel", given_names="Elster", birth_date="1966-12-24")
VALUES = {"course_participation.state": "state-of-a-canary", "course_participation.started_on": "2019-08-07"}
STAFF, CASE, ROW, TWIN_ROW = "staff-of-canaries", "CASE-4711-CANARY", "ROW-OF-CANARY-1", "ROW-OF-CANARY-2"

CANARIES = (
    PERSON.family_name,
    PERSON.given_names,
    str(PERSON.birth_date),
    *PERSON.other_names,
    GHOST.family_name,
    GHOST.given_names,
    str(GHOST.birth_date),
    *VALUES.values(),
    STAFF,
    CASE,
    ROW,
    TWIN_ROW,
)


def spellings(text: str) -> Iterator[bytes]:
    """Give all forms a text may take in bytes: encoded, escaped, turned round, and its bare hashes."""
    for form in {text, text.lower(), text.upper(), text[::-1]}:
        raw = form.encode()
        yield raw
        yield form.encode("utf-16-le")
        yield raw.hex().encode()
        for cut in range(3):
            yield base64.b64encode(raw[cut:]).rstrip(b"=")[:-2]
        yield base64.b32encode(raw).rstrip(b"=")[:-2]
    for data in (text.encode(), canonical.encode(text)):
        for digest in (hashlib.sha256(data), hashlib.sha1(data), hashlib.md5(data)):  # noqa: S324 - what somebody else may have used
            yield digest.hexdigest().encode()
            yield digest.digest()
            yield base64.b64encode(digest.digest())
        yield hmac.digest(bytes(32), data, "sha256").hex().encode()


def found_in(haystack: bytes) -> list[str]:
    """Give the canaries that some bytes give away."""
    folded = haystack.lower()
    return [text for text in CANARIES if any(one in haystack or one.lower() in folded for one in spellings(text))]


async def everything(town: Town) -> None:
    """Let canaries go through every flow: asked, answered, released, refused, unknown, withdrawn, restarted."""
    town.source.rows.clear()
    town.source.add(ROW, PERSON, VALUES)
    counselling, jobcenter, provider = (Front(town, name) for name in (COLLECTOR, REQUESTER, HOLDER))
    consent, ghost = [
        ConsentId((await town.collector.collect(taken(town.world, person))).id) for person in (PERSON, GHOST)
    ]
    assert (await ask(town, consent)).state is AskedState.ANSWERED
    assert (await ask(town, consent)).state is AskedState.ANSWERED  # by the pair handle
    town.source.broken = True
    assert (await ask(town, consent)).state is AskedState.GRANTED
    town.source.broken = False
    assert (await ask(town, ghost)).state is AskedState.GRANTED
    town.source.rows.clear()
    town.source.add(TWIN_ROW, TWIN, VALUES)
    again = ConsentId((await town.collector.collect(taken(town.world, PERSON))).id)
    released, refused = await ask(town, again), await ask(town, again)
    assert (await provider.call(Role.CLERK_ANSWER, "GET", "/v1/releases")).json()[0]["candidates"]
    await provider.call(Role.CLERK_ANSWER, "POST", "/v1/clients/search", {"family_name": PERSON.family_name})
    await town.holder.releases.release(released.exchange, Chosen(LocalRef(TWIN_ROW), "staff-4"))
    await town.holder.releases.refuse(refused.exchange, "staff-4", "too_uncertain")
    await jobcenter.call(Role.ADVISER, "POST", "/v1/requests", {PERSON.family_name: PERSON.given_names})
    await counselling.call(Role.ADVISER, "GET", "/v1/consents", staff=STAFF)
    await jobcenter.call(Role.ADVISER, "GET", f"/v1/requests/{released.exchange}", staff=STAFF)
    town.world.net.lose_reply("adapter.permit")
    await ask(town, again)
    await pass_time(5)
    for agency in (COLLECTOR, REQUESTER, HOLDER):
        await town.world.restart(agency)
    await town.collector.withdraw(consent)
    assert (await ask(town, consent)).state is AskedState.REFUSED
    await pass_time(2 * 3600)
    town.world.codes += [*counselling.logged, *jobcenter.logged, *provider.logged]


async def ask(town: Town, consent: ConsentId) -> Asked:
    """Ask as a member of staff whose id is a canary, for a case whose number is one."""
    asked = Question(Purpose("Z16@1"), AgencyId(HOLDER), CodeName("adviser"), STAFF, consent=consent, case_ref=CASE)
    return await town.requester.ask(asked)


@virtual
async def _sang(folder: Path) -> Town:
    town = await Town.start(folder)
    await everything(town)
    await town.close()
    return town


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Give a town through which the canaries have gone."""
    return _sang(tmp_path_factory.mktemp("town"))


def test_the_search_finds_what_is_there(sung: Town) -> None:
    """Every canary is found in the agencies' own stores, where it belongs, so none went missing on its way."""
    files = (path for path in sorted(sung.world.folder.iterdir()) if ".db" in path.name)
    own = b"".join(path.read_bytes() for path in files)
    assert set(found_in(own)) >= {*CANARIES} - {GHOST.given_names, *VALUES.values(), str(GHOST.birth_date)}
    assert found_in(base64.b64encode(b"xx" + PERSON.family_name.encode())) == [PERSON.family_name]
    assert found_in(hashlib.sha256(STAFF.encode()).digest()) == [STAFF]


def test_nothing_on_the_net_tells(sung: Town) -> None:
    """No message between any two parties holds a canary, replies included."""
    traffic = sung.world.net.traffic
    assert len(traffic) > 60
    assert found_in(b"\n".join(body for _, body in traffic)) == []


def test_nothing_in_the_ledger_tells(sung: Town) -> None:
    """No entry holds a canary, nor a hash of one that could be guessed."""
    leaves = sung.world.leaves()
    assert {"exchange.disclosed", "exchange.unavailable", "consent.withdrawn"} <= set(sung.world.kinds())
    assert found_in(b"".join(leaves)) == []


def test_nothing_that_was_reported_tells(sung: Town, capfd: pytest.CaptureFixture[str]) -> None:
    """What nodes and broker reported are places and codes, and nothing was printed."""
    assert sung.world.codes
    assert found_in(repr(sung.world.codes).encode()) == []
    out, err = capfd.readouterr()
    assert found_in((out + err).encode()) == []


def test_what_the_broker_remembers_tells_nothing(sung: Town) -> None:
    """The broker's state, its receipts and its counters hold no canary either."""
    sequencer = sung.world.sequencer
    remembered = repr(
        (
            vars(sequencer),
            sequencer.state,
            [(receipt.leaf, receipt.proof) for receipt in sequencer._receipts.values()],  # noqa: SLF001 - all of it
            sung.world.service.answered,
        )
    )
    assert len(remembered) > 10_000
    assert found_in(remembered.encode()) == []
