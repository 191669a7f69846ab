"""The auditor's pages: the token opens them, the log is read backwards in bounded parts, each entry has its proof."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from string import Formatter
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from adapters.web.beside import beside
from adapters.web.sessions import IDLE_MS
from adapters.web.texts import LANGUAGES, load
from adapters.web.throttle import PER_MS, TRIES
from broker import auditing
from broker.audit_pages import replaying
from broker.audit_pages.shown import Words
from broker.audit_pages.wishes import BASES, KINDS
from broker.auditing import ROWS, Auditing
from broker.core.log_lines import Wanted
from broker.log_files import LogFiles
from consent_ledger.core.checkpoint import format_checkpoint, unverified_checkpoint
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.proof import verify_proof
from handschlag.ledger_source import REMARKS
from schemas.errors import Unavailable
from schemas.ids import Hash, Purpose
from schemas.note import cosign
from schemas.registry import Registry
from tests.support import keys
from tests.support.audit_visit import BASE, NOT_YET, OPENS, Auditor, auditing_a_story
from tests.support.memory_store import MemoryStore
from tests.support.pens import ManualClock, signer
from tests.support.small_law import LAW

pytestmark = pytest.mark.slow  # each case makes all pages anew
LONG = ("/audit/replay", "/audit/replay/cancel", "/audit/export")
INSIDE = (
    *("/audit/entries", "/audit/entries/0", "/audit/entries/0/entry", "/audit/entries/0/tlog-proof"),
    *("/audit/charts", "/audit/witnesses", "/audit/checkpoint", "/audit/check", "/audit/replay"),
)


@pytest.fixture
async def auditor() -> AsyncIterator[Auditor]:
    """Give an auditor of a log with a story in it."""
    async with auditing_a_story() as auditor:
        yield auditor


def newest(auditor: Auditor) -> int:
    """Give the index of the last entry, which is the refusal."""
    return auditor.middle.log.sequencer.size - 1


async def test_a_token_opens_the_log_newest_first(auditor: Auditor) -> None:
    """The refusal stands on top; a whole small log fits on one page, and nothing lies further back."""
    page = await auditor.type(f" {OPENS} ")
    assert (page.status_code, str(page.url)) == (200, f"{BASE}/audit/entries")
    rows = await auditor.rows()
    assert rows == list(range(newest(auditor), -1, -1))[:ROWS]
    assert OPENS not in page.text
    assert str((await auditor.browser.get("/audit")).url) == f"{BASE}/audit/entries"


@pytest.mark.parametrize("path", INSIDE)
async def test_without_a_session_every_page_leads_to_the_token(auditor: Auditor, path: str) -> None:
    """Before it was typed, after leaving, and after a while without use, nothing of the log is shown."""
    for _ in range(2):
        page = await auditor.browser.get(path, follow_redirects=False)
        assert (page.status_code, page.headers["location"]) == (303, "/audit")
        await auditor.type()
        assert (await auditor.browser.get(path, follow_redirects=False)).status_code == 200
        assert isinstance(auditor.clock, ManualClock)
        auditor.clock.ms += IDLE_MS + 1


async def test_every_route_is_in_the_table(auditor: Auditor) -> None:
    """A page that is added must be added to the test above, too."""
    app = auditor.front.app(replaying.pages(), tls=True)
    routes = {(method, one.path) for one in app.routes if isinstance(one, Route) for method in one.methods or ()}
    entry = "/audit/entries/{index}"
    pages = {"/audit", "/audit/entries", entry, f"{entry}/{{form}}", *INSIDE[4:], *NOT_YET}
    assert {path for method, path in routes if method == "GET"} == pages
    forms = {"/audit", "/audit/language", "/audit/leave", *LONG}
    assert {path for method, path in routes if method == "POST"} == forms


@pytest.mark.parametrize("path", LONG)
async def test_only_an_auditor_has_this_machine_work(auditor: Auditor, path: str) -> None:
    """A stranger is led to the token, a form from elsewhere is refused, and nothing is begun for either."""
    page = await auditor.browser.post(path, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/audit")
    await auditor.type()
    for secret in ("", "0" * 64):
        assert (await auditor.browser.post(path, data={"form_secret": secret})).status_code == 403
    assert (auditor.work.busy, auditor.work.run) == (False, None)


async def test_leaving_needs_the_pages_own_form(auditor: Auditor) -> None:
    """A forged form is refused and ends nothing; the page's own ends the session."""
    page = await auditor.type()
    assert (await auditor.browser.post("/audit/leave", data={"form_secret": "0" * 64})).status_code == 403
    assert (await auditor.browser.post("/audit/leave")).status_code == 403
    (secret,) = re.findall(r'name="form_secret" value="([0-9a-f]+)"', page.text)
    assert str((await auditor.browser.post("/audit/leave", data={"form_secret": secret})).url) == f"{BASE}/audit"
    assert "form_secret" not in (await auditor.browser.get("/audit/entries")).text


