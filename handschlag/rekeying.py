"""Ending a shard of the log whose key was lost or stolen, while the broker does not run and without that key.

1. The shard is verified, and every decision in it made again, as far as its last signed checkpoint, which lies in the
   lock. What lies beyond was never signed, and nobody was answered by it: it does not count.
2. A key for the next shard is made beside, or taken as an interrupted try has left it.
3. The state as of that checkpoint is put beside the log, and last the note of `log.key`, signed by two steering keys.
4. The next start of the broker has the witnesses cosign that checkpoint, where their quorum has not yet, and opens the
   next shard by the note.

Until the note is there nothing has changed, and the command may be repeated; once it is, repeating changes nothing.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from adapters.infra.files import write_atomic
from adapters.infra.process import only_one
from broker.core.admission import decide_steered
from broker.core.decide import decider
from broker.core.replay import decide_again
from broker.settings import BrokerSettings, lock_place
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.findings import Verdict
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.signed import STEERING, SignedStatement, read_note
from consent_ledger.core.succession import end
from consent_ledger.core.verify import Report, Terms, verify
from consent_ledger.shards import Following, bundle_name, chain_from, log_key_place
from consent_ledger.sqlite_files import is_made
from handschlag.federation_folder import FederationFolder
from handschlag.ledger_source import Source, SourceOptions, open_source
from handschlag.progress import bar
from handschlag.shard_changes import broker_settings, next_key, next_log
from handschlag.steering import SteeringDesk
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import LedgerInconsistent, Misuse
from schemas.ids import Hash, LogId

_LATER: Final = ("gapless", "head", "quorum")
"""What a log may lack when its broker ends: numbers on their way, words of agencies, the last cosignatures."""


class Ended(NamedTuple):
    """The shard that was ended and how many entries it has, and the next one with the public half of its key."""

    log: LogId
    size: int
    next: LogId
    vkey: str


def rekey(folder: FederationFolder, following: str) -> Ended:
    """End the open shard at its last signed checkpoint, for another under this name.

    Raises Malformed for a name that no shard can have, Misuse while the broker runs and for a shard that is closed,
    LedgerInconsistent naming the first finding where the shard is not sound.
    """
    log, settings = next_log(folder, following), broker_settings(folder)
    ledger = folder.broker / settings.ledger.folder
    with ExitStack() as stack:
        stack.enter_context(only_one(lock_place(folder.broker, settings)))
        *_, newest = chain_from(ledger, settings.log)
        if newest.note is None or newest.log != log:
            if not is_made(ledger, newest.log):
                message = f"{newest.log}: is not open yet; start the broker first"
                raise Misuse(message)
            source = open_source(str(ledger), _options(folder, settings, newest.log))
            stack.callback(source.close_all)
            newest = _end(folder, ledger, source, log)
        statement = read_note(newest.note or b"")[1]
        if not isinstance(statement, st.LogKey):
            message = f"{log}: no log.key opens it"
            raise Misuse(message)
        return Ended(statement.ended, statement.size, log, statement.log_vkey)


def _options(folder: FederationFolder, settings: BrokerSettings, origin: LogId) -> SourceOptions:
    policy = settings.witnesses.policy
    return SourceOptions(
        pins=folder.pins_file,
        policy=None if policy is None else folder.broker / policy,
        registry=folder.broker / settings.ledger.registry,
        token_file=None,
        origin=origin,
    )


def _end(folder: FederationFolder, ledger: Path, source: Source, log: LogId) -> Following:
    """Take steps 1 to 3 of this module."""
    report = _verified(source)
    state, last = report.state, report.checkpoint
    if state is None or state.closed is not None:
        message = f"{last.origin}: is closed; start the broker, and open the next shard with `ledger close`"
        raise Misuse(message)
    vkey = next_key(folder, log)
    desk = SteeringDesk(log, folder.signers(), folder.clock, state.chain, state.chain_prev)
    bundle = end(state, last.root, log, vkey)
    statement = st.LogKey(
        **desk.next(),
        log_vkey=vkey,
        state=sha256(bundle),
        ended=LogId(last.origin),
        size=last.size,
        root=Hash(last.root.hex()),
    )
    note = desk.sign(statement)
    decided = decide_steered(
        state, SignedStatement(note, statement, STEERING), folder.clock.now_ms(), source.registries
    )
    if isinstance(decided, NotLogged):
        message = f"the federation's rules do not allow it: {decided.detail}"
        raise Misuse(message)
    place = ledger / bundle_name(statement.state)
    place.parent.mkdir(exist_ok=True)
    write_atomic(place, bundle)
    write_atomic(log_key_place(ledger, statement.ended), note)
    return Following(log, statement.state, note)


def _verified(source: Source) -> Report:
    """Audit the open shard as far as its last signed checkpoint; what has still to come is no hindrance."""
    policy = None if source.policy is None else parse_policy(source.policy)
    with bar("replay", source.reader.size) as progress:
        terms = Terms(
            pins=source.need_pins().pins,
            policy=policy,
            judge=decide_again(decider(source.registries)),
            registries=source.registries,
            bundle=source.state,
            published=source.published,
            progress=progress,
        )
        report = verify(source.reader, terms)
    for found in report.findings.kept:
        if found.verdict is not Verdict.SOUND and found.rule not in _LATER:
            message = f"{report.checkpoint.origin}, entry {found.index}, {found.rule}: {found.found}"
            raise LedgerInconsistent(message)
    return report
