"""The paper a client is handed: the receipt of a consent, or the notice (Art. 13, 14 GDPR) of a statutory exchange.

Both come in the client's language and in German, name no person, and carry the ledger's proof as files within the PDF.
"""

from collections.abc import Iterable
from typing import Final

from adapters.node.papers.blocks import Attached, Block, Heading, Paper, Picture, Table, Text
from adapters.node.papers.blocks import Code as Letters
from adapters.node.papers.making import LEGAL, Making, paper_language
from adapters.node.store.rows import NO_RECEIPT, Asked, Consent, ConsentState, Receipt
from adapters.web.pages import moment
from adapters.web.words import Words
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.proof import parse_proof
from schemas import statements as st
from schemas.client_address import client_address
from schemas.commitment import sha256
from schemas.entries import Granted
from schemas.errors import Code, Misuse, Unavailable

ENTRY: Final = "receipt.entry"
PROOF: Final = "receipt.tlog-proof"
"""How the two files of a receipt are called within a PDF."""
CODE_GROUP: Final = 4


def receipt(consent: Consent, making: Making) -> tuple[list[Paper], list[Attached]]:
    """Give a consent's receipt with both codes; Misuse where the codes are not known, or nothing is logged yet."""
    if not consent.view_code or not consent.withdraw_code:
        message = "consent: its codes are known to the agency that took it alone"
        raise Misuse(message, code=Code.CONSENT_UNKNOWN)
    if consent.receipt == NO_RECEIPT or consent.state is ConsentState.REJECTED:
        message = "consent: stands in no log yet"
        raise Unavailable(message)
    wish = consent.statement.language if isinstance(consent.statement, st.ConsentGiven) else LEGAL
    papers = [_receipt(consent, making, language) for language in _languages(wish)]
    return papers, attached(consent.receipt)


def notice(asked: Asked, view_code: str, wish: str, making: Making) -> tuple[list[Paper], list[Attached]]:
    """Give the notice of a granted request on a statute; Misuse for another request."""
    if asked.grant == NO_RECEIPT:
        message = "exchange: nothing was granted, so there is nothing to tell the person"
        raise Misuse(message, code=Code.GRANT_UNKNOWN)
    papers = [_notice(asked, view_code, making, language) for language in _languages(wish)]
    return papers, attached(asked.grant)


def attached(receipt: Receipt) -> list[Attached]:
    """Give the files that prove an entry."""
    return [Attached(ENTRY, receipt.entry), Attached(PROOF, receipt.proof)]


def grouped(code: str) -> str:
    """Write a code in groups, as people read it out and type it."""
    return " ".join(code[start : start + CODE_GROUP] for start in range(0, len(code), CODE_GROUP))


def _languages(wish: str) -> Iterable[str]:
    return dict.fromkeys((paper_language(wish), LEGAL))


def _receipt(consent: Consent, making: Making, language: str) -> Paper:
    """Write the receipt in one language; one that has the first layer alone leaves the details to the German text."""
    words, statement = making.words(language), consent.statement
    t, names = (
        words.texts,
        {"recipient": words.agency(statement.recipient), "holders": words.agencies(statement.holders)},
    )
    collector = words.agency(making.agency)
    blocks: list[Block] = [*_draft(words, "receipt")]
    if consent.over:
        blocks.append(Text(t("receipt.ended"), strong=True))
    # A duty to cooperate is nobody's permission: it is told as what the law allows.
    duty = isinstance(statement, st.BasisGiven) and statement.kind == "cooperation_duty"
    allowed = t("notice.one", requester=names["recipient"], holder=names["holders"])
    blocks.append(Text(allowed if duty else t("receipt.one", **names)))
    if t.has("receipt.purpose"):
        facts = (
            (t("receipt.purpose"), words.purpose(statement.purpose)),
            (t("receipt.recipient"), names["recipient"]),
            (t("receipt.holders"), names["holders"]),
            (t("receipt.fields"), words.fields(statement.fields)),
            (t("receipt.until"), moment(statement.expires)),
            (t("receipt.uses"), str(statement.uses)),
            (t("receipt.collector"), collector),
            *_taken(words, statement),
        )
        blocks.append(Table(facts))
    blocks += _opening(words, "receipt", consent.view_code or "", making)
    blocks += [
        Heading(t("receipt.stop_code")),
        Letters(grouped(consent.withdraw_code or "")),
        Text(t("receipt.stop")),
        Text(t("receipt.keep", collector=collector)),
        *_proof(words, consent.receipt),
    ]
    return Paper(language, t("notice.title" if duty else "receipt.title"), tuple(blocks))


def _taken(words: Words, statement: st.ConsentGiven | st.BasisGiven) -> Iterable[tuple[str, str]]:
    """Say when and how a consent was taken."""
    if isinstance(statement, st.ConsentGiven):
        yield words.texts("taken.on"), moment(statement.not_before)
        yield words.texts("taken.how"), words.taking(statement)


def _notice(asked: Asked, view_code: str, making: Making, language: str) -> Paper:
    """Write the notice in one language."""
    words, office = making.words(language), making.office
    t = words.texts
    names = {"requester": words.agency(making.agency), "holder": words.agency(asked.holder)}
    blocks: list[Block] = [*_draft(words, "receipt"), Text(t("notice.one", **names))]
    if t.has("notice.basis"):
        granted = read_leaf(asked.grant.entry).entry
        fields = granted.fields if isinstance(granted, Granted) else asked.fields
        facts = [
            (t("receipt.purpose"), words.purpose(asked.purpose)),
            (t("notice.basis"), asked.basis),
            (t("notice.at"), moment(asked.at)),
            (t("notice.requester"), names["requester"]),
            (t("notice.holder"), names["holder"]),
            (t("receipt.fields"), words.fields(fields)),
            (t("notice.contact"), office.responsible),
            (t("notice.officer"), office.officer),
        ]
        blocks += [Table(tuple(fact for fact in facts if fact[1]))]
        blocks += [Text(t("notice.rights")), Text(t("notice.keep"))]
    blocks += [*_opening(words, "notice", view_code, making), *_proof(words, asked.grant)]
    return Paper(language, t("notice.title"), tuple(blocks))


def _draft(words: Words, part: str) -> Iterable[Block]:
    return () if words.language == LEGAL else (Text(words.texts(f"{part}.draft"), small=True),)


def _opening(words: Words, part: str, code: str, making: Making) -> Iterable[Block]:
    """Say how the client looks: by the picture where the client's pages have an address, and by the code."""
    t, base = words.texts, making.office.client_pages
    yield Heading(t("receipt.view_code"))
    yield Letters(grouped(code))
    yield Text(t(f"{part}.view"))
    if base is not None:
        yield Picture(client_address(base, code))
        yield Letters(client_address(base))


def _proof(words: Words, receipt: Receipt) -> Iterable[Block]:
    t = words.texts
    if t.has("receipt.proof"):
        index = parse_proof(receipt.proof).index
        yield Text(t("receipt.proof", index=index, hash=sha256(receipt.entry)), small=True)
