"""The node's process: settings, key files, store, source, NATS and HTTP plugged together, and nothing decided.

It starts before its federation can be reached and waits: for the bus, for its admission, for the broker. HTTP answers
from the first moment on, and says "not ready" meanwhile. It ends when told to, and by itself in two cases only: the log
contradicts itself, or its login on the bus is worth nothing any more.
"""

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import structlog

from adapters.infra import logs
from adapters.infra.bus_access import WARN_DAYS, access_ends_s, days_left
from adapters.infra.clock import SystemClock
from adapters.infra.files import read_private, writable
from adapters.infra.http_server import listen, serving
from adapters.infra.key_files import load_nats_seed, load_seal_key, load_signer
from adapters.infra.nats_bus import Listeners, NatsBus, NatsSettings
from adapters.infra.process import loop_factory, only_one, settle, stop_signals
from adapters.infra.tls import client_context
from adapters.node.api import make_app
from adapters.node.background import Background
from adapters.node.core.view import View
from adapters.node.covering import Covering
from adapters.node.desk import Desk
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.metrics import Reports
from adapters.node.node import Node, Own
from adapters.node.portal.building import portal
from adapters.node.settings import SETTINGS_FILE, LoginSettings, NodeSettings, parse_settings
from adapters.node.store import NodeStore
from adapters.node.tokens import Tokens, read_public
from adapters.sources.opening import source_of
from adapters.sources.port import Source
from adapters.web.sessions import Sessions
from adapters.web.sign_on import Registered, SignOn
from consent_ledger.core.policy import Policy, parse_policy
from schemas.errors import Code, HandschlagError, Malformed, Misuse, Unavailable
from schemas.note import Signer
from schemas.topics import inbox_prefix

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 5.0
"""Between two tries to reach the bus or the broker while the process starts: doubled from the first to the longest."""
CLOSE_LIMIT_S: Final = 30.0

_NOT_YET: Final = frozenset({Code.NOT_A_MEMBER, Code.NOT_AUTHENTIC, Code.KEY_NOT_IN_FORCE})
"""What the broker answers to an agency whose admission is not in the ledger yet."""
_log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """All that was read from a node's folder, checked and ready."""

    folder: Path
    settings: NodeSettings
    identity: Identity
    nats: NatsSettings
    tokens: Tokens
    mapping: str | None
    pages: Callable[[Desk], object] | None = None


def load_settings(folder: Path) -> NodeSettings:
    """Read a node's settings alone; Misuse or Malformed names file and rule."""
    return parse_settings(_text(folder / SETTINGS_FILE), str(folder / SETTINGS_FILE))


def load(folder: Path) -> Loaded:
    """Read and check everything a node's folder holds but its store.

    Raises Malformed or Misuse, in one line naming file and rule, for the first file that is missing or wrong.
    """
    settings = load_settings(folder)
    clock, mapping = SystemClock(), settings.source.mapping
    token_key = read_public(_text(folder / settings.http.token_key).encode())
    return Loaded(
        folder=folder,
        settings=settings,
        identity=_identity(folder, settings, clock),
        nats=_nats(folder, settings),
        tokens=Tokens(settings.agency, token_key, clock),
        mapping=None if mapping is None else _text(folder / mapping),
        pages=None if settings.login is None else _pages(folder, settings.login, clock),
    )


def run(folder: Path) -> None:
    """Run a node until it is told to stop; raises what made it end before that."""
    logs.configure()
    loaded = load(folder)
    store = folder / loaded.settings.store.path
    try:
        with only_one(store.with_name(f"{store.name}.lock")), asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(loaded))
    except HandschlagError:
        raise
    except Exception as error:
        _log.exception("fault")
        message = f"node: ended by a fault of its own ({type(error).__name__})"
        raise Misuse(message) from error


async def _run(loaded: Loaded) -> None:
    stop, http = stop_signals(), loaded.settings.http
    desk = Desk(loaded.tokens, Reports(_tell), office=loaded.settings.papers, access_ends_s=loaded.nats.ends_s)
    app = make_app(desk) if loaded.pages is None else loaded.pages(desk)
    with listen(http.host, http.port) as listener:
        async with serving(app, listener):
            _log.info("node serves", agency=loaded.settings.agency, port=listener.getsockname()[1])
            await _until(stop, _work(loaded, desk))
    _log.info("node ended", agency=loaded.settings.agency)


async def _until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Work until told to stop; raises what ended the work before that."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def _work(loaded: Loaded, desk: Desk) -> None:
    """Reach the bus, join the federation, and serve until something ends the node; closes all it opened."""
    async with AsyncExitStack() as opened:
        bus = await _patiently("bus", lambda: NatsBus.connect(loaded.nats, _listeners(desk)))
        opened.push_async_callback(bus.close)
        place = loaded.folder / loaded.settings.store.path
        store = NodeStore(place)
        opened.push_async_callback(store.close)
        source = await _source(loaded, bus, store, desk.reports)
        own = None if source is None else Own(source, progress=_read)
        node = Node.build(loaded.identity, bus, store, loaded.settings.pins, own, desk.reports)
        opened.push_async_callback(_close, node)
        await _patiently("federation", node.start)
        desk.outside = lambda: bus.connected and writable(place.parent)
        desk.node = node
        settle()
        _log.info("node ready", agency=loaded.settings.agency, origin=node.federation.view.log)
        days = days_left(loaded.nats.ends_s, loaded.identity.clock.now_ms())
        if days < WARN_DAYS:
            _log.warning("access to the bus runs out", days=days)
        if source is not None:
            node.background.spawn("source", source.check())
        await _ended(bus, node)


