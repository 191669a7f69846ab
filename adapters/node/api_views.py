"""From what the node knows to what its HTTP API shows: values in, shapes out."""

from adapters.node.api_models import (
    ApprovalLine,
    Catalogue,
    Client,
    Cut,
    Disclosure,
    PurposeLine,
    ReceiptText,
    RequestDetail,
    RequestLine,
)
from adapters.node.consent_models import CollectedConsent, Collection, ConsentLine, ConsentText, TextPart
from adapters.node.core.compose import lawbook
from adapters.node.core.deciding import Agreed
from adapters.node.core.matching.beside import differing
from adapters.node.core.view import View
from adapters.node.explaining import explanation
from adapters.node.release_models import AgreedLine, CandidateLine, HandedOnLine, WaitingRelease
from adapters.node.releases import Waiting, typed_of
from adapters.node.store.rows import NO_RECEIPT, Asked, Consent, Disclosed, Receipt
from adapters.sources.port import Candidate
from adapters.sources.typed import Typed
from consent_ledger.core.approval import Approval
from consent_ledger.core.leaf import read_leaf
from schemas import statements as st
from schemas.client_texts import Told
from schemas.entries import Granted
from schemas.ids import AgencyId, ApprovalId, CodeName, FieldName
from schemas.record import PersonBlock
from schemas.registry import MODES, PurposeRule


def request_line(asked: Asked) -> RequestLine:
    """Show a request in a list."""
    return RequestLine(
        exchange=asked.exchange,
        at_ms=asked.at,
        purpose=asked.purpose,
        holder=asked.holder,
        basis=asked.basis,
        case_ref=asked.case_ref,
        answer_by_ms=asked.answer_by,
        state=asked.state,
        reason=asked.reason,
    )


def request_detail(asked: Asked, own: AgencyId, view: View) -> RequestDetail:
    """Show a request of this agency with its record, what the grant's entry says was cut, and why in words."""
    granted = None if asked.grant == NO_RECEIPT else read_leaf(asked.grant.entry).entry
    cut = granted.cut if isinstance(granted, Granted) else ()
    fields = granted.fields if isinstance(granted, Granted) else ()
    receipts = {"grant": asked.grant, "answer": asked.answer}
    return RequestDetail(
        **dict(request_line(asked)),
        asked_fields=list(asked.fields),
        granted_fields=list(fields),
        cut=[Cut(field=one.field, rule=one.rule) for one in cut],
        record=None if asked.record is None else list(asked.record.fields),
        receipts=[name for name in ("grant", "answer") if receipts[name] != NO_RECEIPT],
        explanation=explanation(asked, own, view),
    )


def receipt_text(receipt: Receipt) -> ReceiptText | None:
    """Show a receipt as the texts it is."""
    return None if receipt == NO_RECEIPT else ReceiptText(entry=receipt.entry.decode(), proof=receipt.proof.decode())


def consent_line(consent: Consent, at_ms: int) -> ConsentLine:
    """Show a consent without its codes, as it stands at a time."""
    statement = consent.statement
    return ConsentLine(
        consent=consent.id,
        side=consent.side,
        state=consent.stands(at_ms),
        purpose=statement.purpose,
        recipient=statement.recipient,
        holders=list(statement.holders),
        fields=list(statement.fields),
        person=consent.package.person,
        expires_ms=statement.expires,
        log_index=consent.log_index,
        replaces=statement.replaces if isinstance(statement, st.ConsentGiven) else None,
        ended_index=None if consent.ending is None else consent.ending.log_index,
        collected=None if isinstance(statement, st.BasisGiven) else _collection(consent, statement),
    )


def _collection(consent: Consent, statement: st.ConsentGiven) -> Collection:
    """Show how a consent was collected."""
    return Collection(
        language=statement.language,
        medium=statement.medium,
        capacity=statement.capacity,
        guardian=consent.guardian,
        interpreter=statement.interpreter,
        understood=statement.understood,
        text_sha256=statement.text_sha256,
        words=statement.words,
        draft=consent.draft,
        staff=statement.staff,
        role=statement.role,
    )


def consent_text(text: Told, *, draft: bool, secrecy_release: bool) -> ConsentText:
    """Show a text clients are shown, with its hash."""
    return ConsentText(
        text_sha256=text.hash,
        language=text.language,
        direction=text.direction,
        draft=draft,
        secrecy_release=secrecy_release,
        sections=[TextPart(key=one.key, heading=one.heading, lines=list(one.lines)) for one in text.sections],
    )


