"""The client's pages: one code opens them in the client's language, the other one ends the consent."""

import re
import secrets
from collections.abc import AsyncIterator
from string import Formatter
from urllib.parse import quote

import httpx
import pytest

from adapters.web.assets import Assets
from adapters.web.client_words import shipped_words
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.texts import load
from adapters.web.throttle import PER_MS, TRIES, Throttle
from adapters.web.words import language_for
from broker.client_pages.front import Front
from broker.clients import Clients, plain
from broker.log_files import LogFiles
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.proof import verify_proof
from schemas import messages as ms
from schemas import statements as st
from schemas.client_texts import LANGUAGES
from schemas.commitment import sha256
from schemas.ids import AgencyId
from schemas.registry import load as load_law
from schemas.registry_files import bundle_of
from tests.support.middle import Middle, serving
from tests.support.pens import VIEW_CODE, WITHDRAW_CODE, ManualClock, changed
from tests.support.registry import shipped
from tests.support.small_law import LAW

pytestmark = pytest.mark.slow  # each case makes all pages anew
BASE = "https://broker.example"


class Visitor:
    """A client with a browser, at the pages of a broker above a log in memory."""

    def __init__(self, middle: Middle) -> None:
        """Open the browser."""
        log, self.told = middle.log, list[tuple[AgencyId, ms.Deliver]]()
        self.clock = log.pens.clock
        self.middle = middle
        assets = Assets.load()
        files = LogFiles(log.store, lambda: log.sequencer.size)
        self.front = Front(
            clients=Clients(log.sequencer, files, self.clock, lambda *one: self.told.append(one)),
            state=lambda: log.sequencer.state,
            registries={LAW.hash: LAW},
            sessions=Sessions(self.clock, secrets.token_bytes),
            throttle=Throttle(self.clock),
            pages=Pages("broker.client_pages", assets, LANGUAGES),
            assets=assets,
        )
        transport = httpx.ASGITransport(self.front.app(tls=True))
        self.browser = httpx.AsyncClient(transport=transport, base_url=BASE, follow_redirects=True)

    async def type(self, code: str) -> httpx.Response:
        """Type a view code."""
        return await self.browser.post("/c", data={"code": code})

    async def stop(self, page: httpx.Response, code: str) -> httpx.Response:
        """Type a withdrawal code on a page that is open."""
        (secret,) = re.findall(r'name="form_secret" value="([0-9a-f]+)"', page.text)
        return await self.browser.post("/c/stop", data={"form_secret": secret, "code": code})


@pytest.fixture
async def client() -> AsyncIterator[Visitor]:
    """Give a client whose consent, taken in Arabic, is in the log, with one request under it."""
    async with serving() as middle:
        visitor = Visitor(middle)
        await middle.hand("kurse").disclose_at_once()
        consent = await middle.consented(uses=5)
        assert isinstance(await middle.hand("jobcenter").request(visitor_request(middle, consent)), ms.Delivered)
        yield visitor


def visitor_request(middle: Middle, consent: st.ConsentGiven) -> st.Request:
    """Ask under a consent."""
    return middle.log.pens.request("jobcenter", "kurse", consent)


async def test_a_code_opens_what_happened_in_the_clients_language(client: Visitor) -> None:
    """Consent, request and disclosure stand there, right to left, and no code in the address that stays."""
    page = await client.type(f" {VIEW_CODE[:4].lower()}-{VIEW_CODE[4:]} ")
    assert (page.status_code, str(page.url)) == (200, f"{BASE}/c/view")
    assert '<html lang="ar" dir="rtl">' in page.text
    assert page.text.count("<li>") == 3
    assert page.text.index("/c/proof/") < page.text.rindex("/c/proof/")
    assert VIEW_CODE not in page.text
    arabic = load("broker.client_pages", LANGUAGES)["ar"]
    assert arabic("list").join((arabic("taken.screen"), arabic("taken.relative"))) in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_the_address_of_the_qr_code_leads_on_at_once(client: Visitor) -> None:
    """The code of the picture stands in the first address alone; a way without a code asks for one."""
    page = await client.browser.get(f"/c/{VIEW_CODE}")
    assert str(page.url) == f"{BASE}/c/view"
    assert [str(step.url) for step in page.history] == [f"{BASE}/c/{VIEW_CODE}"]
    await client.browser.post("/c/leave")
    assert str((await client.browser.get("/c/view")).url) == f"{BASE}/c"


