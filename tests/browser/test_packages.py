"""Packages on the caseworker's pages: two clicks, on every screen, by keyboard, and without a script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from handschlag.town import pick
from handschlag.town.people import JOBCENTER, SOCIAL
from handschlag.town.pick import Picked
from tests.browser.town import Played
from tests.browser.visitor import Visitor

TILE, SEND = "Paket Wechsel ins SGB II auswählen", "Senden"


@pytest.fixture
def client(town: Played) -> Picked:
    """Give somebody whom the Jobcenter and the social office know by the same name."""
    return next(pick.shared_between(town.stage.people, JOBCENTER, SOCIAL))


@pytest.fixture
def without_scripts(chromium: Browser, town: Played) -> Iterator[Visitor]:
    """Give a browser that runs no script."""
    context = chromium.new_context(locale="de-DE", java_script_enabled=False)
    yield Visitor(context.new_page(), town.stage)
    context.close()


def test_two_clicks_lead_from_the_case_to_the_checklist(visitor: Visitor, client: Picked) -> None:
    """The tile and "send"; every page on the way passes axe and fits a small screen, and no address names anybody."""
    visitor.open_case(client)
    visitor.looked_at()
    visitor.click(TILE)
    visitor.looked_at()
    visitor.click(SEND)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Wechsel ins SGB II")
    assert visitor.clicks == 2
    assert visitor.page.locator("tbody tr").count() == 1
    assert client.family_name not in visitor.page.url
    visitor.looked_at()
    visitor.go("/requests")
    expect(visitor.page.get_by_role("heading", name="Pakete")).to_be_visible()
    visitor.looked_at()


def test_the_way_back_is_two_clicks_as_well(visitor: Visitor, client: Picked) -> None:
    """At the social office the same client's tile leads out of SGB II, to the Jobcenter."""
    visitor.open_case(client, SOCIAL)
    visitor.click("Paket Wechsel aus dem SGB II auswählen")
    visitor.click(SEND)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Wechsel aus dem SGB II")
    assert visitor.clicks == 2
    expect(visitor.page.get_by_text("wartet")).to_be_visible()


def test_the_keyboard_alone_does_it(visitor: Visitor, client: Picked) -> None:
    """Tabulator and Enter lead from the case to the checklist and on to the answer."""
    visitor.open_case(client)
    for name in (TILE, SEND):
        visitor.press(name)
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Wechsel ins SGB II")
    visitor.press("Wechsel ins SGB II von sozialamt öffnen")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Antwort")


def test_it_works_without_scripts(without_scripts: Visitor, client: Picked) -> None:
    """A browser that runs no script asks all the same."""
    without_scripts.open_case(client)
    without_scripts.click(TILE)
    without_scripts.click(SEND)
    expect(without_scripts.page.get_by_role("heading", level=1)).to_have_text("Wechsel ins SGB II")
