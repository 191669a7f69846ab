"""What a node remembers, table by table (`tables.sql`): the only SQL of this package beside `database.py`.

Methods that change something give an `Op`, so that a flow writes what belongs together in one durable step.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

from adapters.node.database import Database, Op
from adapters.node.store.asked import AskedRequests
from adapters.node.store.bases import Bases
from adapters.node.store.colleagues import ColleagueTables
from adapters.node.store.deciding import Deciding
from adapters.node.store.known import Known
from adapters.node.store.notices import Notices
from adapters.node.store.occasions import Occasions
from adapters.node.store.offers import Offers
from adapters.node.store.outgoing import Outgoing
from adapters.node.store.received import ReceivedRequests
from adapters.node.store.reports import Reports

SCHEMA: Final = files(__package__).joinpath("tables.sql").read_text("utf-8")


class NodeStore:
    """The node's memory: one group of tables for each part of its work."""

    def __init__(self, path: Path, opened: Callable[[Path, str], Database] = Database) -> None:
        """Open or create the file with its tables; `opened` makes the database of a path and a schema."""
        self._database = database = opened(path, SCHEMA)
        self.outgoing = Outgoing(database)
        self.asked = AskedRequests(database)
        self.occasions = Occasions(database)
        self.received = ReceivedRequests(database)
        self.bases = Bases(database)
        self.known = Known(database)
        self.reports = Reports(database)
        self.notices = Notices(database)
        self.offers = Offers(database)
        self.colleagues = ColleagueTables(database)
        self.deciding = Deciding(database)

    async def write(self, *ops: Op) -> None:
        """Carry out changes as one unit and return when they are durable; Unavailable when they are not."""
        await self._database.write(*ops)

    async def close(self) -> None:
        """Finish the writes under way and close the file."""
        await self._database.close()
