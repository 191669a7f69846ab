"""The node's HTTP API over a small world: who may do what, what each route gives, and that errors repeat nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from httpx import Response

from adapters.node.access import ALLOWED, OPEN, Role, Route
from adapters.node.api import MAX_BODY_BYTES
from adapters.node.identity import Roles
from adapters.node.tokens import issue, new_key
from schemas.errors import Code, LedgerInconsistent
from schemas.record import PersonBlock
from tests.support import keys
from tests.support.node_http import LIFE_S, PRIVATE, Front, consent_body
from tests.support.small_town import (
    COLLECTOR,
    FIELDS,
    HOLDER,
    REQUESTER,
    STRANGER,
    VALUES,
    Town,
    provider,
)
from tests.support.virtual_time import pass_time, virtual

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

ID = "0123456789abcdef0123456789abcdef"
DAY_MS = 86_400_000


def problem(response: Response, status: int) -> Code:
    """Give the code of an error, which has one shape."""
    assert response.status_code == status, response.text
    assert response.json().keys() == {"code", "detail"}
    return Code(response.json()["code"])


@virtual
async def test_the_table_is_the_api(tmp_path: Path) -> None:
    """Every route of the table is served and nothing else is; each documents its errors and has an example."""
    front = Front(await Town.start(tmp_path), REQUESTER)
    document = front.app.openapi()
    served = {Route(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert served == {*OPEN, *ALLOWED} - {Route("GET", "/openapi.json")}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if Route(method.upper(), path) not in OPEN:
                assert {"401", "403", "422", "503"} <= operation["responses"].keys()
                assert operation["security"]
    shapes = document["components"]["schemas"]
    named = [name for name in shapes if name[0].isupper() and "properties" in shapes[name]]
    inner = {"FieldValues", "Said", "Value", "PersonBlock", "Labels", "Cut", "ReceiptText", "Typed", "Collection"}
    inner |= {"HTTPValidationError", "ValidationError", "TextPart"}
    assert [name for name in named if name not in inner and "examples" not in shapes[name]] == []
    await front.town.close()


@virtual
async def test_every_route_for_every_role(tmp_path: Path) -> None:
    """A role is let through exactly where the table says so; what comes then is another matter than being let in."""
    front = Front(await Town.start(tmp_path), REQUESTER)
    front.desk.node = None  # nobody needs to be asked for more than to be let in
    for route, roles in ALLOWED.items():
        path = route.path.format(exchange=ID, consent=ID, approval=ID, occasion=ID, paper="processing")
        for role in Role:
            response = await front.call(role, route.method, path, {})
            assert (response.status_code != 403) is (role in roles), (route, role)
        for headers in await _no_tokens(front):
            response = await front.raw(route.method, path, headers)
            assert problem(response, 401) is Code.NOT_AUTHENTIC, (route, headers)
            assert response.headers["WWW-Authenticate"] == "Bearer"
    await front.town.close()


async def _no_tokens(front: Front) -> list[dict[str, str]]:
    """Give headers that hold no valid token of this node."""
    claims = front.claims(Role.DPO)
    foreign, _ = new_key()
    expired = claims.model_copy(update={"iat": claims.iat - LIFE_S, "exp": claims.exp - LIFE_S})
    elsewhere = claims.model_copy(update={"iss": HOLDER})
    unsigned = issue(PRIVATE, claims).rpartition(".")[0] + "."
    valid = issue(PRIVATE, claims)
    return [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": valid},
        {"Authorization": f"Basic {valid}"},
        *(
            {"Authorization": f"Bearer {token}"}
            for token in (issue(PRIVATE, expired), issue(PRIVATE, elsewhere), issue(foreign, claims), unsigned)
        ),
    ]


@virtual
async def test_two_authorizations_are_none(tmp_path: Path) -> None:
    """Where two headers say who calls, nobody is believed."""
    front = Front(await Town.start(tmp_path), REQUESTER)
    token = front.token(Role.ADVISER)
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    response = await front.raw("GET", "/v1/requests", headers)  # type: ignore[arg-type]  # httpx takes pairs as well
    assert problem(response, 401) is Code.NOT_AUTHENTIC
    await front.town.close()


NOT_THERE = (
    ("GET", "/", 404),
    ("GET", "/docs", 404),
    ("GET", "/v1/requests/", 404),
    ("GET", f"/v1/requests/{ID}/receipt/x", 404),
    ("GET", "/v1/requests/a%2Fb", 404),
    ("GET", "/openapiXjson", 404),
    ("DELETE", "/v1/requests", 405),
    ("HEAD", "/v1/requests", 405),
    ("POST", "/health", 405),
)


@virtual
async def test_what_is_not_in_the_table_is_not_there(tmp_path: Path) -> None:
    """An unknown path or method is told as such, to callers with a token only."""
    front = Front(await Town.start(tmp_path), REQUESTER)
    for method, path, status in NOT_THERE:
        assert (await front.call(None, method, path)).status_code == 401
        response = await front.call(Role.ADVISER, method, path)
        assert response.status_code == status, path
        assert method == "HEAD" or problem(response, status) is Code.UNKNOWN_TOPIC
    await front.town.close()


def health(*, ready: bool) -> dict[str, object]:
    """Give what the health of a node without a witness policy says, before anybody asked it to cosign."""
    return {"ready": ready, "witnessed": ready, "cosigned_age_s": None}


@virtual
async def test_health_says_ready_or_not_and_nothing_else(tmp_path: Path) -> None:
    """The one open route: not ready before it joined, without bus, disk or key in force, and after the log broke."""
    town = await Town.start(tmp_path)
    front = Front(town, REQUESTER)
    assert (await front.call(None, "GET", "/health")).json() == health(ready=True)
    front.desk.node = None
    response = await front.call(None, "GET", "/health")
    assert (response.status_code, response.json()) == (503, health(ready=False))
    assert problem(await front.call(Role.ADVISER, "GET", "/v1/requests"), 503) is Code.UNAVAILABLE
    front.desk.node = town.world.nodes[REQUESTER]
    for there in (False, True):
        front.desk.outside = partial(bool, there)
        assert (await front.call(None, "GET", "/health")).json() == health(ready=there)
        metrics = await front.call(Role.OPERATOR, "GET", "/metrics")
        assert f"handschlag_node_ready {int(there)}\n" in metrics.text
    own = front.desk.node.identity
    front.desk.node.identity = replace(own, statement=keys.signer(f"{own.statement.key.name}0"))
    assert (await front.call(None, "GET", "/health")).status_code == 503
    front.desk.node.identity = own
    assert (await front.call(None, "GET", "/health")).status_code == 200
    town.world.nodes[REQUESTER].background.stop(LedgerInconsistent("log: two roots are signed for size 7"))
    assert (await front.call(None, "GET", "/health")).status_code == 503
    assert problem(await front.call(Role.ADVISER, "GET", "/v1/registry"), 503) is Code.UNAVAILABLE
    await town.world.close()


@virtual
async def test_a_side_that_is_off_is_told_as_such(tmp_path: Path) -> None:
    """An agency that does not ask, collect or hold says so and does nothing."""
    town = await Town.start(tmp_path)
    await town.world.admit(
        "amt", "auslaenderbehoerde", provider(), Roles(requester=False, holder=False, collector=False)
    )
    front = Front(town, "amt")
    for role, method, path, body in (
        (Role.ADVISER, "POST", "/v1/requests", {"purpose": "Z16@1", "holder": HOLDER, "consent": ID}),
        (Role.ADVISER, "POST", "/v1/consents", consent_body(front)),
        (Role.CLERK_ANSWER, "GET", "/v1/releases", None),
    ):
        response = await front.call(role, method, path, body)
        assert problem(response, 503) is Code.UNAVAILABLE
        assert "is off" in response.json()["detail"]
    await town.close()


@virtual
async def test_a_consent_is_collected_and_a_record_asked_for(tmp_path: Path) -> None:
    """From the client's yes to the record with its provenance, what was cut and by which rule, and the receipts."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    collected = await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling))
    assert collected.status_code == 201, collected.text
    consent = collected.json()
    assert (consent["state"], consent["side"]) == ("given", "collector")
    assert len(consent["view_code"]) == len(consent["withdraw_code"]) == 16
    held = (await jobcenter.call(Role.ADVISER, "GET", "/v1/consents")).json()
    assert [(one["consent"], one["side"]) for one in held] == [(consent["consent"], "recipient")]
    assert "withdraw_code" not in held[0]

    body = {"purpose": "Z16@1", "holder": HOLDER, "consent": consent["consent"], "case_ref": "JC-1"}
    asked = await jobcenter.call(Role.ADVISER, "POST", "/v1/requests", body)
    assert asked.status_code == 201, asked.text
    found = asked.json()
    assert (found["state"], found["granted_fields"]) == ("answered", list(FIELDS))
    assert {one["rule"] for one in found["cut"]} == {"cut_basis"}
    values = {one["field"]: one["values"][0]["value"] for one in found["record"] if one["values"]}
    assert values == VALUES
    location = asked.headers["Location"]
    assert (await jobcenter.call(Role.ADVISER, "GET", location)).json() == found
    lines = (await jobcenter.call(Role.ADVISER, "GET", "/v1/requests")).json()
    assert [(line["exchange"], line["case_ref"]) for line in lines] == [(found["exchange"], "JC-1")]
    assert "record" not in lines[0]
    receipts = (await jobcenter.call(Role.DPO, "GET", f"{location}/receipt")).json()
    assert receipts["grant"]["entry"].startswith("handschlag/entry/exchange.granted/v1\n")
    assert receipts["answer"]["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    await town.close()


@virtual
async def test_another_advisers_request_is_unknown(tmp_path: Path) -> None:
    """An adviser sees the requests of their own token alone; receipts, which name nobody, are for the officer too."""
    town = await Town.start(tmp_path)
    front = Front(town, REQUESTER)
    exchange = (await town.agreed()).exchange
    for path in (f"/v1/requests/{exchange}", f"/v1/requests/{exchange}/receipt"):
        assert (await front.call(Role.ADVISER, "GET", path)).status_code == 200
        response = await front.call(Role.ADVISER, "GET", path, staff="staff-8")
        assert problem(response, 404) is Code.GRANT_UNKNOWN
    assert (await front.call(Role.ADVISER, "GET", "/v1/requests", staff="staff-8")).json() == []
    assert problem(await front.call(Role.AUDITOR, "GET", f"/v1/requests/{ID}/receipt"), 404) is Code.GRANT_UNKNOWN
    await town.close()


@virtual
async def test_later_is_202_and_a_no_names_its_rule(tmp_path: Path) -> None:
    """An unknown person is "granted" with a place to look again; after a withdrawal the rule is named."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    body = consent_body(counselling, person=STRANGER.model_dump(exclude_none=True, exclude_defaults=True))
    consent = (await counselling.call(Role.ADVISER, "POST", "/v1/consents", body)).json()["consent"]
    question = {"purpose": "Z16@1", "holder": HOLDER, "consent": consent, "fields": [FIELDS[0]]}
    asked = await jobcenter.call(Role.ADVISER, "POST", "/v1/requests", question)
    assert (asked.status_code, asked.json()["state"]) == (202, "granted")
    await pass_time(3600)
    later = (await jobcenter.call(Role.ADVISER, "GET", asked.headers["Location"])).json()
    assert (later["state"], later["reason"], later["record"]) == ("not_available", "not_available", None)

    path = f"/v1/consents/{consent}/withdraw"
    ended = await counselling.call(Role.ADVISER, "POST", path, {"cause": "withdrawn"})
    assert ended.status_code == 200
    assert ended.json()["log_index"] == town.world.kinds().index("consent.withdrawn")
    refused = await jobcenter.call(Role.ADVISER, "POST", "/v1/requests", question)
    assert (refused.status_code, refused.json()["state"]) == (201, "refused")
    assert (refused.json()["reason"], refused.json()["receipts"]) == ("consent_withdrawn", ["answer"])
    assert problem(await counselling.call(Role.DPO, "POST", f"/v1/consents/{ID}/withdraw", {}), 404)
    await town.close()


@virtual
async def test_what_cannot_be_handed_in_now_is_taken(tmp_path: Path) -> None:
    """While the broker is out of reach a consent, a request and a withdrawal are signed and go out when it is back."""
    town = await Town.start(tmp_path)
    counselling, jobcenter = Front(town, COLLECTOR), Front(town, REQUESTER)
    first = (await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling))).json()["consent"]
    town.world.net.cut()
    collected = await counselling.call(Role.ADVISER, "POST", "/v1/consents", consent_body(counselling))
    assert (collected.status_code, collected.json()["state"]) == (202, "sent")
    body = {"purpose": "Z16@1", "holder": HOLDER, "consent": first}
    asked = await jobcenter.call(Role.ADVISER, "POST", "/v1/requests", body)
    assert (asked.status_code, asked.json()["state"]) == (202, "sent")
    town.world.net.heal()
    await pass_time(60)
    assert (await jobcenter.call(Role.ADVISER, "GET", asked.headers["Location"])).json()["state"] == "answered"
    states = {
        one["consent"]: one["state"] for one in (await jobcenter.call(Role.ADVISER, "GET", "/v1/consents")).json()
    }
    assert states == {first: "given", collected.json()["consent"]: "given"}
    town.world.net.cut()
    ended = await counselling.call(Role.ADVISER, "POST", f"/v1/consents/{first}/withdraw", {})
    assert (ended.status_code, ended.json()) == (202, {"log_index": None})
    town.world.net.heal()
    await pass_time(60)
    assert town.world.kinds().count("consent.withdrawn") == 1
    await town.close()


@virtual
async def test_a_clients_no_is_recorded(tmp_path: Path) -> None:
    """A refusal stands in the ledger and names nobody."""
    town = await Town.start(tmp_path)
    front = Front(town, COLLECTOR)
    body = {"purpose": "Z16@1", "recipient": REQUESTER, "text_sha256": "0" * 64, "language": "ar"}
    response = await front.call(Role.ADVISER, "POST", "/v1/consents/refusals", body)
    assert response.status_code == 201
    assert response.json()["log_index"] == town.world.kinds().index("consent.refused")
    response = await front.call(Role.ADVISER, "POST", "/v1/consents/refusals", {**body, "recipient": "nobody"})
    assert problem(response, 422) is Code.NOT_A_MEMBER
    await town.close()


@virtual
async def test_a_human_releases_or_refuses(tmp_path: Path) -> None:
    """What waits shows person and rows side by side; a release travels at once, each is decided once."""
    town = await Town.start(tmp_path)
    holder = Front(town, HOLDER)
    twin = PersonBlock(family_name="Al-Hamadi", given_names="Rima M.", birth_date="1991-03")
    town.source.rows.clear()
    town.source.add("T-2", twin, VALUES)
    asked, refused = await town.agreed(), await town.agreed()
    waiting = (await holder.call(Role.CLERK_ANSWER, "GET", "/v1/releases")).json()
    assert [one["exchange"] for one in waiting] == [asked.exchange, refused.exchange]
    assert (waiting[0]["why"], waiting[0]["person"]["given_names"]) == ("match_probable", "Rima")
    assert [row["person"]["given_names"] for row in waiting[0]["candidates"]] == ["Rima M."]
    path = f"/v1/releases/{asked.exchange}"
    assert problem(await holder.call(Role.CLERK_ANSWER, "POST", f"{path}/release", {"ref": "T-9"}), 422)
    assert (await holder.call(Role.CLERK_ANSWER, "POST", f"{path}/release", {"ref": "T-2"})).status_code == 204
    again = await holder.call(Role.CLERK_ANSWER, "POST", f"{path}/release", {"ref": "T-2"})
    assert problem(again, 409) is Code.GRANT_CLOSED
    no = await holder.call(
        Role.CLERK_ANSWER, "POST", f"/v1/releases/{refused.exchange}/refuse", {"reason": "another_person"}
    )
    assert no.status_code == 204
    await pass_time(1)
    assert (await town.requester.result(asked.exchange)).record is not None
    assert (await holder.call(Role.CLERK_ANSWER, "GET", "/v1/releases")).json() == []
    register = (await holder.call(Role.DPO, "GET", "/v1/disclosures")).json()
    assert [(line["exchange"], line["ref"]) for line in register] == [(asked.exchange, "T-2")]
    unknown = await holder.call(Role.CLERK_ANSWER, "POST", f"/v1/releases/{ID}/refuse", {"reason": "too_uncertain"})
    assert problem(unknown, 404) is Code.GRANT_UNKNOWN
    await town.close()


@virtual
async def test_the_officer_approves_and_ends(tmp_path: Path) -> None:
    """An approval works from its entry on, is listed while it is in force, and ends as it came."""
    town = await Town.start(tmp_path)
    front = Front(town, REQUESTER)
    until = town.world.clock.now_ms() + DAY_MS
    body = {"role": "specially_authorised", "purpose": "Z16@1", "valid_until_ms": until, "fields": [FIELDS[0]]}
    approved = await front.call(Role.DPO, "POST", "/v1/approvals", body)
    assert approved.status_code == 201
    name = approved.json()["approval"]
    listed = {one["approval"]: one for one in (await front.call(Role.AUDITOR, "GET", "/v1/approvals")).json()}
    assert listed[name]["fields"] == [FIELDS[0]]
    consent = await town.consent()
    question = {"purpose": "Z16@1", "holder": HOLDER, "consent": consent}
    asked = await front.call(Role.SPECIALLY_AUTHORISED, "POST", "/v1/requests", question)
    assert asked.json()["granted_fields"] == [FIELDS[0]]
    assert (await front.call(Role.DPO, "DELETE", f"/v1/approvals/{name}")).status_code == 204
    refused = await front.call(Role.SPECIALLY_AUTHORISED, "POST", "/v1/requests", question)
    assert refused.json()["reason"] == "no_approval"
    assert problem(await front.call(Role.DPO, "DELETE", f"/v1/approvals/{ID}"), 404) is Code.NO_APPROVAL
    for change, code in (
        ({"purpose": "Z99@1"}, Code.PURPOSE_UNKNOWN),
        ({"fields": ["language.literacy"]}, Code.FIELD_UNKNOWN),
        ({"valid_until_ms": 1}, Code.STALE),
    ):
        assert problem(await front.call(Role.DPO, "POST", "/v1/approvals", {**body, **change}), 422) is code
    await town.close()


@virtual
async def test_catalogue_registry_and_search(tmp_path: Path) -> None:
    """A holder publishes its fields and searches its own rows; everybody sees the purposes that mean something here."""
    town = await Town.start(tmp_path)
    holder, jobcenter = Front(town, HOLDER), Front(town, REQUESTER)
    published = await holder.call(Role.ACCESS_STEWARD, "PUT", "/v1/catalogue")
    assert published.json() == {"agency": HOLDER, "fields": sorted(town.source.catalogue)}
    assert (await holder.call(Role.DPO, "GET", "/v1/catalogues")).json() == [published.json()]
    purposes = {one["purpose"]: one for one in (await jobcenter.call(Role.ADVISER, "GET", "/v1/registry")).json()}
    assert purposes["Z16@1"]["holders"] == [HOLDER]
    assert (purposes["Z16@1"]["may_ask"], purposes["Z16@1"]["may_answer"]) == (True, False)
    found = await holder.call(Role.CLERK_ANSWER, "POST", "/v1/clients/search", {"family_name": "Al-Hamadi"})
    assert [(row["ref"], row["person"]["given_names"]) for row in found.json()] == [("T-1", "Rima")]
    town.source.down = True
    down = await holder.call(Role.CLERK_ANSWER, "POST", "/v1/clients/search", {"family_name": "Al-Hamadi"})
    assert problem(down, 503) is Code.UNAVAILABLE
    await town.close()


@virtual
async def test_metrics_count_and_name_nobody(tmp_path: Path) -> None:
    """Counters by type and state, and no id in them."""
    town = await Town.start(tmp_path)
    front = Front(town, REQUESTER)
    asked = await town.agreed()
    front.desk.reports("call", Code.MALFORMED)
    text = (await front.call(Role.OPERATOR, "GET", "/metrics")).text
    assert 'handschlag_node_asked{state="answered"} 1' in text
    assert 'handschlag_node_reports_total{where="call",code="malformed"} 1' in text
    assert "handschlag_node_ready 1" in text
    assert asked.exchange not in text
    assert asked.basis not in text
    await town.close()


# -- bad input ------------------------------------------------------------------------------------------------------

HIDDEN = "Geheimname"
ASKED = {"purpose": "Z16@1", "holder": HOLDER, "consent": ID}


BAD: tuple[tuple[str, object, str], ...] = (
    ("/v1/requests", {"purpose": HIDDEN, "holder": HOLDER, "consent": ID}, "purpose: "),
    ("/v1/requests", {"holder": HOLDER, "consent": ID}, "purpose: Field required"),
    ("/v1/requests", {"purpose": "Z16@1", "holder": HOLDER, "fields": "all"}, "fields: "),
    ("/v1/requests", {**ASKED, HIDDEN: 1}, "?: Extra inputs"),
    (
        "/v1/requests",
        {**ASKED, "declared": ["a", HIDDEN]},
        "declared.1: ",
    ),
    ("/v1/requests", {"purpose": "Z16@1", "holder": HOLDER}, "basis: exactly one"),
    ("/v1/requests", {"purpose": "Z16@1", "holder": "nobody", "norm": "SGB X"}, "holder: is no member"),
    ("/v1/requests", {"purpose": "Z16@1", "holder": HOLDER, "norm": "SGB X"}, "person: "),
    (
        "/v1/requests",
        {**ASKED, "person": {"family_name": HIDDEN}},
        "person.given_names: ",
    ),
    ("/v1/requests", [HIDDEN], "body: "),
    ("/v1/clients/search", {}, "body: give at least"),
    ("/v1/clients/search", {"birth_date": HIDDEN}, "birth_date: "),
)


@virtual
async def test_bad_input_names_field_and_rule(tmp_path: Path) -> None:
    """A slip is 422 with its field and rule, repeats no value, and changes nothing."""
    town = await Town.start(tmp_path)
    front, before = Front(town, REQUESTER), town.world.kinds()
    for path, body, told in BAD:
        response = await front.call(Role.ADVISER, "POST", path, body)
        problem(response, 422)
        assert told in response.json()["detail"], response.text
        assert HIDDEN not in response.text
    assert town.world.kinds() == before
    await town.close()


@virtual
async def test_consents_that_break_a_rule_cost_no_number(tmp_path: Path) -> None:
    """What the log would reject is refused before anything is signed."""
    town = await Town.start(tmp_path)
    front = Front(town, COLLECTOR)
    for change, code in (
        ({"expires_ms": 5}, Code.STALE),
        ({"recipient": "nobody"}, Code.NOT_A_MEMBER),
        ({"language": "x"}, Code.MALFORMED),
        ({"uses": 0}, Code.MALFORMED),
        ({"uses": True}, Code.MALFORMED),
    ):
        response = await front.call(Role.ADVISER, "POST", "/v1/consents", consent_body(front, **change))
        assert problem(response, 422) is code
    assert "consent.given" not in town.world.kinds()
    assert "statement.rejected" not in town.world.kinds()
    await town.close()


@virtual
async def test_odd_bodies_are_refused(tmp_path: Path) -> None:
    """What is no JSON, too large, or does not say how large it is, is not taken; answers are stored nowhere."""
    front = Front(await Town.start(tmp_path), REQUESTER)
    headers = {"Authorization": f"Bearer {front.token(Role.ADVISER)}", "Content-Type": "application/json"}

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    response = await front.raw("POST", "/v1/requests", headers, content=b"{no")
    assert problem(response, 422) is Code.MALFORMED
    assert response.headers["Cache-Control"] == "no-store"
    endless = {**headers, "Content-Length": "9" * 5000}
    for told, content in ((headers, b"x" * (MAX_BODY_BYTES + 1)), (headers, pieces()), (endless, b"{}")):
        response = await front.raw("POST", "/v1/requests", told, content=content)
        assert problem(response, 413) is Code.TOO_LARGE
    response = await front.raw("POST", "/v1/requests", headers, content=b"\xff{")
    assert problem(response, 422) is Code.MALFORMED
    await front.town.close()


@virtual
async def test_a_contradiction_of_the_log_stops_the_node(tmp_path: Path) -> None:
    """Found in a call over HTTP, it stops the node as everywhere: the caller learns that it is not ready."""
    town = await Town.start(tmp_path)
    front, node = Front(town, REQUESTER), town.world.nodes[REQUESTER]
    consent = await town.consent()
    await town.world.fork(town.world.store.size - 2)
    body = {"purpose": "Z16@1", "holder": HOLDER, "consent": consent}
    while not node.background.stopped:
        assert (await front.call(Role.ADVISER, "POST", "/v1/requests", body)).status_code in {201, 503}
    assert "log: " in str(await node.background.broken())
    assert problem(await front.call(Role.ADVISER, "POST", "/v1/requests", body), 503) is Code.UNAVAILABLE
    assert (await front.call(None, "GET", "/health")).status_code == 503
    await town.world.close()
