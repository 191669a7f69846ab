"""A web server inside a process's own event loop, which leaves signals to the process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn

from schemas.errors import Misuse

GRACE_S: Final = 10


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals: whoever runs this server ends it."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Take an address to serve on; Misuse, naming the setting, when it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        message = f"http.host, http.port: {host} port {port} cannot be served ({error.strerror})"
        raise Misuse(message) from error


@asynccontextmanager
async def serving(app: object, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application while the block runs; at its end running requests are answered, for a while.

    Who reads an answer slowly, or not at all, keeps no process from ending.
    """
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # the type of an ASGI application is uvicorn's own
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
