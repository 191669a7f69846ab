"""Opening what was sealed when an earlier shard of the log was open: a seal names the shard it was made in."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from schemas.errors import NotAuthentic
from schemas.ids import LogId

T = TypeVar("T")


def open_under(logs: Sequence[LogId], open_with: Callable[[LogId], T]) -> T:
    """Give what opens under the first of these shards that fits; raises what opening under the last one raises."""
    for log in logs[:-1]:
        try:
            return open_with(log)
        except NotAuthentic:
            continue
    return open_with(logs[-1])
