"""For all limits: no field outside any of them ever flows, and taking something away never lets more through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from schemas.ids import CodeName, FieldName
from schemas.minimise import Limits, Minimised, minimise
from schemas.registry import FieldDef, Labels

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

_NAMES = [FieldName(f"c{category}.f{number}") for category in range(2) for number in range(4)]
_DEFINITIONS = {
    (name, sensitivity): FieldDef(
        name=name, label=Labels(de="x", en="x"), type="text", sensitivity=sensitivity, lead=CodeName("any")
    )
    for name in _NAMES
    for sensitivity in range(4)
}


def _set(number: int) -> frozenset[FieldName]:
    """Read a number as a set of names, bit by bit: much faster to draw than a set."""
    return frozenset(name for bit, name in enumerate(_NAMES) if number >> bit & 1)


def _definitions(number: int) -> dict[FieldName, FieldDef]:
    """Read a number as sensitivities, digit by digit to base five; four means that the field is not defined."""
    digits = {name: number // 5**place % 5 for place, name in enumerate(_NAMES)}
    return {name: _DEFINITIONS[name, digit] for name, digit in digits.items() if digit != 4}


_SETS = some.integers(0, 2 ** len(_NAMES) - 1).map(_set)


_LIMITS = some.builds(
    Limits,
    purpose=_SETS,
    basis=some.none() | _SETS,
    approval=_SETS,
    catalogue=_SETS,
    definitions=some.integers(0, 5 ** len(_NAMES) - 1).map(_definitions),
    ceiling=some.integers(0, 3),
)


def _minimised(asked: frozenset[FieldName], limits: Limits) -> frozenset[FieldName]:
    return frozenset(minimise(asked, limits).granted)


@given(_SETS, _LIMITS)
def test_granted_is_the_intersection(asked: frozenset[FieldName], limits: Limits) -> None:
    """What is granted was asked, lies within every limit, and is all that does."""
    within = {
        name
        for name in asked & set(limits.purpose) & set(limits.approval) & set(limits.catalogue)
        if (limits.basis is None or name in limits.basis)
        and name in limits.definitions
        and limits.definitions[name].sensitivity <= limits.ceiling
    }
    assert _minimised(asked, limits) == within


@given(_SETS, _LIMITS)
def test_each_asked_field_is_granted_or_cut(asked: frozenset[FieldName], limits: Limits) -> None:
    """Granted and cut fields together are the asked ones, each once and in order, and no field is both."""
    minimised: Minimised = minimise(sorted(asked) + sorted(asked), limits)
    cut = [one.field for one in minimised.cut]
    assert sorted([*minimised.granted, *cut]) == sorted(asked)
    assert list(minimised.granted) == sorted(minimised.granted)
    assert cut == sorted(cut)


@settings(max_examples=50)
@given(_SETS, _LIMITS, _SETS)
def test_taking_something_away_never_lets_more_through(
    asked: frozenset[FieldName], limits: Limits, taken: frozenset[FieldName]
) -> None:
    """A shorter question, a narrower limit, a lower ceiling or a dropped definition never grants a further field."""
    granted = _minimised(asked, limits)
    everything = frozenset(_NAMES) if limits.basis is None else frozenset(limits.basis)
    narrower = [
        limits._replace(purpose=set(limits.purpose) - taken),
        limits._replace(basis=everything - taken),
        limits._replace(approval=set(limits.approval) - taken),
        limits._replace(catalogue=set(limits.catalogue) - taken),
        limits._replace(definitions={name: one for name, one in limits.definitions.items() if name not in taken}),
        limits._replace(ceiling=limits.ceiling - 1),
    ]
    assert _minimised(asked - taken, limits) <= granted
    assert all(_minimised(asked, narrow) <= granted for narrow in narrower)


@given(_SETS, _LIMITS)
def test_cutting_down_twice_changes_nothing(asked: frozenset[FieldName], limits: Limits) -> None:
    """The holder, who minimises what the broker granted under the same limits, comes to the same fields."""
    granted = minimise(asked, limits).granted
    assert minimise(granted, limits) == Minimised(granted, ())
