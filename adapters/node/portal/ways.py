"""What may be taken down from a client at the desk: for which purpose, who would ask whom, in which languages."""

from typing import NamedTuple

from adapters.node import api_views as views
from adapters.node.api_models import PurposeLine
from adapters.node.core.compose import lawbook
from adapters.node.core.consent_text import Shown, languages
from adapters.node.portal.front import Visit
from adapters.web.client_words import shipped_words
from schemas.ids import AgencyId
from schemas.registry import BasisKind


class Way(NamedTuple):
    """What a client may agree to or ask for: a purpose, and who would ask whom."""

    purpose: PurposeLine
    recipient: AgencyId
    holder: AgencyId

    @property
    def name(self) -> str:
        """What a form calls it."""
        return f"{self.purpose.purpose},{self.recipient},{self.holder}"


def ways(visit: Visit, basis: BasisKind) -> list[Way]:
    """Give all there are on a basis; of consents none for whom this agency may not ask, since it could sanction."""
    node = visit.desk.running
    view, own = node.federation.view, node.identity.agency
    law = lawbook(view)
    sanctions = basis == "consent" and law.kinds[view.state.members[own].kind].sanction_power
    return [
        Way(line, recipient, holder)
        for line in views.purposes(view, own, visit.desk.now_ms)
        if basis in line.basis
        for recipient in line.recipients
        for holder in line.holders
        for kinds in ((view.state.members[recipient].kind, view.state.members[holder].kind),)
        if recipient != holder and law.purposes[line.purpose].pairs(*kinds)
        if not (sanctions and kinds[0] in law.purposes[line.purpose].row.neutral_collector)
    ]


def way_named(visit: Visit, basis: BasisKind, name: str) -> Way | None:
    """Give the one a form names, if it is one that may be offered."""
    return next((way for way in ways(visit, basis) if way.name == name), None)


def tongues(visit: Visit) -> list[Shown]:
    """Give the languages a client may read in here."""
    node = visit.desk.running
    return languages(shipped_words(), node.federation.view.state, drafts=node.identity.drafts)
