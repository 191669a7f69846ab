"""Who at the holder may decide a waiting request, and whether two persons have: values in, values out.

A person is the staff id of who acts. Who stands in for a colleague acts under their own id: standing in opens what the
colleague was asked, and never makes two persons of one.
"""

from collections.abc import Collection
from typing import Literal, NamedTuple

from schemas.errors import Code, Misuse

AskedWhy = Literal["second_opinion", "unsure_person", "unsure_purpose", "not_my_client"]
"""Why a colleague is asked; it stays in the agency."""
RefusedWhy = Literal["another_person", "not_this_purpose", "too_uncertain", "protects_the_client"]
"""Why a human refuses; for the holder's own list only, the requester learns none of it."""


class HandedOn(NamedTuple):
    """A waiting request that `by` asked the colleague `to` to decide; `at` in ms, `note` is free text or empty."""

    by: str
    to: str
    at: int
    why: AskedWhy | None
    note: str


class Agreed(NamedTuple):
    """The first of two persons' yes: who, when (ms), in which role, for which row; `typed` of a paper file, as JSON."""

    staff: str
    at: int
    role: str
    ref: str
    typed: str | None


def may_decide(acts_for: Collection[str], handed: HandedOn | None) -> bool:
    """Tell whether somebody may decide: what a colleague was asked waits for them, or for who stands in for them."""
    return handed is None or handed.to in acts_for


def may_take_back(acts_for: Collection[str], handed: HandedOn) -> bool:
    """Tell whether somebody may end the asking: who asked, who was asked, and who stands in for either."""
    return handed.by in acts_for or handed.to in acts_for


def demand_persons(release: str, staff: str, first: Agreed | None) -> None:
    """Let an answer go on only if as many persons have agreed as the purpose demands (`PurposeRow.release`).

    `staff` says yes now, `first` did before. Raises Misuse where two are demanded and there is one, or one twice.
    """
    if release == "two_humans" and (first is None or first.staff == staff):
        message = "exchange: its purpose demands two persons, and one of them is missing"
        raise Misuse(message, code=Code.NOT_ENTITLED)
