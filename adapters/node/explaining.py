"""Why a request of this agency came out as it did, from its receipts and the law as the node has it."""

from functools import cache
from importlib.resources import files

from adapters.node.core.view import View
from adapters.node.store.rows import NO_RECEIPT, Asked, AskedState
from consent_ledger.core.leaf import read_leaf
from schemas.entries import Granted, Refused
from schemas.errors import Code
from schemas.explain import Matter, Said, Sentences, explain, judged, parse_sentences, refused
from schemas.ids import AgencyId, Purpose
from schemas.registry import Labels, called


@cache
def sentences() -> Sentences:
    """Give the sentences that come with this program."""
    return parse_sentences((files("schemas") / "explain.toml").read_text("utf-8"))


def unasked(code: Code, holder: AgencyId, purpose: Purpose, own: AgencyId, view: View) -> list[Said]:
    """Explain why a question was never signed."""
    matter = Matter(_called(own, view), _called(holder, view), purpose, (), view.registry())
    return list(explain(refused(code), matter, sentences()))


def explanation(asked: Asked, own: AgencyId, view: View) -> list[Said]:
    """Explain a request of this agency: what allowed and cut it, and what stopped it.

    A holder's no is explained by what the caseworker is told and by nothing else, whatever entry there is.
    """
    granted = None if asked.grant == NO_RECEIPT else read_leaf(asked.grant.entry).entry
    law = view.registry()
    told = []
    if isinstance(granted, Granted):
        law = view.registries.get(granted.registry, law)
        told.append(judged(granted))
    if asked.reason is not None:
        ended = None if asked.answer == NO_RECEIPT else read_leaf(asked.answer.entry).entry
        if asked.state is AskedState.REFUSED and isinstance(ended, Refused):
            law = view.registries.get(ended.registry, law)
            told.append(judged(ended))
        else:
            told.append(refused(Code(asked.reason)))
    matter = Matter(_called(own, view), _called(asked.holder, view), asked.purpose, asked.fields, law)
    return [said for one in told for said in explain(one, matter, sentences())]


def _called(agency: AgencyId, view: View) -> Labels:
    member = view.state.members.get(agency)
    return called(agency, None if member is None else member.kind, view.registry())
