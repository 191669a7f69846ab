"""The databases an agency may run: how each is opened read-only, stopped, and what its failures mean.

Tested are SQLite files, PostgreSQL and MariaDB servers. MySQL, SQL Server and Oracle are reached through SQLAlchemy by
their address; the drivers of the last two are not shipped. There the login must be one that may only read: not every
one of these servers has transactions that refuse writing.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Final, Protocol, cast
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from adapters.sources.secret_file import read_secret
from adapters.sources.sql_conditions import Holds
from schemas.errors import HandschlagError, Malformed, Unavailable

_MISSING: Final = "a table or column that {file} names is missing, or a view it needs has vanished"
_REFUSED: Final = "the server refuses user or password; mend the address in {file} or the file named by secret_file"
_FORBIDDEN: Final = "the login may not read a table or column that {file} names; grant it SELECT"
_NOT_TEXT: Final = "holds text that is not in the encoding of the database"
_MALFORMED: Final[Mapping[object, str]] = {
    "42P01": _MISSING,  # PostgreSQL: undefined table
    "42703": _MISSING,  # undefined column
    "42S02": _MISSING,  # ODBC
    "42S22": _MISSING,
    1146: _MISSING,  # MariaDB, MySQL
    1054: _MISSING,
    "28000": _REFUSED,  # PostgreSQL and ODBC
    "28P01": _REFUSED,
    1045: _REFUSED,
    "42501": _FORBIDDEN,
    1044: _FORBIDDEN,
    1142: _FORBIDDEN,
    1143: _FORBIDDEN,
    "22021": _NOT_TEXT,
    "22P05": _NOT_TEXT,
}
"""What somebody at the agency has to mend, by the code of the standard or of the server."""

_NOT_A_KEY: Final = frozenset({"22P02", "22003", "22007", "22008"})
"""A key that the column's type cannot even hold: no row has it."""

_OPENING: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SET statement_timeout = {ms}",
    ),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_statement_time = {s}"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_execution_time = {ms}"),
}
"""What a new connection is told first, so that the server itself refuses to write and ends what takes too long."""

_DRIVERS: Final[Mapping[str, str]] = {
    "postgresql": "postgresql+psycopg",
    "mariadb": "mariadb+pymysql",
    "mysql": "mysql+pymysql",
}
_DAYS: Final = (sa.Date, sa.DateTime)


class Database(Protocol):
    """One database as `SqlSource` needs it.

    `name` stands in messages. `typed`: columns hold what their declared type says, and a table may have a schema.
    """

    name: str
    typed: bool
    engine: sa.Engine

    def follow(self) -> None:
        """Drop connections that would go on reading what has been replaced."""

    def state(self, open_: sa.Connection, table: str) -> str | None:
        """Name the state a table is in, None where this database does not tell it."""

    def stopper(self, open_: sa.Connection) -> Callable[[], None]:
        """Give what ends the running statement of this connection, from any thread and without waiting."""

    def begin(self, open_: sa.Connection) -> None:
        """See one state of the database until the connection is given back."""

    def holds(self, open_: sa.Connection, table: str) -> Mapping[str, Holds]:
        """Say what the columns of a table hold, as far as that binds anybody."""

    def missing(self, open_: sa.Connection, table: str, columns: Iterable[str]) -> Iterator[str]:
        """Name the table, or those of the columns, that are not there."""

    def told(self, error: Exception) -> HandschlagError:
        """Say what a failure means, without the driver's own words: those may repeat what stands in a cell."""

    def close(self) -> None:
        """Close all connections nobody works on."""


