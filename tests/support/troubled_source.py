"""A source in memory with the troubles that flows must live with: slow answers, and a defect of its own."""

from dataclasses import dataclass

from adapters.sources.port import Candidate, LocalRef
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock
from tests.support.memory_source import MemorySource
from tests.support.virtual_time import pass_time


@dataclass
class TroubledSource(MemorySource):
    """`slow_s` delays every answer; `broken` makes reading a record fail as no source should."""

    slow_s: float = 0.0
    broken: bool = False

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Compare every row, in its time."""
        await self._delay()
        return await super().candidates(person)

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Read one row, in its time."""
        await self._delay()
        if self.broken:
            message = "a defect of the source"
            raise ZeroDivisionError(message)
        return await super().fetch(ref, fields)

    async def _delay(self) -> None:
        if self.slow_s:
            await pass_time(self.slow_s)