async def _close(node: Node) -> None:
    """Finish what was begun, as far as there is time for it."""
    try:
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await node.close()
    except TimeoutError:
        _log.warning("node was not done in time")


async def _ended(bus: NatsBus, node: Node) -> None:
    """Wait for what ends a node by itself, and raise it."""
    broken, lost = asyncio.ensure_future(node.background.broken()), asyncio.ensure_future(bus.lost.wait())
    try:
        await asyncio.wait({broken, lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        broken.cancel()
        lost.cancel()
    if broken.done():
        raise broken.result()
    message = "NATS: the login holds no longer, the connection was ended for good"
    raise Unavailable(message)


async def _patiently(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do something that needs others to be there; wait and try again until they are."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await work()
        except Unavailable as error:
            _log.warning(f"waiting for the {what}", error=str(error))
        except Misuse as error:
            if error.code not in _NOT_YET:
                raise
            _log.warning("waiting for the admission", error=str(error), code=error.code.value)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def _source(loaded: Loaded, bus: NatsBus, store: NodeStore, reports: Reports) -> Source | None:
    """Open the agency's own system as its mapping says, once it is known which fields the law has."""
    if loaded.mapping is None or not loaded.settings.roles.holder:
        return None
    view, clock = View(loaded.settings.pins), loaded.identity.clock
    background = Background(reports)
    covering = Covering(bus, view, store, clock, background)
    federation = Federation(bus, store, view, background, clock, covering.end)
    await federation.load()
    if view.registry() is None:
        await _patiently("federation", federation.catch_up)
    registry, name = view.registry(), str(loaded.settings.source.mapping)
    fields = frozenset(() if registry is None else registry.fields)
    mapping = loaded.folder / name
    return source_of(loaded.mapping, name, mapping.parent, fields)


def _pages(folder: Path, login: LoginSettings, clock: SystemClock) -> Callable[[Desk], object]:
    """Give what serves API and pages over a desk, with the agency's sign-on."""
    secret = _text(folder / login.secret).strip()
    sign_on = SignOn(Registered(login.issuer, login.client, secret, login.address), clock, secrets.token_bytes)
    return lambda desk: portal(desk, sign_on, Sessions(clock, secrets.token_bytes), login)


def _read(persons: int) -> None:
    """Log how many of the agency's own persons were read."""
    _log.info("persons read", persons=persons)


def _tell(where: str, code: Code) -> None:
    """Log what went wrong; it names no person, because a report never does."""
    _log.warning(where, code=code.value)


def _listeners(desk: Desk) -> Listeners:
    def reconnected() -> None:
        _log.info("NATS reconnected")
        if desk.node is not None:
            desk.node.background.spawn("reconnected", desk.node.reconnected())

    return Listeners(
        error=lambda kind: _log.warning("NATS error", kind=kind),
        disconnected=lambda: _log.warning("NATS disconnected"),
        reconnected=reconnected,
        lost=lambda: _log.error("NATS connection lost for good"),
    )


def _identity(folder: Path, settings: NodeSettings, clock: SystemClock) -> Identity:
    keys, prefix = settings.keys, f"{settings.federation.name}/{settings.agency}/"
    seal_keys = [load_seal_key(folder / place) for place in keys.seal]
    return Identity(
        agency=settings.agency,
        statement=_signer(folder / keys.statement, f"{prefix}statement-"),
        openers={key.published.id: key for key in seal_keys},
        seal_key=seal_keys[0].published.id,
        clock=clock,
        random_bytes=secrets.token_bytes,
        witnesses=tuple(
            _signer(folder / place, f"{prefix}witness-") for place in (keys.witness, keys.witness_mldsa44) if place
        ),
        dpo=None if keys.dpo is None else _signer(folder / keys.dpo, f"{prefix}dpo-"),
        former=tuple(_signer(folder / place, f"{prefix}statement-") for place in keys.statement_former),
        policy=_policy(folder, settings.federation.witnesses),
        roles=settings.taken_roles,
        drafts=settings.texts.drafts,
    )


def _policy(folder: Path, place: str | None) -> Policy | None:
    """Read the agency's witness policy; Malformed names file, line and rule."""
    if place is None:
        return None
    path = folder / place
    try:
        return parse_policy(_text(path))
    except Malformed as error:
        message = f"{path}: {error}"
        raise Malformed(message) from error


def _signer(path: Path, prefix: str) -> Signer:
    """Load a signing key, which must be this agency's and of its role."""
    signer = load_signer(path)
    if signer.key.name.startswith(prefix):
        return signer
    message = f"{path}: its name must begin with {prefix}"
    raise Misuse(message)


def _nats(folder: Path, settings: NodeSettings) -> NatsSettings:
    bus = settings.nats
    jwt, ca, certificate, key = (folder / name for name in (bus.jwt, bus.ca, bus.certificate, bus.key))
    for path in (jwt, ca, certificate):
        if not path.exists():
            message = f"{path}: there is no such file; the steering group's admission brings it (node admit)"
            raise Misuse(message)
    read_private(key)
    try:
        tls = client_context(ca, certificate, key)
    except ssl.SSLError as error:
        message = f"{ca}, {certificate}, {key}: not PEM, or key and certificate do not belong together"
        raise Misuse(message) from error
    return NatsSettings(
        servers=(bus.url,),
        name=settings.agency,
        inbox=inbox_prefix(settings.agency),
        jwt=lambda: _text(jwt).strip(),
        seed=load_nats_seed(folder / bus.seed),
        tls=tls,
        ends_s=access_ends_s(jwt, certificate),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a text file"
        raise Misuse(message) from error