class SqliteFile:
    """A SQLite file, opened read-only."""

    typed = False

    def __init__(self, name: str, path: Path, file: str, *, connections: int, lock_wait_s: float) -> None:
        """Prepare for the file at `path`; `file` names the mapping in messages, `lock_wait_s` bounds locks."""
        self.name = name
        self._path = path
        self._mapping = file
        self._lock_wait_s = lock_wait_s
        self._seen: tuple[int, int] | None = None
        self._lock = Lock()
        self._watch: sqlite3.Connection | None = None
        self._watches = 0
        self.engine = sa.create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=self._lock_wait_s, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        return connection

    def follow(self) -> None:
        """Drop the connections when the file was replaced by another."""
        found = self._path.stat()
        file = (found.st_dev, found.st_ino)
        if file != self._seen:
            self.close()
            self._seen = file

    def state(self, open_: sa.Connection, table: str) -> str | None:
        """Ask a connection kept for it, to which SQLite tells exactly whether any other one has written.

        The file's own time would not do: two changes within one tick of the clock look like one.
        """
        del open_, table
        with self._lock:
            if self._watch is None:
                self._watch = self._connect()
                self._watches += 1
            (written,) = self._watch.execute("PRAGMA data_version").fetchone()
            return f"{self._watches}.{written}"

    def close(self) -> None:
        """Close the pool's connections, and the one that watches."""
        self.engine.dispose()
        with self._lock:
            if self._watch is not None:
                self._watch.close()
            self._watch = None

    def stopper(self, open_: sa.Connection) -> Callable[[], None]:
        """Give the driver's own interrupt."""
        return cast("sqlite3.Connection", open_.connection.dbapi_connection).interrupt

    def begin(self, open_: sa.Connection) -> None:
        """Begin a transaction, which the pool rolls back."""
        open_.exec_driver_sql("BEGIN")

    def holds(self, open_: sa.Connection, table: str) -> Mapping[str, Holds]:
        """Say nothing: what is declared binds nobody here."""
        del open_, table
        return {}

    def missing(self, open_: sa.Connection, table: str, columns: Iterable[str]) -> Iterator[str]:
        """Name what is not there; SQLite does not tell ASCII capitals from small letters in names."""
        return _missing(open_, (table, None), columns, str.lower)

    def told(self, error: Exception) -> HandschlagError:
        """Tell by the library's words, which have no codes for this."""
        words = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
        if words.startswith("no such"):
            return Malformed(f"{self.name}: {_MISSING.format(file=self._mapping)}")
        if words.startswith("Could not decode"):
            return Malformed(f"{self.name}: holds text that is not UTF-8")
        return Unavailable(f"{self.name}: the database cannot be read now ({type(error).__name__})")


