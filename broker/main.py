"""The broker's process: settings, key files, ledger, NATS and HTTP plugged together, and nothing decided."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from adapters.infra import logs
from adapters.infra.bus_access import WARN_DAYS, access_ends_s, days_left
from adapters.infra.clock import SystemClock
from adapters.infra.files import read_private, writable, write_atomic
from adapters.infra.http_server import listen, serving
from adapters.infra.key_files import load_nats_seed, load_signer
from adapters.infra.nats_bus import Listeners, NatsBus, NatsSettings
from adapters.infra.process import loop_factory, only_one, settle, stop_signals
from adapters.infra.tls import client_context
from adapters.web.assets import PREFIX as STATIC
from adapters.web.beside import beside
from broker.audit_pages.building import audit_pages
from broker.audit_pages.front import PREFIX as AUDIT
from broker.bundles import Bundles
from broker.client_pages.building import client_pages
from broker.client_pages.front import PREFIX as CLIENT
from broker.core.authenticate import Gate
from broker.ended import ending
from broker.log_files import LogFiles
from broker.long_work import LongWork
from broker.operator_api import make_app
from broker.own_commands import OwnCommands
from broker.pages import View
from broker.process import Broker, Setup, recover_state
from broker.pruner import Pruner
from broker.settings import (
    SETTINGS_FILE,
    BrokerSettings,
    lock_place,
    log_key_place,
    parse_settings,
    parse_witnesses,
)
from broker.snapshots import Keeper, SnapshotFile, program
from broker.witnesses import OutsideWitness
from consent_ledger.core.policy import Policy
from consent_ledger.core.signed import SignedStatement, verify_statement
from consent_ledger.core.snapshot import Folded
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import hand_over
from consent_ledger.earlier import Earlier
from consent_ledger.ports import LogReader
from consent_ledger.recovery import from_bundle, start_from, take_snapshot
from consent_ledger.shards import STATE_FILE, STATES, Following, bundle_name, chain_from
from consent_ledger.sqlite_files import is_made, shard_path
from consent_ledger.store import ShardReader, ShardStore, shard_origins
from consent_ledger.tiles import read_file
from schemas.commitment import sha256
from schemas.errors import HandschlagError, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.ids import Hash, LogId
from schemas.note import parse_vkey

MAX_HANDLERS: Final = 16_384
"""Of all agencies together; each has its own lower bound in `broker.service`, which is the one that is felt."""
INBOX: Final = "_IB_broker"

_log = structlog.get_logger()


@dataclass(frozen=True)
class Loaded:
    """All that was read from a broker's folder, checked and ready.

    `log` is the shard that is open, or is to be opened next; `state` hashes what it starts from, None for the first.
    """

    folder: Path
    settings: BrokerSettings
    log: LogId
    state: Hash | None
    setup: Setup
    nats: NatsSettings

    @property
    def ledger(self) -> Path:
        """The folder of the ledger's files."""
        return self.folder / self.settings.ledger.folder

    @property
    def snapshot(self) -> SnapshotFile:
        """The snapshot beside the ledger's shard."""
        return SnapshotFile(self.ledger, self.log)


def load(folder: Path) -> Loaded:
    """Read and check everything a broker's folder holds but the ledger itself.

    Raises Malformed or Misuse, in one line naming file and rule, for the first file that is missing or wrong.
    """
    settings = parse_settings(_text(folder / SETTINGS_FILE), str(folder / SETTINGS_FILE))
    log, state, note = _open_shard(folder, settings)
    key = folder / log_key_place(settings, log)
    signer = load_signer(key)
    if signer.key.name != log:
        message = f"{key}: is the key of {signer.key.name}, the log is {log}"
        raise Misuse(message)
    bundles = Bundles(folder / settings.ledger.registry)
    bundles.load()
    gate = Gate(settings.pins, settings.steering_account)
    genesis = [*_genesis(folder / settings.ledger.genesis, gate)]
    if note is not None:
        genesis.append(_steered(note.decode(), gate, f"the log.key that opens {log}"))
    outside = tuple(OutsideWitness(one.url, parse_vkey(one.vkey)) for one in settings.witnesses.outside)
    setup = Setup(gate, signer, bundles, genesis, _policy(folder, settings, outside), outside)
    return Loaded(folder, settings, log, state, setup, _nats(folder, settings))


def _open_shard(folder: Path, settings: BrokerSettings) -> Following:
    """Find the shard that is open by the last entries of those before it, or the log.key beside them.

    One that was closed, but whose state does not lie beside the log yet, has still to hand it over. A shard that none
    leads to would be forked by going on in another: LedgerInconsistent.
    """
    ledger = folder / settings.ledger.folder
    found = Following(settings.log)
    chain = list(chain_from(ledger, settings.log))
    for one in chain:
        if one.state is not None and one.note is None and not (ledger / bundle_name(one.state)).is_file():
            break
        found = one
    if is_made(ledger, found.log):
        lost = set(shard_origins(ledger)) - {one.log for one in chain}
        if lost:
            message = f"{ledger}: no shard leads to {min(lost)}; bring back the log.key note of the one before it"
            raise LedgerInconsistent(message)
    return found


