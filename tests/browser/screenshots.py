"""`make screenshots`: pictures of every page, into `build/screenshots`, to be looked at.

Staff's in German and English, the consent pages in German, Arabic and Tigrinya, the client's page in every language.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from handschlag.demo.stage import nats_server, raised
from schemas.client_texts import LANGUAGES
from tests.browser.test_consents import show_text
from tests.browser.town import Played, played
from tests.browser.visitor import Visitor

TARGET: Final = Path("build") / "screenshots"
STAFF: Final = (
    ("jobcenter", "Ayla Berger", ("/", "/clients", "/case", "/requests", "/stand-ins", "/holdings")),
    ("jobcenter", "Dr. Hanno Feld", ("/officer", "/officer/registry", "/watch")),
    ("sprachschule", "Marta Lindner", ("/releases", "/disclosures")),
)
WORDS: Final = {"de-DE": ("sprachschule auswählen", "Senden"), "en-GB": ("Choose", "Send")}


def main() -> None:
    """Raise the demo's town, walk through the pages, take a picture of each."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder, raised(Path(folder) / "demo", nats_server(), lambda _: None) as stage:
        town = played(stage)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for locale in WORDS:
                for agency, name, paths in STAFF:
                    context = browser.new_context(locale=locale, viewport={"width": 1180, "height": 720})
                    page = context.new_page()
                    visitor = Visitor(page, stage)
                    visitor.log_in(agency, name)
                    if "/case" in paths:
                        _open_case(page, visitor, town.client.family_name, town.client.birth_date)
                    for path in paths:
                        visitor.go(path)
                        _take(page, locale, path)
                    if "/case" in paths:
                        _ask(page, visitor, locale)
                        _errand(page, visitor, locale)
                    context.close()
            _consents(browser, town)
            _auditor(browser, town)
            _client(browser, town)
    sys.stdout.write(f"{len(list(TARGET.iterdir()))} pictures in {TARGET}\n")


def _auditor(browser: Browser, town: Played) -> None:
    """Take the auditor's pages, with one exchange from its last entry."""
    address = town.broker
    for locale in WORDS:
        page = browser.new_context(locale=locale, viewport={"width": 1180, "height": 720}).new_page()
        page.goto(f"{address}/audit")
        _take(page, locale, "/audit")
        page.locator("#token").fill(town.stage.auditor)
        page.locator("#token").press("Enter")
        page.wait_for_url("**/audit/entries")
        for path in ("/audit/entries", "/audit/charts", "/audit/witnesses", "/audit/check"):
            page.goto(address + path)
            _take(page, locale, path)
        if page.goto(f"{address}/audit/replay") and page.locator("form[action='/audit/replay'] button").count():
            page.locator("form[action='/audit/replay'] button").click()
            _take(page, locale, "/audit/replaying")
            page.locator(".kern-alert--success").wait_for(timeout=60_000)
        _take(page, locale, "/audit/replay")
        page.goto(f"{address}/audit/entries?kind=exchange.disclosed")
        page.locator("th a").first.click()
        page.wait_for_load_state()
        _take(page, locale, "/audit-exchange")
        page.context.close()


def _client(browser: Browser, town: Played) -> None:
    """Take the client's pages as a phone shows them, in every language, and on paper."""
    address = town.broker
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{address}/c/{town.view_code}")
    for language in LANGUAGES:
        page.locator("#language").select_option(language)
        page.locator(".hs-language button").click()
        _take(page, language, "/client-view")
    page.locator("#language").select_option("ar")
    page.locator(".hs-language button").click()
    page.emulate_media(media="print")
    _take(page, "ar", "/client-print")
    page.emulate_media(media="screen")
    page.locator("#code").fill(town.withdraw_code)
    page.locator("#code").press("Enter")
    page.wait_for_load_state()
    _take(page, "ar", "/client-stopped")
    page.goto(f"{address}/c")
    _take(page, "ar", "/client-entry")
    page.context.close()


def _consents(browser: Browser, town: Played) -> None:
    """Take the consent pages from the text to the receipt, in German, Arabic and Tigrinya, by their own tests' way."""
    for language in ("de", "ar", "ti"):
        context = browser.new_context(locale="de-DE", viewport={"width": 820, "height": 1180})
        page = context.new_page()
        show_text(Visitor(page, town.stage), town, language)
        _take(page, language, "/consent-text")
        page.locator('input[name="answer"][value="jobcenter"]').check()
        page.locator('form[action="/consents/answer"] button').click()
        _take(page, language, "/consent-decision")
        page.locator('form[action="/consents/yes"] button').click()
        _take(page, language, "/consent-receipt")
        context.close()


def _open_case(page: Page, visitor: Visitor, family_name: str, birth_date: str) -> None:
    visitor.go("/clients")
    page.locator("#family_name").fill(family_name)
    page.locator("#birth_date").fill(birth_date)
    page.locator("#birth_date").press("Enter")
    page.locator("td button").first.click()


def _ask(page: Page, visitor: Visitor, locale: str) -> None:
    visitor.go("/case")
    for step, word in zip(("question", "answer"), WORDS[locale], strict=True):
        page.get_by_role("button", name=word).first.click()
        page.wait_for_load_state()
        _take(page, locale, f"/{step}")


def _errand(page: Page, visitor: Visitor, locale: str) -> None:
    """Take a package from its list to its checklist."""
    visitor.go("/case")
    page.locator("form[action='/case/package'] button").click()
    _take(page, locale, "/package")
    page.locator("form[action='/case/package/send'] button").click()
    page.wait_for_load_state()
    _take(page, locale, "/checklist")


def _take(page: Page, locale: str, path: str) -> None:
    name = path.strip("/").replace("/", "-") or "start"
    page.screenshot(path=TARGET / f"{locale.removesuffix('-DE').removesuffix('-GB')}-{name}.png", full_page=True)


main()
