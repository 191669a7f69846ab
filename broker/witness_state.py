"""What the log has signed and who has cosigned it, as an auditor is shown it: each cosignature verified anew."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from broker.witnessing import Witnessing
from consent_ledger.core.checkpoint import Checkpoint, unverified_checkpoint
from consent_ledger.core.quorum import cosigned, witnesses


class Witness(NamedTuple):
    """A witness's key, and when it cosigned the checkpoint that is shown; None when it did not, or not yet."""

    name: str
    cosigned_at_ms: int | None


class WitnessState(NamedTuple):
    """The newest checkpoint that is shown to the world, and how far the witnesses follow.

    `entries` is the log's present size, `cosigned_size` that of the last checkpoint which got a cosignature since this
    process began, `cosigned_age_s` how long ago that was. `quorum` is None where the broker has no policy of witnesses.
    """

    checkpoint: Checkpoint
    note: bytes
    entries: int
    cosigned_size: int
    cosigned_age_s: int | None
    witnesses: list[Witness]
    quorum: bool | None


@dataclass(frozen=True)
class Watch:
    """Looks at a broker's witnessing."""

    witnessing: Witnessing

    async def look(self) -> WitnessState | None:
        """Say how things stand; None while there is no checkpoint to show."""
        asked, note = self.witnessing, self.witnessing.published
        if note is None:
            return None
        keys = (*dict.fromkeys((*witnesses(asked.ledger.state, asked.policy), *(one.key for one in asked.outside))),)
        # Some hundred signatures take their time: the loop has other callers.
        times = await asyncio.to_thread(cosigned, note, keys, lambda _: None)
        last = asked.cosigned_at_ms
        return WitnessState(
            checkpoint=unverified_checkpoint(note),
            note=note,
            entries=asked.ledger.size,
            cosigned_size=asked.cosigned_size,
            cosigned_age_s=None if last is None else max(0, asked.clock.now_ms() - last) // 1000,
            witnesses=[Witness(key.name, times[key] * 1000 if key in times else None) for key in keys],
            quorum=None if asked.policy is None else asked.policy.satisfied(times),
        )
