"""Somebody before a browser: logs in, counts clicks, and has every page looked at by axe."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from handschlag.demo.stage import Stage
from handschlag.town.people import JOBCENTER
from handschlag.town.pick import Picked
from schemas.client_texts import LANGUAGES
from tests.browser.town import named

AXE = Path(__file__).parents[2] / "build" / "axe" / "axe.min.js"
MOST_TABS = 60
FIRST_PAGE_BYTES = 150_000
"""What a first page weighs at the most, for somebody who has kept nothing."""
LEAST_FILES = 4
EVERY = [one if one in {"de", "ar"} else pytest.param(one, marks=pytest.mark.long) for one in LANGUAGES]
"""The languages of clients: German and Arabic in `make test`, all in `make test-all`."""
AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_STOPS = 4
"""A date has a stop for its day, its month, its year and its calendar."""
NUMBER_CONTROLS = """() => {
    const groups = new Set(), controls = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    const all = [...document.querySelectorAll(controls)].filter(one => one.type !== "hidden" && one.checkVisibility());
    const walked = all.filter(one => {
        if (one.type !== "radio") return true;
        const known = groups.has(one.form?.action + one.name);
        groups.add(one.form?.action + one.name);
        return !known;
    });
    walked.forEach((one, number) => { one.dataset.control = number; });
    return walked.length;
}"""
"""Number what the tabulator has to reach; of a group of radio buttons it reaches one."""
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outline || style.boxShadow !== "none" ? one.dataset.control ?? "" : "";
}"""
"""Give the number of what has the focus, if it can be seen that it has."""
OTHER_CONTROLS = """seen => [...document.querySelectorAll("[data-control]")]
    .filter(one => !seen.includes(one.dataset.control)).map(one => one.outerHTML.slice(0, 120))"""


class Visitor:
    """One browser context, at one agency's pages."""

    def __init__(self, page: Page, stage: Stage) -> None:
        """Sit down."""
        self.page = page
        self.clicks = 0
        self._stage = stage
        self._home = ""

    def log_in(self, agency: str, name: str) -> None:
        """Log in at an agency's node as one of its made-up staff."""
        self._home = named(self._stage.offices[agency].address)
        self.page.goto(f"{self._home}/login/go")
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_url(f"{self._home}/")

    def go(self, path: str) -> None:
        """Open a page by its address."""
        self.page.goto(self._home + path)

    def click(self, name: str, role: str = "button") -> None:
        """Click a button or link by what it says, and count it."""
        self.click_on(self.page.get_by_role(role, name=name).first)  # type: ignore[arg-type]  # a closed list of words

    def click_on(self, wanted: Locator) -> None:
        """Click something, and count it."""
        self.clicks += 1
        wanted.click()

    def open_case(self, client: Picked, agency: str = JOBCENTER) -> None:
        """Log in as an adviser, of the Jobcenter unless said otherwise, and open a client's case."""
        self.log_in(agency, "Ayla Berger")
        self.go("/clients")
        self.fill("Familienname", client.family_name)
        self.fill("Geburtsdatum", client.birth_date)
        self.page.get_by_role("button", name="Suchen").click()
        self.page.get_by_role("button", name="öffnen").first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(client.family_name)

    def press(self, name: str) -> None:
        """Go to a button or link with the tabulator alone, and press Enter on it."""
        self.reach(self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).first)
        self.page.keyboard.press("Enter")

    def reach(self, wanted: Locator) -> None:
        """Go to something with the tabulator alone."""
        self.page.locator("body").focus()
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("one => one === document.activeElement"):
                break

    def fill(self, label: str, text: str) -> None:
        """Type into a field by its label."""
        self.page.get_by_label(label, exact=True).first.fill(text)

    def violations(self) -> list[str]:
        """Have axe look at the page; give what breaks WCAG 2.2 AA, in a line each."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", AA
        )
        return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]

    def looked_at(self) -> None:
        """Have axe look at the page on a wide screen and a small one, and see that nothing scrolls sideways."""
        for width, height in ((320, 640), (1280, 900)):
            self.page.set_viewport_size({"width": width, "height": height})
            assert self.violations() == []
            assert not self.scrolls_sideways()

    def unreached(self) -> list[str]:
        """Walk through the page with the tabulator; give each control it misses or whose focus cannot be seen."""
        count: int = self.page.evaluate(NUMBER_CONTROLS)
        seen: set[str] = set()
        self.page.locator("body").focus()
        for _ in range(count * MOST_STOPS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement === document.body"):
                break
            seen.add(self.page.evaluate(FOCUSED))
        missed: list[str] = self.page.evaluate(OTHER_CONTROLS, sorted(seen))
        return missed

    def loaded(self, address: str) -> tuple[int, list[str]]:
        """Open a page as somebody who has kept nothing of it; give how many bytes came, and all addresses asked.

        A page brings at least itself, two style sheets and a font.
        """
        session, sizes, urls = self.page.context.new_cdp_session(self.page), list[float](), list[str]()
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        session.on("Network.requestWillBeSent", lambda event: urls.append(event["request"]["url"]))
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("document.fonts.ready")
        assert len(sizes) >= LEAST_FILES
        return int(sum(sizes)), urls

    def scrolls_sideways(self) -> bool:
        """Tell whether the page is wider than its window."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wide
