"""Scenes for the shipped law: who asks whom for what on which basis, all that a decision rests on in one value.

Two agencies of each kind are members of a log with real keys; approvals, catalogue and basis are those of the scene.
Scene `n` is always the same one, so that a failure is named by its number.
"""

import random
from collections.abc import Collection, Mapping
from functools import cache
from typing import Final, NamedTuple

from broker.core.standing import Case, Denial, Standing, standing
from consent_ledger.core.approval import Approval
from consent_ledger.core.evidence import Evidence
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.commitment import sha256
from schemas.ids import AgencyId, CodeName, ConsentId, ExchangeId, FieldName, GivenId, KeyName, Norm, Purpose
from schemas.registry import BasisKind, Registry, load
from schemas.registry_files import bundle_of
from tests.support.ledger_world import Ledger
from tests.support.pens import DAY, FEDERATION, LOG, NORM, ROLE, START, seal_id
from tests.support.registry import shipped

SHIPPED: Final = load(bundle_of(shipped()))
REVIEWED: Final = load(
    bundle_of(shipped() | {"purposes": shipped()["purposes"].replace("off = true\n", "")}),
)
"""The shipped law, and the same with every purpose switched on, as if all had been checked."""
FIELDS: Final = (*sorted(REVIEWED.fields), FieldName("identity_core.unheard_of"))
"""Every field of the law, and one it does not know."""
CONSENT: Final = ConsentId("c" * 32)
GIVEN: Final = GivenId("d" * 32)


class Scene(NamedTuple):
    """One request and what stands beside it; `approved`, `catalogue` and `evidence` are None where there is none."""

    law: Registry
    asks: AgencyId
    holds: AgencyId
    purpose: Purpose
    basis: BasisKind
    asked: frozenset[FieldName]
    declared: frozenset[CodeName]
    approved: frozenset[FieldName] | None
    ceiling: int
    catalogue: frozenset[FieldName] | None
    evidence: Evidence | None


def agency(kind: str, number: int = 1) -> AgencyId:
    """Name the first or second agency of a kind."""
    return AgencyId(f"{kind.replace('_', '-')}-{number}")


def kind_of(name: AgencyId) -> CodeName:
    """Give the kind of an agency of these scenes."""
    return CodeName(name.rpartition("-")[0].replace("-", "_"))


@cache
def _members() -> LedgerState:
    """Found a log with two agencies of each kind and the keys they ask with."""
    ledger = Ledger(registries={SHIPPED.hash: SHIPPED})
    ledger.write(ledger.opening())
    ledger.write(ledger.registry(SHIPPED))
    for kind in SHIPPED.kinds:
        for number in (1, 2):
            name = agency(kind, number)
            ledger.write(ledger.admission(name, kind))
            ledger.write(ledger.key(name, "statement"))
            ledger.write(ledger.key(name, "seal"))
    return ledger.state


def judged(scene: Scene) -> Standing | Denial:
    """Have the broker's own function decide the scene's request on a log that holds just what the scene says."""
    return standing(case_of(scene))


def case_of(scene: Scene) -> Case:
    """Give the scene as a decision gets it; it holds until the next scene is made into a case."""
    state, approval = _members(), _approval(scene)
    state.approved = {} if approval is None else {(scene.asks, scene.purpose, ROLE): approval}
    state.catalogues = {} if scene.catalogue is None else {scene.holds: scene.catalogue}
    state.evidence = {} if scene.evidence is None else {CONSENT: scene.evidence, ConsentId(GIVEN): scene.evidence}
    return Case(state, scene.law, _request(scene), scene.asks, START)


def granted(scene: Scene) -> frozenset[FieldName]:
    """Give the fields that flow; none where the request is refused."""
    decided = judged(scene)
    return frozenset(decided.fields.granted) if isinstance(decided, Standing) else frozenset()


def _approval(scene: Scene) -> Approval | None:
    if scene.approved is None:
        return None
    return Approval(5, scene.asks, ROLE, scene.purpose, scene.approved, START + DAY, scene.ceiling, automatic=False)


def _request(scene: Scene) -> st.Request:
    norms: dict[str, st.Basis] = {
        "consent": st.Basis.model_construct(kind="consent", consent=CONSENT, given=None, norm=None),
        "statute": st.Basis.model_construct(kind="statute", consent=None, given=None, norm=_norm(scene)),
    }
    given = st.Basis.model_construct(kind=scene.basis, consent=None, given=GIVEN, norm=None)
    return st.Request.model_construct(
        log=LOG,
        at=START,
        n=1,
        exchange=ExchangeId("e" * 32),
        staff=sha256(b"staff"),
        person_ct=sha256(b"sealed"),
        exp=START + 1000,
        key=KeyName(f"{FEDERATION}/{scene.asks}/statement-1"),
        role=ROLE,
        purpose=scene.purpose,
        holder=scene.holds,
        fields=tuple(sorted(scene.asked)),
        basis=norms.get(scene.basis, given),
        declared=tuple(sorted(scene.declared)),
        registry=scene.law.hash,
        seal_key=seal_id(scene.asks),
        answer_by=START + 1000,
    )