def collected(consent: Consent, at_ms: int) -> CollectedConsent:
    """Show a consent just collected, with its codes."""
    shown = dict(consent_line(consent, at_ms))
    return CollectedConsent(**shown, view_code=consent.view_code or "", withdraw_code=consent.withdraw_code or "")


def disclosure(line: Disclosed) -> Disclosure:
    """Show a line of the disclosure register."""
    return Disclosure(
        exchange=line.exchange,
        at_ms=line.at,
        requester=line.requester,
        purpose=line.purpose,
        fields=list(line.fields),
        basis=line.basis,
        ref=line.ref,
        log_index=line.log_index,
    )


def client(candidate: Candidate) -> Client:
    """Show a row of the agency's own source."""
    return Client(
        ref=candidate.ref,
        file_number=candidate.file_number,
        person=candidate.person,
        transfer_block=candidate.transfer_block,
        guardian=candidate.guardian,
    )


def _beside(candidate: Candidate, asked: PersonBlock | None) -> CandidateLine:
    differs = () if asked is None else differing(asked, candidate.person)
    return CandidateLine(**dict(client(candidate)), differs=list(differs))


def waiting_release(waiting: Waiting) -> WaitingRelease:
    """Show a request that waits for a human, with the rows side by side."""
    request, first, handed = waiting.request, waiting.first, waiting.handed
    return WaitingRelease(
        exchange=request.exchange,
        at_ms=request.at,
        requester=request.requester,
        purpose=request.purpose,
        fields=list(request.fields),
        basis=request.basis,
        answer_by_ms=request.answer_by,
        why=request.why,
        case_ref=waiting.case,
        person=waiting.person,
        candidates=[_beside(candidate, waiting.person) for candidate in waiting.candidates],
        earlier=list(waiting.earlier),
        two_persons=waiting.two,
        agreed=None
        if first is None
        else AgreedLine(staff=first.staff, at_ms=first.at, ref=first.ref, values=_typed(first)),
        handed_on=None
        if handed is None
        else HandedOnLine(by=handed.by, to=handed.to, at_ms=handed.at, reason=handed.why, note=handed.note),
        yours=waiting.yours,
    )


def _typed(first: Agreed) -> dict[FieldName, list[Typed]] | None:
    """Give what the first person typed of a paper file, by field."""
    return None if first.typed is None else {field: list(entries) for field, entries in typed_of(first.typed).items()}


def approval_line(name: ApprovalId, approval: Approval) -> ApprovalLine:
    """Show an approval of this agency."""
    return ApprovalLine(
        approval=name,
        role=approval.role,
        purpose=approval.purpose,
        fields=sorted(approval.fields),
        valid_until_ms=approval.valid_until,
        ceiling=approval.ceiling,
        automatic=approval.automatic,
        conditions=sorted(approval.conditions),
        log_index=approval.index,
    )


def catalogues(view: View) -> list[Catalogue]:
    """Show which fields agencies say they can deliver, as far as this node has learned it."""
    known = sorted(view.state.catalogues.items())
    return [Catalogue(agency=agency, fields=sorted(fields)) for agency, fields in known]


def purposes(view: View, own: AgencyId, at_ms: int) -> list[PurposeLine]:
    """Show the purposes in force in which this agency, or whoever it collects for, has somebody to ask."""
    usable = (rule for rule in lawbook(view).purposes.values() if rule.in_force(at_ms) and rule.row.mode in MODES)
    lines = [_purpose(rule, view, own, at_ms) for rule in usable]
    return sorted((line for line in lines if line.recipients and line.holders), key=lambda line: line.purpose)


def _purpose(rule: PurposeRule, view: View, own: AgencyId, at_ms: int) -> PurposeLine:
    """Show one purpose; what must be declared is what the law and the own officer's approvals demand."""
    row, kind = rule.row, view.state.members[own].kind
    demanded = {code for one in view.approvals_of(own, row.purpose, at_ms) for code in one.to_declare}
    asks = kind in row.requester_kinds
    holders = tuple(one for one in row.holder_kinds if not asks or rule.pairs(kind, one))
    return PurposeLine(
        purpose=row.purpose,
        label=row.label,
        basis=list(row.basis),
        norm=list(row.norm),
        conditions=sorted({*row.conditions, *demanded}),
        fields=sorted(rule.fields),
        recipients=_members(view, row.requester_kinds),
        holders=_members(view, holders),
        may_ask=asks,
        may_answer=kind in row.holder_kinds,
        answer_within_s=row.answer_within_s,
        occasion=row.occasion,
    )


def _members(view: View, kinds: tuple[CodeName, ...]) -> list[AgencyId]:
    return sorted(member.agency for member in view.state.members.values() if member.kind in kinds)
