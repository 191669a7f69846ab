"""The caseworker's pages: two clicks from the open case to the answer."""

from playwright.sync_api import expect

from handschlag.town.people import JOBCENTER
from tests.browser.town import Played, named
from tests.browser.visitor import Visitor


def test_two_clicks_lead_from_the_case_to_the_answer(visitor: Visitor, town: Played) -> None:
    """Purpose and send: the record is on the screen, each value with where it comes from."""
    visitor.open_case(town.client)
    visitor.click("sprachschule auswählen")
    visitor.click("Senden")
    expect(visitor.page.get_by_text("beantwortet")).to_be_visible()
    assert visitor.clicks == 2
    assert visitor.page.locator("tbody tr").count() > 0
    assert town.client.family_name not in visitor.page.url


def test_nobody_sees_a_page_without_a_login(visitor: Visitor, town: Played) -> None:
    """Each page leads to the login, and the login page passes axe too."""
    address = named(town.stage.offices[JOBCENTER].address)
    for path in ("/", "/clients", "/case", "/requests"):
        visitor.page.goto(address + path)
        assert visitor.page.url == f"{address}/login"
    assert visitor.violations() == []
