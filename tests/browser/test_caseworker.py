"""The caseworker's pages: two clicks from the open case to the answer."""

import pytest
from playwright.sync_api import expect

from handschlag.town.people import JOBCENTER
from tests.browser.town import Played
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


@pytest.mark.parametrize("path", ["/", "/clients", "/case", "/requests", "/holdings"])
def test_every_page_passes_axe_and_fits_a_small_screen(visitor: Visitor, town: Played, path: str) -> None:
    """Axe finds nothing, and nothing scrolls sideways at 320 pixels."""
    visitor.open_case(town.client)
    visitor.go(path)
    assert visitor.violations() == []
    visitor.page.set_viewport_size({"width": 320, "height": 640})
    assert not visitor.scrolls_sideways()


def test_nobody_sees_a_page_without_a_login(visitor: Visitor, town: Played) -> None:
    """Each page leads to the login, and the login page passes axe too."""
    address = town.stage.offices[JOBCENTER].address.replace("127.0.0.1", "localhost")
    for path in ("/", "/clients", "/case", "/requests"):
        visitor.page.goto(address + path)
        assert visitor.page.url == f"{address}/login"
    assert visitor.violations() == []


@pytest.mark.parametrize(
    ("agency", "name", "path"),
    [
        ("sprachschule", "Marta Lindner", "/releases"),
        ("sprachschule", "Marta Lindner", "/disclosures"),
        ("jobcenter", "Dr. Hanno Feld", "/officer"),
        ("jobcenter", "Dr. Hanno Feld", "/officer/registry"),
        ("jobcenter", "Dr. Hanno Feld", "/watch"),
        ("jobcenter", "Nele Sander", "/holdings"),
        ("jobcenter", "Nele Sander", "/stand-ins"),
    ],
)
def test_the_other_staffs_pages_pass_axe(visitor: Visitor, town: Played, agency: str, name: str, path: str) -> None:
    """Release list, register, officer's desk and catalogues: axe finds nothing, small screens do."""
    del town
    visitor.log_in(agency, name)
    visitor.go(path)
    assert visitor.violations() == []
    visitor.page.set_viewport_size({"width": 320, "height": 640})
    assert not visitor.scrolls_sideways()
