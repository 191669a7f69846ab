"""The consent pages in a browser, in every language a client can be asked in, on a small screen too."""

import pytest
from playwright.sync_api import expect

from handschlag.town.people import COUNSELLING
from tests.browser.town import Played
from tests.browser.visitor import EVERY, Visitor


def show_text(visitor: Visitor, town: Played, language: str) -> None:
    """Log in at the counselling service, open the client's case and have the text shown in a language."""
    visitor.log_in(COUNSELLING, "Ayla Berger")
    visitor.go("/clients")
    visitor.fill("Familienname", town.client.family_name)
    visitor.page.get_by_role("button", name="Suchen").click()
    visitor.page.get_by_role("button", name="öffnen").first.click()
    visitor.go("/consents")
    visitor.page.get_by_label("Kursstand erfragen: jobcenter").first.check()
    visitor.page.locator("#language").select_option(language)
    assert visitor.violations() == []
    visitor.page.get_by_role("button", name="Text zeigen").click()


@pytest.mark.parametrize("language", EVERY)
def test_a_client_reads_and_says_yes(visitor: Visitor, town: Played, language: str) -> None:
    """Text, question, decision and receipt pass axe and fit 320 pixels; yes and no are of one size."""
    show_text(visitor, town, language)
    assert visitor.violations() == []
    visitor.page.locator('input[name="answer"][value="jobcenter"]').check()
    visitor.page.locator('form[action="/consents/answer"] button').click()
    yes, no = (visitor.page.locator(f'form[action="/consents/{word}"] button') for word in ("yes", "no"))
    sizes = [box and (round(box["width"]), round(box["height"])) for box in (yes.bounding_box(), no.bounding_box())]
    assert sizes[0] == sizes[1] is not None
    visitor.page.set_viewport_size({"width": 320, "height": 640})
    assert not visitor.scrolls_sideways()
    assert visitor.violations() == []
    yes.click()
    expect(visitor.page).to_have_url(f"{visitor.page.url.partition('/consents')[0]}/consents/receipt")
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


def test_scripts_have_their_fonts(visitor: Visitor, town: Played) -> None:
    """Arabic, Ethiopic and Cyrillic stand on the page in fonts of our own."""
    show_text(visitor, town, "ti")
    visitor.page.evaluate("document.fonts.ready")
    loaded = visitor.page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => f.unicodeRange)")
    assert any("U+1200" in one for one in loaded)