def _norm(scene: Scene) -> Norm:
    rule = scene.law.purposes.get(scene.purpose)
    return NORM if rule is None else rule.row.norm[0]


def whole(law: Registry, purpose: Purpose, pair: tuple[AgencyId, AgencyId], basis: BasisKind) -> Scene:
    """Give the scene in which all is there that the purpose could ask for, and nothing narrows it but the law."""
    everything = frozenset(FIELDS)
    row = law.purposes[purpose].row
    evidence = None if basis == "statute" else taken(pair, purpose, basis, everything)
    return Scene(law, *pair, purpose, basis, everything, frozenset(row.conditions), everything, 3, everything, evidence)


def taken(
    pair: tuple[AgencyId, AgencyId], purpose: Purpose, basis: BasisKind, fields: frozenset[FieldName]
) -> Evidence:
    """Give a consent or given basis for one recipient, holder and purpose, collected by counselling, with a release."""
    return Evidence(
        index=7,
        kind=basis,
        collector=agency("mbe", 2),
        recipient=pair[0],
        holders=(pair[1],),
        purpose=purpose,
        fields=fields,
        not_before=START,
        expires=START + 1,
        uses=1,
        person=sha256(b"person"),
        secrecy_release=True,
        view=bytes(32),
        withdraw=bytes(32),
    )


def lawful_pairs(law: Registry) -> Mapping[Purpose, list[tuple[AgencyId, AgencyId]]]:
    """Give for each purpose that is an exchange the pairs of agencies it is for, two of one kind among them."""
    return {
        purpose: [
            (agency(asks), agency(holds, 2))
            for asks in rule.row.requester_kinds
            for holds in rule.row.holder_kinds
            if rule.pairs(asks, holds)
        ]
        for purpose, rule in law.purposes.items()
        if rule.row.basis
    }


def drawn(number: int) -> Scene:
    """Draw scene `number`: a lawful one, of which chance narrows much, takes away some, and swaps a little."""
    dice = random.Random(number)  # noqa: S311 - the same scenes in every run
    law = SHIPPED if dice.random() < 0.1 else REVIEWED
    purpose, pairs = dice.choice(sorted(_PAIRS.items()))
    row = law.purposes[purpose].row
    scene = whole(law, purpose, dice.choice(pairs), dice.choice(row.basis))
    near = _within(purpose)
    scene = scene._replace(
        asked=_some(dice, near),
        approved=_some(dice, near),
        catalogue=_some(dice, near),
        ceiling=dice.choice((0, 1, 2, 2, 3, 3)),
        evidence=None if scene.evidence is None else _narrowed(dice, scene.evidence, near),
    )
    return _disturbed(dice, scene) if dice.random() < 0.3 else scene


_PAIRS: Final = lawful_pairs(REVIEWED)


@cache
def _within(purpose: Purpose) -> tuple[FieldName, ...]:
    return tuple(sorted(REVIEWED.purposes[purpose].fields))


def _some(dice: random.Random, near: Collection[FieldName]) -> frozenset[FieldName]:
    """Draw most of the purpose's fields and a few others."""
    return frozenset({*(name for name in near if dice.random() < 0.8), *dice.sample(FIELDS, 4)})


def _narrowed(dice: random.Random, evidence: Evidence, near: Collection[FieldName]) -> Evidence:
    evidence.fields = _some(dice, near)
    evidence.collector = agency(dice.choice(("mbe", "case_management", "jobcenter")), 2)
    evidence.secrecy_release = dice.random() < 0.8
    return evidence


def _disturbed(dice: random.Random, scene: Scene) -> Scene:
    """Swap or take away one thing."""
    anybody = [agency(kind, number) for kind in SHIPPED.kinds for number in (1, 2)]
    bases: tuple[BasisKind, ...] = ("statute", "consent", "client_request", "cooperation_duty")
    return dice.choice(
        (
            scene._replace(asks=dice.choice(anybody)),
            scene._replace(holds=dice.choice(anybody)),
            scene._replace(purpose=dice.choice(sorted(REVIEWED.purposes))),
            scene._replace(basis=dice.choice(bases)),
            scene._replace(declared=frozenset()),
            scene._replace(approved=None),
            scene._replace(catalogue=None),
            scene._replace(evidence=None),
        )
    )