async def test_the_withdrawal_code_ends_it_with_the_ledgers_receipt(client: Visitor) -> None:
    """The page says so with the entry's number, which proves it; both agencies are told; nothing is granted after."""
    page = await client.type(VIEW_CODE)
    page = await client.stop(page, WITHDRAW_CODE.lower())
    index = client.middle.log.sequencer.size - 1
    leaf = read_leaf(client.middle.log.store.entry(index))
    assert (leaf.kind, f"{index}" in page.text, "kern-alert--success" in page.text) == ("client.withdrawn", True, True)
    assert {agency for agency, _ in client.told} == {"beratung", "jobcenter"}
    proof = await client.browser.get(f"/c/proof/{index}.tlog-proof")
    entry = await client.browser.get(f"/c/proof/{index}.entry")
    assert verify_proof(entry.content, proof.content, client.middle.log.sequencer.verifier).index == index
    assert 'name="form_secret"' not in (await client.browser.get("/c/view")).text
    assert client.middle.log.replay() == []


async def test_saying_it_twice_gives_the_same_receipt(client: Visitor) -> None:
    """Two tabs of one browser: the second hears of the first's entry, and the log has one."""
    page = await client.type(VIEW_CODE)
    first, second = await client.stop(page, WITHDRAW_CODE), await client.stop(page, WITHDRAW_CODE)
    assert "kern-alert--success" in first.text
    assert "kern-alert--success" in second.text
    assert client.middle.log.replay() == []


async def test_saying_it_again_later_gives_the_same_receipt(client: Visitor) -> None:
    """The second time comes with another time of day; what counts is the code, and a wrong one gets no receipt."""
    page = await client.type(VIEW_CODE)
    await client.stop(page, WITHDRAW_CODE)
    client.middle.log.pens.clock.ms += 60_000
    assert "kern-alert--success" in (await client.stop(page, WITHDRAW_CODE)).text
    assert "kern-alert--warning" in (await client.stop(page, "B" * 16)).text


async def test_between_two_shards_it_is_not_over(client: Visitor) -> None:
    """A closed log takes no withdrawal: the page says that it is not over yet, and not that the code is wrong."""
    page = await client.type(VIEW_CODE)
    await client.middle.log.write(client.middle.log.pens.closing())
    shown = await client.stop(page, WITHDRAW_CODE)
    assert "kern-alert--success" not in shown.text
    assert "لم تنتهِ بعد" in shown.text


@pytest.mark.parametrize("code", ["", VIEW_CODE, "A" * 16, "nonsense!", "A" * 500])
async def test_a_wrong_withdrawal_code_changes_nothing(client: Visitor, code: str) -> None:
    """The page says that nothing was changed, and the log is as it was."""
    size = client.middle.log.sequencer.size
    page = await client.stop(await client.type(VIEW_CODE), code)
    assert "kern-alert--warning" in page.text
    assert client.middle.log.sequencer.size == size


async def test_a_form_without_its_secret_ends_nothing(client: Visitor) -> None:
    """A page elsewhere that sends the form, knowing even the code, is led to the entry."""
    await client.type(VIEW_CODE)
    size = client.middle.log.sequencer.size
    page = await client.browser.post("/c/stop", data={"code": WITHDRAW_CODE, "form_secret": "0" * 64})
    assert (str(page.url), client.middle.log.sequencer.size) == (f"{BASE}/c", size)


