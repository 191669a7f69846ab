"""The recipient's end of a consent: its sealed package, taken only when it opens the commitment in the log."""

from dataclasses import dataclass

from adapters.node.consents import Consents
from adapters.node.core.opening import open_under
from adapters.node.core.view import Proven, View
from adapters.node.identity import Identity
from adapters.node.store import NodeStore
from adapters.node.store.rows import Consent, ConsentState, Ending, Receipt
from adapters.node.withdrawals import Withdrawals
from consent_ledger.core.evidence import evidence_id
from schemas import canonical, commitment
from schemas import messages as ms
from schemas import statements as st
from schemas.entries import Recorded
from schemas.errors import NotAuthentic
from schemas.ids import AgencyId, LogId
from schemas.record import ConsentPackage
from schemas.seal import SealContext, fields_hash, sealed_for, unseal


@dataclass
class Packages:
    """What other agencies collected for this one."""

    identity: Identity
    view: View
    store: NodeStore
    consents: Consents
    withdrawals: Withdrawals

    async def delivered(self, delivery: ms.Deliver, entry: Proven) -> None:
        """Take a consent's sealed package; NotAuthentic when entry, seal or commitment are not this consent's."""
        statement = entry.leaf.statement
        recorded = isinstance(entry.leaf.entry, Recorded)
        if not isinstance(statement, st.ConsentGiven | st.BasisGiven) or not recorded:
            message = "deliver: a consent was expected"
            raise NotAuthentic(message)
        if statement.recipient != self.identity.agency:
            message = "deliver: the consent is for another recipient"
            raise NotAuthentic(message)
        package = self._open_package(statement, entry.agency, delivery.payload)
        opened = commitment.commit_person(bytes.fromhex(package.commitment_key), package.person)
        commitment.check(statement.person, opened, "consent")
        name = evidence_id(statement)
        if package.id != name:
            message = "deliver: the package is of another consent"
            raise NotAuthentic(message)
        state = ConsentState.WITHDRAWN if self.view.has_ended(name) else ConsentState.GIVEN
        receipt = Receipt(delivery.entry, delivery.proof)
        held = Consent(name, "recipient", statement, package, None, None, state, entry.index, None, receipt, None, 0)
        ops = self.store.bases.keep(held)
        if isinstance(statement, st.ConsentGiven) and statement.replaces is not None:
            renewed = Ending("renewed", entry.index, entry.leaf.entry.time)
            ops = (*ops, *self.withdrawals.ends(statement.replaces, renewed))
        await self.consents.write(name, *ops)

    def _open_package(
        self, statement: st.ConsentGiven | st.BasisGiven, sender: AgencyId, unverified: bytes
    ) -> ConsentPackage:
        """Open a package sealed for this consent to a key of this node."""
        key = sealed_for(unverified)
        opener = self.identity.openers.get(key)
        if opener is None:
            message = "consent package: sealed to a key that is not held here"
            raise NotAuthentic(message)

        def opened(log: LogId) -> bytes:
            """Open it as sealed while this shard was open."""
            context = SealContext(
                origin=log,
                role="consent",
                exchange=evidence_id(statement),
                sender=sender,
                recipient=self.identity.agency,
                key=key,
                suite=opener.suite,
                fields_hash=fields_hash(statement.fields),
            )
            return unseal(unverified, opener, context)

        return canonical.decode_model(ConsentPackage, open_under(self.view.logs, opened))
