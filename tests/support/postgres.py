"""A PostgreSQL server for tests: Debian's own on a Unix socket in a temporary folder, or a container where Docker is.

The server refuses to run as root, so root starts it as `nobody`. It keeps nothing: no write is waited for.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql
from testcontainers.community.postgres import PostgresContainer

from adapters.sources.mapping import SourceMapping
from adapters.sources.port import Source
from adapters.sources.sql import SqlSource
from tests.support.agency_tables import COLUMNS, MAPPING, TABLE, Agency, Cell, Row

OWNER_PASSWORD: Final = "owner of the tests"  # noqa: S105  # of a server that lives as long as the tests
READER_PASSWORD: Final = "reader of the tests"  # noqa: S105  # of the same server
_READY: Final = b"ready to accept connections"
_IMAGE: Final = "postgres:16-alpine"


class Place(NamedTuple):
    """Where a server is reached: a host or the folder of its socket, and a port."""

    host: str
    port: int

    def address(self, user: str = "reader") -> str:
        """Give the address as a mapping names it."""
        return f"postgresql://{user}@/postgres?host={self.host}&port={self.port}"


@contextmanager
def postgres() -> Iterator[Place]:
    """Start a server, with an owner and a reader that may only look; skip where there is neither server nor Docker."""
    programs = _programs()
    if programs is not None:
        with _local(programs) as place:
            yield _with_reader(place)
    elif _docker_answers():
        with PostgresContainer(_IMAGE, username="owner", password=OWNER_PASSWORD, dbname="postgres") as container:
            host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
            yield _with_reader(Place(host, port))
    else:
        pytest.skip("neither PostgreSQL (on Debian: apt-get install postgresql) nor a Docker engine is here")


def _programs() -> Path | None:
    """Find the folder of initdb and postgres; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), default=None)


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


@contextmanager
def _local(programs: Path) -> Iterator[Place]:
    user = "nobody" if os.geteuid() == 0 else None
    groups: list[str] | None = None if user is None else []
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        password = folder / "password"
        password.write_text(OWNER_PASSWORD)
        password.chmod(0o644)
        data = folder / "data"
        made = ("-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--no-locale")
        subprocess.run(
            [programs / "initdb", *made, "--no-sync"],
            user=user,
            extra_groups=groups,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        options = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=20"]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *(part for one in options for part in ("-c", one))],
            user=user,
            extra_groups=groups,
            cwd=folder,
            stderr=subprocess.PIPE,
        )
        try:
            _wait_until_ready(server)
            yield Place(name, 5432)
        finally:
            server.send_signal(signal.SIGINT)  # "fast": ends what is connected, where SIGTERM would wait for it
            server.communicate()


def _wait_until_ready(server: "subprocess.Popen[bytes]") -> None:
    """Read the server's own log until it says that it is ready."""
    said = []
    for line in server.stderr or ():
        said.append(line)
        if _READY in line:
            return
    message = b"".join(said).decode()
    raise RuntimeError(message)


def as_owner(place: Place, *statements: sql.SQL | sql.Composed | LiteralString) -> None:
    """Do something to the database as its owner."""
    with psycopg.connect(
        host=place.host, port=place.port, user="owner", password=OWNER_PASSWORD, dbname="postgres"
    ) as open_:
        for statement in statements:
            open_.execute(statement)


def _with_reader(place: Place) -> Place:
    as_owner(place, sql.SQL("CREATE ROLE reader LOGIN PASSWORD {}").format(READER_PASSWORD))
    return place


class PostgresAgency(Agency):
    """An agency with a table on a PostgreSQL server, each column of the type that its cells have."""

    name = "postgresql://reader@/postgres"

    def __init__(self, place: Place, folder: Path) -> None:
        """Begin without a table; the password stands in a file in `folder`."""
        super().__init__()
        self.place = place
        self.secret = folder / "kunden.password"
        self.secret.write_text(f"{READER_PASSWORD}\n")
        self.secret.chmod(0o600)

    def text(self, template: str = MAPPING) -> str:
        """Name the server, the table and the file of the password."""
        more = f'secret_file = "{self.secret.name}"\ntable = "{TABLE}"'
        return template.format(kind="sql", location=self.place.address(), more=more)

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Make the table anew, and let the reader see it."""
        types = {column: _type_of([row.get(column) for row in rows]) for column in columns}
        named = sql.Composed(
            [sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(types[column])) for column in columns]
        ).join(", ")
        made = sql.Identifier(table)
        filled = [
            sql.SQL("INSERT INTO {} VALUES ({})").format(
                made, sql.Composed([_literal(row.get(column), types[column]) for column in columns]).join(", ")
            )
            for row in rows
        ]
        as_owner(
            self.place,
            sql.SQL("DROP TABLE IF EXISTS {}, {} CASCADE").format(sql.Identifier(TABLE), made),
            sql.SQL("CREATE TABLE {} ({})").format(made, named),
            sql.SQL("GRANT SELECT ON {} TO reader").format(made),
            *filled,
        )

    def make(self, mapping: SourceMapping) -> Source:
        """Open it as a node would."""
        return SqlSource.of_server(mapping, self.secret)


def _type_of(cells: Sequence[Cell]) -> LiteralString:
    """Give the type that all cells of a column have, text where they differ."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return "bigint"
    if kinds == {float}:
        return "double precision"
    return "date" if kinds == {date} else "text"


def _literal(cell: Cell, type_: str) -> sql.Composable:
    return sql.Literal(str(cell) if type_ == "text" and cell is not None else cell)
