"""The port to the message bus: what flows may ask of it and what it promises.

Implementations: the NATS client of `adapters/infra/nats_bus.py`, and a memory bus among the tests' support files. The
same contract suite (`tests/contract/test_bus.py`) runs on both.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

Handler = Callable[[str, bytes], Awaitable[bytes]]
"""Takes the topic a message came on and its body; returns the body of the reply."""


class Bus(Protocol):
    """Calls and their answers between processes that do not trust each other.

    * **At most once, no storage.** A call that is not answered in time is gone for the caller. It may still have been
      carried out: repeats must be harmless, which the ids of statements see to.
    * **Nothing waits for a connection.** While disconnected a call fails at once with Unavailable and is not buffered,
      so that no stale call is delivered after a reconnect.
    * **Handlers run side by side**, up to a bound; above it the newest call gets no answer, and its caller's time runs
      out.
    * **No bytes kill a process.** What cannot be parsed is counted and dropped. An exception in a handler is logged by
      its type only and the caller gets no reply.
    * **Closing finishes what was begun**: no new message is taken, running handlers complete and their replies leave.
    """

    async def call(self, topic: str, body: bytes, *, timeout_s: float) -> bytes:
        """Send `body` to whoever serves `topic` and return the reply's body.

        Raises Unavailable when nobody serves the topic, the connection is down, or no reply came in `timeout_s`;
        Malformed when the body is larger than the server takes.
        """
        ...

    async def serve(self, topic: str, handler: Handler) -> None:
        """Answer every message on `topic` (NATS wild cards `*` and `>` allowed) with what `handler` returns."""
        ...

    async def close(self) -> None:
        """Take no new messages, let running handlers finish and reply, then disconnect. Idempotent."""
        ...
