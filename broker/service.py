"""What the broker serves on the bus: eight verbs, each a few lines from bytes to a flow and back to bytes.

Here, and only here, errors become answers: theirs with code and rule, ours as "unavailable" without detail. Each agency
has a bounded number of calls of each verb under way (so that its requests never crowd out its own outcomes, for which
others' requests wait); above it the answer is `busy`, before anything is looked at or counted.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from broker.core.authenticate import caller_agency
from broker.core.route import may_fetch
from broker.exchange import Exchanges
from consent_ledger.core.signed import STEERING
from schemas import canonical
from schemas import messages as ms
from schemas.errors import Busy, Code, HandschlagError, LedgerInconsistent, Malformed, NotAuthentic
from schemas.ids import AgencyId, Hash, NatsAccount
from schemas.topics import ASK_VERBS, BROKER_TOPICS, parse_broker_topic
from schemas.wire import MAX_MESSAGE_BYTES

READING: Final = ("chain", "evidence", "head", "hashes")
"""What changes nothing, and so is served before the witnesses have confirmed that this log is the newest."""
WRITING: Final = tuple(verb for verb in ASK_VERBS if verb not in READING)
MAX_CALLS_PER_AGENCY: Final = 512
RETRY_AFTER_MS: Final = 500
CHAIN_PAGE: Final = 100
MAX_HASHES: Final = 16_384
"""Half a megabyte of leaf hashes in one answer."""
MAX_RECEIPTS_BYTES: Final = MAX_MESSAGE_BYTES - 16 * 1024
"""How much of an answer entries and proofs may fill; what does not fit any more is asked for again."""

Answer = Callable[[bytes, NatsAccount], Awaitable[ms.Message]]


class Service:
    """The broker's end of the bus."""

    def __init__(
        self, exchanges: Exchanges, bundles: Mapping[Hash, bytes], published: Callable[[], bytes | None]
    ) -> None:
        """Take the flows, the registry bundles beside the log by hash, and what gives the checkpoint that is shown."""
        self._exchanges = exchanges
        self._bundles = bundles
        self._published = published
        self._under_way: Counter[tuple[NatsAccount, str]] = Counter()
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._verbs: dict[str, Answer] = {
            "request": self._request,
            "outcome": self._outcome,
            "deliver": self._deliver,
            "record": self._record,
            "chain": self._chain,
            "evidence": self._evidence,
            "head": self._head,
            "hashes": self._hashes,
        }

    async def start(self, verbs: Sequence[str] = ASK_VERBS) -> None:
        """Begin to serve these verbs; the caller of a verb that is not served is told at once that nobody does."""
        for verb in verbs:
            await self._exchanges.bus.serve(f"{BROKER_TOPICS.removesuffix('*')}{verb}", self.handle)

    async def handle(self, topic: str, unverified: bytes) -> bytes:
        """Answer one message; every failure becomes a coded answer, and only a broken ledger is passed on."""
        try:
            caller = parse_broker_topic(topic)
            message = await self._admitted(caller.verb, unverified, caller.account)
        except Busy as error:
            message = ms.fault(error.code, str(error), retry_after_ms=error.retry_after_ms)
        except LedgerInconsistent:
            raise
        except (Malformed, NotAuthentic) as error:
            message = ms.fault(error.code, str(error))
        except HandschlagError:
            message = ms.fault(Code.UNAVAILABLE, "broker: cannot answer now")
        self._count(message)
        return ms.pack(message)

    def _count(self, message: ms.Message) -> None:
        self.answered[message.TYPE] += 1
        if isinstance(message, ms.Failed):
            self.failed[canonical.decode_model(ms.Fault, message.fault).code] += 1

    async def _admitted(self, verb: str, unverified: bytes, account: NatsAccount) -> ms.Message:
        calls = account, verb
        if self._under_way[calls] >= MAX_CALLS_PER_AGENCY:
            message = f"caller: {MAX_CALLS_PER_AGENCY} calls of this verb are under way already"
            raise Busy(message, retry_after_ms=RETRY_AFTER_MS)
        self._under_way[calls] += 1
        try:
            return await self._verbs[verb](unverified, account)
        finally:
            self._under_way[calls] -= 1

    async def _request(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        return await self._exchanges.request(ms.unpack(unverified, ms.AskRequest), account)

    async def _outcome(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        return await self._exchanges.outcome(ms.unpack(unverified, ms.AskOutcome), account)

    async def _deliver(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        return await self._exchanges.deliver(ms.unpack(unverified, ms.AskDeliver), account)

    async def _record(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        return await self._exchanges.record(ms.unpack(unverified, ms.AskRecord), account)

    async def _chain(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        """Give the steering entries after a seq, with receipts, a page at a time."""
        query = canonical.decode_model(ms.ChainQuery, ms.unpack(unverified, ms.AskChain).query)
        self._caller(account)
        wanted = self._exchanges.sequencer.state.chain_indices[query.after : query.after + CHAIN_PAGE]
        return await self._receipts(wanted, b"", STEERING)

    async def _evidence(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        """Give entries the caller is party to, and catalogues or a registry bundle, which are no secret."""
        query = canonical.decode_model(ms.EvidenceQuery, ms.unpack(unverified, ms.AskEvidence).query)
        caller = self._caller(account)
        if query.registry is not None and query.registry not in self._bundles:
            message = "registry: no bundle with this hash lies beside the log"
            raise Malformed(message)
        blob = b"" if query.registry is None else self._bundles[query.registry]
        return await self._receipts((*query.indices, *self._catalogues(query.catalogues_from)), blob, caller)

    def _catalogues(self, first: int | None) -> list[int]:
        """Give where the catalogues in force stand in the open shard, from an index on; none for None."""
        state = self._exchanges.sequencer.state
        known = state.catalogue_indices.values()
        return [] if first is None else sorted(index for index in known if index >= max(first, state.first))

    async def _head(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        """Say how far the log knows one of the caller's keys: the highest number it holds of it."""
        query = canonical.decode_model(ms.HeadQuery, ms.unpack(unverified, ms.AskHead).query)
        sequencer = self._exchanges.sequencer
        key = sequencer.state.keys.get(query.key)
        if key is None or key.agency != self._caller(account):
            message = "key: is none of the caller's"
            raise NotAuthentic(message)
        answer = ms.HeadAnswer(highest=sequencer.state.counter(query.key).highest, log=sequencer.state.log)
        await sequencer.durable()
        return ms.Head(canonical.encode_model(answer))

    async def _hashes(self, unverified: bytes, account: NatsAccount) -> ms.Message:
        """Give leaf hashes, by which a member follows the log; they are public, and say nothing of an entry."""
        query = canonical.decode_model(ms.HashesQuery, ms.unpack(unverified, ms.AskHashes).query)
        self._caller(account)
        if query.log is not None:
            closed = await self._exchanges.sequencer.closed(query.log, query.first, MAX_HASHES)
            if closed is not None:
                return ms.Hashes(*closed)
        hashes = await self._exchanges.sequencer.hashes(query.first, MAX_HASHES)
        return ms.Hashes(self._published() or b"", hashes)

    def _caller(self, account: NatsAccount) -> AgencyId:
        return caller_agency(account, self._exchanges.sequencer.state, self._exchanges.gate)

    async def _receipts(self, indices: Sequence[int], blob: bytes, caller: AgencyId) -> ms.Receipts:
        """Give entries and proofs by turns after a blob, as many in their order as fit into one message.

        Raises Malformed for an index beyond the log, NotAuthentic when one of the entries is not for the caller.
        """
        sequencer = self._exchanges.sequencer
        parts: list[bytes] = []
        room = MAX_RECEIPTS_BYTES - len(blob)
        for index in indices:
            if index >= sequencer.state.size:
                message = "indices: beyond the log"
                raise Malformed(message)
            receipt = await sequencer.receipt(index)
            if not may_fetch(receipt.leaf, caller, sequencer.state.keys):
                message = "indices: the caller is no party to one of these entries"
                raise NotAuthentic(message, code=Code.NOT_ENTITLED)
            room -= len(receipt.leaf.raw) + len(receipt.proof)
            if room < 0:
                break
            parts += [receipt.leaf.raw, receipt.proof]
        return ms.Receipts(blob, tuple(parts))