async def test_wrong_tokens_look_alike_and_are_throttled(auditor: Auditor) -> None:
    """The same page and status for each; after ten tries none is looked at, and after a minute again."""
    answers = {(page.status_code, page.text) for page in [await auditor.type(one) for one in ("", "x", "y" * 600)]}
    assert {status for status, _ in answers} == {403}
    assert len(answers) == 1
    for _ in range(TRIES - 3):
        assert (await auditor.type("guess")).status_code == 403
    assert (await auditor.type()).status_code == 429
    assert isinstance(auditor.clock, ManualClock)
    auditor.clock.ms += PER_MS
    assert (await auditor.type()).status_code == 200


async def test_each_filter_leaves_what_fits(auditor: Auditor) -> None:
    """Agency, purpose, basis, kind, exchange and days, alone and together."""
    await auditor.type()
    last = newest(auditor)
    assert await auditor.rows("?kind=exchange.refused") == [last]
    assert await auditor.rows("?kind=exchange.disclosed&agency=jobcenter&purpose=Z16@1&basis=consent") == [last - 3]
    assert await auditor.rows("?kind=exchange.disclosed&agency=amt") == []
    assert await auditor.rows("?basis=statute&kind=exchange.granted") == []
    assert await auditor.rows("?from_day=2026-11-21") == [last, last - 1, last - 2]
    assert (await auditor.rows("?to_day=2026-11-20"))[0] == last - 3
    assert await auditor.rows("?to_day=2026-11-19") == []
    assert await auditor.rows("?from_day=2026-11-22&to_day=2026-11-19") == []
    page = await auditor.browser.get(f"/audit/entries/{last - 3}")
    exchange = re.findall(r'<span class="hs-code">([0-9a-f]{32})</span>', page.text)[0]
    assert await auditor.rows(f"?exchange={exchange}") == [last - 2, last - 3, last - 4]


@pytest.mark.parametrize("query", ["kind=nonsense", "basis=mercy", "exchange=%27", "from_day=x", "to_day=2026-13-01"])
async def test_a_filter_that_cannot_be_read_is_named(auditor: Auditor, query: str) -> None:
    """No rows and the field's name, and what was typed stands there still, escaped."""
    await auditor.type()
    page = await auditor.browser.get(f"/audit/entries?{query}")
    assert page.status_code == 422
    assert f"<code>{query.split('=', maxsplit=1)[0]}: " in page.text
    assert "kern-table" not in page.text


async def test_an_exchange_is_a_timeline_from_any_of_its_entries(auditor: Auditor) -> None:
    """Granted, disclosed, acknowledged, with a proof for each; the refused one stands alone."""
    await auditor.type()
    last = newest(auditor)
    for index in (last - 4, last - 3):
        page = await auditor.browser.get(f"/audit/entries/{index}")
        steps = re.findall(r'href="/audit/entries/([0-9]+)/tlog-proof"', page.text)
        assert {int(step) for step in steps} == {last - 4, last - 3, last - 2}
        assert page.text.count('<li aria-current="true">') == 1
    alone = await auditor.browser.get(f"/audit/entries/{last}")
    assert "consent_withdrawn" in alone.text
    assert alone.text.count("hs-when") == 1
    assert "hs-steps" not in (await auditor.browser.get("/audit/entries/0")).text


async def test_each_entry_comes_with_its_proof(auditor: Auditor) -> None:
    """Bytes and tlog-proof, as files, hold together under the log's checkpoint; others are not found."""
    await auditor.type()
    index = newest(auditor) - 3
    proof = await auditor.browser.get(f"/audit/entries/{index}/tlog-proof")
    entry = await auditor.browser.get(f"/audit/entries/{index}/entry")
    assert verify_proof(entry.content, proof.content, auditor.middle.log.sequencer.verifier).index == index
    assert proof.headers["content-disposition"] == f'attachment; filename="{index}.tlog-proof"'
    beyond = newest(auditor) + 1
    for path in (f"{beyond}", f"{beyond}/entry", "0/exe", "x", "x/entry", "-1", "9" * 5000):
        assert (await auditor.browser.get(f"/audit/entries/{path}")).status_code == 404


