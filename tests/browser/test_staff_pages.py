"""What holds on every page for staff: no page can be added without standing here (WCAG 2.2 AA, 1.4.10, 2.1.1, 2.4.7).

Each page is brought up as its staff reach it, then looked at: by axe in light and in dark, at 400 % zoom (a window of
320 by 256 is one of 1280 by 1024, four times as large), with the tabulator alone, and for names in title and address.
"""

from collections.abc import Callable
from itertools import count
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from adapters.node.access import Route
from adapters.node.portal.doors import DOORS, OPEN
from handschlag.demo.story import Story
from handschlag.town import pick
from handschlag.town.people import COUNSELLING, JOBCENTER, SCHOOL, SOCIAL
from tests.browser.test_consents import show_text
from tests.browser.test_notices import answered
from tests.browser.test_packages import SEND, TILE
from tests.browser.town import Played, Silent
from tests.browser.visitor import FIRST_PAGE_BYTES, Visitor

Way = Callable[[Visitor, Played], None]

ADVISER, OFFICER, STEWARD = "Ayla Berger", "Dr. Hanno Feld", "Nele Sander"
CLERK, SECOND = "Marta Lindner", "Emil Sommer"
_ASKED: Final = count()
ZOOMED: Final = {"width": 320, "height": 256}
WIDE: Final = {"width": 1280, "height": 900}


def opens(path: str, agency: str = JOBCENTER, name: str = ADVISER) -> Way:
    """Give the way to a page that is opened by its address."""

    def way(visitor: Visitor, _: Played) -> None:
        """Log in and open it."""
        visitor.log_in(agency, name)
        visitor.go(path)

    return way


def case(visitor: Visitor, town: Played) -> None:
    """Open a client's case."""
    visitor.open_case(town.client)


def question(visitor: Visitor, town: Played) -> None:
    """Choose a purpose."""
    case(visitor, town)
    visitor.click("sprachschule auswählen")


def answer(visitor: Visitor, town: Played) -> None:
    """Ask, and read the answer."""
    question(visitor, town)
    visitor.click("Senden")


def package(visitor: Visitor, town: Played) -> None:
    """Choose an errand."""
    visitor.open_case(next(pick.shared_between(town.stage.people, JOBCENTER, SOCIAL)))
    visitor.click(TILE)


def checklist(visitor: Visitor, town: Played) -> None:
    """Send an errand, and see its checklist."""
    package(visitor, town)
    visitor.click(SEND)


def searched(visitor: Visitor, town: Played) -> None:
    """Look for a client."""
    opens("/clients")(visitor, town)
    visitor.fill("Familienname", town.client.family_name)
    visitor.click("Suchen")


def notice(visitor: Visitor, town: Played) -> None:
    """Open a notice that is still to be handed out."""
    exchange = answered(town)
    opens(f"/notices/{exchange}")(visitor, town)


def releases(visitor: Visitor, town: Played) -> None:
    """See two requests of one agency and purpose that wait for a decision: what stands twice is told apart."""
    Story(town.stage, Silent()).leave_work()
    opens("/releases", name=CLERK)(visitor, town)


def card(visitor: Visitor, town: Played) -> None:
    """Have a consent's text shown, to somebody new each time: who was asked is not asked again so soon."""
    people = {one.family_name: one for one in pick.shared_between(town.stage.people, COUNSELLING, SCHOOL)}
    people.pop(town.client.family_name)
    show_text(visitor, town._replace(client=list(people.values())[next(_ASKED)]), "de")


def decision(visitor: Visitor, town: Played) -> None:
    """Answer the question about the text."""
    card(visitor, town)
    visitor.page.locator('input[name="answer"][value="jobcenter"]').check()
    visitor.page.locator('form[action="/consents/answer"] button').click()


def receipt(visitor: Visitor, town: Played) -> None:
    """Say yes, and get the receipt."""
    decision(visitor, town)
    visitor.page.locator('form[action="/consents/yes"] button').click()


