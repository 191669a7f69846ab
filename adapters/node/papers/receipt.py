"""The paper a client is handed: the receipt of a consent, or the notice (Art. 13, 14 GDPR) of a statutory exchange.

Both come in the client's language and in German, name no person, and carry the ledger's proof as files within the PDF.
"""

from collections.abc import Iterator
from typing import Final

from adapters.node.core.consent_text import Side, Terms, terms_of
from adapters.node.papers.blocks import Attached, Block, Heading, Paper, Picture, Table, Text
from adapters.node.papers.blocks import Code as Letters
from adapters.node.papers.making import LEGAL, Making
from adapters.node.store.rows import NO_RECEIPT, Asked, Consent, ConsentState, Receipt
from adapters.web.pages import moment
from adapters.web.texts import Texts
from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.proof import parse_proof
from schemas import statements as st
from schemas.client_address import client_address
from schemas.commitment import sha256
from schemas.entries import Granted
from schemas.errors import Code, Misuse, Unavailable
from schemas.ids import LogId

ENTRY: Final = "receipt.entry"
PROOF: Final = "receipt.tlog-proof"
"""How the two files of a receipt are called within a PDF."""
CODE_GROUP: Final = 4


def receipt(consent: Consent, making: Making) -> tuple[list[Paper], list[Attached]]:
    """Give a consent's receipt with both codes; Misuse where the codes are not known, or nothing is logged yet.

    Where the client's own language is approved no more, the German text stands alone.
    """
    if not consent.view_code or not consent.withdraw_code:
        message = "consent: its codes are known to the agency that took it alone"
        raise Misuse(message, code=Code.CONSENT_UNKNOWN)
    if consent.receipt == NO_RECEIPT or consent.state is ConsentState.REJECTED:
        message = "consent: stands in no log yet"
        raise Unavailable(message)
    said = consent.statement
    wish = said.language if isinstance(said, st.ConsentGiven) and said.language in making.languages else LEGAL
    basis = said.kind if isinstance(said, st.BasisGiven) else "consent"
    sides = making.sides(terms_of(said), basis, wish)
    return [_receipt(consent, making, side) for side in sides], attached(consent.receipt)


def notice(asked: Asked, view_code: str, wish: str, making: Making) -> tuple[list[Paper], list[Attached]]:
    """Give the notice of a granted request on a statute; Misuse for another request, and for a text nobody approved."""
    granted = None if asked.grant == NO_RECEIPT else read_leaf(asked.grant.entry).entry
    if not isinstance(granted, Granted):
        message = "exchange: nothing was granted, so there is nothing to tell the person"
        raise Misuse(message, code=Code.GRANT_UNKNOWN)
    terms = Terms(asked.purpose, making.agency, (asked.holder,), granted.fields, asked.answer_by, 1)
    sides = making.sides(terms, "statute", wish)
    return [_notice(asked, view_code, making, side) for side in sides], attached(asked.grant)


def attached(receipt: Receipt) -> list[Attached]:
    """Give the files that prove an entry."""
    return [Attached(ENTRY, receipt.entry), Attached(PROOF, receipt.proof)]


def grouped(code: str) -> str:
    """Write a code in groups, as people read it out and type it."""
    return " ".join(code[start : start + CODE_GROUP] for start in range(0, len(code), CODE_GROUP))


def _receipt(consent: Consent, making: Making, side: Side) -> Paper:
    """Write the receipt in one language: what was agreed to, then the codes."""
    card, statement = side.words.card, consent.statement
    blocks = [*_told(side), *_opening(card.view_code, consent.view_code or "", making)]
    blocks += [Heading(card.withdraw_code), Letters(grouped(consent.withdraw_code or "")), Text(card.keep)]
    if side.told.language == LEGAL:
        words, t = making.german, making.german.texts
        if consent.over:
            blocks.insert(0, Text(t("receipt.ended"), strong=True))
        if isinstance(statement, st.ConsentGiven):
            how = ((t("taken.on"), moment(statement.not_before)), (t("taken.how"), words.taking(statement)))
            blocks.append(Table(how))
        blocks.append(Text(t("receipt.collector", collector=words.agency(making.agency)), small=True))
        blocks.append(_proof(t, consent.receipt, making))
    # A duty to cooperate is nobody's permission: its paper is called what it is.
    duty = isinstance(statement, st.BasisGiven) and statement.kind == "cooperation_duty"
    return Paper(side.told.language, card.notice if duty else card.receipt, tuple(blocks))


def _notice(asked: Asked, view_code: str, making: Making, side: Side) -> Paper:
    """Write the notice in one language: what was asked, who answers for it, then the code."""
    office, german = making.office, side.told.language == LEGAL
    t, words = making.german.texts, making.german
    blocks = [*_told(side)]
    if german:
        facts = (
            (t("notice.basis"), asked.basis),
            (t("notice.at"), moment(asked.at)),
            (t("notice.requester"), words.agency(making.agency)),
            (t("notice.holder"), words.agency(asked.holder)),
            (t("notice.contact"), office.responsible),
            (t("notice.officer"), office.officer),
        )
        blocks.append(Table(tuple(fact for fact in facts if fact[1])))
        blocks += [Text(t("notice.rights")), Text(t("notice.keep"))]
    elif side.words.detail is not None and (office.responsible or office.officer):
        blocks += [Heading(side.words.detail.who), *map(Letters, filter(None, (office.responsible, office.officer)))]
    blocks += [*_opening(side.words.card.view_code, view_code, making)]
    if german:
        blocks.append(_proof(t, asked.grant, making))
    return Paper(side.told.language, side.words.card.notice, tuple(blocks))


def _told(side: Side) -> Iterator[Block]:
    """Write the text that was approved, or mark it as the draft it is."""
    if side.draft:
        yield Text(side.words.card.draft, strong=True)
    for section in side.told.sections:
        if section.heading:
            yield Heading(section.heading)
        yield from map(Text, section.lines)


def _opening(heading: str, code: str, making: Making) -> Iterator[Block]:
    """Say how the client looks: by the picture where the client's pages have an address, and by the code."""
    yield Heading(heading)
    yield Letters(grouped(code))
    base = making.office.client_pages
    if base is not None:
        yield Picture(client_address(base, code))
        yield Letters(client_address(base))


def _proof(t: Texts, receipt: Receipt, making: Making) -> Block:
    """Name the entry as the client's page does: by its index over all shards, where a proof counts within its own."""
    proof = parse_proof(receipt.proof)
    index = making.view.first(LogId(unverified_checkpoint(proof.note).origin)) + proof.index
    return Text(t("receipt.proof", index=index, hash=sha256(receipt.entry)), small=True)
