"""The whole law against abuse: all purposes, all pairs of agencies, and fields at random.

The oracle reads the law's rows by itself, in the words of the law; it shares no function with the decision.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from broker.core.standing import Denial, Standing
from consent_ledger.core.evidence import Evidence
from consent_ledger.core.signed import verify_statement
from schemas.errors import Code, Malformed, NotAuthentic
from schemas.ids import AgencyId, CodeName, FieldName, Purpose
from schemas.registry import BasisKind, load
from schemas.registry_files import bundle_of
from tests.support.ledger_world import founded
from tests.support.pens import PINS, START
from tests.support.registry import SMALL, shipped
from tests.support.scenes import (
    FIELDS,
    REVIEWED,
    SHIPPED,
    Scene,
    agency,
    drawn,
    granted,
    judged,
    kind_of,
    lawful_pairs,
    whole,
)

pytestmark = pytest.mark.slow  # thousands of decisions

BASES: Final[tuple[BasisKind, ...]] = ("statute", "cooperation_duty", "consent", "client_request")
NEVER: Final = {"011", "020", "022", "023", "057", "058", "059", "062", "069", "073", "074"} | {
    f"{group:03}" for group in range(42, 55)
}
"""The groups of the DSAusländer that no purpose may reach: health, religion, photo, removal, search, offences."""


# -- the oracle -----------------------------------------------------------------------------------------------------


def _expected(scene: Scene) -> frozenset[FieldName]:
    """Say what may flow: nothing where anything is missing, else what every list names and no ceiling stops."""
    if scene.approved is None or scene.catalogue is None or not _stands(scene) or not _rests(scene):
        return frozenset()
    row = scene.law.purposes[scene.purpose].row
    kind = scene.law.kinds[kind_of(scene.asks)]
    ceiling = 3 if scene.ceiling == 3 else min(scene.ceiling, kind.ceiling)
    categories = {pattern[:-2] for pattern in row.fields if pattern.endswith(".*")}
    listed = {name for name in FIELDS if name in row.fields or name.partition(".")[0] in categories}
    fields = scene.asked & listed & scene.approved & scene.catalogue & scene.law.fields.keys()
    if scene.basis != "statute":
        fields &= scene.evidence.fields if scene.evidence is not None else frozenset()
    return frozenset(name for name in fields if scene.law.fields[name].sensitivity <= ceiling)


def _stands(scene: Scene) -> bool:
    """Tell whether the purpose is for these two on this basis, and its conditions are declared."""
    row, asks, holds = scene.law.purposes[scene.purpose].row, kind_of(scene.asks), kind_of(scene.holds)
    counselled = asks == "auslaenderbehoerde" and holds in {"mbe", "jmd", "case_management"}
    if counselled and (scene.purpose[:3], scene.basis) != ("Z23", "client_request"):
        return False
    return (
        not row.off
        and row.mode in {"single", "package"}
        and asks in row.requester_kinds
        and holds in row.holder_kinds
        and (asks != holds or row.same_kind)
        and scene.basis in row.basis
        and scene.declared >= set(row.conditions)
    )


def _rests(scene: Scene) -> bool:
    """Tell whether what the client gave is for these two and this purpose, freely and with the release it needs."""
    if scene.basis == "statute":
        return True
    row, given = scene.law.purposes[scene.purpose].row, scene.evidence
    if given is None or given.kind != scene.basis or (given.recipient, given.purpose) != (scene.asks, scene.purpose):
        return False
    secret = row.secrecy_release == "always" or (
        row.secrecy_release == "if_holder_203" and scene.law.kinds[kind_of(scene.holds)].secrecy_203
    )
    pressed = kind_of(scene.asks) in row.neutral_collector and scene.law.kinds[kind_of(given.collector)].sanction_power
    return scene.holds in given.holders and not pressed and (given.secrecy_release or not secret)


# -- everything, once -----------------------------------------------------------------------------------------------


def test_each_purpose_is_for_its_pairs_and_bases_alone() -> None:
    """All purposes times all pairs of kinds times all bases: what flows is what the rows say."""
    flows = set()
    for law in (SHIPPED, REVIEWED):
        for purpose in law.purposes:
            for asks in law.kinds:
                for holds in law.kinds:
                    for basis in BASES:
                        scene = whole(law, purpose, (agency(asks), agency(holds, 2)), basis)
                        fields = granted(scene)
                        assert fields == _expected(scene), scene[1:5]
                        assert not {law.fields[name].dsa[:3] for name in fields} & NEVER
                        flows |= {purpose[:3]} if fields else set()
    singles = {name[:3] for name, rule in REVIEWED.purposes.items() if rule.row.mode in {"single", "package"}}
    assert flows == singles


def _long(number: int) -> object:
    return pytest.param(number, marks=pytest.mark.long)


@pytest.mark.parametrize("block", [*range(10), *map(_long, range(10, 100))])
def test_nothing_flows_but_what_all_allow(block: int) -> None:
    """What flows in a thousand scenes is asked, of the purpose, consented, approved, held and below the ceiling."""
    refused = 0
    for number in range(1000 * block, 1000 * (block + 1)):
        scene = drawn(number)
        fields = granted(scene)
        assert fields == _expected(scene), number
        refused += not fields
    assert 100 < refused < 900, "scenes that say nothing"


def _less(scene: Scene) -> Iterator[Scene]:
    """Give the scene again and again, each time without one of the things it rests on, or with one field less of it."""
    field = next(iter(sorted(granted(scene) or scene.asked)))
    yield scene._replace(asked=scene.asked - {field})
    yield scene._replace(declared=frozenset(sorted(scene.declared)[1:]))
    yield scene._replace(ceiling=max(0, scene.ceiling - 1))
    yield scene._replace(approved=None)
    yield scene._replace(catalogue=None)
    yield scene._replace(evidence=None)
    if scene.approved is not None:
        yield scene._replace(approved=scene.approved - {field})
    if scene.catalogue is not None:
        yield scene._replace(catalogue=scene.catalogue - {field})
    if scene.evidence is not None:
        yield scene._replace(evidence=replace(scene.evidence, fields=scene.evidence.fields - {field}))
        yield scene._replace(evidence=replace(scene.evidence, secrecy_release=False))
        yield scene._replace(evidence=replace(scene.evidence, holders=()))


@pytest.mark.parametrize("block", [*range(4), *map(_long, range(4, 40))])
def test_taking_something_away_never_permits_more(block: int) -> None:
    """Without a consent, an approval, a catalogue, a declaration or one field of them, no further field flows."""
    for number in range(250 * block, 250 * (block + 1)):
        scene = drawn(number)
        fields = granted(scene)
        for lesser in _less(scene):
            assert granted(lesser) <= fields, number
        for without in (scene._replace(approved=None), scene._replace(catalogue=None)):
            assert isinstance(judged(without), Denial)
        if scene.basis != "statute":
            assert isinstance(judged(scene._replace(evidence=None)), Denial)


# -- consents that are none -----------------------------------------------------------------------------------------


def _given_ways() -> Iterator[tuple[Purpose, tuple[AgencyId, AgencyId], BasisKind]]:
    """Give each purpose that rests on what the client gave, with each pair that may use it."""
    for purpose, pairs in lawful_pairs(REVIEWED).items():
        for pair in pairs:
            for basis in REVIEWED.purposes[purpose].row.basis:
                if basis != "statute" and isinstance(judged(whole(REVIEWED, purpose, pair, basis)), Standing):
                    yield purpose, pair, basis


def test_what_the_client_gave_is_refused_by_its_own_name_when_it_does_not_carry() -> None:
    """Invented, of others, withdrawn, run out, not begun, used up: for each purpose and pair the code says which."""
    seen = set()
    for purpose, pair, basis in _given_ways():
        seen.add(purpose[:3])
        scene = whole(REVIEWED, purpose, pair, basis)
        given, word = scene.evidence, "CONSENT" if basis == "consent" else "GIVEN"
        assert given is not None
        others = [replace(given, recipient=pair[1]), replace(given, purpose=Purpose("Z99@1"))]
        flaws: dict[str, list[Evidence | None]] = {
            "UNKNOWN": [None, replace(given, kind="statute")],
            "FOREIGN": [*others, replace(given, holders=(pair[0],)), replace(given, holders=())],
            "WITHDRAWN": [replace(given, withdrawn=9)],
            "EXPIRED": [replace(given, expires=START), replace(given, expires=0)],
            "EXHAUSTED": [replace(given, uses=0), replace(given, reserved=1), replace(given, uses=3, reserved=3)],
        }
        for flaw, basis_then in flaws.items():
            for one in basis_then:
                decided = judged(scene._replace(evidence=one))
                assert isinstance(decided, Denial), (purpose, pair, flaw)
                assert decided.code is Code[f"{word}_{flaw}"], (purpose, pair, flaw)
        if basis == "consent":
            early = judged(scene._replace(evidence=replace(given, not_before=START + 1)))
            assert isinstance(early, Denial)
            assert early.code is Code.CONSENT_NOT_YET
    assert seen >= {"Z07", "Z13", "Z16", "Z17", "Z18", "Z20", "Z23", "Z24", "Z29"}


def test_a_forged_consent_never_becomes_evidence() -> None:
    """One changed letter of a signed consent, or another agency's signature under it, proves nothing."""
    ledger = founded()
    consent = ledger.consent("beratung", "jobcenter")
    note = ledger.sign(consent)
    other = ledger.sign(consent.model_copy(update={"key": ledger.head("kurse")["key"]}))
    swapped = note.partition(b"\n\n")[0] + b"\n\n" + other.partition(b"\n\n")[2]
    for forged in (note.replace(b'"uses":1', b'"uses":9'), swapped):
        with pytest.raises(NotAuthentic):
            verify_statement(forged, ledger.state.keys, PINS)


