"""What the HTTP pages show of a running broker: its health and its numbers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from broker.core.route import may_fetch
from broker.log_files import LogFiles
from broker.metrics import Family, by_label, single, write
from broker.operator_api import Health, Pages
from broker.own_entries import OwnEntries
from broker.process import Broker
from broker.settings import HttpSettings
from consent_ledger.core.leaf import Leaf
from consent_ledger.core.pins_file import write_pins
from consent_ledger.ports import Clock
from schemas.errors import Pruned
from schemas.ids import AgencyId, Hash

ACCESS_ENDS: Final = "When login or certificate for the bus run out, in Unix seconds."
WITNESS_LATE_MS: Final = 5 * 60_000
"""How long an entry may wait for witnesses: many rounds of asking, and long enough for agencies to come up in turn."""


class ConnectionCounters(Protocol):
    """What a connection to the bus has counted since it was made."""

    handled: int
    failed: int
    refused: int
    dropped: int


@dataclass(frozen=True)
class View:
    """Looks at a broker from outside; `connected` and `disk_writable` ask the world, the latter in a thread.

    `access_ends_s` is when its access to the bus runs out, in Unix seconds.
    """

    broker: Broker
    files: LogFiles
    clock: Clock
    connected: Callable[[], bool]
    counters: ConnectionCounters
    disk_writable: Callable[[], bool]
    access_ends_s: int = 0

    def pages(self, http: HttpSettings) -> Pages:
        """Give the pages over this view, for those who have the tokens in the settings."""
        return Pages(
            health=self.health,
            metrics=self.metrics,
            checkpoint=self.checkpoint,
            read_tile=self.files.read,
            beside=self.beside,
            state=self.files.state,
            closed=self.closed,
            own=OwnEntries(self.files, self.checkpoint, self._may_fetch),
            auditors=http.auditors,
            officers=http.officers,
        )

    def _may_fetch(self, leaf: Leaf, agency: AgencyId) -> bool:
        return may_fetch(leaf, agency, self.broker.sequencer.state.keys)

    def checkpoint(self) -> bytes | None:
        """Give the checkpoint that is shown to the world."""
        return self.broker.witnessing.published

    def beside(self, path: str) -> bytes | None:
        """Give a file that lies beside the log, as in an export; None when there is none of this name."""
        setup = self.broker.setup
        match path.split("/"):
            case ["log.vkey"]:
                return f"{setup.signer.key.vkey}\n".encode()
            case ["pins.toml"]:
                return write_pins(setup.gate.pins, ()).encode()
            case ["registry", name]:
                return setup.bundles.raw.get(Hash(name.removesuffix(".json")))
            case ["shards.txt"]:
                names = [log.rpartition("/")[2] for log in self.files.closed]
                return "".join(f"{name}\n" for name in names).encode() if names else None
            case _:
                return None

    async def closed(self, shard: str, path: str) -> bytes | None:
        """Give a file of a closed shard, as in an export of it; None when there is none of this name."""
        log = next((log for log in self.files.closed if log.rpartition("/")[2] == shard), None)
        if log is None:
            return None
        if path == "log.vkey":
            return f"{self.broker.sequencer.state.shards[log].vkey}\n".encode()
        try:
            return await self.files.read_closed(log, path)
        except Pruned:
            return None

    async def health(self) -> Health:
        """Say what works by trying it, or by asking who must know."""
        broker, state = self.broker, self.broker.sequencer.state
        cosigned_at_ms = broker.witnessing.cosigned_at_ms
        return Health(
            sequencer_runs=broker.sequences,
            nats_connected=self.connected(),
            disk_writable=await asyncio.to_thread(self.disk_writable),
            keys_loaded=state.log_vkey == broker.setup.signer.key.vkey and state.registry in broker.setup.bundles.ready,
            witnessed=self._waiting_ms <= WITNESS_LATE_MS,
            serves=broker.serves,
            cosigned_age_s=None if cosigned_at_ms is None else (self.clock.now_ms() - cosigned_at_ms) / 1000,
            uncosigned=broker.sequencer.size - broker.witnessing.cosigned_size,
        )

    @property
    def _waiting_ms(self) -> int:
        """For how long an entry has been waiting for witnesses."""
        since_ms = self.broker.witnessing.waiting_since_ms
        return 0 if since_ms is None else self.clock.now_ms() - since_ms

    def metrics(self) -> str:
        """Write all metrics in the text format of Prometheus."""
        broker, counters = self.broker, self.counters
        bus = {
            "handled": counters.handled,
            "failed": counters.failed,
            "refused": counters.refused,
            "dropped": counters.dropped,
        }
        answers, failures = broker.service.answered, broker.service.failed
        size, cosigned = broker.sequencer.size, broker.witnessing.cosigned_size
        waiting_s = self._waiting_ms // 1000
        families = (
            Family("answers_total", "counter", "Calls answered, by the type of the answer.", by_label("type", answers)),
            Family("failures_total", "counter", "Calls that changed nothing, by code.", by_label("code", failures)),
            Family(
                "bus_messages_total", "counter", "Messages on the bus, by what became of them.", by_label("fate", bus)
            ),
            Family("reports_total", "counter", "What failed beside the calls.", broker.metrics.report_samples()),
            Family("batch_entries", "histogram", "Entries in a batch of the log.", broker.metrics.batch_samples()),
            Family("queue_waiting", "gauge", "Statements that wait for a batch.", single(broker.sequencer.waiting)),
            Family("log_entries", "gauge", "Entries in the log.", single(size)),
            Family("log_cosigned_entries", "gauge", "Entries under a cosigned checkpoint.", single(cosigned)),
            Family("witness_wait_seconds", "gauge", "Time an entry waits for witnesses.", single(waiting_s)),
            Family("bus_access_ends_seconds", "gauge", ACCESS_ENDS, single(self.access_ends_s)),
        )
        return write(families)
