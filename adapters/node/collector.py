"""FLOW at the agency that takes a consent: sign it, have it logged, hand the sealed package to the recipient.

The collector knows the person; the log gets a commitment, the recipient gets id, person block and commitment key sealed
to its own key. Withdrawing is as easy: one statement, effective at its index.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.node.consents import Consents
from adapters.node.core.compose import recipient, seal_context
from adapters.node.core.view import Proven
from adapters.node.database import Op
from adapters.node.federation import Federation
from adapters.node.identity import Identity
from adapters.node.outbox import Head, Issued, Outbox, Reply, fault_of
from adapters.node.store import BasisId, Consent, NodeStore
from schemas import canonical, commitment
from schemas import messages as ms
from schemas import statements as st
from schemas.entries import Rejected
from schemas.errors import Code, HandschlagError, Misuse, NotAuthentic
from schemas.ids import AgencyId, ConsentId, FieldName, GivenId, Hash, Purpose
from schemas.record import ConsentPackage, PersonBlock
from schemas.seal import SealContext, fields_hash, seal, sealed_for, unseal
from schemas.topics import ask

CODE_BYTES: Final = 10
"""80 random bits, written in 16 characters of base32."""
DELIVER_TIMEOUT_S: Final = 15.0


class Taken(NamedTuple):
    """A consent as the client gave it, screen by screen recorded by the collecting agency's staff."""

    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    person: PersonBlock
    expires: int
    uses: int
    text_sha256: Hash
    language: str
    medium: str
    capacity: str
    secrecy_release: bool