def request(visitor: Visitor, town: Played) -> None:
    """Have the text of a client's own request shown."""
    visitor.open_case(town.client, COUNSELLING)
    visitor.go("/consents")
    visitor.page.locator("#request_language").select_option("ar")
    visitor.click("Text der Anfrage zeigen")


def no(visitor: Visitor, town: Played) -> None:
    """Say no."""
    decision(visitor, town)
    visitor.page.locator('form[action="/consents/no"] button').click()


def resolved(visitor: Visitor, town: Played) -> None:
    """Resolve a pseudonym that nobody here ever used: the page of what did not work."""
    opens("/watch", name=OFFICER)(visitor, town)
    visitor.page.locator("#pseudonym").fill("0" * 64)
    visitor.page.locator("#reason").fill("Eine Beschwerde vom 3. März")
    visitor.click("Kürzel auflösen")


WAYS: Final[dict[Route, Way]] = {
    Route("GET", "/"): opens("/"),
    Route("GET", "/clients"): opens("/clients"),
    Route("POST", "/clients"): searched,
    Route("GET", "/case"): case,
    Route("POST", "/case/question"): question,
    Route("POST", "/case/package"): package,
    Route("GET", "/packages/{occasion}"): checklist,
    Route("GET", "/requests"): opens("/requests"),
    Route("GET", "/requests/{exchange}"): answer,
    Route("GET", "/notices"): opens("/notices"),
    Route("GET", "/notices/{exchange}"): notice,
    Route("GET", "/stand-ins"): opens("/stand-ins", name=STEWARD),
    Route("GET", "/consents"): opens("/consents", COUNSELLING),
    Route("GET", "/consents/card"): card,
    Route("POST", "/consents/answer"): decision,
    Route("GET", "/consents/receipt"): receipt,
    Route("GET", "/consents/request"): request,
    Route("POST", "/consents/no"): no,
    Route("GET", "/holdings"): opens("/holdings", name=STEWARD),
    Route("GET", "/releases"): releases,
    Route("GET", "/officer"): opens("/officer", name=OFFICER),
    Route("GET", "/officer/registry"): opens("/officer/registry", name=OFFICER),
    Route("GET", "/officer/person"): opens("/officer/person", name=OFFICER),
    Route("GET", "/watch"): opens("/watch", name=OFFICER),
    Route("POST", "/watch/resolve"): resolved,
    Route("GET", "/disclosures"): opens("/disclosures", SCHOOL, CLERK),
    Route("GET", "/login"): opens("/login"),
}
"""How each page is reached; what a form shows without leading on stands here too."""
FILES: Final = {
    Route("GET", "/requests/{exchange}/export/{form}"),
    Route("GET", "/requests/{exchange}/notice/{language}"),
    Route("GET", "/consents/receipt.pdf"),
    Route("GET", "/officer/papers/{name}/{form}"),
    Route("POST", "/officer/person"),
}
"""What is no page but a file to keep or print."""
LEADS_ON: Final = {
    *(Route("GET", path) for path in ("/login/go", "/login/back")),
    *(Route("POST", path) for path in ("/logout", "/language", "/case", "/case/send", "/case/package/send")),
    *(Route("POST", path) for path in ("/notices/{exchange}", "/arrangements", "/arrangements/forget")),
    *(Route("POST", path) for path in ("/stand-ins", "/stand-ins/end", "/holdings/publish")),
    *(Route("POST", f"/consents/{step}") for step in ("offer", "renew", "yes", "later", "resume", "end")),
    *(Route("POST", f"/consents/{step}") for step in ("request", "request/record")),
    *(Route("POST", f"/releases/{{exchange}}/{step}") for step in ("release", "confirm", "refuse", "ask", "take-back")),
    *(Route("POST", f"/officer/{step}") for step in ("approve", "renew", "end")),
}
"""What shows nothing itself and leads to one of the pages above."""


