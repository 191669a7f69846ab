"""The life of a consent at the nodes: given, asked under, ended by everybody who may, run out, renewed."""

from pathlib import Path
from typing import Any

import pytest

from adapters.node.access import Role
from adapters.node.store.rows import AskedState, ConsentState
from adapters.web.texts import load
from broker.clients import Clients
from broker.log_files import LogFiles
from consent_ledger.core.merkle import leaf_hash
from schemas import statements as st
from schemas.errors import Code
from schemas.ids import ConsentId
from tests.support.node_http import Front, consent_body
from tests.support.small_town import COLLECTOR, DAY_MS, HOLDER, PERSON, REQUESTER, STRANGER, VALUES, Town, taken
from tests.support.virtual_time import pass_time, virtual

from .test_node_api import problem
from .test_portal_consents import hash_on
from .test_portal_work import seated

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


async def states(front: Front) -> dict[str, str]:
    """Give the state of every consent an agency holds, as its API says it."""
    return {one["consent"]: one["state"] for one in (await front.call(Role.ADVISER, "GET", "/v1/consents")).json()}


async def take(front: Front, **changes: object) -> dict[str, Any]:
    """Have a consent taken over HTTP."""
    answer = await front.call(Role.ADVISER, "POST", "/v1/consents", consent_body(front, **changes))
    assert answer.status_code == 201, answer.text
    collected: dict[str, Any] = answer.json()
    return collected


@virtual
async def test_a_renewal_ends_the_old_consent_everywhere(tmp_path: Path) -> None:
    """One entry begins the new and ends the old, at collector and recipient; only the new one is a basis."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    old = await take(counselling)
    town.world.clock.ms += 20 * DAY_MS
    new = await take(counselling, replaces=old["consent"])
    assert new["replaces"] == old["consent"]
    for front in (counselling, jobcenter):
        assert await states(front) == {old["consent"]: "renewed", new["consent"]: "given"}
    lines = (await counselling.call(Role.ADVISER, "GET", "/v1/consents")).json()
    assert [one["ended_index"] for one in lines] == [None, new["log_index"]]
    refused = await town.ask(ConsentId(old["consent"]))
    assert (refused.state, refused.reason) == (AskedState.REFUSED, "consent_renewed")
    assert (await town.ask(ConsentId(new["consent"]))).state is AskedState.ANSWERED
    town.world.clock.ms += 20 * DAY_MS  # the old one's last day is past, the new one's is not
    assert (await states(jobcenter))[new["consent"]] == "given"
    await town.close()


@virtual
async def test_a_consent_that_has_run_out_is_no_basis_on_the_pages(tmp_path: Path) -> None:
    """Up to its last day the case offers it; afterwards it says that a consent is needed first."""
    town = await Town.start(tmp_path)
    await town.consent()
    texts = load("adapters.node.portal")["de"]
    said = {"family_name": PERSON.family_name, "given_names": PERSON.given_names}
    for days, basis in ((29, "consent"), (1, "none")):
        town.world.clock.ms += days * DAY_MS
        clerk = seated(town.world, REQUESTER, Role.ADVISER)
        page = await clerk.send("/case", **said, birth_date=PERSON.birth_date or "")
        assert (texts("case.basis.consent") in page.text) is (basis == "consent"), days
    await town.close()


@virtual
async def test_what_is_no_renewal_is_refused_before_it_costs_a_number(tmp_path: Path) -> None:
    """Another person, an end, a second renewal, an unknown id, a last day that is past: each by its own reason."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    old, ended, over = [await take(counselling) for _ in range(3)]
    await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{ended['consent']}/withdraw", {})
    await take(counselling, replaces=over["consent"])
    size = town.world.store.size
    stranger = STRANGER.model_dump(exclude_none=True, exclude_defaults=True)
    for changes, status, code in (
        ({"replaces": old["consent"], "person": stranger}, 422, Code.CONSENT_FOREIGN),
        ({"replaces": ended["consent"]}, 422, Code.CONSENT_WITHDRAWN),
        ({"replaces": over["consent"]}, 422, Code.CONSENT_RENEWED),
        ({"replaces": "0" * 32}, 404, Code.CONSENT_UNKNOWN),
    ):
        answer = await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling, **changes))
        assert problem(answer, status) is code, changes
    town.world.clock.ms += 31 * DAY_MS
    answer = await counselling.call(
        Role.ADVISER, "POST", "/v1/consents", consent_body(counselling, replaces=old["consent"])
    )
    assert problem(answer, 422) is Code.CONSENT_EXPIRED
    assert town.world.store.size == size
    assert (await states(jobcenter))[old["consent"]] == "expired"
    await town.close()