async def test_headers_are_those_of_all_pages(auditor: Auditor) -> None:
    """Nothing from elsewhere, no frame, nothing kept, the cookie for this server alone."""
    answer = await auditor.browser.post("/audit", data={"token": OPENS}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-handschlag-audit=")
    assert all(part in cookie for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
    for path in ("/audit", *INSIDE, "/audit/nothing/here"):
        headers = (await auditor.browser.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_the_language_can_be_changed(auditor: Auditor) -> None:
    """German unless the browser wishes English; the choice stays."""
    assert '<html lang="de"' in (await auditor.type()).text
    for language in LANGUAGES:
        assert (
            f'<html lang="{language}"'
            in (await auditor.browser.post("/audit/language", data={"language": language})).text
        )
        for path in INSIDE:
            assert (await auditor.browser.get(path)).status_code == 200


async def test_the_way_to_replay_is_said_with_this_brokers_address(auditor: Auditor) -> None:
    """The command lines can be copied as they stand."""
    await auditor.type()
    page = await auditor.browser.get("/audit/check")
    assert f"--source {BASE}/log --token-file auditor.token --pins federation.toml" in page.text


async def test_numbers_are_drawn_with_the_table_beside_them(auditor: Auditor) -> None:
    """Two requests of one purpose, one disclosed and one refused, both under a consent in Arabic."""
    await auditor.type()
    page = await auditor.browser.get("/audit/charts")
    assert page.text.count("<svg") == 3
    assert page.text.count("<table") == 3
    assert page.text.count("<rect") == 4
    assert ">Arabisch<" in page.text
    before = (await auditor.counting.tally()).exchanges
    await auditor.middle.asked()
    tally = await auditor.counting.tally()
    assert (tally.exchanges, tally.size) == (before + 1, auditor.middle.log.sequencer.size)


async def test_numbers_of_a_log_that_cannot_be_read_are_none(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is told of instead of a part of the numbers; the next look counts anew."""
    await auditor.type()

    async def failing(*_: object) -> int:
        """Fail as a reader of a broken disk does."""
        message = "shard: disk I/O error"
        raise Unavailable(message)

    with monkeypatch.context() as broken:
        broken.setattr(auditor.counting.files, "walk", failing)
        assert (await auditor.browser.get("/audit/charts")).status_code == 503
    assert (await auditor.browser.get("/audit/charts")).status_code == 200


async def test_the_checkpoint_is_shown_with_whose_cosignatures_hold(auditor: Auditor) -> None:
    """Nothing signed, nothing cosigned, then one of the members; a forged line counts as none."""
    await auditor.type()
    assert "kern-table" not in (await auditor.browser.get("/audit/witnesses")).text
    note, log = auditor.middle.log.sequencer.note, auditor.middle.log
    assert note is not None
    log.sequencer.state.keys.clear()
    auditor.witnessing.published = note
    assert "kern-table" not in (await auditor.browser.get("/audit/witnesses")).text
    witness, other = signer("beratung", "witness"), signer("amt", "witness")
    auditor.witnessing.policy = parse_policy(
        f"log {keys.signer(log.pens.log).key.vkey}\nwitness one {witness.key.vkey}\nwitness two {other.key.vkey}\n"
        "group both any one two\nquorum both\n"
    )
    text = format_checkpoint(unverified_checkpoint(note))
    forged = cosign(text + b"x\n", other, 1_795_168_800)
    for lines, rows in ((b"", 0), (forged, 0), (cosign(text, witness, 1_795_168_800), 1)):
        auditor.witnessing.published = note + lines
        auditor.witnessing.cosigned_at_ms = auditor.clock.now_ms() - 7000
        found = await auditor.front.witnesses()
        assert found is not None
        assert [one.cosigned_at_ms is not None for one in found.witnesses].count(True) == rows
        assert (found.quorum, found.cosigned_age_s, found.entries) == (rows == 1, 7, log.sequencer.size)
    page = await auditor.browser.get("/audit/witnesses")
    assert "20.11.2026 11:00" in page.text
    fetched = await auditor.browser.get("/audit/checkpoint")
    assert fetched.content == note


async def test_a_page_looks_through_a_bounded_part(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where it stopped and goes on from there, until the beginning; together the parts are the whole."""
    monkeypatch.setattr(auditing, "PAGE", 3)
    monkeypatch.setattr(auditing, "LOOKED_THROUGH", 7)
    monkeypatch.setattr(auditing, "ROWS", 5)
    pages, before = list[list[int]](), None
    while True:
        found = await auditor.front.auditing.find(Wanted(), before)
        pages.append([line.index for line in found.lines])
        assert len(found.lines) <= 5
        if not found.further:
            break
        before = found.reached
    assert [index for page in pages for index in page] == list(range(newest(auditor), -1, -1))
    rare = await auditor.front.auditing.find(Wanted(kind="shard.opened"))
    assert (rare.lines, rare.start - rare.reached, rare.further) == ([], 7, True)
    await auditor.type()
    page = await auditor.browser.get("/audit/entries?kind=shard.opened")
    assert f"/audit/entries?kind=shard.opened&amp;before={rare.reached}" in page.text


async def test_an_exchange_is_followed_in_bounded_parts(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not reached is said, with a link that goes on from there."""
    monkeypatch.setattr(auditing, "FOLLOWED", 1)
    granted = newest(auditor) - 4
    first = await auditor.front.auditing.open(granted)
    assert first is not None
    assert first.timeline is not None
    assert [line.kind for line in first.timeline.lines] == ["exchange.disclosed"]
    await auditor.type()
    page = await auditor.browser.get(f"/audit/entries/{granted}")
    (link,) = re.findall(r'href="(/audit/entries/[0-9]+\?after=[0-9]+)"', page.text)
    assert 'class="kern-btn kern-btn--secondary" href="/audit' not in (await auditor.browser.get(link)).text


class Gone(MemoryStore):
    """A log of which one entry was taken out."""

    index = -1

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give all others."""
        yield from (found for found in super().entries(start, stop) if found[0] != self.index)


async def test_what_was_pruned_is_told_and_its_answer_still_opens(auditor: Auditor) -> None:
    """The page of an entry that was taken out says so; of an exchange whose request is gone the answer stands alone."""
    granted, store = newest(auditor) - 4, Gone(auditor.middle.log.pens.log, auditor.middle.log.store.disk)
    store.index = granted
    files, front = LogFiles(store, lambda: newest(auditor) + 1), auditor.front
    app = replace(front, auditing=Auditing(files, front.auditing.checkpoint)).app({}, tls=True)
    auditor.browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, follow_redirects=True)
    await auditor.type()
    gone = await auditor.browser.get(f"/audit/entries/{granted}")
    assert (gone.status_code, "herausgenommen" in gone.text) == (410, True)
    answered = await auditor.browser.get(f"/audit/entries/{granted + 1}")
    assert (answered.status_code, "hs-steps" in answered.text) == (200, False)


async def test_a_log_without_a_checkpoint_shows_nothing(auditor: Auditor) -> None:
    """What nobody signed yet is not shown."""
    nothing = Auditing(auditor.front.auditing.files, lambda: None)
    assert (await nothing.find(Wanted())).lines == []
    assert (await nothing.open(0), await nothing.receipt(0)) == (None, None)


async def test_paths_belong_to_one_application_each() -> None:
    """What lies at or below a prefix is its pages', a path that only begins alike is the API's."""
    app = beside(PlainTextResponse("api"), {"/audit": PlainTextResponse("audit"), "/c": PlainTextResponse("client")})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as browser:
        paths = ("/audit", "/audit/entries", "/auditors", "/c/view", "/checkpoint", "/")
        asked = [(await browser.get(path)).text for path in paths]
    assert asked == ["audit", "audit", "api", "client", "api", "api"]


async def test_what_has_no_word_yet_is_shown_by_its_name(auditor: Auditor) -> None:
    """A kind of entry or a language that came later breaks no page."""
    words = Words(auditor.front.pages.texts["en"], "en", auditor.front.state(), {})
    assert (words.kind("something.new"), words.tongue("xx"), words.tongue("")) == (
        "something.new",
        "xx",
        "Without consent",
    )
    assert (words.purpose(Purpose("Z99@1")), words.fields(["a.b"])) == ("Z99@1", "a.b")


def test_both_languages_say_the_same_things() -> None:
    """The same keys, with the same places to fill in; every kind of entry and basis has a word."""
    texts = load("broker.audit_pages")
    assert texts["de"].keys == texts["en"].keys
    for key in texts["de"].keys:
        places = [{name for _, name, _, _ in Formatter().parse(texts[one](key)) if name} for one in LANGUAGES]
        assert places[0] == places[1], key
    for name in (*(f"kind.{kind}" for kind in KINDS), *(f"basis.{basis}" for basis in BASES)):
        assert texts["de"].has(name), name
    assert {key.removeprefix("replay.note.") for key in texts["de"].keys if "replay.note." in key} == REMARKS.keys()


async def test_the_names_of_the_law_are_put_together_once_for_a_page(auditor: Auditor) -> None:
    """However many lines a page has."""

    class Counted(dict[Hash, Registry]):
        """Registries that count how often they are gone through."""

        times = 0

        def values(self) -> Any:  # noqa: ANN401 - a view of a dict has no name of its own
            """Go through them."""
            type(self).times += 1
            return super().values()

    words = Words(auditor.front.pages.texts["en"], "en", auditor.front.state(), Counted({LAW.hash: LAW}))
    assert {words.purpose(Purpose("Z16@1")) for _ in range(50)} == {words.purpose(Purpose("Z16@1"))}
    assert words.offered_purposes
    assert Counted.times == 1
