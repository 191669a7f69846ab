"""The client's page on a phone: read in Arabic who asked, and stop it, by touch or by keyboard alone."""

import pytest
from playwright.sync_api import Browser, Page, expect

from handschlag.demo.story import Story
from tests.browser.town import Played, Silent
from tests.browser.visitor import EVERY, FIRST_PAGE_BYTES, Visitor

PHONE = {"width": 360, "height": 740}


def opened(visitor: Visitor, town: Played) -> Page:
    """Scan the QR code."""
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    visitor.page.goto(f"{town.broker}/c/{town.view_code}")
    return visitor.page


def test_the_receipts_code_opens_the_page_in_arabic(visitor: Visitor, town: Played) -> None:
    """The consent was taken in Arabic: the page reads from right to left, and its address holds no code."""
    page = opened(visitor, town)
    assert page.url == f"{town.broker}/c/view"
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("heading", level=1)).to_contain_text("موافقتك")
    assert page.locator(".hs-steps li").count() >= 1


@pytest.mark.parametrize("language", EVERY)
@pytest.mark.parametrize("path", ["/c", "/c/view"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    visitor: Visitor, town: Played, path: str, language: str
) -> None:
    """On a phone, at 320 pixels and so at 400 % of a small screen, in light and in dark."""
    page = opened(visitor, town)
    page.locator("#language").select_option(language)
    page.locator(".hs-language button").click()
    page.goto(town.broker + path)
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert visitor.violations() == []
    page.emulate_media(color_scheme="dark")
    assert visitor.violations() == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert not visitor.scrolls_sideways()


def test_it_is_read_without_a_script_and_on_paper(chromium: Browser, town: Played) -> None:
    """With scripts turned off nothing is missing; print has what happened and when, and neither form nor button."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(f"{town.broker}/c/{town.view_code}")
    expect(page.locator(".hs-steps > li").first).to_be_visible()
    expect(page.locator("#code")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".hs-steps > li").first).to_be_visible()
    expect(page.locator(".hs-facts")).to_be_visible()
    for hidden in ("#code", "#language", "form button", "footer", ".hs-skip"):
        for one in page.locator(hidden).all():
            expect(one).to_be_hidden()
    context.close()


@pytest.mark.parametrize("language", EVERY)
def test_a_first_page_is_light(visitor: Visitor, town: Played, language: str) -> None:
    """What a cheap phone with nothing kept has to load: at most 150 kB, the fonts of the language included."""
    page = opened(visitor, town)
    page.locator("#language").select_option(language)
    page.locator(".hs-language button").click()
    page.wait_for_load_state("networkidle")
    weight, _ = visitor.loaded(f"{town.broker}/c/view")
    assert weight <= FIRST_PAGE_BYTES


def test_the_keyboard_alone_leads_to_the_end_of_the_consent(visitor: Visitor, town: Played) -> None:
    """From the code to "over": only tab, letters and enter; the focus can be seen all the way.

    The consent is one of its own: the other tests read of the town's in any order.
    """
    page, own = visitor.page, Story(town.stage, Silent()).take(town.client)
    page.goto(f"{town.broker}/c")
    page.locator("#code").focus()
    page.keyboard.type(own["view_code"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/view")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "code":
            break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.type("A" * 16)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("#code").focus()
    page.keyboard.type(own["withdraw_code"])
    page.keyboard.press("Enter")
    expect(page.locator(".kern-alert--success")).to_be_visible()
    assert page.locator("#code").count() == 0
