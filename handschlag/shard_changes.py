"""Ending a shard of the log and opening the next, and letting an old one's entries go, while everything runs.

1. A key for the next shard is made in the broker's folder, or taken as an interrupted try has left it.
2. `shard.closed` is logged, signed by two steering keys; the entry says what was in force when the shard ended.
3. The broker lets the witnesses cosign the shard to its end, puts that state beside the log, and goes on by itself.
4. `shard.opened` is logged in the next shard, signed for that very state.

Each step can be repeated by the same command. Between 2 and 4 agencies wait: what they say comes into the next shard.
"""

import asyncio
import copy
import re
from functools import partial
from typing import Final, NamedTuple

from adapters.infra.key_files import create_signer, load_signer
from broker.core.admission import decide_steered
from broker.settings import SETTINGS_FILE, BrokerSettings, log_key_place, parse_settings
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.signed import STEERING, SignedStatement
from consent_ledger.core.state import LedgerState
from handschlag.federation_folder import FederationFolder
from handschlag.steering import Continuation, SteeringDesk
from handschlag.steering_session import SteeringSession, steering_session
from schemas import statements as st
from schemas.errors import Code, Malformed, Misuse, Unavailable
from schemas.ids import LOG_PATTERN, Hash, LogId

OPEN_WITHIN_S: Final = 120.0
"""How long the broker may take to go on; it waits for the witnesses to cosign the shard to its end."""
TRY_EVERY_S: Final = 0.5

_NOT_YET: Final = (Code.UNAVAILABLE, Code.BUSY, Code.WRONG_LOG)
"""What is answered while the broker still serves the old shard, or nothing."""


class Opened(NamedTuple):
    """The shard that is open now, the public half of its key, and how many entries the shards before it have."""

    log: LogId
    vkey: str
    first: int


async def close(folder: FederationFolder, following: str) -> Opened:
    """Close the open shard and open the next one under this name; one that is open already stays as it is.

    Raises Malformed for a name that no shard can have, Misuse when the log was closed for another one, Unavailable when
    the broker does not go on in time: then the same command finishes it.
    """
    log = next_log(folder, following)
    async with steering_session(folder) as session:
        if session.state.log != log:
            vkey = next_key(folder, log)
            await _close(session, log, vkey)
            await _open(session, log, vkey)
        return Opened(log, str(session.state.log_vkey), session.state.first)


def next_log(folder: FederationFolder, following: str) -> LogId:
    """Give the origin of the next shard by its name; Malformed for a name that none can have."""
    log = LogId(f"{folder.pins().name}/log/{following}")
    if re.fullmatch(LOG_PATTERN, log) is None:
        message = f"--next: {following!r} is no name of a shard; lower-case letters, digits, dots and hyphens"
        raise Malformed(message)
    return log


def broker_settings(folder: FederationFolder) -> BrokerSettings:
    """Read the broker's settings; Misuse where they cannot be."""
    place = folder.broker / SETTINGS_FILE
    try:
        return parse_settings(place.read_text("utf-8"), str(place))
    except OSError as error:
        message = f"{place}: cannot be read ({error.strerror}); the next shard's key is made beside it"
        raise Misuse(message) from error


def next_key(folder: FederationFolder, log: LogId) -> str:
    """Make the key of the next shard, unless it is there; give its public half."""
    key = folder.broker / log_key_place(broker_settings(folder), log)
    if not key.exists():
        create_signer(key, log)
    return load_signer(key).key.vkey


async def _close(session: SteeringSession, log: LogId, vkey: str) -> None:
    closed = session.state.closed
    if closed is None:
        await session.record(session.prepare([partial(_shard_closed, log, vkey)]))
    elif (closed.next, closed.next_vkey) != (log, vkey):
        message = f"{session.state.log}: was closed for {closed.next} with the key {closed.next_vkey}"
        raise Misuse(message)


def _shard_closed(log: LogId, vkey: str, head: Continuation) -> st.Statement:
    return st.ShardClosed(**head, next=log, next_vkey=vkey)


async def _open(session: SteeringSession, log: LogId, vkey: str) -> None:
    """Have the opening logged as soon as the broker serves the next shard."""
    note = _opening(session, log, vkey)
    deadline = asyncio.get_running_loop().time() + OPEN_WITHIN_S
    while True:
        try:
            await session.record([note])
        except (Unavailable, Misuse) as error:
            if error.code not in _NOT_YET:
                raise
            if asyncio.get_running_loop().time() > deadline:
                message = f"{log}: the broker does not serve it yet ({error}); repeat the command when it does"
                raise Unavailable(message) from error
            await asyncio.sleep(TRY_EVERY_S)
        else:
            return


def _opening(session: SteeringSession, log: LogId, vkey: str) -> bytes:
    """Sign the opening for the state that the closing entry named, decided here as the broker will."""
    state, folder = copy.deepcopy(session.state), session.folder
    if state.closed is not None:
        state.move_on(state.closed)
    desk = SteeringDesk(log, folder.signers(), folder.clock, state.chain, state.chain_prev)
    statement = st.ShardOpened(**desk.next(), log_vkey=vkey, state=state.begun_with)
    note = desk.sign(statement)
    signed = SignedStatement(note, statement, STEERING)
    decided = decide_steered(state, signed, folder.clock.now_ms(), session.view.registries)
    if isinstance(decided, NotLogged):
        message = f"the federation's rules do not allow it: {decided.detail}"
        raise Misuse(message)
    return note


class Allowed(NamedTuple):
    """A shard whose entries may go by an entry of the log, and how many they are."""

    log: LogId
    size: int


async def prune(folder: FederationFolder, shard: str) -> Allowed:
    """Have the log let a closed shard's entries go; one that was pruned stays as it is.

    Raises Misuse for a shard that is none, is open, or whose time is not over, Unavailable when the broker does not
    answer. The broker takes the entries out when the log's entry is durable, and finishes after a crash by itself.
    """
    log = LogId(f"{folder.pins().name}/log/{shard}")
    async with steering_session(folder) as session:
        found = session.state.shards.get(log)
        if found is None or found.closed is None:
            message = f"--shard: {log} is no closed shard; there are {', '.join(_closed(session.state)) or 'none'}"
            raise Misuse(message)
        size = found.closed.end - found.first
        if found.pruned is None:
            root = await session.closed_root(log, size)
            await session.record(session.prepare([partial(_pruned, log, size, root)]))
        return Allowed(log, size)


def _closed(state: LedgerState) -> list[str]:
    return [one.log.rpartition("/")[2] for one in state.shards.values() if one.closed is not None]


def _pruned(log: LogId, size: int, root: Hash, head: Continuation) -> st.Statement:
    return st.ShardPruned(**head, shard=log, size=size, root=root)
