"""What data protection asks an agency to keep, drawn from the law as data, its settings and its approvals.

The record of processing (Art. 30 GDPR), the draft of an impact assessment (Art. 35), and the notices of §§ 79 and 80
SGB X. In German, as the authorities read them. They are drafts: the officer signs for what they say.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from adapters.node.core.compose import lawbook
from adapters.node.papers.blocks import Block, Heading, Paper, Table, Text
from adapters.node.papers.making import LEGAL, Making
from adapters.web.pages import moment
from consent_ledger.core.approval import Approval
from schemas.errors import Code, Misuse
from schemas.ids import AgencyId, ApprovalId, CodeName, FieldName
from schemas.registry import PurposeRule, Registry

Approvals = Mapping[ApprovalId, Approval]

UNSAID: Final = "(bitte ergänzen)"
MEASURES: Final = (
    "Person und Datensatz sind von Knoten zu Knoten verschlüsselt (HPKE); der Vermittler liest nichts.",
    "Jede Anfrage wird zweimal gekürzt auf das, was Zweck, Einwilligung, Katalog und Schutzstufe erlauben.",
    "Keine Weitergabe ohne Beleg im signierten Protokoll; es enthält keine Namen, Geburtsdaten oder Werte.",
    "Eigene Anmeldung der Behörde; Freigabe je Rolle und Zweck, befristet und widerruflich.",
    "Was nicht sicher erkannt ist, entscheidet ein Mensch; ein Nein sieht nach außen immer gleich aus.",
)
RISKS: Final = (
    ("Falsche Person", "Nur sichere Treffer automatisch; sonst Entscheidung durch einen Menschen", "gering"),
    (
        "Zu viele Angaben",
        "Kürzung beim Vermittler und beim Halter; Überzähliges wird abgewiesen",
        "gering",
    ),
    ("Einsicht beim Vermittler", "Durchgehende Verschlüsselung, kein Schlüssel in der Mitte", "gering"),
    (
        "Unfreiwillige Einwilligung",
        "Nein so leicht wie Ja; Beenden mit Code",
        "mittel",
    ),
    ("Neugierige Abfragen im Haus", "Team-Sicht, Kürzel, Auswertung durch die Datenschutzbeauftragte", "mittel"),
    (
        "Nachträgliches Löschen im Protokoll",
        "Prüfsummenbaum, Mitzeichnung, Nachrechnen",
        "gering",
    ),
)


def processing(making: Making, approvals: Approvals, at_ms: int) -> Paper:
    """Give the record of processing activities (Art. 30(1) GDPR): one activity for each approved purpose."""
    law = lawbook(making.view)
    blocks: list[Block] = [_stand(at_ms), *_who(making)]
    for approval in _in_order(approvals):
        rule = law.purposes.get(approval.purpose)
        if rule is not None:
            blocks += _activity(rule, approval, making, law)
    if not approvals:
        blocks.append(Text("Es ist noch kein Zugriff freigegeben; es findet keine Verarbeitung statt."))
    return Paper(LEGAL, "Verzeichnis von Verarbeitungstätigkeiten (Art. 30 DSGVO)", (*blocks, *_measures()))


def assessment(making: Making, approvals: Approvals, at_ms: int) -> Paper:
    """Give the draft of an impact assessment (Art. 35(7) GDPR): description, necessity, risks, measures."""
    law = lawbook(making.view)
    used = [(law.purposes[one.purpose], one) for one in _in_order(approvals) if one.purpose in law.purposes]
    rows = tuple(
        (rule.row.label.de, ", ".join(rule.row.norm), str(_highest(approval.fields, law)), _who_decides(approval))
        for rule, approval in used
    )
    blocks: tuple[Block, ...] = (
        Text(
            "Entwurf. Es bewertet die Stelle, nach Rat der Datenschutzbeauftragten.",
            strong=True,
        ),
        _stand(at_ms),
        *_who(making),
        Heading("Beschreibung und Notwendigkeit"),
        Text("Einzelne Anfrage, einzelne Antwort; kein zentraler Bestand, kein Abruf ohne Anlass."),
        Table(rows, ("Zweck", "Rechtsgrundlage", "Höchste Schutzstufe (0 bis 3)", "Antwort")),
        Heading("Risiken für die betroffenen Personen"),
        Table(RISKS, ("Risiko", "Maßnahme", "Verbleibend (Vorschlag)")),
        *_measures(),
        Heading("Noch zu bewerten"),
        Text("Standpunkt der Betroffenen (Abs. 9), Rat der Datenschutzbeauftragten (Abs. 2), Aufsicht (Art. 36)."),
    )
    return Paper(LEGAL, "Datenschutz-Folgenabschätzung (Art. 35 DSGVO), Entwurf", blocks)


def retrieval(making: Making, approvals: Approvals, at_ms: int) -> Paper:
    """Give the notice of automated retrieval (§ 79(2), (3) SGB X): occasion, recipients, kinds of data, measures."""
    law = lawbook(making.view)
    automatic = [one for one in _in_order(approvals) if one.automatic and one.purpose in law.purposes]
    blocks: list[Block] = [_stand(at_ms), *_who(making)]
    if not automatic:
        blocks.append(Text("Es ist keine automatische Antwort freigegeben. Eine Mitteilung nach § 79 SGB X entfällt."))
    for approval in automatic:
        rule = law.purposes[approval.purpose]
        blocks += _activity(rule, approval, making, law)
    blocks += [
        *_measures(),
        Text("Jeder Abruf wird protokolliert, nicht nur jeder zehnte (§ 79 Abs. 4 SGB X)."),
    ]
    return Paper(LEGAL, "Mitteilung über ein automatisiertes Abrufverfahren (§ 79 SGB X)", tuple(blocks))


def processor(making: Making, _: Approvals, at_ms: int) -> Paper:
    """Give the notice before the broker is contracted as processor (§ 80(1) SGB X)."""
    facts = (
        ("Auftragsverarbeiter", making.office.broker or UNSAID),
        ("Gegenstand", "Vermittlung verschlüsselter Anfragen und Antworten; Führen des Protokolls"),
        (
            "Art der Daten",
            "Verschlüsselte Blöcke, Kennungen, Zwecke, Namen von Angaben",
        ),
        ("Betroffene", "Klientinnen und Klienten der beteiligten Stellen"),
        ("Ort der Verarbeitung", UNSAID),
        ("Unterauftragnehmer", UNSAID),
    )
    blocks = (_stand(at_ms), *_who(making), Table(facts), *_measures())
    return Paper(LEGAL, "Anzeige einer Auftragsverarbeitung (§ 80 Abs. 1 SGB X)", blocks)


PAPERS: Final[Mapping[str, Callable[[Making, Approvals, int], Paper]]] = {
    "processing": processing,
    "assessment": assessment,
    "section79": retrieval,
    "section80": processor,
}
"""The papers by the names they are asked for."""


def paper(name: str, making: Making, approvals: Approvals, at_ms: int) -> Paper:
    """Give a paper by its name; Misuse for one there is not."""
    make = PAPERS.get(name)
    if make is None:
        message = f"paper: is none of {', '.join(PAPERS)}"
        raise Misuse(message, code=Code.MALFORMED)
    return make(making, approvals, at_ms)


def _activity(rule: PurposeRule, approval: Approval, making: Making, law: Registry) -> Iterable[Block]:
    """Describe one processing activity."""
    row = rule.row
    asks = making.view.state.members[making.agency].kind in row.requester_kinds
    others = row.holder_kinds if asks else row.requester_kinds
    yield Heading(f"{row.label.de} ({row.purpose})")
    yield Table(
        (
            ("Rechtsgrundlage", ", ".join(row.norm)),
            ("Betroffene", "Klientinnen und Klienten der Stelle"),
            ("Angaben", _labels(approval.fields, law)),
            ("Erhalten von" if asks else "Übermittelt an", _members(others, making, law)),
            ("Zugriff im Haus", f"Rolle {approval.role}"),
            ("Antwort", _who_decides(approval)),
            ("Drittland", "keine Übermittlung"),
            ("Löschung", _deletion(making.office.keep_months)),
            ("Freigabe", f"Eintrag {approval.index} im Protokoll, gültig bis {moment(approval.valid_until)}"),
        )
    )


def _deletion(keep_months: int | None) -> str:
    return UNSAID if keep_months is None else f"nach {keep_months} Monaten, soweit kein Gesetz anderes sagt"


def _who(making: Making) -> Iterable[Block]:
    office = making.office
    yield Table(
        (
            ("Verantwortlich", office.responsible or f"{making.agency} {UNSAID}"),
            ("Datenschutzbeauftragte", office.officer or UNSAID),
            ("Aufsichtsbehörde", office.authority or UNSAID),
        )
    )


def _measures() -> Iterable[Block]:
    yield Heading("Technische und organisatorische Maßnahmen (Art. 32 DSGVO)")
    yield from map(Text, MEASURES)


def _stand(at_ms: int) -> Text:
    return Text(f"Stand {moment(at_ms)}, erzeugt aus Register, Einstellungen und Freigaben dieser Stelle.", small=True)


def _in_order(approvals: Approvals) -> list[Approval]:
    return sorted(approvals.values(), key=lambda one: (one.purpose, one.role))


def _labels(fields: Iterable[FieldName], law: Registry) -> str:
    return ", ".join(law.fields[name].label.de if name in law.fields else name for name in sorted(fields))


def _highest(fields: Iterable[FieldName], law: Registry) -> int:
    return max((law.fields[name].sensitivity for name in fields if name in law.fields), default=0)


def _who_decides(approval: Approval) -> str:
    return "sichere Treffer automatisch" if approval.automatic else "durch einen Menschen oder als Anfragende"


def _members(kinds: tuple[CodeName, ...], making: Making, law: Registry) -> str:
    """Name the agencies of the federation that are of these kinds, or the kinds where there is none yet."""
    found: list[AgencyId] = sorted(one.agency for one in making.view.state.members.values() if one.kind in kinds)
    return ", ".join(found or (law.kinds[kind].label.de for kind in kinds if kind in law.kinds))