@virtual
async def test_a_renewal_that_could_not_be_logged_leaves_the_old_one(tmp_path: Path) -> None:
    """Until the log has the new consent the old one stands; afterwards the new one does, and nobody asks again."""
    town = await Town.start(tmp_path)
    counselling = Front(town, COLLECTOR)
    old = await take(counselling)
    town.world.net.cut()
    answer = await counselling.call(
        Role.ADVISER, "POST", "/v1/consents", consent_body(counselling, replaces=old["consent"])
    )
    assert answer.status_code == 202, answer.text
    assert (await states(counselling))[old["consent"]] == "given"
    town.world.net.heal()
    await pass_time(60)
    assert await states(counselling) == {old["consent"]: "renewed", answer.json()["consent"]: "given"}
    await town.close()


@pytest.mark.parametrize("cause", ["withdrawn", "revoked", "invalidated"])
@pytest.mark.parametrize("agency", [COLLECTOR, REQUESTER])
@virtual
async def test_whoever_ends_it_it_is_over_at_its_index(tmp_path: Path, agency: str, cause: str) -> None:
    """Collector and recipient end a consent over HTTP, for each cause; both nodes say why, and nothing flows after."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    consent = await take(counselling)
    assert (await town.ask(ConsentId(consent["consent"]))).state is AskedState.ANSWERED
    ender = Front(town, agency)
    ended = await ender.call(Role.ADVISER, "POST", f"/v1/consents/{consent['consent']}/withdraw", {"cause": cause})
    assert ended.json()["log_index"] == town.world.store.size - 1
    await town.world.notices.close()
    for front in (counselling, jobcenter):
        (line,) = (await front.call(Role.ADVISER, "GET", "/v1/consents")).json()
        assert (line["state"], line["ended_index"]) == (cause, ended.json()["log_index"]), front.agency
    refused = await town.ask(ConsentId(consent["consent"]))
    assert (refused.state, refused.reason) == (AskedState.REFUSED, "consent_withdrawn")
    await town.close()


@virtual
async def test_the_holder_ends_it_over_its_own_api(tmp_path: Path) -> None:
    """The provider may end what it would be asked under; collector and recipient are told with receipt."""
    town = await Town.start(tmp_path)
    counselling, jobcenter, provider = (Front(town, one) for one in (COLLECTOR, REQUESTER, HOLDER))
    consent = await take(counselling)
    ended = await provider.call(Role.ADVISER, "POST", f"/v1/consents/{consent['consent']}/withdraw", {})
    assert (ended.status_code, ended.json()["log_index"]) == (200, town.world.store.size - 1)
    await town.world.notices.close()
    for front in (counselling, jobcenter):
        assert await states(front) == {consent["consent"]: "withdrawn"}
    assert (await town.ask(ConsentId(consent["consent"]))).reason == "consent_withdrawn"
    await town.close()


@virtual
async def test_the_client_ends_it_by_the_code_of_the_last_receipt(tmp_path: Path) -> None:
    """The codes of a lost receipt end nothing; the new ones do, at every node, and what is weighed stays."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    lost = await take(counselling)
    town.source.add("T-1", PERSON, VALUES, guardian=True)
    asked = await town.ask(ConsentId(lost["consent"]))
    assert asked.state is AskedState.GRANTED
    codes = await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{lost['consent']}/codes", {})
    new, size = codes.json(), town.world.store.size
    sequencer = town.world.sequencer
    clients = Clients(
        sequencer, LogFiles(town.world.store, lambda: sequencer.size), town.world.clock, town.world.notices.tell
    )
    for view, withdraw in (
        (lost["view_code"], lost["withdraw_code"]),
        (lost["view_code"], new["withdraw_code"]),
        (new["view_code"], lost["withdraw_code"]),
    ):
        assert await clients.withdraw(view, withdraw) is None
    assert town.world.store.size == size
    ended = await clients.withdraw(new["view_code"], new["withdraw_code"])
    assert ended is not None
    assert ended.index == size
    await town.world.notices.close()
    for front in (counselling, jobcenter):
        (line,) = (await front.call(Role.ADVISER, "GET", "/v1/consents")).json()
        assert (line["state"], line["ended_index"]) == ("withdrawn", size), front.agency
    assert (await town.ask(ConsentId(lost["consent"]))).reason == "consent_withdrawn"
    await pass_time(3600)
    assert (await town.requester.result(asked.exchange)).state is AskedState.NOT_AVAILABLE
    assert "exchange.disclosed" not in town.world.kinds()
    await town.close()


