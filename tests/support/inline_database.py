"""A node's database without threads: what is asked for is done at once, in order, and can fail or end its process.

Virtual time cannot wait for a thread; and a test of crashes has to say exactly between which two steps one comes.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from adapters.node.database import Database, Op, Row, Value
from schemas.errors import Unavailable


async def for_ever() -> NoReturn:
    """Wait for what never comes: where a process has ended, nothing goes on."""
    await asyncio.get_running_loop().create_future()
    message = "nothing goes on after a crash"
    raise AssertionError(message)


class InlineDatabase(Database):
    """Passes the contract of `Database`, one write at a time.

    `writes` counts them; `fails` makes that many writes fail as a full disk does. `before` and `after` are called
    around each write with its number; they may call `die`.
    """

    def __init__(self, path: Path, schema: str) -> None:
        """Open the file; durability is not what these tests are about."""
        super().__init__(path, schema)
        self._link.execute("PRAGMA synchronous=OFF")
        self.writes = 0
        self.fails = 0
        self.dead = False
        self.before: Callable[[int], None] | None = None
        self.after: Callable[[int], None] | None = None

    async def write(self, *ops: Op) -> None:
        """Carry out one unit at once."""
        await self._living()
        self.writes += 1
        number = self.writes
        if self.before is not None:
            self.before(number)
            await self._living()
        if self.fails:
            self.fails -= 1
            message = "node database: not written (disk full)"
            raise Unavailable(message)
        error = self._commit([ops])[0]
        if self.after is not None:
            self.after(number)
            await self._living()
        if error is not None:
            message = f"node database: not written ({type(error).__name__})"
            raise Unavailable(message)

    async def read(self, sql: str, *values: Value) -> list[Row]:
        """Give the rows of a query."""
        await self._living()
        return self._read(sql, values)

    async def close(self) -> None:
        """Close the file, unless its process has died."""
        if not self.dead:
            await super().close()

    def die(self) -> None:
        """End here: nothing more is written, and nobody who waits goes on."""
        self.dead = True

    async def _living(self) -> None:
        if self.dead:
            await for_ever()
