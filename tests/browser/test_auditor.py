"""The auditor at the broker: from the token to the proof of one disclosure, by eye, by keyboard, on a narrow screen."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from handschlag.demo.desk import Desk
from handschlag.demo.patience import until
from handschlag.demo.story import PURPOSE
from handschlag.town.people import SCHOOL
from tests.browser.town import Played
from tests.browser.visitor import Visitor

PAGES = ("/audit/entries", "/audit/charts", "/audit/witnesses", "/audit/replay", "/audit/check")


def opened(visitor: Visitor, town: Played) -> Page:
    """Type the token."""
    page = visitor.page
    page.goto(f"{town.broker}/audit")
    page.locator("#token").fill(town.stage.auditor)
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit/entries")
    return page


def test_axe_finds_nothing_on_the_way_in(visitor: Visitor, town: Played) -> None:
    """Before the token, and after a wrong one."""
    visitor.page.goto(f"{town.broker}/audit")
    assert visitor.violations() == []
    visitor.page.locator("#token").fill("wrong")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("alert")).to_be_visible()
    assert visitor.violations() == []


@pytest.mark.parametrize("path", [*PAGES, "/audit/entries?kind=consent.given", "/audit/entries/3"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(visitor: Visitor, town: Played, path: str) -> None:
    """On a wide screen and at 320 pixels, in light and in dark."""
    page = opened(visitor, town)
    page.goto(town.broker + path)
    assert visitor.violations() == []
    page.emulate_media(color_scheme="dark")
    assert visitor.violations() == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert visitor.violations() == []
    assert not visitor.scrolls_sideways()


def test_a_disclosure_is_found_by_filter_and_followed(visitor: Visitor, town: Played) -> None:
    """Filter, open, read the timeline, fetch the proof."""
    asked = Desk(town.stage.offices["jobcenter"], "adviser").ask(PURPOSE, SCHOOL, town.consent)
    assert asked["state"] == "answered"
    page = opened(visitor, town)

    def listed() -> Locator | None:
        """Filter; what is shown lies under a published checkpoint, and the witnesses are asked once a second."""
        page.locator("#kind").select_option("exchange.disclosed")
        page.locator("#agency").select_option(SCHOOL)
        page.locator("#exchange").fill(asked["exchange"])
        page.locator("form.hs-wide button").click()
        page.wait_for_url("**kind=exchange.disclosed**")
        return page.locator("th a").first if page.locator("th a").count() else None

    until(listed, "the disclosure in the auditor's list").click()
    expect(page.locator(".hs-steps > li")).not_to_have_count(1)
    expect(page.locator(".hs-steps > li").first).to_contain_text(re.compile("jobcenter"))
    assert visitor.violations() == []
    page.goto(f"{town.broker}/audit/charts")
    expect(page.locator("svg rect").first).to_be_visible()
    assert visitor.violations() == []
    page.go_back()
    with page.expect_download() as fetched:
        page.locator('a[href$="/tlog-proof"]').first.click()
    assert fetched.value.suggested_filename.endswith(".tlog-proof")
    proof = fetched.value.path().read_text("utf-8")
    assert proof.startswith("c2sp.org/tlog-proof@v1\n")


def test_a_replay_is_started_watched_and_finished(visitor: Visitor, town: Played) -> None:
    """One click starts it; the page follows by itself to the end, where every decision is the same; then a pause.

    The export is then packed no sooner than that.
    """
    page = opened(visitor, town)
    page.goto(f"{town.broker}/audit/replay")
    page.locator('form[action="/audit/replay"] button').click()
    expect(page.locator("[data-watch]")).to_be_visible()
    assert visitor.violations() == []
    expect(page.locator(".kern-alert--success")).to_be_visible(timeout=60_000)
    assert visitor.violations() == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert not visitor.scrolls_sideways()
    facts = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))
    assert len({facts[name] for name in ("Einträge unter dem Checkpoint", "Neu getroffene Entscheidungen")}) == 1
    assert facts["Befunde"] == "0"
    assert page.locator('form[action="/audit/replay"] button').count() == 0
    page.goto(f"{town.broker}/audit/check")
    page.locator('form[action="/audit/export"] button').click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dieser Rechner arbeitet")
    assert visitor.violations() == []


def test_without_a_script_an_auditor_comes_as_far(chromium: Browser, town: Played) -> None:
    """The token opens the pages without one; while a replay runs, a link on its page looks again."""
    context = chromium.new_context(locale="de-DE", java_script_enabled=False)
    page = opened(Visitor(context.new_page(), town.stage), town)
    page.goto(f"{town.broker}/audit/replay")
    assert page.locator("h1").inner_text() == "Nachrechnen lassen"
    context.close()
