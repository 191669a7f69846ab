"""Tables of what a node knows and vouches for: proven entries, registry bundles, cosigned checkpoints, staff."""

from typing import Final

from adapters.node.core.follow import split_hashes
from adapters.node.core.view import Proven
from adapters.node.database import Database, Op
from adapters.node.store.rows import Receipt
from consent_ledger.core.merkle import HASH_BYTES, Edge
from schemas.ids import Hash

LEAVES: Final = 256
"""How many leaf hashes stand in a row."""


class Known:
    """The federation as far as it was proven to this node, and its own pseudonyms."""

    def __init__(self, database: Database) -> None:
        """Use a node's database."""
        self._database = database

    def keep_proven(self, proven: Proven, proof: bytes) -> Op:
        """Keep an entry with its proof."""
        return Op("INSERT OR IGNORE INTO proven VALUES (?, ?, ?)", (proven.index, proven.leaf.raw, proof))

    async def proven(self) -> list[Receipt]:
        """Give the entries kept, with proofs, in log order."""
        rows = await self._database.read("SELECT entry, proof FROM proven ORDER BY idx")
        return [Receipt(row.blob("entry"), row.blob("proof")) for row in rows]

    def keep_bundle(self, name: Hash, raw: bytes) -> Op:
        """Keep a registry bundle."""
        return Op("INSERT OR IGNORE INTO bundle VALUES (?, ?)", (name, raw))

    async def bundles(self) -> list[bytes]:
        """Give the registry bundles held."""
        return [row.blob("raw") for row in await self._database.read("SELECT raw FROM bundle")]

    def cosign(self, origin: str, note: bytes) -> Op:
        """Keep the checkpoint last cosigned."""
        sql = "INSERT INTO cosigned VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET note = excluded.note"
        return Op(sql, (origin, note))

    async def cosigned(self, origin: str) -> bytes | None:
        """Give the checkpoint last cosigned, None before the first."""
        rows = await self._database.read("SELECT note FROM cosigned WHERE origin = ?", origin)
        return rows[0].blob("note") if rows else None

    def keep_edge(self, origin: str, edge: Edge) -> Op:
        """Keep how far a log was followed leaf by leaf."""
        sql = (
            "INSERT INTO followed VALUES (?, ?, ?) ON CONFLICT (origin)"
            " DO UPDATE SET size = excluded.size, edge = excluded.edge"
        )
        return Op(sql, (origin, edge.size, b"".join(edge.hashes)))

    def keep_leaves(self, origin: str, first: int, hashes: bytes) -> tuple[Op, ...]:
        """Keep leaf hashes of a log that was followed, 256 to a row; `first` is the index of one that begins a row."""
        return tuple(
            Op("INSERT OR REPLACE INTO followed_leaf VALUES (?, ?, ?)", (origin, (first + at) // LEAVES, row))
            for at in range(0, len(hashes) // HASH_BYTES, LEAVES)
            if (row := hashes[at * HASH_BYTES : (at + LEAVES) * HASH_BYTES])
        )

    async def leaves(self, origin: str, index: int) -> bytes:
        """Give the row of leaf hashes in which an entry's stands, nothing where there is none."""
        sql = "SELECT hashes FROM followed_leaf WHERE origin = ? AND n = ?"
        rows = await self._database.read(sql, origin, index // LEAVES)
        return rows[0].blob("hashes") if rows else b""

    async def edge(self, origin: str) -> Edge:
        """Give how far a log was followed; the edge of the empty tree before the first leaf."""
        rows = await self._database.read("SELECT size, edge FROM followed WHERE origin = ?", origin)
        return Edge(rows[0].number("size"), split_hashes(rows[0].blob("edge"))) if rows else Edge()

    def keep_month_key(self, month: str, key: bytes) -> Op:
        """Keep the key of a month's staff pseudonyms; the first one stays."""
        return Op("INSERT OR IGNORE INTO month_key VALUES (?, ?)", (month, key))

    async def month_key(self, month: str) -> bytes | None:
        """Give the key of a month's staff pseudonyms."""
        rows = await self._database.read("SELECT key FROM month_key WHERE month = ?", month)
        return rows[0].blob("key") if rows else None

    def keep_staff(self, pseudonym: str, month: str, staff: str) -> Op:
        """Keep whom a pseudonym stands for; the map never leaves the agency."""
        return Op("INSERT OR IGNORE INTO staff VALUES (?, ?, ?)", (pseudonym, month, staff))
