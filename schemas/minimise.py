"""The one field intersection, used by the broker for the grant and again by the holder for the answer.

Granted = asked ∩ purpose ∩ consent (or given basis) ∩ approval ∩ the holder's catalogue ∩ the requester's ceiling.
Every field that is cut names the first rule that cut it, so that a caseworker can be told why.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from schemas.entries import Cut
from schemas.ids import CodeName, FieldName
from schemas.registry import FieldDef

NOT_IN_PURPOSE: Final = CodeName("cut_purpose")
NOT_IN_BASIS: Final = CodeName("cut_basis")
NOT_APPROVED: Final = CodeName("cut_approval")
NOT_IN_CATALOGUE: Final = CodeName("cut_catalogue")
ABOVE_CEILING: Final = CodeName("cut_ceiling")
CUTTING: Final = (NOT_IN_PURPOSE, NOT_IN_BASIS, NOT_APPROVED, NOT_IN_CATALOGUE, ABOVE_CEILING)
"""All rules that cut a field, in the order in which they are asked."""


class Limits(NamedTuple):
    """Everything that bounds a grant; `basis` is None where the basis is a statute and sets no list of its own."""

    purpose: Collection[FieldName]
    basis: Collection[FieldName] | None
    approval: Collection[FieldName]
    catalogue: Collection[FieldName]
    definitions: Mapping[FieldName, FieldDef]
    ceiling: int


class Minimised(NamedTuple):
    """What may flow, sorted, and what was cut with the rule that cut it."""

    granted: tuple[FieldName, ...]
    cut: tuple[Cut, ...]


def minimise(asked: Collection[FieldName], limits: Limits) -> Minimised:
    """Cut the asked fields down to what every limit allows."""
    granted: list[FieldName] = []
    cut: list[Cut] = []
    for field in sorted(set(asked)):
        rule = _cutting_rule(field, limits)
        if rule is None:
            granted.append(field)
        else:
            cut.append(Cut(field=field, rule=rule))
    return Minimised(tuple(granted), tuple(cut))


def _cutting_rule(field: FieldName, limits: Limits) -> CodeName | None:
    """Give the first rule that cuts a field; a field the registry does not define is in no purpose."""
    definition = limits.definitions.get(field)
    if definition is None or field not in limits.purpose:
        return NOT_IN_PURPOSE
    if limits.basis is not None and field not in limits.basis:
        return NOT_IN_BASIS
    if field not in limits.approval:
        return NOT_APPROVED
    if field not in limits.catalogue:
        return NOT_IN_CATALOGUE
    return ABOVE_CEILING if definition.sensitivity > limits.ceiling else None
