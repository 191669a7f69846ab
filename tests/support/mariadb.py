"""A MariaDB server for tests, where the machine has one: on a socket in a temporary folder, gone with the tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from adapters.sources.mapping import SourceMapping
from adapters.sources.port import Source
from adapters.sources.sql import SqlSource
from tests.support.agency_tables import COLUMNS, MAPPING, TABLE, Agency, Cell, Row

READER_PASSWORD: Final = "reader of the tests"  # noqa: S105  # of a server that lives as long as the tests
Kind = sa.BigInteger | sa.Double[float] | sa.Date | sa.Text
_READY: Final = b"ready for connections"


class MariaPlace:
    """A running server."""

    def __init__(self, socket: Path) -> None:
        """Take the socket it listens on."""
        self.socket = socket
        self.owner = sa.create_engine(f"mariadb+pymysql://owner@/town?unix_socket={socket}&charset=utf8mb4")

    @property
    def address(self) -> str:
        """The address as a mapping names it."""
        return f"mariadb://reader@/town?unix_socket={self.socket}&charset=utf8mb4"

    def do(self, *statements: sa.TextClause) -> None:
        """Do something to the database as its owner."""
        with self.owner.begin() as open_:
            for statement in statements:
                open_.execute(statement)


@contextmanager
def mariadb() -> Iterator[MariaPlace]:
    """Start a server with a reader that may only look; skip where there is none."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("no MariaDB on this machine (on Debian: apt-get install mariadb-server)")
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="maria") as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        data, first = folder / "data", folder / "first.sql"
        first.write_text(
            "CREATE DATABASE town CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n"
            "CREATE USER owner@localhost;\nGRANT ALL ON *.* TO owner@localhost WITH GRANT OPTION;\n"
            f"CREATE USER reader@localhost IDENTIFIED BY '{READER_PASSWORD}';\n"
        )
        first.chmod(0o644)
        made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        subprocess.run(made, user=user, check=True, capture_output=True, cwd=folder)
        socket = folder / "s"
        options = [f"--datadir={data}", f"--socket={socket}", "--skip-networking", f"--init-file={first}"]
        running = subprocess.Popen(
            [server, "--no-defaults", *options, "--innodb-flush-log-at-trx-commit=0", f"--pid-file={folder / 'pid'}"],
            user=user,
            cwd=folder,
            stderr=subprocess.PIPE,
        )
        try:
            said = []
            for line in running.stderr or ():
                said.append(line)
                if _READY in line:
                    break
            else:
                message = b"".join(said).decode()
                raise RuntimeError(message)
            place = MariaPlace(socket)
            yield place
            place.owner.dispose()
        finally:
            running.terminate()
            running.communicate()


class MariaAgency(Agency):
    """An agency with a table on a MariaDB server, each column of the type that its cells have."""

    name = "mariadb://reader@/town"

    def __init__(self, place: MariaPlace, folder: Path) -> None:
        """Begin without a table; the password stands in a file in `folder`."""
        super().__init__()
        self.place = place
        self.secret = folder / "kunden.password"
        self.secret.write_text(f"{READER_PASSWORD}\n")
        self.secret.chmod(0o600)

    def text(self, template: str = MAPPING) -> str:
        """Name the server, the table and the file of the password."""
        more = f'secret_file = "{self.secret.name}"\ntable = "{TABLE}"'
        return template.format(kind="sql", location=self.place.address, more=more)

    def write(self, *rows: Row, columns: Sequence[str] = COLUMNS, table: str = TABLE) -> None:
        """Make the table anew, and let the reader see it."""
        types = {column: _type_of([row.get(column) for row in rows]) for column in columns}
        made = sa.Table(
            table, sa.MetaData(), *(sa.Column(column, kind) for column, kind in types.items()), mysql_charset="utf8mb4"
        )
        self.place.do(*(sa.text(f"DROP TABLE IF EXISTS `{name}`") for name in dict.fromkeys((TABLE, table))))
        made.create(self.place.owner)
        self.place.do(sa.text(f"GRANT SELECT ON `{table}` TO reader@localhost"))
        if rows:
            with self.place.owner.begin() as open_:
                cells = [{name: _cell(row.get(name), kind) for name, kind in types.items()} for row in rows]
                open_.execute(made.insert(), cells)

    def make(self, mapping: SourceMapping) -> Source:
        """Open it as a node would."""
        return SqlSource.of_server(mapping, self.secret)


def _type_of(cells: Sequence[Cell]) -> Kind:
    """Give the type that all cells of a column have, text where they differ."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return sa.BigInteger()
    if kinds == {float}:
        return sa.Double()
    return sa.Date() if kinds == {date} else sa.Text()


def _cell(cell: Cell, kind: Kind) -> Cell:
    return str(cell) if isinstance(kind, sa.Text) and cell is not None else cell
