"""The entries an agency is party to, for its data protection officer: found page by page, fetched one by one.

What an agency may fetch over the bus it may fetch here, and nothing more: whether a holder answered a request is not
told before its requester may know it (promise 8), so outcomes are their holder's alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from broker.log_files import LogFiles
from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.earlier import Receipted
from schemas.errors import Pruned
from schemas.ids import AgencyId


class Listing(BaseModel):
    """The indices of an agency's entries within a page of the log.

    `next` is the index to go on from; at `size` there is nothing more yet. All of them lie under the checkpoint shown.
    """

    agency: AgencyId
    indices: list[int]
    next: int
    size: int


@dataclass(frozen=True)
class OwnEntries:
    """The log as one agency may see it, under the checkpoint that is shown to the world."""

    files: LogFiles
    checkpoint: Callable[[], bytes | None]
    may_fetch: Callable[[Leaf, AgencyId], bool]

    async def listing(self, agency: AgencyId, start: int) -> Listing:
        """Look through a page of entries from `start`."""
        size = self._size()
        found = await self.files.find(start, size, lambda raw: self.may_fetch(read_leaf(raw), agency))
        return Listing(agency=agency, indices=found.indices, next=found.next, size=size)

    async def receipt(self, agency: AgencyId, index: int) -> Receipted | None:
        """Give an entry with its proof; None for one that the agency is no party to, that there is not, or no more."""
        note = self.checkpoint()
        if note is None or not 0 <= index < self._size():
            return None
        try:
            receipt = await self.files.receipt(index, note)
        except Pruned:
            return None
        return receipt if self.may_fetch(read_leaf(receipt.entry), agency) else None

    def _size(self) -> int:
        note = self.checkpoint()
        return 0 if note is None else self.files.first + unverified_checkpoint(note).size
