"""One town for all tests of a file: NATS, broker, nodes and sign-on as in the demo, and one Chromium."""

import os
import shutil
from collections.abc import Iterator
from ctypes.util import find_library

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from handschlag.demo.stage import Stage, nats_server, raised
from tests.browser.town import Played, played
from tests.browser.visitor import Visitor


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Raise the demo's stage once for a file."""
    with raised(tmp_path_factory.mktemp("town") / "demo", nats_server(), lambda _: None) as stage:
        yield stage


@pytest.fixture(scope="module")
def town(stage: Stage) -> Played:
    """Let approvals and a consent stand, as the demo's story does."""
    return played(stage)


@pytest.fixture(scope="module")
def chromium(town: Played) -> Iterator[Browser]:
    """Start Debian's Chromium after the town, whose commands need a loop of their own; skip where there is none.

    While it runs, its driver's loop is the running one: it ends with the file, or no other test could have a loop.
    """
    del town
    found = shutil.which("chromium")
    if found is None or find_library("atomic") is None:
        pytest.skip("no chromium, or no libatomic, on this machine")
    # Root has no sandbox to give up its rights in; everybody else keeps it.
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Give a fresh browser context, in German, without anything remembered."""
    context = chromium.new_context(locale="de-DE", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def visitor(page: Page, stage: Stage) -> Visitor:
    """Give somebody who sits before the browser."""
    return Visitor(page, stage)
