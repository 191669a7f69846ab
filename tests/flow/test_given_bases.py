"""What a client asks for or owes instead of consenting, and a receipt that was lost: through the nodes' HTTP API."""

from pathlib import Path
from typing import Any

import pytest

from adapters.node.access import Role
from adapters.node.store.rows import AskedState
from schemas.errors import Code
from schemas.ids import AgencyId, CodeName, GivenId, Purpose
from tests.flow.test_node_api import problem
from tests.support.node_http import Front, consent_body
from tests.support.small_town import COLLECTOR, DAY_MS, HOLDER, PERSON, REQUESTER, Town, question
from tests.support.virtual_time import virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

PROOF = ["course_participation.started_on", "course_participation.state"]


def basis_body(front: Front, **changes: object) -> dict[str, Any]:
    """Give a client's request that the course provider tells the Jobcenter how the course is going (Z13)."""
    now = front.town.world.clock.now_ms()
    return {
        "kind": "client_request",
        "purpose": "Z13@1",
        "recipient": REQUESTER,
        "holders": [HOLDER],
        "fields": PROOF,
        "person": {
            "family_name": PERSON.family_name,
            "given_names": PERSON.given_names,
            "birth_date": PERSON.birth_date,
        },
        "expires_ms": now + 30 * DAY_MS,
        "uses": 1,
        "norm": "IntV § 7(2)",
        **changes,
    }


async def asked_under(town: Town, given: str) -> AskedState:
    """Have the Jobcenter ask under a given basis."""
    asked = question(GivenId(given))._replace(  # type: ignore[arg-type]  # an id of a basis, not of a consent
        purpose=Purpose("Z13@1"), holder=AgencyId(HOLDER), role=CodeName("adviser"), consent=None, given=GivenId(given)
    )
    return (await town.requester.ask(asked)).state


@virtual
async def test_a_clients_request_hands_a_proof_over_once(tmp_path: Path) -> None:
    """Recorded at counselling, sealed to the Jobcenter, answered by the provider; a second time it is used up."""
    town = await Town.start(tmp_path)
    await town.world.approve(REQUESTER, "Z13@1")
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    collected = await counselling.call(Role.ADVISER, "POST", "/v1/bases", basis_body(counselling))
    assert collected.status_code == 201, collected.text
    given = collected.json()
    assert (given["state"], len(given["withdraw_code"])) == ("given", 16)
    held = (await jobcenter.call(Role.ADVISER, "GET", "/v1/consents")).json()
    assert [one["consent"] for one in held] == [given["consent"]]
    assert await asked_under(town, given["consent"]) is AskedState.ANSWERED
    assert await asked_under(town, given["consent"]) is AskedState.REFUSED
    await town.close()


@virtual
async def test_a_clients_request_is_taken_back_until_it_is_sent(tmp_path: Path) -> None:
    """The collector ends it at the client's word; nothing is handed over under it any more."""
    town = await Town.start(tmp_path)
    await town.world.approve(REQUESTER, "Z13@1")
    counselling = Front(town, COLLECTOR)
    given = (await counselling.call(Role.ADVISER, "POST", "/v1/bases", basis_body(counselling))).json()["consent"]
    ended = await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{given}/withdraw", {})
    assert ended.status_code == 200, ended.text
    assert await asked_under(town, given) is AskedState.REFUSED
    await town.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "Z16@1"}, Code.BASIS_MISMATCH),
        ({"norm": "SGB X § 67"}, Code.BASIS_MISMATCH),
        ({"uses": 2}, Code.MALFORMED),
        ({"kind": "cooperation_duty"}, Code.BASIS_MISMATCH),
        (
            {
                "kind": "cooperation_duty",
                "purpose": "Z23@1",
                "norm": "SGB I § 60(1) Nr. 3",
                "fields": ["documents.kind"],
            },
            Code.CONDITION_MISSING,
        ),
        ({"holders": [REQUESTER]}, Code.MISADDRESSED),
        ({"fields": ["language.literacy"]}, Code.FIELD_UNKNOWN),
        ({"expires_ms": 1}, Code.STALE),
    ],
    ids=lambda change: " ".join(map(str, change)) if isinstance(change, dict) else "",
)
@virtual
async def test_a_basis_that_breaks_a_rule_is_not_signed(tmp_path: Path, change: dict[str, object], code: Code) -> None:
    """The rule is named and no number is used up."""
    town = await Town.start(tmp_path)
    counselling, size = Front(town, COLLECTOR), town.world.store.size
    answer = await counselling.call(Role.ADVISER, "POST", "/v1/bases", basis_body(counselling, **change))
    assert problem(answer, 422) is code
    assert town.world.store.size == size
    await town.close()


@virtual
async def test_a_lost_receipt_gets_new_codes_from_its_collector_alone(tmp_path: Path) -> None:
    """The log has the new hashes, the old codes are worth nothing; an agency without the receipt cannot do it."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    old = (await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling))).json()
    path = f"/v1/consents/{old['consent']}/codes"
    assert problem(await jobcenter.call(Role.ADVISER, "POST", path, {}), 404) is Code.CONSENT_UNKNOWN
    renewed = await counselling.call(Role.ADVISER, "POST", path, {})
    assert renewed.status_code == 201, renewed.text
    new = renewed.json()
    assert {old["view_code"], old["withdraw_code"]}.isdisjoint({new["view_code"], new["withdraw_code"]})
    assert town.world.replay() == []
    await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{old['consent']}/withdraw", {})
    assert problem(await counselling.call(Role.ADVISER, "POST", path, {}), 404) is Code.CONSENT_UNKNOWN
    await town.close()
