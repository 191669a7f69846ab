"""Explaining decisions that stand in a log, and writing explanations for people."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from broker.core.log_lines import signed_by
from consent_ledger.core.leaf import Leaf, read_leaf
from schemas import statements as st
from schemas.entries import Granted, Recorded, Refused
from schemas.errors import HandschlagError
from schemas.explain import Judged, Matter, Said, Sentences, explain, judged
from schemas.ids import AgencyId, CodeName, ExchangeId, Hash
from schemas.registry import Registry, called

MARKS: Final = {"allowed": "+", "cut": "-", "stopped": "x"}
"""What stands before a rule that allowed, cut or stopped something."""


class Explained(NamedTuple):
    """The entry at an index of a log, and what its decision rests on."""

    at: int
    kind: str
    matter: Matter
    said: tuple[Said, ...]


def entries(
    log: Iterable[tuple[int, bytes]],
    wanted: Callable[[int, st.Statement], bool],
    registries: Mapping[Hash, Registry],
    sentences: Sentences,
) -> Iterator[Explained]:
    """Explain the wanted entries of a log that decide an exchange; the others and what is unreadable are passed over.

    The registry is the one of the decision's index: the entry names it, or it is the last one set before.
    """
    in_force: Hash | None = None
    kinds: dict[AgencyId, CodeName] = {}
    requests: dict[ExchangeId, st.Request] = {}
    for index, raw in log:
        try:
            leaf = read_leaf(raw)
        except HandschlagError:
            continue
        statement = leaf.statement
        if isinstance(statement, st.RegistrySet) and isinstance(leaf.entry, Recorded):
            in_force = statement.registry
        if isinstance(statement, st.MemberAdmitted) and isinstance(leaf.entry, Recorded):
            kinds[statement.agency] = statement.kind
        if isinstance(statement, st.Request):
            requests[statement.exchange] = statement
        told = judged(leaf.entry)
        request = _request(leaf, requests)
        if told == Judged() or request is None or not wanted(index, statement):
            continue
        named = leaf.entry.registry if isinstance(leaf.entry, Granted | Refused) else in_force
        matter = _matter(request, kinds, None if named is None else registries.get(named))
        yield Explained(index, leaf.kind, matter, explain(told, matter, sentences))


def _request(leaf: Leaf, requests: Mapping[ExchangeId, st.Request]) -> st.Request | None:
    statement = leaf.statement
    if isinstance(statement, st.Request):
        return statement
    return requests.get(statement.exchange) if isinstance(statement, st.Outcome) else None


def _matter(request: st.Request, kinds: Mapping[AgencyId, CodeName], law: Registry | None) -> Matter:
    asks, holds = (called(one, kinds.get(one), law) for one in (AgencyId(signed_by(request)), request.holder))
    return Matter(asks, holds, request.purpose, request.fields, law)


def permitted(said: Iterable[Said]) -> bool:
    """Tell whether nothing was stopped."""
    return all(one.does != "stopped" for one in said)


def lines(said: Iterable[Said]) -> Iterator[str]:
    """Write an explanation: a mark and the rule with its norms and fields, then the sentence in both languages."""
    for one in said:
        norms = f"  ({', '.join(one.norms)})" if one.norms else ""
        yield f"{MARKS[one.does]} {one.rule}{norms}"
        if one.fields:
            yield f"    {', '.join(one.fields)}"
        yield f"    de  {one.de}"
        yield f"    en  {one.en}"
