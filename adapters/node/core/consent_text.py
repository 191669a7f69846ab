"""The text a client is shown before a yes: made from the terms of the consent, and made again when the yes is signed.

So a consent can only be signed for a text this node made itself from approved words, to the last byte, whoever showed
it; or for an agency's own printed form that was approved for the very purpose (§ 67b(2) SGB X, Art. 7 GDPR).
"""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.node.core.compose import purpose_rule
from adapters.node.core.taking import Taken
from consent_ledger.core.state import LedgerState
from schemas import statements as st
from schemas.calendar import berlin_day
from schemas.client_texts import ClientWords, Offer, Party, Shipped, Told, tell
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, FieldName, Hash, Purpose
from schemas.registry import BasisKind, Registry

Words = Mapping[str, Shipped]
"""The words of every language there are texts in."""


class By(NamedTuple):
    """The law in force and the federation's members and approved texts, by which texts are made."""

    law: Registry
    state: LedgerState


class Terms(NamedTuple):
    """What a consent would be to; `expires` in ms."""

    purpose: Purpose
    recipient: AgencyId
    holders: tuple[AgencyId, ...]
    fields: tuple[FieldName, ...]
    expires: int
    uses: int


def terms_of(basis: Taken | st.ConsentGiven | st.BasisGiven) -> Terms:
    """Give the terms of a consent or given basis, as it was taken or as it stands in the log."""
    return Terms(basis.purpose, basis.recipient, basis.holders, basis.fields, basis.expires, basis.uses)


def told(terms: Terms, language: str, words: Words, by: By, basis: BasisKind = "consent") -> Told:
    """Put the text of these terms together in a language; on another basis, what is told instead of asked.

    Raises Misuse for a language there is no text in, and for a purpose, field or agency that is not, or no more.
    """
    law, members = by.law, by.state.members
    rule = purpose_rule(terms.purpose, law)
    parties = [members.get(agency) for agency in (terms.recipient, *sorted(set(terms.holders)))]
    known = [Party(one.kind, one.agency) for one in parties if one is not None]
    if len(known) != len(parties):
        message = "recipient, holders: one is no member of the federation"
        raise Misuse(message, code=Code.NOT_A_MEMBER)
    if language not in words:
        message = "language: there is no text in it"
        raise Misuse(message, code=Code.TEXT_NOT_APPROVED)
    if not set(terms.fields) <= rule.fields:
        message = "fields: not of this purpose"
        raise Misuse(message, code=Code.FIELD_UNKNOWN)
    offer = Offer(
        basis=basis,
        purpose=terms.purpose,
        recipient=known[0],
        holders=tuple(known[1:]),
        fields=tuple(name for name in law.fields if name in terms.fields),
        until=berlin_day(terms.expires - 1).isoformat(),
        uses=terms.uses,
        secrecy_release=basis == "consent" and releases_secrecy(terms, by),
    )
    return tell(offer, language, words[language].words, law)


def releases_secrecy(terms: Terms, by: By) -> bool:
    """Tell whether a yes must release one of the holders from § 203 StGB."""
    law, members = by.law, by.state.members
    rule = purpose_rule(terms.purpose, law)
    return any(rule.needs_release(law.kinds[members[one].kind]) for one in terms.holders if one in members)


def is_draft(language: str, words: Words, state: LedgerState) -> bool:
    """Tell whether nobody has approved the words of a language, as they are shipped."""
    return (language, words[language].hash) not in state.texts


class Side(NamedTuple):
    """A text in one language with the words around it; `draft` while nobody has approved them."""

    told: Told
    words: ClientWords
    draft: bool

    @property
    def lang(self) -> str:
        """The language as HTML says it; German in plain words is German."""
        return {"de-leicht": "de"}.get(self.told.language, self.told.language)


def side(terms: Terms, language: str, words: Words, by: By, basis: BasisKind = "consent") -> Side:
    """Put a text together as it stands on a page or paper; raises as `told`."""
    return Side(told(terms, language, words, by, basis), words[language].words, is_draft(language, words, by.state))


class Shown(NamedTuple):
    """A language that may be shown to clients, and whether its text is a draft still."""

    language: str
    name: str
    draft: bool


def languages(words: Words, state: LedgerState, *, drafts: bool) -> list[Shown]:
    """Give the languages whose text is approved, and the drafts where the settings let drafts be shown.

    The German text stands beside every other, and it is the one that counts: while it is a draft, there is none.
    """
    all_ = [Shown(name, one.words.name, is_draft(name, words, state)) for name, one in words.items()]
    german = is_draft("de", words, state)
    return [one for one in all_ if drafts or not (one.draft or german)]


def shown(terms: Terms, language: str, words: Words, by: By, *, drafts: bool) -> Told:
    """Put the text together that a client may be shown; Misuse, too, for one that nobody approved unless `drafts`."""
    text = told(terms, language, words, by)
    if not drafts and is_draft(language, words, by.state):
        message = "language: its text is a draft; clients are shown texts that were approved"
        raise Misuse(message, code=Code.TEXT_NOT_APPROVED)
    return text


def check_text(taken: Taken, words: Words, by: By, *, drafts: bool) -> Hash | None:
    """Find the text a client said yes to; give the hash of the words it was made from, None for an agency's own form.

    `drafts` lets words pass that nobody approved. Raises Misuse for any other text: no client was shown it.
    """
    if taken.secrecy_release != releases_secrecy(terms_of(taken), by):
        message = "secrecy_release: must be what the law asks of this purpose and these holders, as the text says it"
        raise Misuse(message, code=Code.SECRECY_RELEASE_MISSING)
    if taken.medium == "paper" and by.state.has_text(taken.language, taken.text_sha256, taken.purpose):
        return None
    if taken.text_sha256 != shown(terms_of(taken), taken.language, words, by, drafts=drafts).hash:
        message = "text_sha256: is not the text of these terms in this language, nor an approved form for this purpose"
        raise Misuse(message, code=Code.TEXT_NOT_APPROVED)
    return words[taken.language].hash
