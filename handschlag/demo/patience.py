"""Waiting, from outside, for what other processes do: the demo is a spectator and has no events to wait for."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from schemas.errors import Unavailable

LOOK_AGAIN_S: Final = 0.05
LIMIT_S: Final = 30.0

SeenT = TypeVar("SeenT")


def pause(seconds: float = LOOK_AGAIN_S) -> None:
    """Let a moment pass."""
    time.sleep(seconds)  # noqa: TID251  a script that watches other processes has no loop to block


def until(look: Callable[[], SeenT | None], what: str, limit_s: float = LIMIT_S) -> SeenT:
    """Look again and again until something is seen; Unavailable naming `what` when it never is."""
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit:
        seen = look()
        if seen is not None:
            return seen
        pause()
    message = f"{what}: did not happen within {limit_s:.0f} s"
    raise Unavailable(message)
