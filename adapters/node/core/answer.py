"""Steps 9 and 11 at the holder: open the person block, and close an outcome; all random bytes are arguments."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from adapters.node.core.accept import AcceptedGrant
from schemas import canonical, commitment
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import NotAuthentic
from schemas.ids import AgencyId, CodeName, Hash, KeyId
from schemas.record import FieldValues, PersonBlock, Record, SealedPerson
from schemas.seal import Opener, SealContext, SealTo, fields_hash, seal, sealed_for, unseal

IMMIGRATION: Final = CodeName("auslaenderbehoerde")


class Closed(NamedTuple):
    """An outcome ready to be signed: what the statement commits to, and what travels beside it."""

    body: st.OutcomeBody
    k: bytes
    body_hash: Hash
    sealed: bytes


def open_person(
    grant: AcceptedGrant, unverified_sealed: bytes, openers: Mapping[KeyId, Opener], origin: str, own: AgencyId
) -> SealedPerson:
    """Open the person block of an accepted grant; NotAuthentic or Malformed when it is not for this grant."""
    opener = openers.get(sealed_for(unverified_sealed))
    if opener is None:
        message = "person block: sealed to a key that is not held here"
        raise NotAuthentic(message)
    context = SealContext(
        origin=origin,
        role="person",
        exchange=grant.request.exchange,
        sender=grant.requester,
        recipient=own,
        key=sealed_for(unverified_sealed),
        suite=opener.suite,
        fields_hash=fields_hash(grant.request.fields),
    )
    return canonical.decode_model(SealedPerson, unseal(unverified_sealed, opener, context))


def committed_person(grant: AcceptedGrant, block: SealedPerson) -> PersonBlock:
    """Give the person to match: under a consent or given basis only the block whose commitment the ledger holds.

    Raises NotAuthentic when a package is missing, of another basis, or does not open the commitment; on a statute the
    block is taken as it came.
    """
    if grant.evidence is None:
        if block.person is None:
            message = "person block: a request on a statute brings the person"
            raise NotAuthentic(message)
        return block.person
    basis = grant.request.basis.consent or grant.request.basis.given
    if block.package is None or block.package.id != basis:
        message = "person block: the package of the basis is missing"
        raise NotAuthentic(message)
    key = bytes.fromhex(block.package.commitment_key)
    commitment.check(grant.evidence.person, commitment.commit_person(key, block.package.person), "person")
    return block.package.person


def without_register(values: tuple[FieldValues, ...], requester: CodeName) -> tuple[FieldValues, ...]:
    """Drop values that come from the AZR, which nobody hands on but to an immigration office (§ 11 AZRG; V06, V12).

    The field stays, with fewer values or none: the requester learns no more than that nothing of it is held here.
    """
    if requester == IMMIGRATION:
        return values
    return tuple(
        one.model_copy(update={"values": tuple(value for value in one.values if value.origin != "azr")})
        for one in values
    )


def close_disclosure(
    grant: AcceptedGrant, values: tuple[FieldValues, ...], to: SealTo, context: SealContext, random: tuple[bytes, bytes]
) -> Closed:
    """Seal a record for the requester and commit to it; `random` are two fresh 32-byte keys, mask and k."""
    mask, k = random
    record = Record(exchange=grant.request.exchange, fields=values, mask=Hash(mask.hex()))
    sealed = seal(canonical.encode_model(record), to, context)
    body = st.OutcomeBody(
        kind="disclosed", fields=grant.fields, ct=sha256(sealed), commitment=commitment.commit_record(mask, values)
    )
    return Closed(body, k, commitment.commit_body(k, body), sealed)


def close_unavailable(k: bytes) -> Closed:
    """Commit to "not available"; the statement looks like any other outcome until it is opened."""
    body = st.OutcomeBody(kind="unavailable")
    return Closed(body, k, commitment.commit_body(k, body), b"")
