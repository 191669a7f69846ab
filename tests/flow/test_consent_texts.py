"""The text of a consent over HTTP: made by the node, named by its hash, and refused as long as it is a draft."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.node.access import Role
from adapters.web.client_words import shipped_words
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import Code
from tests.support.node_http import Front, consent_body
from tests.support.small_town import COLLECTOR, Town
from tests.support.virtual_time import virtual

from .test_node_api import problem

pytestmark = pytest.mark.slow  # whole stories with real keys, seals and proofs

TERMS = ("purpose", "recipient", "holders", "fields", "expires_ms", "uses", "language")


@virtual
async def test_a_consent_is_bound_to_the_very_text_and_drafts_are_refused(tmp_path: Path) -> None:
    """The API gives the text and takes a yes to it alone; without `drafts` neither, until the text is approved."""
    town = await Town.start(tmp_path)
    front = Front(town, COLLECTOR)
    body = consent_body(front)
    terms = {name: body[name] for name in TERMS}
    text = (await front.call(Role.ADVISER, "POST", "/v1/consents/text", terms)).json()
    assert (text["text_sha256"], text["draft"], text["direction"]) == (body["text_sha256"], True, "rtl")
    lines = "".join(line + "\n" for part in text["sections"] for line in (part["heading"], *part["lines"]) if line)
    assert hashlib.sha256(lines.encode()).hexdigest() == text["text_sha256"]
    other = {**body, "text_sha256": "0" * 64}
    size = town.world.store.size
    assert problem(await front.call(Role.ADVISER, "POST", "/v1/consents", other), 422) is Code.TEXT_NOT_APPROVED
    town.world.identities[COLLECTOR] = replace(town.world.identities[COLLECTOR], drafts=False)
    front.desk.node = await town.world.restart(COLLECTOR)
    for path, said in (("/v1/consents", body), ("/v1/consents/text", terms)):
        answer = await front.call(Role.ADVISER, "POST", path, said)
        assert problem(answer, 422) is Code.TEXT_NOT_APPROVED, path
    assert town.world.store.size == size
    words, head = shipped_words()["ar"].hash, town.world.desk.next()
    await town.world.steer(
        st.TextReviewed(**head, language="ar", text=words, reader=sha256(b"sheet"), verdict="approved")
    )
    taken_now = await front.call(Role.ADVISER, "POST", "/v1/consents", body)
    assert taken_now.status_code == 201, taken_now.text
    assert taken_now.json()["collected"] == {
        "language": "ar",
        "medium": "screen",
        "capacity": "own",
        "guardian": None,
        "interpreter": "none",
        "understood": "first",
        "text_sha256": body["text_sha256"],
        "words": words,
        "draft": False,
        "staff": await front.desk.running.colleagues.staff.pseudonym("staff-7"),
        "role": "adviser",
    }
    await town.close()