# -- what can never be law ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", sorted(NEVER | {"002", "065"}))
def test_no_field_of_a_group_that_is_never_exchanged_can_be_law(group: str) -> None:
    """Whoever writes such a field gets a finding with file and line; a bundle made by other means loads nowhere."""
    files = SMALL | {"fields": SMALL["fields"].replace("sensitivity = 1\n", f'sensitivity = 1\ndsa = "{group}.01"\n')}
    with pytest.raises(Malformed, match=rf"registry/fields.toml:\d+: field.1.dsa: group {group}"):
        bundle_of(files)
    raw = bundle_of(SMALL | {"fields": files["fields"].replace(group, "004")}).replace(
        b'"004.01"', b'"%s.01"' % group.encode()
    )
    with pytest.raises(Malformed, match=f"registry: group {group}"):
        load(raw)


@pytest.mark.parametrize("task", ["3", "19", "21", "30", "35"])
def test_no_purpose_serves_police_or_intelligence(task: str) -> None:
    """A bundle with such a task loads at no broker and no node, whoever signed it."""
    text = SMALL["purposes"].replace('mode = "single"', 'mode = "single"\nazr_task = "25"')
    raw = bundle_of(SMALL | {"purposes": text})
    with pytest.raises(Malformed, match=f"registry: no purpose serves task {task}"):
        load(raw.replace(b'"azr_task":"25"', b'"azr_task":"%s"' % task.encode()))


@pytest.mark.parametrize("basis", [basis for basis in BASES if basis != "client_request"])
def test_no_purpose_reaches_counselling_from_the_immigration_office(basis: BasisKind) -> None:
    """However a new purpose is written, the prohibition stands before it: only the client may hand over a paper."""
    row = 'requester_kinds = ["auslaenderbehoerde"]\nholder_kinds = ["mbe"]'
    text = shipped()["purposes"].replace(
        'requester_kinds = ["jobcenter"]\nholder_kinds = ["case_management", "jmd", "mbe"]', row
    )
    with pytest.raises(Malformed, match="between these kinds the purpose is prohibited"):
        bundle_of(shipped() | {"purposes": text.replace('basis = ["consent"]', f'basis = ["{basis}"]')})
    for purpose in map(Purpose, ("Z23@1", "Z17@1", "Z13@1")):
        decided = judged(whole(REVIEWED, purpose, (agency("auslaenderbehoerde"), agency("mbe", 2)), basis))
        assert decided == Denial(Code.PROHIBITED, CodeName("v01"))