def test_no_page_is_forgotten() -> None:
    """Every route that serves something to staff is a page looked at here, a file, or leads on to a page."""
    assert DOORS.keys() | OPEN == WAYS.keys() | FILES | LEADS_ON
    assert not WAYS.keys() & (FILES | LEADS_ON)


@pytest.mark.parametrize("route", WAYS, ids=" ".join)
def test_every_page_is_for_everybody(visitor: Visitor, town: Played, route: Route) -> None:
    """Axe finds nothing in light and dark, nothing scrolls sideways at 400 %, each control shows that it has focus.

    What stands in histories, bookmarks and logs says nothing about anybody.
    """
    WAYS[route](visitor, town)
    page = visitor.page
    for scheme, size in (("light", WIDE), ("dark", ZOOMED)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two words it takes
        page.set_viewport_size(size)  # type: ignore[arg-type]  # width and height
        assert visitor.violations() == []
        assert not visitor.scrolls_sideways()
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]  # width and height
    assert visitor.unreached() == []
    said = f"{page.title()} {page.url}".casefold()
    assert town.client.family_name.casefold() not in said
    assert town.client.given_names.casefold() not in said
    assert town.client.birth_date not in said


def test_the_keyboard_alone_leads_from_the_search_to_the_answer(visitor: Visitor, town: Played) -> None:
    """Tabulator, letters, space and Enter find the client, open the case, choose a purpose and send."""
    opens("/clients")(visitor, town)
    visitor.reach(visitor.page.locator("#family_name"))
    visitor.page.keyboard.type(town.client.family_name)
    visitor.press("Suchen")
    visitor.press("öffnen")
    visitor.press("sprachschule auswählen")
    visitor.press("Senden")
    expect(visitor.page.get_by_text("beantwortet")).to_be_visible()


def test_the_keyboard_alone_asks_a_colleague_and_agrees(visitor: Visitor, town: Played) -> None:
    """One clerk asks another, who gives it back; both then agree, and the record is in the register."""
    Story(town.stage, Silent()).leave_work()
    page = visitor.page
    opens("/releases", name=SECOND)(visitor, town)
    opens("/releases", name=CLERK)(visitor, town)
    visitor.reach(page.locator("section summary").last)
    page.keyboard.press("Enter")
    visitor.reach(page.locator("section").last.locator("textarea"))
    page.keyboard.type("Bitte ansehen")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    visitor.press("Zurückholen")
    visitor.reach(page.locator("section").last.locator("input[type=radio]").first)
    page.keyboard.press("Space")
    visitor.reach(page.locator("section").last.get_by_role("button", name="Zustimmen"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Es fehlt noch eine zweite Person")).to_be_visible()
    opens("/releases", name=SECOND)(visitor, town)
    visitor.press("Bestätigen und freigeben")
    expect(page.get_by_text("Die Antwort ist unterwegs")).to_be_visible()
    visitor.press("Weitergaben")
    expect(page.get_by_text("Ausländerbehörde").first).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/login"])
def test_the_first_page_is_light(visitor: Visitor, town: Played, path: str) -> None:
    """All that a browser with nothing kept loads for a first page is at most 150 kB; nothing but style holds it up."""
    opens(path)(visitor, town)
    page = visitor.page
    own = page.url.partition(path)[0] if path != "/" else page.url.rstrip("/")
    weight, urls = visitor.loaded(own + path)
    assert weight <= FIRST_PAGE_BYTES
    assert [url for url in urls if not url.startswith(own)] == []
    assert _holding_up(page) == []


def _holding_up(page: Page) -> list[str]:
    """Give what is loaded and holds a page up, style sheets aside: a page without its style is not the page."""
    found: list[str] = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(one => one.renderBlockingStatus === 'blocking' && !one.name.endsWith('.css')).map(one => one.name)"
    )
    return found