async def test_while_the_log_cannot_be_told_it_is_not_over(client: Visitor) -> None:
    """The page says "not yet", and who else can end it."""
    page = await client.type(VIEW_CODE)
    task = client.middle.log.task
    assert task is not None
    task.cancel()
    page = await client.stop(page, WITHDRAW_CODE)
    assert page.status_code in (200, 503)
    assert "kern-alert--success" not in page.text


async def test_unknown_old_and_guessed_codes_look_alike_and_are_throttled(client: Visitor) -> None:
    """The same page and status for each; after ten tries none is looked at, and after a minute again."""
    answers = {
        (page.status_code, page.text) for page in [await client.type(code) for code in ("A" * 16, "b", "C" * 79)]
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert isinstance(client.clock, ManualClock)
    for _ in range(TRIES - 3):
        assert (await client.type("D" * 16)).status_code == 404
    assert (await client.type(VIEW_CODE)).status_code == 429
    client.clock.ms += PER_MS
    assert (await client.type(VIEW_CODE)).status_code == 200


def answer_of(page: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Give all that an answer says: status, body, and every header."""
    return page.status_code, page.content, sorted(page.headers.items())


async def test_every_code_that_opens_nothing_is_answered_alike(client: Visitor) -> None:
    """Unknown, replaced, of the wrong kind, ill formed: the same bytes and headers, typed or scanned, let in or not.

    Once too much was tried, the right code is answered as the wrong ones are.
    """
    middle = client.middle
    consent = await middle.consented()
    old, new = "OLDVIEWOLDVIEWOL", "NEWVIEWNEWVIEWNE"
    for view in (old, new):
        codes = middle.log.pens.recoding("beratung", consent, view, f"{view[:8]}STOPSTOP")
        await middle.hand("beratung").logged(codes)
    closed = ("A" * 16, old, WITHDRAW_CODE, "nonsense!", "A" * 80, "\u0663\U0001f600", "%00")
    client.front.throttle.tries = 2 * len(closed)
    typed = [answer_of(await client.type(code)) for code in closed]
    scanned = [answer_of(await client.browser.get(f"/c/{quote(code, safe='')}")) for code in closed]
    assert [status for status, _, _ in typed[:1]] == [404]
    assert typed == typed[:1] * len(closed)
    assert scanned == typed
    late = [answer_of(await client.type(code)) for code in (*closed, new)]
    late += [answer_of(await client.browser.get(f"/c/{new}"))]
    assert (late[0][0], late) == (429, late[:1] * len(late))


async def test_every_withdrawal_code_that_does_not_fit_is_answered_alike(client: Visitor) -> None:
    """Unknown, of the wrong kind, replaced, ill formed, too many: the page says the same, byte for byte."""
    other = await client.middle.consented()
    codes = client.middle.log.pens.recoding("beratung", other, "OTHERVIEWOTHERVI", "OTHERSTOPOTHERST")
    await client.middle.hand("beratung").logged(codes)
    page = await client.type("OTHERVIEWOTHERVI")
    wrong = ("A" * 16, "OTHERVIEWOTHERVI", WITHDRAW_CODE, "", "nonsense!", *["B" * 16] * TRIES, "OTHERSTOPOTHERST")
    answers = [answer_of(await client.stop(page, code)) for code in wrong]
    assert "kern-alert--warning" in answers[0][1].decode()
    assert answers == answers[:1] * len(wrong)


async def test_a_receipt_that_was_replaced_opens_nothing(client: Visitor) -> None:
    """After new codes were given, the old view code is as unknown as any; the new one opens."""
    middle = client.middle
    consent = await middle.consented()
    new = "NEWVIEWNEWVIEWNE"
    recoding = middle.log.pens.recoding("beratung", consent, new, "NEWSTOPNEWSTOPNE")
    await middle.hand("beratung").logged(recoding)
    assert (await client.type(new)).status_code == 200
    await client.browser.post("/c/leave")
    assert middle.log.sequencer.state.evidence[consent.consent].view == bytes.fromhex(sha256(new.encode()))


async def test_the_receipt_of_a_renewed_consent_says_that_another_counts(client: Visitor) -> None:
    """Its page tells the renewal and who can end the new one; its withdrawal code ends nothing any more."""
    middle = client.middle
    old = next(iter(middle.log.sequencer.state.evidence))
    renewed = changed(middle.log.pens.consent("beratung", "jobcenter"), replaces=old, view=sha256(b"NEWVIEWCODENEWVI"))
    assert (await middle.log.write(renewed)).leaf.kind == "consent.given"
    page = await client.type(VIEW_CODE)
    arabic = load("broker.client_pages", LANGUAGES)["ar"]
    assert arabic("view.renewed") in page.text
    assert arabic("stop.help") in page.text
    assert 'action="/c/stop"' not in page.text
    assert page.text.count("<li>") == 4
    size = middle.log.sequencer.size
    assert await client.front.clients.withdraw(VIEW_CODE, WITHDRAW_CODE) is None
    assert middle.log.sequencer.size == size


async def test_a_language_can_be_chosen_and_stays(client: Visitor) -> None:
    """Every language has a page; the choice outlives the visit's language; nonsense changes nothing."""
    await client.type(VIEW_CODE)
    for language in LANGUAGES:
        page = await client.browser.post("/c/language", data={"language": language})
        assert f'<html lang="{language}"' in page.text
        assert page.text.count("<li>") == 3
    page = await client.browser.post("/c/language", data={"language": "xx"})
    assert f'<html lang="{LANGUAGES[-1]}"' in page.text


async def test_other_entries_are_none_of_the_clients(client: Visitor) -> None:
    """The proof of an entry outside one's own story is not given, nor to somebody without a code."""
    await client.type(VIEW_CODE)
    assert (await client.browser.get("/c/proof/0.entry")).status_code == 404
    assert (await client.browser.get("/c/proof/1.exe")).status_code == 404
    assert (await client.browser.get(f"/c/proof/{'9' * 5000}.entry")).status_code == 404
    await client.browser.post("/c/leave")
    assert (await client.browser.get(f"/c/proof/{client.middle.log.sequencer.size - 1}.entry")).status_code == 404


async def test_headers_are_those_of_all_pages(client: Visitor) -> None:
    """Nothing from elsewhere, no frame, no referrer that could carry the code."""
    for path in ("/c", f"/c/{VIEW_CODE}", "/c/nothing/here"):
        answer = await client.browser.get(path, follow_redirects=False)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_every_language_says_the_same_things() -> None:
    """The same keys, with the same places to fill in; all kinds of agencies and categories of the law have a word."""
    texts = load("broker.client_pages", LANGUAGES)
    for language in LANGUAGES:
        for key in texts["de"].keys - {key for key in texts["de"].keys if key.startswith(("error.", "layout."))}:
            named = [{name for _, name, _, _ in Formatter().parse(texts[one](key)) if name} for one in ("de", language)]
            assert named[0] == named[1], f"{language}: {key}"


def test_the_law_has_words_in_every_language() -> None:
    """No agency kind and no category of the shipped registry is without a name on the client's page."""
    law = load_law(bundle_of(shipped()))
    for language in LANGUAGES:
        words = shipped_words()[language].words
        assert not law.kinds.keys() - words.kind.keys(), language
        assert not {name.partition(".")[0] for name in law.fields} - words.category.keys(), language


def test_every_language_of_a_consent_has_pages() -> None:
    """What a client can be asked in, they can look it up in; the browser's wish counts without a consent."""
    assert all(language_for("", name, "de") == name for name in LANGUAGES)
    assert language_for("", "", "prs;q=0.9,en") == "fa-AF"
    assert language_for("", "", "kmr,tr") == "ku"
    assert language_for("", "", "uk-UA,uk;q=0.9") == "uk"
    assert language_for("tr", "ar", "de") == "tr"
    assert language_for("", "", "xx") == "de"


def test_codes_are_read_as_people_type_them() -> None:
    """Blanks, hyphens and case do not matter, and zero and one are no letters of the code."""
    assert plain(" abcd-EFGH 0123 ") == "ABCDEFGHOI23"