def check(folder: Path) -> tuple[Loaded, int]:
    """Load a broker's folder and look at its ledger, without touching it; gives what was loaded and the log's size."""
    loaded = load(folder)
    if not shard_path(loaded.ledger, loaded.log).exists():
        return loaded, 0
    with ShardReader(loaded.ledger, loaded.log) as reader:
        return loaded, reader.size


def snapshot(folder: Path) -> Path:
    """Write a snapshot of the ledger as it is by now, for the next start to begin with; gives the file's path.

    The broker may run meanwhile. Raises as `recovery.take_snapshot`, and Unavailable when a file cannot be read or
    written.
    """
    logs.configure()
    loaded = load(folder)
    with ShardReader(loaded.ledger, loaded.log) as reader:
        loaded.snapshot.write(take_snapshot(reader, loaded.setup.signer, program(), _held(loaded, reader)))
    return loaded.snapshot.path


def run(folder: Path, handschlag: Sequence[str]) -> None:
    """Run a broker until it is told to stop; raises what made it end before that.

    `handschlag` is what starts another process of this program, such as the one that does what `snapshot` does.
    """
    logs.configure()
    settings = parse_settings(_text(folder / SETTINGS_FILE), str(folder / SETTINGS_FILE))
    try:
        with only_one(lock_place(folder, settings)):
            while _run_shard(load(folder), handschlag):
                pass
    except HandschlagError:
        raise
    except Exception as error:
        _log.exception("fault")
        message = f"broker: ended by a fault of its own ({type(error).__name__})"
        raise Misuse(message) from error


def _run_shard(loaded: Loaded, handschlag: Sequence[str]) -> bool:
    """Run a broker on the open shard; True when it was closed and the log goes on in the next one."""
    with ShardStore(loaded.ledger, loaded.log) as store:
        start = _held(loaded, store)
        held = 0 if start is None else start.tree.size
        state = recover_state(loaded.setup, store, start)
        _log.info("ledger recovered", origin=state.log, size=state.size, count=state.entries - held)
        every = loaded.settings.ledger.snapshot_every
        commands = _commands(loaded, handschlag)
        keeper = Keeper(partial(_take, commands), every, size=state.entries, held=held)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            stopped = runner.run(_run(loaded, store, state, keeper, commands))
        if stopped or state.closed is None:
            return False
        _hand_over(loaded, state)
        return True


def _hand_over(loaded: Loaded, state: LedgerState) -> None:
    """Put what the next shard starts from beside the log: once it lies there, the next start opens that shard."""
    closed, bundle = state.log, hand_over(state)
    place = loaded.ledger / bundle_name(sha256(bundle))
    place.parent.mkdir(exist_ok=True)
    write_atomic(place, bundle)
    _log.info("shard closed", origin=closed, size=state.size)


def _held(loaded: Loaded, reader: LogReader) -> Folded | None:
    """Give what the snapshot spares, if there is one and it fits; one that does not costs a line and some time.

    Without one a later shard starts from what the one before it left.
    """
    try:
        held = loaded.snapshot.read()
        if held is not None:
            return start_from(held, reader, loaded.setup.signer.key, program())
    except (Malformed, NotAuthentic, Unavailable) as error:
        _log.warning("snapshot left out", rule=str(error))
    if loaded.state is None:
        return None
    place = loaded.ledger / bundle_name(loaded.state)
    bundle = read_file(place)
    if bundle is None or sha256(bundle) != loaded.state:
        message = f"{place}: is not the state that the shard before ended with; bring back a whole copy"
        raise LedgerInconsistent(message)
    return from_bundle(bundle, loaded.log)


