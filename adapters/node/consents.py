"""The consents and given bases a node holds, in memory over its store: few per client, asked for with every request."""

from dataclasses import dataclass, field

from adapters.node.database import Op
from adapters.node.store import BasisId, Consent, NodeStore
from schemas.errors import Code, Misuse
from schemas.ids import Hash


@dataclass
class Consents:
    """What this node may base requests on, and what it collected."""

    store: NodeStore
    _held: dict[BasisId, Consent] = field(default_factory=dict)

    async def start(self) -> None:
        """Load what the store holds."""
        self._held = {consent.id: consent for consent in await self.store.consents()}

    def all(self) -> tuple[Consent, ...]:
        """Give every consent and given basis held."""
        return tuple(self._held.values())

    def get(self, name: BasisId) -> Consent:
        """Give one by its id; Misuse when it is not held."""
        consent = self._held.get(name)
        if consent is None:
            message = "consent: no consent or given basis with this id is held here"
            raise Misuse(message, code=Code.CONSENT_UNKNOWN)
        return consent

    def find(self, name: BasisId | None) -> Consent | None:
        """Give the one a request names, None for a request that names none; Misuse when it is named and not held."""
        return None if name is None else self.get(name)

    def handle(self, name: BasisId) -> Hash | None:
        """Give the pair handle that stands for the person of a consent, if one was bound."""
        consent = self._held.get(name)
        return None if consent is None else consent.handle

    def keep(self, consent: Consent) -> Op:
        """Take a consent up; a repeat changes nothing."""
        self._held.setdefault(consent.id, consent)
        return self.store.keep_consent(consent)

    def logged(self, name: BasisId, *, given: bool, index: int, entry: bytes, proof: bytes) -> Op:
        """Note the entry that a consent stands in, or the one that rejected it."""
        state = "given" if given else "rejected"
        self._change(name, state=state, log_index=index, entry=entry, proof=proof)
        return self.store.consent_logged(name, state, index, entry, proof)

    def delivered(self, name: BasisId) -> Op:
        """Note that the recipient has the package."""
        self._change(name, delivered=True)
        return self.store.consent_delivered(name)

    def withdrawn(self, name: BasisId) -> Op:
        """Note the end of a consent and of the pair handle under it."""
        self._change(name, state="withdrawn", handle=None)
        return self.store.consent_withdrawn(name)

    def bind(self, name: BasisId, handle: Hash) -> Op:
        """Let a pair handle stand for a consent's person from now on."""
        self._change(name, handle=handle)
        return self.store.consent_handle(name, handle)

    def _change(self, name: BasisId, **changes: object) -> None:
        held = self._held.get(name)
        if held is not None:
            self._held[name] = held._replace(**changes)  # type: ignore[arg-type]
