"""A first look at a database: which tables it has, and what the columns of one of them hold."""

import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from adapters.sources.columns import Sight, look
from adapters.sources.sql_databases import Database, Server, SqliteFile, place_of
from schemas.errors import HandschlagError, Malformed

MAX_ROWS: Final = 20_000
_TIMEOUT_S: Final = 30.0


def look_at_database(location: str, folder: Path, table: str | None, secret: str | None) -> Sight:
    """Look at a table of a SQLite file or a server, at no more than the first 20,000 rows.

    Raises Malformed with the names of the tables when one must be chosen.
    """
    secrets = () if secret is None else (("secret_file", secret),)
    head = (("kind", "sql"), ("location", location), *secrets)
    database: Database
    if "://" in location:
        file = None if secret is None else folder / secret
        database = Server(location, file, "the mapping", connections=1, timeout_s=_TIMEOUT_S)
    else:
        database = SqliteFile(location, folder / location, "the mapping", connections=1, lock_wait_s=_TIMEOUT_S)
    try:
        database.follow()
        with database.engine.connect() as open_:
            return _look(open_, head, location, table)
    except HandschlagError:
        raise
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        failure = database.told(error)
    finally:
        database.engine.dispose()
    raise failure from None


def _look(open_: sa.Connection, head: tuple[tuple[str, str], ...], location: str, table: str | None) -> Sight:
    inspector = sa.inspect(open_)
    tables = sorted((*inspector.get_table_names(), *inspector.get_view_names()))
    if table is None and len(tables) != 1:
        message = f"{location}: choose a table with --table: {', '.join(tables) or 'there is none'}"
        raise Malformed(message)
    chosen = tables[0] if table is None else table
    name, schema = place_of(chosen)
    try:
        names = [column["name"] for column in inspector.get_columns(name, schema)]
    except sa.exc.NoSuchTableError:
        message = f"{location}: there is no table {chosen}; there are {', '.join(tables)}"
        raise Malformed(message) from None
    keys = frozenset(inspector.get_pk_constraint(name, schema)["constrained_columns"])
    rows = sa.table(name, *(sa.column(one) for one in names), schema=schema)
    found = open_.execute(sa.select(*(rows.c[one] for one in names)).limit(MAX_ROWS))
    columns, count = look(names, (tuple(row) for row in found))
    others = tuple(one for one in tables if one != chosen)
    return Sight((*head, ("table", chosen)), columns, count, keys, others)
