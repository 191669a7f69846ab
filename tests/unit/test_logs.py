"""Logs: JSON lines, and only what is listed."""

import io
import json
import logging
from collections.abc import Iterator
from typing import cast

import pytest
import structlog

from adapters.infra import logs

CANARY = "Zainab Kowalczyk"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give a stream that logs go to, and set logging back afterwards."""
    lines = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(lines)
    yield lines
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def _only_line(stream: io.StringIO) -> dict[str, object]:
    text = stream.getvalue()
    assert text.count("\n") == 1
    return cast("dict[str, object]", json.loads(text))


def test_a_line_is_json_with_time_and_level(stream: io.StringIO) -> None:
    """An event is one line of JSON with its level, the time in UTC, and the listed keys as they were."""
    structlog.get_logger().info("batch committed", size=256, origin="musterstadt.example/log/2026-11", repeated=True)
    line = _only_line(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "batch committed",
        "level": "info",
        "size": 256,
        "origin": "musterstadt.example/log/2026-11",
        "dropped": 1,
    }


def test_what_is_not_listed_does_not_get_through(stream: io.StringIO) -> None:
    """Unknown keys, and values that are not plain, are dropped and counted."""
    structlog.get_logger().info("asked", client=CANARY, person={"name": CANARY}, agency=[CANARY], code="no_approval")
    line = _only_line(stream)
    assert CANARY not in stream.getvalue()
    assert (line["code"], line["dropped"]) == ("no_approval", 3)


def test_an_exception_is_told_by_its_type(stream: io.StringIO) -> None:
    """Neither message nor traceback of an exception is logged, however it was handed over."""
    log = structlog.get_logger()
    try:
        raise ValueError(CANARY)  # noqa: TRY301 - it is what is logged
    except ValueError as error:
        log.exception("failed")
        log.warning("failed", exc_info=error)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["error"] for line in lines] == ["ValueError", "ValueError"]
    assert CANARY not in stream.getvalue()


def test_long_texts_are_cut(stream: io.StringIO) -> None:
    """No single value fills the log."""
    structlog.get_logger().info("long", file="x" * 10_000)
    assert _only_line(stream)["file"] == "x" * logs.MAX_TEXT


def test_a_librarys_line_tells_its_place_only(stream: io.StringIO) -> None:
    """Warnings of libraries come through as logger, file and line, without their text; chatter does not."""
    library = logging.getLogger("third.party")
    library.info("chatter")
    library.warning("cannot serve %s", CANARY)
    line = _only_line(stream)
    assert (line["event"], line["logger"], line["file"]) == ("library message", "third.party", "test_logs.py")
    assert CANARY not in stream.getvalue()


def test_the_level_can_be_raised(stream: io.StringIO) -> None:
    """Lines below the level are dropped."""
    logs.configure(stream, level=logging.ERROR)
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert _only_line(stream)["event"] == "loud"
