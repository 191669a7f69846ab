"""What may be asked of whom for the client whose case is open: each purpose with each holder, and whole errands."""

from collections.abc import Iterable
from typing import NamedTuple, TypeGuard

from adapters.node import api_views as views
from adapters.node.api_models import PurposeLine
from adapters.node.core.compose import Question
from adapters.node.core.matching import PersonIndex
from adapters.node.core.matching.beside import Part, differing
from adapters.node.portal.front import Visit
from adapters.node.store.rows import Consent, ConsentState
from adapters.sources.port import Candidate, LocalRef
from schemas import statements as st
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName, ConsentId, GivenId
from schemas.record import PersonBlock


class Tile(NamedTuple):
    """A purpose as the case shows it: what may be asked of whom, and on which basis; why not, where it may not."""

    purpose: PurposeLine
    holder: AgencyId
    consent: Consent | None
    ready: bool
    differs: tuple[Part, ...] = ()


class _Held(NamedTuple):
    """A consent or given basis that may be this client's, and what differs from how this agency knows them."""

    consent: Consent
    differs: tuple[Part, ...]


class Errand(NamedTuple):
    """Several requests of one occasion as the case shows them: what the law calls it, and what belongs to it."""

    occasion: CodeName
    label: str
    parts: tuple[Tile, ...]

    @property
    def ready(self) -> list[Tile]:
        """What may be asked now."""
        return [one for one in self.parts if one.ready]


async def tiles(visit: Visit, person: PersonBlock) -> list[Tile]:
    """Give every purpose this agency may ask for, with each holder; consents of this client are found by themselves."""
    node = visit.desk.running
    now = visit.desk.now_ms
    used, own = await node.store.asked.uses(), node.identity.agency
    mine = [
        one
        for one in await node.store.bases.consents()
        if _may_serve(one, own, now) and used.get(one.id, 0) < one.statement.uses
    ]
    held = [_Held(one, differing(person, one.package.person)) for one in alike(person, mine)]
    lines = views.purposes(node.federation.view, node.identity.agency, now)
    return [
        _tile(line, holder, held)
        for line in lines
        if line.may_ask
        for holder in line.holders
        if holder != node.identity.agency
    ]


def alike(person: PersonBlock, consents: list[Consent]) -> list[Consent]:
    """Give the consents that are this person's, or may be under another spelling: those first that differ least.

    Agencies spell a client differently; who they are to each other only a human can say, so it is shown what differs.
    """
    index, by_ref = PersonIndex(), {LocalRef(str(number)): one for number, one in enumerate(consents)}
    for ref, one in by_ref.items():
        index.add(Candidate(ref, ref, one.package.person, transfer_block=False, guardian=False))
    found = [by_ref[one.candidate.ref] for one in index.query(person).candidates]
    same = [one for one in consents if _known_as(one.package.person) == _known_as(person)]
    return [*same, *sorted(found, key=lambda one: len(differing(person, one.package.person)))]


def _tile(line: PurposeLine, holder: AgencyId, held: list[_Held]) -> Tile:
    fits = (
        one for one in held if one.consent.statement.purpose == line.purpose and holder in one.consent.statement.holders
    )
    found = next(fits, None)
    by_law = "statute" in line.basis and bool(line.norm)
    consent, differs = (None, ()) if found is None else found
    return Tile(line, holder, consent, ready=consent is not None or by_law, differs=differs)


def _may_serve(consent: Consent, own: AgencyId, at_ms: int) -> bool:
    return consent.stands(at_ms) is ConsentState.GIVEN and consent.statement.recipient == own


def _known_as(person: PersonBlock) -> tuple[str, str, str | None]:
    """Give what a consent is found by: the collector may know more or less of a person than this agency does."""
    return person.family_name.casefold(), person.given_names.casefold(), person.birth_date


def chosen(offered: Iterable[Tile], purpose: str, holder: str) -> Tile:
    """Find the tile a form names; Misuse for one that is not offered, or not ready."""
    for tile in offered:
        if (tile.purpose.purpose, tile.holder) == (purpose, holder) and tile.ready:
            return tile
    message = "purpose: may not be asked of this agency for this client now"
    raise Misuse(message)


def errands(visit: Visit, offered: Iterable[Tile]) -> list[Errand]:
    """Put the tiles of one occasion together, in the order of its words."""
    found: dict[CodeName, list[Tile]] = {}
    for tile in offered:
        if tile.purpose.occasion is not None:
            found.setdefault(tile.purpose.occasion, []).append(tile)
    return sorted((Errand(one, visit.occasion(one), tuple(parts)) for one, parts in found.items()), key=_by_label)


def _by_label(errand: Errand) -> str:
    return errand.label


def asking(visit: Visit, tile: Tile, person: PersonBlock, file_number: str) -> Question:
    """Preset the question of a tile: role, basis and what must be declared come from the law and the consents held."""
    caller, held = visit.colleague.caller, tile.consent
    return Question(
        purpose=tile.purpose.purpose,
        holder=tile.holder,
        role=CodeName(caller.role),
        staff=caller.staff,
        consent=ConsentId(held.id) if _is_consent(held) else None,
        given=None if held is None or _is_consent(held) else GivenId(held.id),
        norm=None if held is not None else tile.purpose.norm[0],
        declared=tuple(tile.purpose.conditions),
        person=None if held is not None else person,
        case_ref=file_number or None,
    )


def _is_consent(held: Consent | None) -> TypeGuard[Consent]:
    """Tell a consent from a client's request or a duty to cooperate, which a request names by another word."""
    return held is not None and isinstance(held.statement, st.ConsentGiven)
