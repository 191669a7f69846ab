"""Step 9, second half: whether the machine may answer, a human must decide, or there is nothing to answer with.

The holder's own vetoes stand here because they need to know the person. None of them shows outwardly: each is first
"later", then "not available".
"""

from typing import Literal, NamedTuple

from adapters.node.core.accept import AcceptedGrant
from adapters.node.core.matching import Match
from consent_ledger.core.approval import Approval
from schemas.registry import AgencyKind


class Release(NamedTuple):
    """What the holder does: answer by machine, ask a human, or nothing; `why` is for the holder's own list only."""

    way: Literal["automatic", "human", "none"]
    why: str


class Parties(NamedTuple):
    """The two agencies' kinds, and the holder's approval for automatic answers of social data (§ 79 SGB X).

    `single_case` says that an officer of either demands a human's release in each single case (b.8).
    """

    requester: AgencyKind
    holder: AgencyKind
    own_approval: Approval | None
    single_case: bool = False


def decide_release(grant: AcceptedGrant, found: Match, parties: Parties, *, first: bool) -> Release:
    """Decide the way of an answer; `first` says that no pair handle exists yet.

    A transfer block (§ 4 AZRG, § 51 BMG) ends it before anything else.
    """
    holder, approval = parties.holder, parties.own_approval
    if found.outcome == "none":
        return Release("none", "no_match")
    if any(one.candidate.transfer_block for one in found.candidates):
        return Release("none", "transfer_block")
    if found.outcome != "certain":
        return Release("human", f"match_{found.outcome}")
    if found.candidates[0].candidate.guardian:
        return Release("human", "guardian")
    if grant.rule.row.release != "automatic":
        return Release("human", f"purpose_demands_{grant.rule.row.release}")
    if parties.single_case:
        return Release("human", "officer_demands_human")
    if holder.secret_clientele and first:
        return Release("human", "secret_clientele")
    if holder.section35 and not (parties.requester.section35 and approval is not None and approval.automatic):
        return Release("human", "social_data")
    return Release("automatic", "certain_match")