class Server:
    """A database server by its address; PostgreSQL is the one that is tested."""

    typed = True

    def __init__(self, address: str, secret: Path | None, file: str, *, connections: int, timeout_s: float) -> None:
        """Prepare for the server; the password is read from `secret` for each new connection, so it may be changed.

        Raises Malformed for an address that cannot be read or whose driver is not installed.
        """
        self._mapping = file
        self._secret = secret
        self._timeout_s = timeout_s
        try:
            url = sa.make_url(address)
            self.name = url.difference_update_query(url.query).render_as_string(hide_password=True)
            self.engine = sa.create_engine(
                url.set(drivername=_DRIVERS.get(url.drivername, url.drivername)),
                pool_size=connections,
                max_overflow=0,
                pool_pre_ping=True,
                pool_recycle=600,
                hide_parameters=True,
                connect_args=_connect_arguments(url.get_backend_name(), timeout_s),
            )
        except ModuleNotFoundError as error:
            hint = "pip install 'handschlag[postgresql]' or 'handschlag[mariadb]'"
            message = f"{file}: location: the driver {error.name} is not installed ({hint})"
            raise Malformed(message) from None
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError):
            message = f"{file}: location: is no address of a database"
            raise Malformed(message) from None
        sa.event.listen(self.engine, "do_connect", self._log_in)
        sa.event.listen(self.engine, "connect", self._opened)

    def _log_in(self, _dialect: object, _record: object, _args: object, parameters: dict[str, object]) -> None:
        if self._secret is not None:
            parameters["password"] = read_secret(self._secret)

    def _opened(self, connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        """Let the server itself refuse to write and end what takes too long."""
        cursor = connection.cursor()
        for statement in _OPENING.get(self.engine.dialect.name, ()):
            cursor.execute(statement.format(ms=int(self._timeout_s * 1000), s=self._timeout_s))
        cursor.close()
        connection.commit()

    def follow(self) -> None:
        """Do nothing: the pool itself finds connections that have ended."""

    def state(self, open_: sa.Connection, table: str) -> str | None:
        """Let PostgreSQL add up which transactions wrote the rows of a table; a view and other servers do not tell."""
        if self.engine.dialect.name != "postgresql":
            return None
        name, schema = place_of(table)
        writer = sa.cast(sa.cast(sa.column("xmin"), sa.Text), sa.BigInteger)
        asked = sa.select(sa.func.count(), sa.func.sum(writer)).select_from(sa.table(name, schema=schema))
        try:
            with open_.begin_nested():
                return ".".join(map(str, open_.execute(asked).one()))
        except sa.exc.ProgrammingError:  # a view, or a login that may read some columns only
            return None

    def close(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()

    def stopper(self, open_: sa.Connection) -> Callable[[], None]:
        """Give nothing to do: asking the server would wait for it, and it ends the statement by its own clock."""
        del open_
        return _nothing

    def begin(self, open_: sa.Connection) -> None:
        """Do nothing: every connection is in a transaction."""

    def holds(self, open_: sa.Connection, table: str) -> Mapping[str, Holds]:
        """Ask the server for the types of a table's columns."""
        name, schema = place_of(table)
        return {column["name"]: _held(column["type"]) for column in sa.inspect(open_).get_columns(name, schema)}

    def missing(self, open_: sa.Connection, table: str, columns: Iterable[str]) -> Iterator[str]:
        """Name what is not there; PostgreSQL tells capitals from small letters."""
        fold = str if self.engine.dialect.name == "postgresql" else str.lower
        return _missing(open_, place_of(table), columns, fold)

    def told(self, error: Exception) -> HandschlagError:
        """Tell by the code; a login that fails comes without one, and is told by what the client library says."""
        original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        codes = (getattr(original, "sqlstate", None), *getattr(original, "args", ())[:1])
        for code in codes:
            if code in _NOT_A_KEY:
                return Unavailable(f"{self.name}: the row is no longer there")
            if isinstance(code, str | int) and code in _MALFORMED:
                return Malformed(f"{self.name}: {_MALFORMED[code].format(file=self._mapping)}")
        if "passwor" in str(original).lower():
            return Malformed(f"{self.name}: {_REFUSED.format(file=self._mapping)}")
        return Unavailable(f"{self.name}: the database cannot be read now ({type(original).__name__})")


def place_of(table: str) -> tuple[str, str | None]:
    """Split `schema.table` of a server into table and schema."""
    schema, _, name = table.rpartition(".")
    return name, schema or None


def _missing(
    open_: sa.Connection, table: tuple[str, str | None], columns: Iterable[str], fold: Callable[[str], str]
) -> Iterator[str]:
    try:
        there = {fold(column["name"]) for column in sa.inspect(open_).get_columns(*table)}
    except sa.exc.NoSuchTableError:
        yield f"table {table[0]}"
        return
    yield from (f"table {table[0]}, column {name}" for name in sorted(columns) if fold(name) not in there)


def _held(type_: sa.types.TypeEngine[object]) -> Holds:
    if isinstance(type_, _DAYS):
        return "days"
    return "text" if isinstance(type_, sa.String) else "other"


def _connect_arguments(backend: str, timeout_s: float) -> dict[str, int]:
    """Bound the connecting, and how long a server that has gone silent is waited for, where the driver can."""
    if backend != "postgresql":
        return {}
    return {"connect_timeout": max(2, int(timeout_s)), "tcp_user_timeout": int(timeout_s * 1000)}


def _nothing() -> None:
    """Do nothing."""
