"""Long work for an auditor: a replay begun, watched and read, the export as one file, and what bounds both."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog

from broker import long_work
from broker.long_work import AHEAD, PAUSE_MS, State
from schemas import canonical
from schemas.errors import Unavailable
from tests.support.audit_visit import BASE, NOT_YET, REPORT, Auditor, auditing_a_story
from tests.support.pens import LOG, ManualClock

pytestmark = pytest.mark.slow  # each case makes all pages anew


@pytest.fixture
async def auditor() -> AsyncIterator[Auditor]:
    """Give an auditor of a log with a story in it."""
    async with auditing_a_story() as auditor:
        yield auditor


async def test_a_replay_is_begun_watched_and_read(auditor: Auditor) -> None:
    """While it runs the page says how far it is; then what it found, each finding with its entry, and the report."""
    await auditor.type()
    for path in NOT_YET:
        assert (await auditor.browser.get(path)).status_code == 404
    page = await auditor.press("/audit/replay")
    assert str(page.url) == f"{BASE}/audit/replay"
    await asyncio.sleep(0)
    state = await auditor.browser.get(NOT_YET[0])
    assert state.json() == {"state": "running", "done": 12, "total": 63}
    page = await auditor.browser.get("/audit/replay")
    assert ('value="12"' in page.text, 'max="63"' in page.text, "data-watch" in page.text) == (True, True, True)
    assert 'btn--secondary" href="/audit/replay"' in page.text  # who has scripts turned off looks again by it
    auditor.report.set()
    await over(auditor)
    page = await auditor.browser.get("/audit/replay")
    assert "kern-alert--danger" in page.text
    assert 'href="/audit/entries/3"' in page.text
    assert "data-watch" not in page.text
    assert ("ihre Zahl nicht.</p>" in page.text, 'lang="en">Something new.</p>' in page.text) == (True, True)
    assert (await auditor.browser.get(NOT_YET[1])).content == REPORT
    assert (await auditor.browser.get(NOT_YET[0])).json()["state"] == "done"


async def test_a_finding_leads_to_its_entry_over_all_shards(auditor: Auditor) -> None:
    """A report counts from its shard's first entry, the pages over all shards; an unknown shard leads nowhere."""
    state, report = auditor.front.state(), json.loads(REPORT)
    state.shards[LOG] = replace(state.shards[LOG], first=40)
    auditor.found = canonical.pretty({**report, "earlier": [{**report, "log": "town.example/log/0"}]}).encode()
    auditor.report.set()
    await auditor.type()
    await auditor.press("/audit/replay")
    await over(auditor)
    page = await auditor.browser.get("/audit/replay")
    assert re.findall(r'href="/audit/entries/([0-9]+)"', page.text) == ["43"]


async def over(auditor: Auditor) -> None:
    """Wait until nothing is under way."""
    async with asyncio.timeout(5):
        await auditor.work.ended()


async def test_one_at_a_time_and_then_a_pause(auditor: Auditor) -> None:
    """While one runs, and for a minute after, neither a replay nor an export is begun for anybody."""
    await auditor.type()
    await auditor.press("/audit/replay")
    first = auditor.work.run
    await auditor.press("/audit/replay")
    assert auditor.work.run is first
    assert (await auditor.press("/audit/export")).status_code == 429
    auditor.report.set()
    await over(auditor)
    await auditor.press("/audit/replay")
    assert auditor.work.run is first
    assert (await auditor.press("/audit/export")).status_code == 429
    assert isinstance(auditor.clock, ManualClock)
    auditor.clock.ms += PAUSE_MS
    assert (await auditor.press("/audit/export")).content == b"onetwo"
    assert auditor.work.run is first


