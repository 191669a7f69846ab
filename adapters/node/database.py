"""One SQLite file, one writer thread, group commit: a write returns when it is on the disk.

Durable means: after `write` returned, the rows survive a loss of power (WAL, synchronous=FULL). Writes asked for at the
same time share one commit and are carried out in the order they were asked for; one that breaks a rule of the schema
does not touch the others. Reads use a connection and thread of their own and see what was committed.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from schemas.errors import Malformed, Unavailable

MAX_GROUP: Final = 256
_BREAKS_A_RULE: Final = (sqlite3.IntegrityError, ValueError, OverflowError)

Value = str | int | bytes | None
ResultT = TypeVar("ResultT")


class Op(NamedTuple):
    """One SQL statement with its values."""

    sql: str
    values: Sequence[Value] = ()


class Row:
    """A row of an answer, read column by column as the type the table says; Malformed where a file says otherwise."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, Value]) -> None:
        """Take the cells by column."""
        self._cells = cells

    def text(self, column: str) -> str:
        """Give a text."""
        value = self._cells[column]
        if isinstance(value, str):
            return value
        raise _other_type(column)

    def text_or_none(self, column: str) -> str | None:
        """Give a text, or None for NULL."""
        return None if self._cells[column] is None else self.text(column)

    def number(self, column: str) -> int:
        """Give an integer."""
        value = self._cells[column]
        if isinstance(value, int):
            return value
        raise _other_type(column)

    def number_or_none(self, column: str) -> int | None:
        """Give an integer, or None for NULL."""
        return None if self._cells[column] is None else self.number(column)

    def blob(self, column: str) -> bytes:
        """Give bytes; NULL reads as none."""
        value = self._cells[column]
        if value is None or isinstance(value, bytes):
            return value or b""
        raise _other_type(column)


def _other_type(column: str) -> Malformed:
    return Malformed(f"node database: column {column} holds another type than the table says")


class _Job(NamedTuple):
    ops: Sequence[Op]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the file with the settings that make a commit durable; Unavailable names the file when it cannot be."""
    try:
        link = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        link.row_factory = sqlite3.Row
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA synchronous=FULL")
        link.execute("PRAGMA foreign_keys=ON")
        link.execute("PRAGMA busy_timeout=5000")
        if read_only:
            link.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        message = f"{path}: cannot be opened as a database ({error})"
        raise Unavailable(message) from error
    return link


class Database:
    """The writer and the reader of one file."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open or create the file (mode 0600: it holds personal data) and start the two threads.

        Raises Unavailable naming the file when it cannot be opened or is no database of ours.
        """
        try:
            path.touch(mode=0o600)
            self._link = connect(path, read_only=False)
            self._link.executescript(f"BEGIN;\n{schema}\nCOMMIT;")
        except (OSError, sqlite3.Error) as error:
            message = f"{path}: cannot be used as a database ({type(error).__name__})"
            raise Unavailable(message) from error
        self._reader_link = connect(path, read_only=True)
        self._reader = ThreadPoolExecutor(1, "node-reader")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._run, name="node-writer", daemon=True)
        self._writer.start()

    async def write(self, *ops: Op) -> None:
        """Carry out the statements as one unit and return when they are durable; Unavailable when they are not."""
        if self._closed:
            message = "node database: is closed"
            raise Unavailable(message)
        loop = asyncio.get_running_loop()
        job = _Job(ops, loop, loop.create_future())
        self._jobs.put(job)
        await job.done

    async def read(self, sql: str, *values: Value) -> list[Row]:
        """Give the rows of a query; Unavailable when the file cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, sql, values)
        except (sqlite3.Error, RuntimeError) as error:
            message = f"node database: cannot be read ({type(error).__name__})"
            raise Unavailable(message) from error

    async def close(self) -> None:
        """Finish the writes under way and close the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join)
        self._reader.shutdown()
        self._reader_link.close()
        self._link.close()

    def _read(self, sql: str, values: tuple[Value, ...]) -> list[Row]:
        return [Row(dict(cells)) for cells in self._reader_link.execute(sql, values)]

    def _run(self) -> None:
        """Take what waits, commit it together, tell each job how it went: the writer thread."""
        ended = False
        while not ended:
            jobs = [self._jobs.get()]
            with contextlib.suppress(queue.Empty):
                while len(jobs) < MAX_GROUP:
                    jobs.append(self._jobs.get_nowait())
            ended = None in jobs
            self._finish([job for job in jobs if job is not None])

    def _finish(self, jobs: list[_Job]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Job, Exception | None]]] = {}
        for job, result in zip(jobs, self._commit([job.ops for job in jobs]), strict=True):
            by_loop.setdefault(job.loop, []).append((job, result))
        for loop, told in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(_tell, told)

    def _commit(self, units: Sequence[Sequence[Op]]) -> list[Exception | None]:
        """Commit some units of work together; give for each what kept it from the disk, or None."""
        try:
            try:
                self._transact(self._carry_out, units)
            except _BREAKS_A_RULE:
                # Rare, so only now does each unit get a savepoint: the one at fault must not touch the others.
                return self._transact(self._carry_out_alone, units)
        except sqlite3.Error as error:
            return [error] * len(units)
        return [None] * len(units)

    def _transact(self, work: Callable[[Sequence[Op]], ResultT], units: Sequence[Sequence[Op]]) -> list[ResultT]:
        """Do something with each unit in one transaction, or in none."""
        try:
            self._link.execute("BEGIN IMMEDIATE")
            results = [work(ops) for ops in units]
            self._link.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._link.execute("ROLLBACK")
            raise
        return results

    def _carry_out(self, ops: Sequence[Op]) -> None:
        for sql, values in ops:
            self._link.execute(sql, values)

    def _carry_out_alone(self, ops: Sequence[Op]) -> Exception | None:
        """Run one unit inside the common transaction; its own failure is undone and does not spread."""
        self._link.execute("SAVEPOINT unit")
        error: Exception | None = None
        try:
            self._carry_out(ops)
        except _BREAKS_A_RULE as broken:
            self._link.execute("ROLLBACK TO unit")
            error = broken
        self._link.execute("RELEASE unit")
        return error


def _tell(told: list[tuple[_Job, Exception | None]]) -> None:
    for job, error in told:
        if job.done.done():
            continue
        if error is None:
            job.done.set_result(None)
        else:
            message = f"node database: not written ({type(error).__name__})"
            job.done.set_exception(Unavailable(message))
