"""Other processes of this program, for work that lasts: at the lowest priority, and none outlives who waits for it."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from schemas.errors import Misuse, Unavailable

PIECE_BYTES: Final = 65_536
_LOWEST: Final = 19


async def done_elsewhere(command: Sequence[str], said: Callable[[str], None] = lambda _: None) -> None:
    """Run a command to its end; `said` hears each line it prints.

    Raises Unavailable with its last complaint when it cannot be started or fails.
    """
    async with _started(command) as (process, complaint):
        async for line in _pipe(process.stdout):
            said(line.decode(errors="replace").rstrip())
        await _ended_well(process, complaint)


async def pieces_from_elsewhere(command: Sequence[str]) -> AsyncGenerator[bytes]:
    """Give what a command prints, piece by piece, as fast as it is taken; raises as `done_elsewhere`."""
    async with _started(command) as (process, complaint):
        while piece := await _pipe(process.stdout).read(PIECE_BYTES):
            yield piece
        await _ended_well(process, complaint)


@asynccontextmanager
async def _started(command: Sequence[str]) -> AsyncIterator[tuple[Process, asyncio.Task[bytes]]]:
    """Start a process, and give it with what reads its complaints; it has ended when the block has."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        message = f"{command[0]}: cannot be started ({error.strerror})"
        raise Unavailable(message) from error
    complaint = asyncio.create_task(_pipe(process.stderr).read())
    try:
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST)
        yield process, complaint
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
        complaint.cancel()


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        message = "process: was started without a pipe"
        raise Misuse(message)
    return stream


async def _ended_well(process: Process, complaint: asyncio.Task[bytes]) -> None:
    code, said = await process.wait(), await complaint
    if code:
        last = said.decode(errors="replace").rstrip().rpartition("\n")[2]
        message = f"the process ended with code {code}: {last}"
        raise Unavailable(message)
