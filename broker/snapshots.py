"""The ledger's snapshot beside its shard: where it lies, and how it is kept young without the broker waiting for it.

Another process takes it at the lowest priority, reading the shard as any reader does. What it does not finish, or what
is damaged, costs the next start some time and nothing else: a snapshot that does not fit is left out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import schemas
from broker.going_on import going_on
from consent_ledger import core
from consent_ledger.sequencer import Receipt
from consent_ledger.sqlite_files import shard_path
from schemas.commitment import sha256
from schemas.errors import Unavailable
from schemas.ids import Hash


def program() -> Hash:
    """Give a hash that changes whenever the code changes that folds entries and reads states: all the pure code of it.

    So a start after an upgrade folds everything, unless the new program has taken a snapshot before.
    """
    files = [path for package in (core, schemas) for folder in package.__path__ for path in Path(folder).glob("*.py")]
    return sha256(b"".join(path.name.encode() + path.read_bytes() for path in sorted(files)))


class SnapshotFile:
    """The one snapshot of a shard, in the folder of its other files."""

    def __init__(self, folder: Path, origin: str) -> None:
        """Say where it lies; Misuse for an origin that no shard can have."""
        self.path = shard_path(folder, origin).with_suffix(".snapshot")

    def read(self) -> bytes | None:
        """Give its bytes, None when there is none; Unavailable when it cannot be read."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"{self.path}: cannot be read ({error.strerror})"
            raise Unavailable(message) from error

    def write(self, content: bytes) -> None:
        """Put it in the place of the last one; Unavailable when the disk or its rights do not allow it.

        Nothing is flushed: that could hold up the log, whose file lies on the same disk, and what the loss of power
        leaves of a snapshot is told from a whole one by its hash.
        """
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            part.write_bytes(content)
            part.replace(self.path)
        except OSError as error:
            message = f"{self.path}: cannot be written ({error.strerror})"
            raise Unavailable(message) from error


class Keeper:
    """Has a snapshot taken whenever the log has grown by `every` entries since the last one, and at the start if so.

    `take` takes one, or tells its own failure and returns: it is tried again after as many entries more.
    """

    def __init__(self, take: Callable[[], Awaitable[None]], every: int, *, size: int, held: int) -> None:
        """Begin with a log of `size` entries and a snapshot of `held` ones, 0 where there is none."""
        self._take, self._every = take, every
        self._size, self._held = size, held
        self._due = asyncio.Event()
        self._look()

    def committed(self, receipts: Sequence[Receipt]) -> None:
        """Hear of a batch from the sequencer."""
        self._size += len(receipts)
        self._look()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Have snapshots taken until the block ends; one that is under way then is broken off."""
        return going_on(self._run())

    def _look(self) -> None:
        if self._size - self._held >= self._every:
            self._due.set()

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            self._held = self._size
            await self._take()
