"""Who cosigned a checkpoint: which witness keys count, which of their cosignatures hold, whether they are enough."""

from collections.abc import Callable, Iterable, Mapping

from consent_ledger.core.findings import Finding, Verdict
from consent_ledger.core.policy import Policy
from consent_ledger.core.state import LedgerState
from schemas.errors import NotAuthentic
from schemas.note import Note, VerifierKey, split_note, verify_split


def members_witnesses(state: LedgerState) -> tuple[VerifierKey, ...]:
    """Give the witness keys in force, which the log's own `key.added` entries name, by the order of their names."""
    found = (state.key_in_force(name, "witness") for name in sorted(state.keys))
    return tuple(key.verifier for key in found if key is not None and key.verifier is not None)


def witnesses(state: LedgerState, policy: Policy | None) -> tuple[VerifierKey, ...]:
    """Give the witness keys that count: the members' and the policy's, but none that the log says was revoked."""
    gone = (key.verifier for key in state.keys.values() if key.revoked is not None)
    revoked = {key.public for key in gone if key is not None}
    outside = () if policy is None else policy.witnesses.values()
    known = dict.fromkeys((*members_witnesses(state), *outside))
    return tuple(key for key in known if key.public not in revoked)


def cosigned(note: bytes, keys: Iterable[VerifierKey], report: Callable[[Finding], None]) -> Mapping[VerifierKey, int]:
    """Verify each cosignature by a known witness on its own; give the POSIX time in seconds of those that hold."""
    known = {(key.name, key.key_id): key for key in keys}
    text, signatures = split_note(note)
    times: dict[VerifierKey, int] = {}
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        try:
            times.update(verify_split(Note(text, (signature,)), (key,)).cosigned_at_s)
        except NotAuthentic as error:
            report(
                Finding(Verdict.TAMPERED, "cosignature", f"a cosignature of {key.name}", str(error), path="checkpoint")
            )
    return times


def check_quorum(policy: Policy | None, cosigners: Iterable[VerifierKey], report: Callable[[Finding], None]) -> None:
    """Report when these are not the quorum of the policy: then nothing tells this log from a fork of it."""
    names = [key.name for key in cosigners]
    if policy is not None and not policy.satisfied(cosigners):
        found = f"cosigned by {', '.join(names) or 'nobody'}"
        report(Finding(Verdict.INCOMPLETE, "quorum", f"the quorum {policy.quorum}", found, path="checkpoint"))