async def _run(loaded: Loaded, store: ShardStore, state: LedgerState, keeper: Keeper, commands: OwnCommands) -> bool:
    """Run until told to stop, which is True, or until the shard is closed."""
    stop = stop_signals()
    http = loaded.settings.http
    clock, has_disk = SystemClock(), partial(writable, loaded.ledger)
    with (
        listen(http.host, http.port) as listener,
        ShardReader(loaded.ledger, loaded.log) as reader,
        closing(Earlier.of(loaded.ledger, state)) as earlier,
        ending(state, partial(ShardStore, loaded.ledger)) as ended,
    ):
        bus = await NatsBus.connect(loaded.nats, _listeners())
        broker = Broker(loaded.setup, store, state, bus, clock, Earlier.of(loaded.ledger, state))
        pruner = Pruner(loaded.ledger, state, _tell_pruned, broker.metrics.report)
        broker.sequencer.committed += [keeper.committed, pruner.committed]
        states = partial(_state, loaded.ledger)
        with closing(LogFiles(reader, lambda: broker.sequencer.size, earlier, states)) as files:
            view = View(broker, files, clock, lambda: bus.connected, bus.counters, has_disk, loaded.nats.ends_s)
            work = LongWork(commands.replay, commands.export, clock)
            clients = client_pages(broker, files, clock, tls=http.tls)
            pages = {CLIENT: clients, STATIC: clients, AUDIT: audit_pages(broker, files, work, clock, http)}
            app = beside(make_app(view.pages(http)), pages)
            port = listener.getsockname()[1]
            async with serving(app, listener), keeper.running(), work.running(), pruner.running():
                is_ready = partial(_tell_ready, loaded.nats, state, port)
                await broker.run(_until(stop, bus.lost), is_ready, ended)
    _log.info("broker ended", origin=state.log, size=state.size)
    return stop.is_set()


def _state(ledger: Path, name: str) -> bytes | None:
    """Give a state bundle by the name of its file, and nothing else."""
    return read_file(ledger / STATES / name) if STATE_FILE.fullmatch(name) else None


async def _until(stop: asyncio.Event, lost: asyncio.Event) -> None:
    """Return when told to stop; raise Unavailable when the connection to NATS is gone for good."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, lost)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if not stop.is_set():
        message = "NATS: the login holds no longer, the connection was ended for good"
        raise Unavailable(message)


def _tell_pruned(log: LogId, gone: int) -> None:
    if gone:
        _log.info("shard pruned", origin=log, count=gone)


def _tell_ready(nats: NatsSettings, state: LedgerState, port: int) -> None:
    settle()
    _log.info("broker ready", origin=state.log, size=state.size, port=port)
    days = days_left(nats.ends_s, SystemClock().now_ms())
    if days < WARN_DAYS:
        _log.warning("access to the bus runs out", days=days)


def _commands(loaded: Loaded, handschlag: Sequence[str]) -> OwnCommands:
    folder, settings = loaded.folder, loaded.settings
    policy = None if settings.witnesses.policy is None else folder / settings.witnesses.policy
    registry = folder / settings.ledger.registry
    return OwnCommands(tuple(handschlag), folder, loaded.ledger, registry, policy, settings.pins)


async def _take(commands: OwnCommands) -> None:
    """Have another process take a snapshot; without one the next start only lasts longer."""
    try:
        await commands.snapshot()
        _log.info("snapshot taken")
    except Unavailable as error:
        _log.warning("no snapshot was taken", rule=str(error))


def _listeners() -> Listeners:
    return Listeners(
        error=lambda kind: _log.warning("NATS error", kind=kind),
        disconnected=lambda: _log.warning("NATS disconnected"),
        reconnected=lambda: _log.info("NATS reconnected"),
        lost=lambda: _log.error("NATS connection lost for good"),
    )


def _nats(folder: Path, settings: BrokerSettings) -> NatsSettings:
    bus = settings.nats
    jwt, ca, certificate, key = (folder / name for name in (bus.jwt, bus.ca, bus.certificate, bus.key))
    for path in (jwt, ca, certificate):
        _text(path)
    read_private(key)
    try:
        tls = client_context(ca, certificate, key)
    except ssl.SSLError as error:
        message = f"{ca}, {certificate}, {key}: not PEM, or key and certificate do not belong together"
        raise Misuse(message) from error
    return NatsSettings(
        servers=(bus.url,),
        name="broker",
        inbox=INBOX,
        jwt=lambda: _text(jwt).strip(),
        seed=load_nats_seed(folder / bus.seed),
        tls=tls,
        max_handlers=MAX_HANDLERS,
        ends_s=access_ends_s(jwt, certificate),
    )


def _genesis(folder: Path, gate: Gate) -> Iterator[SignedStatement]:
    """Read the notes an empty log begins with, by the order of their names."""
    if not folder.is_dir():
        message = f"{folder}: there is no such folder; an empty log begins with the notes in it"
        raise Misuse(message)
    for path in sorted(folder.glob("*.note")):
        yield _steered(_text(path), gate, str(path))


def _steered(note: str, gate: Gate, what: str) -> SignedStatement:
    """Verify a note of the steering group; Malformed naming what it is when it is none."""
    try:
        return verify_statement(note.encode(), {}, gate.pins)
    except (Malformed, NotAuthentic) as error:
        message = f"{what}: {error}"
        raise Malformed(message) from error


def _policy(folder: Path, settings: BrokerSettings, outside: Sequence[OutsideWitness]) -> Policy | None:
    if settings.witnesses.policy is None:
        return None
    path = folder / settings.witnesses.policy
    return parse_witnesses(_text(path), str(path), settings.federation, [one.key for one in outside])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Misuse(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: is no text in UTF-8"
        raise Malformed(message) from error
