"""Who must be told of an entry, and who may see it: decided from the entry alone and the state."""

from collections.abc import Mapping

from consent_ledger.core.leaf import Leaf
from consent_ledger.core.signed import CLIENT, STEERING
from consent_ledger.core.state import Key, LedgerState
from schemas import statements as st
from schemas.entries import Granted
from schemas.ids import AgencyId, KeyName

_FOR_ALL = (st.Steered, st.ApprovalGiven, st.ApprovalEnded, st.CatalogueSet)


def signer_of(statement: st.Statement, keys: Mapping[KeyName, Key]) -> AgencyId:
    """Give the agency that signed a logged statement; for what a client said by a code, `CLIENT`."""
    if isinstance(statement, st.ClientWithdrawn):
        return CLIENT
    return keys[statement.key].agency if isinstance(statement, st.Numbered) else STEERING


def addressees(leaf: Leaf, state: LedgerState) -> frozenset[AgencyId]:
    """Give the nodes that are told at once of a recorded entry.

    A withdrawal goes to collector, recipient and every holder with an open grant under it, but for the one who said it;
    an acknowledgement goes to its holder.
    """
    statement = leaf.statement
    if isinstance(statement, st.Acknowledged):
        return frozenset({statement.holder})
    match statement:
        case st.ConsentWithdrawn(consent=name) | st.BasisWithdrawn(given=name) | st.ClientWithdrawn(basis=name):
            pass
        case _:
            return frozenset()
    evidence = state.evidence[name]
    open_holders = {
        grant.statement.holder
        for grant in state.grants.values()
        if name in (grant.statement.basis.consent, grant.statement.basis.given)
    }
    return frozenset({evidence.collector, evidence.recipient, *open_holders} - {signer_of(statement, state.keys)})


def may_fetch(leaf: Leaf, agency: AgencyId, keys: Mapping[KeyName, Key]) -> bool:
    """Tell whether an agency may fetch an entry."""
    allowed = parties(leaf, keys)
    return allowed is None or agency in allowed


def parties(leaf: Leaf, keys: Mapping[KeyName, Key]) -> frozenset[AgencyId] | None:
    """Give the agencies that may fetch an entry, or None where every member may (steering, approvals, catalogues)."""
    statement = leaf.statement
    if isinstance(statement, _FOR_ALL):
        return None
    signer = signer_of(statement, keys)
    match statement:
        case st.ConsentGiven() | st.BasisGiven():
            return frozenset({signer, statement.recipient, *statement.holders})
        case st.Request() if isinstance(leaf.entry, Granted):
            return frozenset({signer, statement.holder})
        case _:
            return frozenset({signer})
