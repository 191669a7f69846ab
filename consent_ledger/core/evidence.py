"""A consent or given basis as it is in force: what may flow under it, how often, and how it ends."""

from dataclasses import dataclass

from schemas import statements as st
from schemas.ids import AgencyId, ConsentId, FieldName, GivenId, Hash, Purpose


def evidence_id(statement: st.ConsentGiven | st.BasisGiven) -> ConsentId | GivenId:
    """Give the id under which a consent or given basis is known."""
    return statement.consent if isinstance(statement, st.ConsentGiven) else statement.given


@dataclass(slots=True)
class Evidence:
    """A consent or given basis in force or ended, with the uses that are left and those that grants hold reserved.

    `view` and `withdraw` are SHA-256 of the two codes on the client's receipt. `withdrawn` is the index at which it
    ended, `renewed` says that it ended because the client renewed it.
    """

    index: int
    kind: str
    collector: AgencyId
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    purpose: Purpose
    fields: frozenset[FieldName]
    not_before: int
    expires: int
    uses: int
    person: Hash
    secrecy_release: bool
    view: bytes
    withdraw: bytes
    reserved: int = 0
    withdrawn: int | None = None
    renewed: bool = False

    def over(self, time_ms: int) -> bool:
        """Tell whether nothing can rest on it any more, and no open grant does."""
        ended = self.withdrawn is not None or self.uses <= 0 or self.expires <= time_ms
        return ended and self.reserved <= 0
