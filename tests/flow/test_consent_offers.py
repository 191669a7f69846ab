"""What a client was asked before a yes: put off, run out, refused, and not asked again too soon; none of it leaves."""

from pathlib import Path

import pytest

from adapters.node.access import Role
from schemas.errors import Code
from tests.support.node_http import Front, consent_body
from tests.support.portal_visit import Seated
from tests.support.small_town import COLLECTOR, DAY_MS, PERSON, REQUESTER, STRANGER, Town
from tests.support.virtual_time import virtual

from .test_node_api import problem
from .test_portal_consents import hash_on, shown
from .test_portal_work import seated

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs


async def said_no(adviser: Seated) -> None:
    """Have the text shown and answered with a no."""
    await shown(adviser)
    await adviser.send("/consents/answer", answer=REQUESTER)
    assert (await adviser.send("/consents/no")).status_code == 200


@virtual
async def test_after_a_no_nobody_asks_again_for_ninety_days(tmp_path: Path) -> None:
    """The page says so; the client's own wish opens it, and so does the ninetieth day."""
    town = await Town.start(tmp_path)
    adviser, store = seated(town.world, COLLECTOR, Role.ADVISER), town.world.nodes[COLLECTOR].store
    await said_no(adviser)
    town.world.clock.ms += 89 * DAY_MS
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    refused = await shown(adviser)
    assert (refused.status_code, Code.ASKED_TOO_SOON.value in refused.text) == (422, True)
    assert (await adviser.open("/consents/card")).url.path == "/consents"
    await shown(adviser, wished="yes")
    broken_off = await shown(seated(town.world, COLLECTOR, Role.ADVISER))
    assert Code.ASKED_TOO_SOON.value in broken_off.text
    page = await shown(adviser, wished="yes")
    assert page.url.path == "/consents/card"
    await adviser.send("/consents/answer", answer=REQUESTER)
    await adviser.send("/consents/no")
    town.world.clock.ms += 90 * DAY_MS
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    page = await shown(adviser)
    assert page.url.path == "/consents/card"
    page = await adviser.send("/consents/answer", answer=REQUESTER)
    assert (await adviser.send("/consents/yes", text=hash_on(page))).url.path == "/consents/receipt"
    assert len(await store.bases.consents()) == 1
    assert PERSON.family_name.encode() not in b"".join(town.world.leaves())
    await town.close()


@virtual
async def test_who_decides_later_is_asked_again_and_reads_anew(tmp_path: Path) -> None:
    """What is put off stands in a list, is neither yes nor no to anybody else, and begins again with the text."""
    town = await Town.start(tmp_path)
    adviser, size = seated(town.world, COLLECTOR, Role.ADVISER), town.world.store.size
    await shown(adviser)
    await adviser.send("/consents/answer", answer=REQUESTER)
    page = await adviser.send("/consents/later")
    assert (page.url.path, "/consents/resume" in page.text, town.world.store.size) == ("/consents", True, size)
    assert (await adviser.open("/consents/card")).url.path == "/consents"
    key = page.text.partition('name="offer" value="')[2].partition('"')[0]
    page = await adviser.send("/consents/resume", offer=key)
    assert page.url.path == "/consents/card"
    assert "/consents/yes" not in page.text
    assert "/consents/resume" not in (await adviser.open("/consents")).text
    assert (await adviser.send("/consents/resume", offer=key)).status_code == 422
    page = await adviser.send("/consents/answer", answer=REQUESTER)
    assert (await adviser.send("/consents/yes", text=hash_on(page))).url.path == "/consents/receipt"
    await town.close()


@virtual
async def test_what_was_put_off_runs_out(tmp_path: Path) -> None:
    """After thirty days it is not listed and not taken up any more."""
    town = await Town.start(tmp_path)
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    await shown(adviser)
    page = await adviser.send("/consents/later")
    key = page.text.partition('name="offer" value="')[2].partition('"')[0]
    town.world.clock.ms += 30 * DAY_MS
    adviser = seated(town.world, COLLECTOR, Role.ADVISER)
    assert "/consents/resume" not in (await adviser.open("/consents")).text
    assert (await adviser.send("/consents/resume", offer=key)).status_code == 422
    assert (await adviser.send("/consents/later")).url.path == "/consents"
    await town.close()


@virtual
async def test_the_api_keeps_a_no_as_the_pages_do(tmp_path: Path) -> None:
    """A no with its person holds the next question off; the client's wish and other persons are let through."""
    town = await Town.start(tmp_path)
    front = Front(town, COLLECTOR)
    body = consent_body(front)
    no = {name: body[name] for name in ("purpose", "recipient", "text_sha256", "language", "person")}
    answer = await front.call(Role.ADVISER, "POST", "/v1/consents/refusals", no)
    assert answer.status_code == 201, answer.text
    size = town.world.store.size
    again = await front.call(Role.ADVISER, "POST", "/v1/consents", body)
    assert problem(again, 422) is Code.ASKED_TOO_SOON
    assert town.world.store.size == size
    stranger = STRANGER.model_dump(exclude_none=True, exclude_defaults=True)
    for changes in ({"person": stranger}, {"wished": True}, {}):
        answer = await front.call(Role.ADVISER, "POST", "/v1/consents", {**body, **changes})
        assert answer.status_code == 201, (
            changes,
            answer.text,
        )  # after the yes nothing is left to hold against anybody
    await town.close()
