"""An officer and their agency's entries: which they find, what each proves, and what stays closed to them."""

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.core.route import parties
from broker.log_files import PAGE
from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.proof import verify_proof
from schemas.ids import AgencyId, Hash
from tests.support import keys
from tests.support.audited_log import note_of, told
from tests.support.broker_site import officers_site

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

OFFICERS = {AgencyId(name): Hash(hashlib.sha256(f"{name}'s".encode()).hexdigest()) for name in ("jobcenter", "kurse")}
LEDGER = told()


def officer(agency: str) -> dict[str, str]:
    """Give the header of an agency's officer."""
    return {"Authorization": f"Bearer {agency}'s"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Visit the pages of the story's log, whose checkpoint lacks the last two entries."""
    note = note_of(LEDGER.leaves[:-2])
    async with officers_site(LEDGER, lambda: note, OFFICERS) as client:
        yield client


@pytest.mark.parametrize("agency", ["jobcenter", "kurse"])
async def test_an_officer_finds_what_their_agency_is_party_to(client: httpx.AsyncClient, agency: str) -> None:
    """The list has the entries of the agency and those open to all members, and none beyond the checkpoint."""
    answer = await client.get("/log/own", headers=officer(agency))
    allowed = [parties(read_leaf(raw), LEDGER.state.keys) for raw in LEDGER.leaves[:-2]]
    size = len(allowed)
    assert answer.json() == {
        "agency": agency,
        "indices": [index for index, one in enumerate(allowed) if one is None or agency in one],
        "next": size,
        "size": size,
    }
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/log/own", params={"start": size + 5}, headers=officer(agency))).json()["indices"] == []


async def test_each_entry_comes_with_its_proof(client: httpx.AsyncClient) -> None:
    """Entry and tlog-proof are fetched one by one, and the proof holds offline under the cosigned checkpoint."""
    listing = (await client.get("/log/own", params={"start": 40}, headers=officer("jobcenter"))).json()
    assert listing["indices"]
    verifier = CheckpointVerifier(keys.log_signer().key)
    for index in listing["indices"]:
        entry = await client.get(f"/log/own/{index}.entry", headers=officer("jobcenter"))
        proof = await client.get(f"/log/own/{index}.tlog-proof", headers=officer("jobcenter"))
        assert verify_proof(entry.content, proof.content, verifier).index == index
        assert entry.content == LEDGER.leaves[index]
        assert (entry.headers["content-type"], entry.headers["cache-control"]) == (
            "application/octet-stream",
            "private, max-age=31536000, immutable",
        )
        assert (proof.headers["content-type"], proof.headers["cache-control"]) == (
            "text/plain; charset=utf-8",
            "private, no-cache",
        )


async def test_others_entries_are_not_there(client: httpx.AsyncClient) -> None:
    """An outcome is its holder's: the requester's officer is told no more than of an index that there is not."""
    kinds = [read_leaf(raw).kind for raw in LEDGER.leaves]
    outcome = kinds.index("exchange.withheld")
    assert (await client.get(f"/log/own/{outcome}.entry", headers=officer("kurse"))).status_code == 200
    size = len(LEDGER.leaves)
    denied = [
        await client.get(f"/log/own/{index}.{form}", headers=officer("jobcenter"))
        for index in (outcome, size - 1, size, 10**20, -1)
        for form in ("entry", "tlog-proof")
    ]
    assert {(answer.status_code, answer.text) for answer in denied} == {(404, denied[0].text)}


@pytest.mark.parametrize("path", ["/log/own", "/log/own/3.entry", "/log/own/3.tlog-proof"])
async def test_without_an_officers_token_nothing_is_told(client: httpx.AsyncClient, path: str) -> None:
    """No token, a wrong one, or the right one in another scheme: 401, whatever is asked for."""
    wrong: tuple[dict[str, str], ...] = (
        {},
        officer("amt"),
        {"Authorization": "jobcenter's"},
        {"Authorization": "Basic jobcenter's"},
    )
    for headers in wrong:
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (await client.get("/log/tile/entries/000.p/9", headers=officer("jobcenter"))).status_code == 401


async def test_a_log_without_a_checkpoint_shows_nothing() -> None:
    """Before anything is signed the list is empty and no entry is there."""
    async with officers_site(told(), lambda: None, OFFICERS) as client:
        answer = await client.get("/log/own", headers=officer("kurse"))
        assert answer.json() == {"agency": "kurse", "indices": [], "next": 0, "size": 0}
        assert (await client.get("/log/own/0.entry", headers=officer("kurse"))).status_code == 404


async def test_a_long_log_is_listed_page_by_page() -> None:
    """A page looks at a bounded number of entries; following `next` finds them all."""
    ledger = told()
    while len(ledger.leaves) <= PAGE + 3:
        ledger.write(ledger.agency_head("jobcenter"))
    note = note_of(ledger.leaves)
    async with officers_site(ledger, lambda: note, OFFICERS) as client:
        pages = []
        start = 0
        while start < len(ledger.leaves):
            answer = await client.get("/log/own", params={"start": start}, headers=officer("jobcenter"))
            pages.append(answer.json()["indices"])
            start = answer.json()["next"]
    assert [len(page) <= PAGE for page in pages] == [True, True]
    assert pages[1] == [PAGE, PAGE + 1, PAGE + 2, PAGE + 3]
