"""A consent's record by ISO/IEC TS 27560, from what the collecting agency holds of it."""

from adapters.node.core.compose import lawbook
from adapters.node.core.consent_record import Facts, consent_record
from adapters.node.core.consent_text import By
from adapters.node.papers.making import Making
from adapters.node.store.rows import NO_RECEIPT, Consent
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.core.proof import parse_proof
from schemas import canonical
from schemas import statements as st
from schemas.client_address import client_address
from schemas.errors import Code, Misuse, Unavailable
from schemas.ids import Hash


def record(consent: Consent, making: Making, at_ms: int) -> dict[str, canonical.Json]:
    """Give the record of a consent as it stands at a time, a JSON-LD object.

    Raises Misuse for a given basis and for a consent that was collected elsewhere, Unavailable for one not logged yet.
    """
    if not isinstance(consent.statement, st.ConsentGiven) or consent.withdraw_code is None:
        message = "consent: the agency that collected it keeps its record; a given basis has none"
        raise Misuse(message, code=Code.CONSENT_UNKNOWN)
    if consent.receipt == NO_RECEIPT or consent.log_index is None:
        message = "consent: stands in no log yet"
        raise Unavailable(message)
    office, view = making.office, making.view
    facts = Facts(
        statement=consent.statement,
        collector=making.agency,
        log_index=parse_proof(consent.receipt.proof).index,
        entry=Hash(leaf_hash(consent.receipt.entry).hex()),
        given_at=read_leaf(consent.receipt.entry).entry.time,
        state=consent.stands(at_ms).value,
        ended_at=None if consent.ending is None else consent.ending.at,
        guardian=consent.guardian,
        draft=consent.draft,
        contact=office.responsible,
        client_pages=None if office.client_pages is None else client_address(office.client_pages),
    )
    return consent_record(facts, By(lawbook(view), view.state))
