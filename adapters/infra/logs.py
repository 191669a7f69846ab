"""Logs: one JSON object per line on standard error, and only keys that stand on a list get through.

Personal data cannot be logged by accident: what is not on the list is dropped, whatever its name, and of exceptions
only the type is told. Libraries' own lines come through as their place in the code, as their texts may hold anything.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Final, TextIO

import structlog

KEYS: Final = frozenset(
    {
        "event", "level", "timestamp",
        "agency", "batch", "bytes", "code", "count", "days", "duration_ms", "error", "exchange", "federation", "file",
        "index", "kind", "line", "logger", "origin", "port", "process", "rule", "size", "topic", "version", "waiting",
    }
)  # fmt: skip
"""What may be logged: sizes, codes, random ids, names of machines' and agencies' things; never a person's."""
MAX_TEXT: Final = 256


def configure(stream: TextIO = sys.stderr, *, level: int = logging.INFO) -> None:
    """Set up structlog and the standard library's logging for a process; lines below `level` are dropped."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_listed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_LibraryHandler()], level=max(level, logging.WARNING), force=True)


def only_listed(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Drop every key that is not listed and every value that is not plain; tell an exception by its type.

    Texts are cut at 256 characters. `dropped` counts what was left out, so that a missing key is noticed.
    """
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    if isinstance(raised, BaseException):
        event["error"] = type(raised).__name__
    kept: MutableMapping[str, object] = {
        key: value[:MAX_TEXT] if isinstance(value, str) else value
        for key, value in event.items()
        if key in KEYS and isinstance(value, str | int | float)
    }
    if len(kept) < len(event):
        kept["dropped"] = len(event) - len(kept)
    return kept


class _LibraryHandler(logging.Handler):
    """Tells of a library's line only where it was written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log logger, file and line, without the text."""
        structlog.get_logger().log(
            record.levelno, "library message", logger=record.name, file=record.filename, line=record.lineno
        )