@dataclass
class Collector:
    """The collecting side of a node, and the recipient's end of it."""

    identity: Identity
    federation: Federation
    outbox: Outbox
    store: NodeStore
    consents: Consents
    report: Callable[[str, Code], None]

    async def start(self) -> None:
        """Hand over what an earlier run could not deliver."""
        self.outbox.on_reply(st.ConsentGiven, self._take)
        await self.redeliver()

    async def collect(self, taken: Taken) -> Consent:
        """Sign a consent, have it logged and hand its package over; gives it with the two codes for the receipt.

        Raises Misuse with the broker's reason when it was rejected. A recipient out of reach gets it later.
        """
        name = ConsentId(self.identity.random_bytes(16).hex())
        key = self.identity.random_bytes(32)
        package = ConsentPackage(id=name, person=taken.person, commitment_key=Hash(key.hex()))
        view_code, withdraw_code = self._code(), self._code()
        committed = commitment.commit_person(key, taken.person)
        hashes = (code_hash(view_code), code_hash(withdraw_code))
        side = "both" if taken.recipient == self.identity.agency else "collector"

        def compose(head: Head) -> st.ConsentGiven:
            return st.ConsentGiven.model_validate(
                {
                    **head.fields(),
                    "consent": name,
                    "purpose": taken.purpose,
                    "recipient": taken.recipient,
                    "holders": tuple(sorted(set(taken.holders))),
                    "fields": tuple(sorted(set(taken.fields))),
                    "not_before": head.at,
                    "expires": taken.expires,
                    "uses": taken.uses,
                    "text_sha256": taken.text_sha256,
                    "language": taken.language,
                    "medium": taken.medium,
                    "capacity": taken.capacity,
                    "secrecy_release": taken.secrecy_release,
                    "person": committed,
                    "view": hashes[0],
                    "withdraw": hashes[1],
                }
            )

        def keep(statement: st.Numbered) -> tuple[Op, ...]:
            if not isinstance(statement, st.ConsentGiven):
                return ()
            codes = (view_code, withdraw_code)
            return (self.consents.keep(Consent(name, side, statement, package, *codes, "sent", None, None, False, b"", b"")),)

        issued, reply = await self.outbox.send("record", compose, ms.AskRecord, keep)
        await self._take(issued, reply)
        consent = self.consents.get(name)
        if consent.state == "rejected":
            entry = self.federation.view.prove(consent.entry, consent.proof).leaf.entry
            reason = entry.reason if isinstance(entry, Rejected) else Code.NOT_ENTITLED
            message = f"consent: rejected ({reason.value})"
            raise Misuse(message, code=reason)
        return consent

    async def refuse(self, purpose: Purpose, recipient_agency: AgencyId, text_sha256: Hash, language: str) -> None:
        """Record a client's no: as many clicks as a yes, and it names nobody."""
        await self.outbox.settle_record(
            *await self.outbox.send(
                "record",
                lambda head: st.ConsentRefused(
                    **head.fields(),
                    purpose=purpose,
                    recipient=recipient_agency,
                    text_sha256=text_sha256,
                    language=language,
                ),
                ms.AskRecord,
            )
        )

    async def withdraw(self, name: BasisId, cause: st.Withdrawal = "withdrawn") -> Proven:
        """End a consent or given basis this agency is party to; effective at the index of the entry that is given.

        Raises Misuse with the broker's reason when this agency may not.
        """

        def compose(head: Head) -> st.ConsentWithdrawn | st.BasisWithdrawn:
            consent = self.consents.find(name) if name in {held.id for held in self.consents.all()} else None
            if consent is not None and isinstance(consent.statement, st.BasisGiven):
                return st.BasisWithdrawn(**head.fields(), given=GivenId(name))
            return st.ConsentWithdrawn(**head.fields(), consent=ConsentId(name), cause=cause)

        issued, reply = await self.outbox.send("record", compose, ms.AskRecord)
        proven = self._prove_own(issued, reply)
        await self.store.write(self.store.logged(issued.statement, proven))
        if isinstance(proven.leaf.entry, Rejected):
            message = f"withdrawal: rejected ({proven.leaf.entry.reason.value})"
            raise Misuse(message, code=proven.leaf.entry.reason)
        await self.store.write(self.consents.withdrawn(name), *self.store.end_handles(name))
        return proven

    async def delivered(self, delivery: ms.Deliver, entry: Proven) -> None:
        """As recipient: take a consent's sealed package, which must open the commitment in the entry."""
        statement = entry.leaf.statement
        if not isinstance(statement, st.ConsentGiven | st.BasisGiven) or statement.recipient != self.identity.agency:
            message = "deliver: a consent for this agency was expected"
            raise NotAuthentic(message)
        package = self._open_package(statement, entry.agency, delivery.payload)
        commitment.check(
            statement.person, commitment.commit_person(bytes.fromhex(package.commitment_key), package.person), "consent"
        )
        name = statement.consent if isinstance(statement, st.ConsentGiven) else statement.given
        if package.id != name:
            message = "deliver: the package is of another consent"
            raise NotAuthentic(message)
        held = Consent(
            name, "recipient", statement, package, None, None, "given", entry.index, None, True, delivery.entry, delivery.proof
        )
        await self.store.write(self.consents.keep(held))

    async def redeliver(self) -> None:
        """Hand over, again, every package its recipient has not taken yet."""
        for consent in self.consents.all():
            if consent.side == "collector" and consent.state == "given" and not consent.delivered:
                try:
                    await self._hand_over(consent)
                except HandschlagError as error:
                    self.report("consent_delivery", error.code)

    async def _take(self, issued: Issued, reply: Reply) -> None:
        """Take the answer to a consent's statement: note its entry, and hand the package over."""
        proven = self._prove_own(issued, reply)
        statement = issued.statement
        if not isinstance(statement, st.ConsentGiven) or not isinstance(reply, ms.Logged):
            message = "outbox: a consent was expected"
            raise NotAuthentic(message)
        given = proven.leaf.kind == "consent.given"
        noted = self.consents.logged(
            statement.consent, given=given, index=proven.index, entry=reply.entry, proof=reply.proof
        )
        await self.store.write(self.store.logged(statement, proven), noted)
        if given:
            await self.redeliver()

    def _prove_own(self, issued: Issued, reply: Reply) -> Proven:
        if not isinstance(reply, ms.Logged):
            message = "broker: a recorded statement is answered with its entry"
            raise NotAuthentic(message)
        proven = self.federation.view.prove(reply.entry, reply.proof)
        if proven.leaf.entry.statement.encode() != issued.note:
            message = "receipt: embeds another statement than the one sent"
            raise NotAuthentic(message)
        return proven

    async def _hand_over(self, consent: Consent) -> None:
        """Seal the package to the recipient's present key and send it with the consent's receipt."""
        statement = consent.statement
        to = recipient(statement.recipient, self.federation.view)
        context = seal_context(self.federation.view, "consent", consent.id, self.identity.agency, to, statement.fields)
        sealed = seal(canonical.encode_model(consent.package), to, context)
        message = ms.pack(ms.AskDeliver(consent.entry, consent.proof, sealed))
        reply = ms.unpack(
            await self.outbox.bus.call(ask("deliver"), message, timeout_s=DELIVER_TIMEOUT_S), ms.Done, ms.Failed
        )
        if isinstance(reply, ms.Failed):
            raise fault_of(reply)
        await self.store.write(self.consents.delivered(consent.id))

    def _open_package(
        self, statement: st.ConsentGiven | st.BasisGiven, sender: AgencyId, unverified: bytes
    ) -> ConsentPackage:
        """Open a package sealed for this consent to a key of this node."""
        key = sealed_for(unverified)
        opener = self.identity.openers.get(key)
        if opener is None:
            message = "consent package: sealed to a key that is not held here"
            raise NotAuthentic(message)
        name = statement.consent if isinstance(statement, st.ConsentGiven) else statement.given
        context = SealContext(
            origin=self.federation.view.log,
            role="consent",
            exchange=name,
            sender=sender,
            recipient=self.identity.agency,
            key=key,
            suite=opener.suite,
            fields_hash=fields_hash(statement.fields),
        )
        return canonical.decode_model(ConsentPackage, unseal(unverified, opener, context))

    def _code(self) -> str:
        return base64.b32encode(self.identity.random_bytes(CODE_BYTES)).decode()


def code_hash(code: str) -> Hash:
    """Give the hash under which a receipt's code stands in the ledger."""
    return commitment.sha256(code.encode())
