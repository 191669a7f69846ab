"""Notices in a browser: from the answer on a statute to the note that the person has been told."""

from playwright.sync_api import expect

from handschlag.demo.desk import Desk
from handschlag.demo.patience import until
from handschlag.demo.story import CHANGE
from handschlag.town import pick
from handschlag.town.people import JOBCENTER, SOCIAL
from tests.browser.town import Played
from tests.browser.visitor import Visitor

ENDS = ("answered", "not_available")


def answered(town: Played) -> str:
    """Let the Jobcenter ask the social office on a statute, and have a human there release; give the exchange.

    The demo's deadline is short: where the release came too late, it is asked again.
    """
    client = next(pick.shared_between(town.stage.people, JOBCENTER, SOCIAL))
    person = {"family_name": client.family_name, "given_names": client.given_names, "birth_date": client.birth_date}
    asking, holding = Desk(town.stage.offices[JOBCENTER], "adviser"), Desk(town.stage.offices[SOCIAL], "clerk_answer")
    question = {"purpose": CHANGE, "holder": SOCIAL, "norm": "SGB X § 67a(2)", "person": person}

    def released() -> str | None:
        """Ask, release, and see whether the data came."""
        declared = {"declared": ["reason_not_from_client"], "case_ref": client.files[JOBCENTER]}
        exchange: str = asking.post("/v1/requests", {**question, **declared})["exchange"]
        holding.post(f"/v1/releases/{exchange}/release", {"ref": client.files[SOCIAL]})
        way = f"/v1/requests/{exchange}"
        ended = until(lambda: next((one for one in ENDS if asking.get(way)["state"] == one), None), way)
        return exchange if ended == "answered" else None

    return until(released, "a released answer")


def test_a_notice_is_printed_noted_and_gone(visitor: Visitor, town: Played) -> None:
    """Two clicks from the list to the note that the person has it; every page passes axe and fits a small screen."""
    exchange = answered(town)
    visitor.log_in(JOBCENTER, "Ayla Berger")
    visitor.go("/notices")
    visitor.looked_at()
    own = visitor.page.locator(f'a[href="/notices/{exchange}"]')
    visitor.click_on(own)
    assert visitor.page.get_by_role("link", name="العربية").count() == 1
    visitor.looked_at()
    visitor.page.get_by_label("Sprache", exact=True).select_option("ar")
    visitor.click("Als ausgehändigt vermerken")
    assert visitor.clicks == 2
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Hinweise")
    assert own.count() == 0
    visitor.looked_at()
