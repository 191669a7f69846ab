"""One town for all tests of this folder: NATS, broker, nodes and sign-on as in the demo, and one Chromium."""

import os
import shutil
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from handschlag.demo.stage import Stage, nats_server, raised
from tests.browser.town import Played, played
from tests.browser.visitor import Visitor

HERE: Final = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have this folder's tests run one after the other, in whatever order: ten processes wait for no other test."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE))


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Raise the demo's stage once: it takes a quarter of a minute."""
    with raised(tmp_path_factory.mktemp("town") / "demo", nats_server(), lambda _: None) as stage:
        yield stage


@pytest.fixture(scope="package")
def town(stage: Stage) -> Played:
    """Let approvals and a consent stand, as the demo's story does."""
    return played(stage)


@pytest.fixture(scope="package")
def chromium(town: Played) -> Iterator[Browser]:
    """Start Debian's Chromium after the town, whose commands need a loop of their own; skip where there is none.

    While it runs, its driver's loop is the running one: it ends with the folder, or no other test could have a loop.
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