async def test_a_replay_is_broken_off(auditor: Auditor) -> None:
    """By any auditor, and when the broker ends; the page says that nothing was found out."""
    await auditor.type()
    async with auditor.work.running():
        await auditor.press("/audit/replay")
        await asyncio.sleep(0)
        await auditor.press("/audit/replay/cancel")
        await over(auditor)
        assert auditor.work.run is not None
        assert auditor.work.run.state is State.CANCELED
        assert "kern-alert--info" in (await auditor.browser.get("/audit/replay")).text
        assert isinstance(auditor.clock, ManualClock)
        auditor.clock.ms += PAUSE_MS
        await auditor.press("/audit/replay")
        assert auditor.work.busy
    assert (auditor.work.busy, auditor.work.run.state) == (False, State.CANCELED)


@pytest.mark.parametrize("report", [b"", b"{}", b"no report"])
async def test_a_replay_that_fails_says_why(auditor: Auditor, report: bytes) -> None:
    """A process that fails, or a report that is none, is told on the page; nothing of it is taken for a verdict."""
    await auditor.type()
    auditor.found = report
    auditor.report.set()
    await auditor.press("/audit/replay")
    await over(auditor)
    page = await auditor.browser.get("/audit/replay")
    assert ("kern-alert--warning" in page.text, "kern-alert--success" in page.text) == (True, False)
    assert (await auditor.browser.get(NOT_YET[1])).status_code == 404


async def test_nothing_lasts_for_ever(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that takes too long is broken off, and so is an export that nobody takes away."""
    monkeypatch.setattr(long_work, "LONGEST_S", 0)
    auditor.work.begin_replay()
    await over(auditor)
    assert auditor.work.run is not None
    assert (auditor.work.run.state, "took longer" in auditor.work.run.rule) == (State.FAILED, True)
    assert isinstance(auditor.clock, ManualClock)
    auditor.clock.ms += PAUSE_MS
    monkeypatch.setattr(long_work, "LONGEST_S", 0.05)
    auditor.packed = [b"piece"] * (2 * AHEAD)
    pieces = await auditor.work.export()
    assert pieces is not None
    await over(auditor)
    with pytest.raises(Unavailable, match="took longer"):
        assert [piece async for piece in pieces] == []


async def test_an_export_is_one_file_for_auditors(auditor: Auditor) -> None:
    """It comes as it is made, named, and is packed no second time."""
    await auditor.type()
    auditor.packed = [b"x" * 1000]
    page = await auditor.press("/audit/export")
    assert (page.content, page.headers["content-type"]) == (b"x" * 1000, "application/gzip")
    assert page.headers["content-disposition"] == 'attachment; filename="export.tar.gz"'
    assert "content-encoding" not in page.headers
    assert page.headers["cache-control"] == "no-store"


async def test_an_export_that_breaks_off_is_no_whole_file(auditor: Auditor) -> None:
    """Before its first piece it is a page that says so; after it the connection breaks, as no file may seem whole."""
    await auditor.type()
    broken = Unavailable("export: the disk is full")
    auditor.packed = [broken]
    with structlog.testing.capture_logs() as lines:
        assert (await auditor.press("/audit/export")).status_code == 503
    assert {
        "event": "audit page failed",
        "code": "unavailable",
        "error": "Unavailable",
        "log_level": "warning",
    } in lines
    assert isinstance(auditor.clock, ManualClock)
    auditor.clock.ms += PAUSE_MS
    auditor.packed = [*[b"one"] * 2 * AHEAD, broken]
    with pytest.raises(ConnectionAbortedError):
        await auditor.press("/audit/export")
    assert not auditor.work.busy


@pytest.mark.parametrize("taken", [0, 1])
async def test_who_takes_no_more_ends_the_work(auditor: Auditor, taken: int) -> None:
    """An export is broken off when the one it is made for has gone, be it before the first piece went out."""
    auditor.packed = [b"piece"] * (10 * AHEAD)
    pieces = await auditor.work.export()
    assert pieces is not None
    for _ in range(taken):
        assert await anext(pieces) == b"piece"
    await pieces.aclose()
    await over(auditor)
    assert not auditor.sent.is_set()
