"""Why a decision came out as it did, in sentences a caseworker understands: which rule allowed, cut or stopped what.

A decision names rules by stable ids and codes. The sentences for them are data (`explain.toml`, German and English side
by side), and the names of purposes, agencies and prohibitions are those of the registry of the decision's own time.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from schemas import toml_files
from schemas.entries import Answered, AnyEntry, Closed, Cut, Granted, Recorded, Refused
from schemas.errors import Code, Misuse
from schemas.ids import CodeName, FieldName, Norm, Purpose
from schemas.registry import Labels, PurposeRule, Registry
from schemas.wire import Wire

Does = Literal["allowed", "cut", "stopped"]
"""What a rule did."""
_Text = Annotated[str, Field(min_length=1, max_length=1000)]

DISCLOSED: Final = CodeName("disclosed")
"""The id under which a disclosure itself is explained."""
PROHIBITION: Final = CodeName("prohibition")
"""The sentence for every prohibition: the registry says what each one is."""
MINIMISED: Final = CodeName("minimised")
"""The rule that says which fields flow."""


class Sentence(Wire):
    """What one rule is called, with gaps in braces; `norm` where the rule has one of its own."""

    de: _Text
    en: _Text
    norm: Norm | None = None


class Sentences(Wire):
    """All sentences by rule id or code, and the words for declared conditions."""

    rule: dict[CodeName, Sentence]
    condition: dict[CodeName, Labels]


class Said(Wire):
    """One rule of a decision and what it did: in both languages, with its norms and the fields it is about."""

    rule: CodeName
    does: Does
    norms: tuple[Norm, ...]
    fields: tuple[FieldName, ...] = ()
    de: _Text
    en: _Text


class Judged(NamedTuple):
    """What a decision names: rules that allowed it, fields that were cut, rules that stopped it; `fields` that flow."""

    allowed: tuple[CodeName, ...] = ()
    cut: tuple[Cut, ...] = ()
    stopped: tuple[CodeName, ...] = ()
    fields: tuple[FieldName, ...] = ()


class Matter(NamedTuple):
    """What was decided about: who asked whom for what. `law` is the registry of its time, None when it is not held."""

    requester: Labels
    holder: Labels
    purpose: Purpose
    asked: tuple[FieldName, ...]
    law: Registry | None

    @property
    def rule(self) -> PurposeRule | None:
        """The law's row of the purpose, if there is one."""
        return None if self.law is None else self.law.purposes.get(self.purpose)


def parse_sentences(text: str) -> Sentences:
    """Read the text of `explain.toml`; Malformed names line, key and rule."""
    return toml_files.parse(Sentences, text, "explain.toml")


def judged(entry: AnyEntry) -> Judged:
    """Give what an entry says of its decision; nothing for a statement that is recorded as it stands."""
    match entry:
        case Granted():
            return Judged(allowed=entry.rules, cut=entry.cut, fields=entry.fields)
        case Refused():
            return refused(entry.reason, entry.rules)
        case Answered():
            if entry.body.kind == "disclosed":
                return Judged(allowed=(DISCLOSED,), fields=entry.body.fields)
            return refused(Code.NOT_AVAILABLE)
        case Recorded() | Closed():
            return Judged()
        case _:
            return refused(entry.reason)


def refused(reason: Code, rules: Iterable[CodeName] = ()) -> Judged:
    """Give what a no names: its reason first, then the rules that led to it."""
    return Judged(stopped=tuple(dict.fromkeys((CodeName(reason.value), *rules))))


def explain(told: Judged, matter: Matter, sentences: Sentences) -> tuple[Said, ...]:
    """Say what each rule of a decision did, in the order: allowed, cut, stopped.

    A rule that stopped everything by cutting is said of the first field asked for: it is the one that it cut. Raises
    Misuse for a rule that has neither a sentence nor a label in the registry.
    """
    cut: dict[CodeName, list[FieldName]] = {}
    for one in told.cut:
        cut.setdefault(one.rule, []).append(one.field)
    flows = {MINIMISED, DISCLOSED}
    said = [_said(rule, "allowed", told.fields if rule in flows else (), matter, sentences) for rule in told.allowed]
    said += [_said(rule, "cut", tuple(fields), matter, sentences) for rule, fields in cut.items()]
    for rule in told.stopped:
        fields = matter.asked[:1] if rule.startswith("cut_") else ()
        said.append(_said(rule, "stopped", fields, matter, sentences))
    return tuple(said)


def _said(rule: CodeName, does: Does, fields: tuple[FieldName, ...], matter: Matter, sentences: Sentences) -> Said:
    sentence = _sentence(rule, matter, sentences.rule)
    row = None if matter.rule is None else matter.rule.row
    own = () if row is None else row.norm
    de, en = _gaps(rule, matter, sentences)
    return Said(
        rule=rule,
        does=does,
        norms=own if sentence.norm is None else (sentence.norm,),
        fields=fields,
        de=sentence.de.format_map(de),
        en=sentence.en.format_map(en),
    )


def _sentence(rule: CodeName, matter: Matter, known: Mapping[CodeName, Sentence]) -> Sentence:
    """Give a rule's sentence; a prohibition's holds its label in the registry, which says what is prohibited."""
    if rule in known:
        return known[rule]
    if _prohibition(rule, matter) is None:
        message = f"rule: there is no sentence for {rule}, nor is it a prohibition of the registry of its time"
        raise Misuse(message)
    return known[PROHIBITION]


def _prohibition(rule: CodeName, matter: Matter) -> Labels | None:
    prohibitions = () if matter.law is None else matter.law.prohibitions
    return next((one.label for one in prohibitions if one.rule == rule), None)


def _gaps(rule: CodeName, matter: Matter, sentences: Sentences) -> tuple[dict[str, str], dict[str, str]]:
    """Give what is put into a rule's sentence, German and English."""
    row = None if matter.rule is None else matter.rule.row
    labels = {
        "purpose": Labels(de=matter.purpose, en=matter.purpose) if row is None else row.label,
        "requester": matter.requester,
        "holder": matter.holder,
        "prohibition": _prohibition(rule, matter) or Labels(de=rule, en=rule),
    }
    codes = () if row is None else row.conditions
    conditions = [sentences.condition[code] for code in codes]
    de = {name: label.de for name, label in labels.items()}
    en = {name: label.en for name, label in labels.items()}
    de["conditions"], en["conditions"] = (
        "; ".join(one.de for one in conditions),
        "; ".join(one.en for one in conditions),
    )
    return de, en
