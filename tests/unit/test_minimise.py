"""The one field intersection, limit by limit."""

import pytest

from schemas import minimise as mn
from schemas.entries import Cut
from schemas.ids import CodeName, FieldName
from schemas.minimise import Limits, minimise
from schemas.registry import FieldDef, Labels

A, B, C = FieldName("a.a"), FieldName("a.b"), FieldName("a.c")
ALL = frozenset({A, B, C})


def _definition(name: FieldName, sensitivity: int) -> FieldDef:
    return FieldDef(name=name, label=Labels(de="x", en="x"), type="text", sensitivity=sensitivity, lead=CodeName("any"))


DEFINITIONS = {A: _definition(A, 1), B: _definition(B, 2), C: _definition(C, 3)}
WIDE = Limits(purpose=ALL, basis=ALL, approval=ALL, catalogue=ALL, definitions=DEFINITIONS, ceiling=3)


def test_within_every_limit_all_that_is_asked_is_granted() -> None:
    """What every limit allows is granted, sorted, each field once; nothing is granted that was not asked."""
    assert minimise((C, A, A), WIDE) == mn.Minimised((A, C), ())
    assert minimise((), WIDE) == mn.Minimised((), ())


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        (WIDE._replace(purpose={A, C}), mn.NOT_IN_PURPOSE),
        (WIDE._replace(definitions={A: DEFINITIONS[A], C: DEFINITIONS[C]}), mn.NOT_IN_PURPOSE),
        (WIDE._replace(basis={A, C}), mn.NOT_IN_BASIS),
        (WIDE._replace(approval={A, C}), mn.NOT_APPROVED),
        (WIDE._replace(catalogue={A, C}), mn.NOT_IN_CATALOGUE),
    ],
    ids=["purpose", "registry", "basis", "approval", "catalogue"],
)
def test_each_limit_cuts_and_says_so(limits: Limits, rule: CodeName) -> None:
    """A field that one limit leaves out is cut, alone, and names that limit."""
    assert minimise(ALL, limits) == mn.Minimised((A, C), (Cut(field=B, rule=rule),))


@pytest.mark.parametrize(("ceiling", "granted"), [(0, ()), (1, (A,)), (2, (A, B)), (3, (A, B, C))])
def test_nothing_above_the_ceiling_flows(ceiling: int, granted: tuple[FieldName, ...]) -> None:
    """A field flows up to its own sensitivity, not above it."""
    minimised = minimise(ALL, WIDE._replace(ceiling=ceiling))
    assert minimised.granted == granted
    assert {cut.rule for cut in minimised.cut} <= {mn.ABOVE_CEILING}


def test_a_statute_sets_no_list_of_its_own() -> None:
    """Without a consent or given basis only the other limits count; an empty one allows nothing."""
    assert minimise(ALL, WIDE._replace(basis=None)).granted == (A, B, C)
    assert minimise(ALL, WIDE._replace(basis=())).granted == ()


def test_the_first_rule_is_named() -> None:
    """Where several limits cut a field, the first in the order of the law is told."""
    nothing = Limits(purpose=(), basis=(), approval=(), catalogue=(), definitions={}, ceiling=0)
    order = [mn.NOT_IN_PURPOSE, mn.NOT_IN_BASIS, mn.NOT_APPROVED, mn.NOT_IN_CATALOGUE, mn.ABOVE_CEILING]
    widened = [
        nothing,
        nothing._replace(purpose=ALL, definitions=DEFINITIONS),
        nothing._replace(purpose=ALL, definitions=DEFINITIONS, basis=ALL),
        nothing._replace(purpose=ALL, definitions=DEFINITIONS, basis=ALL, approval=ALL),
        nothing._replace(purpose=ALL, definitions=DEFINITIONS, basis=ALL, approval=ALL, catalogue=ALL),
    ]
    assert [minimise((A,), limits).cut[0].rule for limits in widened] == order