@virtual
async def test_a_consents_record_is_its_collectors_to_give(tmp_path: Path) -> None:
    """JSON-LD with the state as it stands, who consented, the entry that proves it; no person, and nobody else's."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    consent = await take(counselling, capacity="guardian", guardian="parent")
    path = f"/v1/consents/{consent['consent']}/record"
    answer = await counselling.call(Role.DPO, "GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/ld+json"), answer.text
    record = answer.json()
    assert record["dct:source"]["hs:index"] == consent["log_index"]
    raw = town.world.leaves()[consent["log_index"]]
    assert record["dct:source"]["hs:leafHash"] == leaf_hash(raw).hex()
    assert [event["dpv:isIndicatedBy"] for event in record["dpv:hasConsentStatus"]] == ["dpv:ParentOfDataSubject"]
    assert record["dpv:hasNotice"]["hs:translationStatus"] == "draft"
    assert not any(part in answer.text for part in (PERSON.family_name, PERSON.given_names, str(PERSON.birth_date)))
    await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{consent['consent']}/withdraw", {"cause": "revoked"})
    events = (await counselling.call(Role.ADVISER, "GET", path)).json()["dpv:hasConsentStatus"]
    assert events[1]["@type"] == "dpv:ConsentRevoked"
    assert events[1]["dpv:isIndicatedAtTime"].startswith("2026-")
    assert problem(await jobcenter.call(Role.ADVISER, "GET", path), 404) is Code.CONSENT_UNKNOWN
    town.world.net.cut()
    sent = await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling))
    waiting = await counselling.call(Role.ADVISER, "GET", f"/v1/consents/{sent.json()['consent']}/record")
    assert problem(waiting, 503) is Code.UNAVAILABLE
    await town.close()


@virtual
async def test_a_consent_near_its_end_is_renewed_on_the_pages(tmp_path: Path) -> None:
    """The list offers it for those near their end; the text is read, the question answered and the yes said anew."""
    town = await Town.start(tmp_path)
    adviser, node = seated(town.world, COLLECTOR, Role.ADVISER), town.world.nodes[COLLECTOR]
    consent = await town.consent()
    far = await town.collector.collect(taken(town.world, expires=town.world.clock.now_ms() + 90 * DAY_MS))
    assert (await adviser.open("/consents")).text.count("/consents/renew") == 1
    assert (await adviser.send("/consents/renew", consent=far.id)).status_code == 422
    page = await adviser.send("/consents/renew", consent=consent)
    assert page.url.path == "/consents/card"
    assert "/consents/yes" not in page.text
    page = await adviser.send("/consents/answer", answer=REQUESTER)
    page = await adviser.send("/consents/yes", text=hash_on(page))
    assert page.url.path == "/consents/receipt"
    new, _, old = await node.store.bases.consents()
    assert isinstance(new.statement, st.ConsentGiven)
    assert (new.statement.replaces, new.package.person) == (old.id, old.package.person)
    assert (new.state, old.state) == (ConsentState.GIVEN, ConsentState.RENEWED)
    assert (await adviser.send("/consents/renew", consent=old.id)).status_code == 422
    await town.close()
