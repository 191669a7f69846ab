"""A consent as a record of ISO/IEC TS 27560:2023, in JSON-LD with terms of the W3C Data Privacy Vocabulary.

The form is the profile `dpv-27560#record` (W3C DPVCG, Consent Records and Receipts as per ISO/IEC TS 27560:2023); which
field of the standard stands under which key is written down in docs/consent-record.md. What neither the standard nor
the vocabulary has a word for stands under `hs:`. The record names the client by the commitment in the log alone.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from adapters.node.core.consent_text import By
from adapters.node.core.taking import Guardian
from schemas import statements as st
from schemas.calendar import utc
from schemas.canonical import Json
from schemas.ids import AgencyId, FieldName, Hash
from schemas.registry import Labels

CONTEXT: Final[dict[str, Json]] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "https://schema.org/",
    "de-int": "urn:handschlag:de-int:",
    "hs": "urn:handschlag:",
}
PROFILE: Final = "https://w3id.org/dpv/schema/dpv-27560#record"

_NOTICE: Final[Mapping[st.Medium, str]] = {
    "screen": "dpv:GraphicalNotice",
    "own_device": "dpv:GraphicalNotice",
    "paper": "dpv:PrintedNotice",
    "oral": "dpv:OralNotice",
}
_FOR_THE_CLIENT: Final[Mapping[Guardian | None, str]] = {
    None: "dpv:DataSubject",
    "parent": "dpv:ParentOfDataSubject",
    "guardian": "dpv:GuardianOfDataSubject",
    "carer": "dpv:GuardianOfDataSubject",
    "authorised": "dpv:Representative",
}
_ENDED: Final[Mapping[str, tuple[str, str]]] = {
    "withdrawn": ("dpv:ConsentWithdrawn", "dpv:DataSubject"),
    "revoked": ("dpv:ConsentRevoked", "dpv:DataController"),
    "invalidated": ("dpv:ConsentInvalidated", "dpv:DataController"),
    "renewed": ("dpv:RenewedConsentGiven", "dpv:DataSubject"),
    "expired": ("dpv:ConsentExpired", "dpv:DataController"),
}
"""The status of DPV for each end of a consent, and who brings it about."""
_RIGHTS: Final = ("A7-3", "A15", "A16", "A17", "A18", "A77")
"""The articles of the GDPR with the client's rights."""


class Facts(NamedTuple):
    """What a record is made of; times in ms.

    `log_index` and `entry` are the place and the leaf hash in the log, `given_at` the log's time there. `state` is how
    it stands now, `ended_at` when it ended, None where nobody told or it has not. `contact` says how to reach the
    collector, `client_pages` where the client withdraws by the code.
    """

    statement: st.ConsentGiven
    collector: AgencyId
    log_index: int
    entry: Hash
    given_at: int
    state: str
    ended_at: int | None
    guardian: Guardian | None
    draft: bool
    contact: str
    client_pages: str | None


def consent_record(facts: Facts, by: By) -> dict[str, Json]:
    """Give the record as a JSON-LD object."""
    said = facts.statement
    controllers: list[Json] = [_agency(said.recipient), *(_agency(one) for one in said.holders)]
    record: dict[str, Json] = {
        "@context": CONTEXT,
        "@id": f"urn:handschlag:consent:{said.consent}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": PROFILE,
        "dct:identifier": said.consent,
        "dpv:hasIdentifier": said.consent,
        "dct:created": utc(facts.given_at),
        "dct:source": {"hs:log": said.log, "hs:index": facts.log_index, "hs:leafHash": facts.entry},
        "dpv:hasDataSubject": {
            "@id": f"urn:handschlag:person:{said.person}",
            "@type": "dpv:DataSubject",
            "dpv:hasIdentifier": said.person,
        },
        "dpv:hasNotice": _notice(facts),
        "dpv:hasLegalBasis": "eu-gdpr:A6-1-a",
        "dpv:hasApplicableLaw": "eu-gdpr:GDPR",
        "dpv:hasJurisdiction": ["loc:DE", "loc:DE-NI"],
        "dpv:hasDataController": controllers,
        "dpv:hasProcess": _process(facts, by, controllers),
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": [*filter(None, [facts.client_pages]), *map(_agency, _parties(facts))],
        },
        "dpv:hasRight": [{"@type": ["dpv:DataSubjectRight", f"eu-gdpr:{article}"]} for article in _RIGHTS],
        "dpv:hasEntity": [_entity(one, facts, by) for one in _parties(facts)],
        "dpv:hasConsentStatus": _events(facts),
        "hs:collection": _collection(facts, by),
    }
    if said.replaces is not None:
        record["dct:replaces"] = f"urn:handschlag:consent:{said.replaces}"
    return record


def _parties(facts: Facts) -> list[AgencyId]:
    """Give the agencies of a consent, each once; all of them may end it."""
    return list(dict.fromkeys((facts.collector, facts.statement.recipient, *facts.statement.holders)))


def _notice(facts: Facts) -> Json:
    said = facts.statement
    notice: dict[str, Json] = {
        "@type": ["dpv:ConsentNotice", "dpv:LayeredNotice", _NOTICE[said.medium]],
        "dct:language": said.language,
        "dpv:hasIdentifier": f"sha256:{said.text_sha256}",
        "hs:translationStatus": "draft" if facts.draft else "approved",
    }
    return notice if said.words is None else {**notice, "hs:words": f"sha256:{said.words}"}


def _process(facts: Facts, by: By, controllers: list[Json]) -> Json:
    """Say for what which data go from whom to whom, and where they are kept."""
    said, rule = facts.statement, by.law.purposes.get(facts.statement.purpose)
    purpose: dict[str, Json] = {"@type": "dpv:Purpose", "dpv:hasIdentifier": said.purpose}
    if rule is not None:
        purpose |= {"dct:title": _labels(rule.row.label), "hs:norm": list(rule.row.norm)}
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": purpose,
        "dpv:hasPersonalData": [_personal_data(name, by) for name in said.fields],
        "dpv:hasProcessing": ["dpv:Retrieve", "dpv:Transmit"],
        "dpv:hasDataSource": [_agency(one) for one in said.holders],
        "dpv:hasDataController": controllers,
        "dpv:hasRecipient": _agency(said.recipient),
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": "loc:DE"},
            {
                "@type": "dpv:StorageDuration",
                "dpv:hasDuration": {"@type": "dpv:UntilEventDuration", "rdf:value": "end of the recipient's file"},
            },
        ],
    }


def _personal_data(name: FieldName, by: By) -> Json:
    field = by.law.fields.get(name)
    found: dict[str, Json] = {"@type": "dpv:PersonalData", "dct:identifier": name}
    if field is None:
        return found
    broader: dict[str, Json] = {"skos:broader": field.dpv} if field.dpv else {}
    return {**found, **broader, "dct:title": _labels(field.label), "hs:sensitivity": field.sensitivity}


def _entity(agency: AgencyId, facts: Facts, by: By) -> Json:
    """Say who an agency is; of others than the collector the federation knows name and kind, and no address."""
    member = by.state.members.get(agency)
    kind = None if member is None else by.law.kinds.get(member.kind)
    roles: list[Json] = ["dpv:LegalEntity"]
    if agency in {facts.statement.recipient, *facts.statement.holders}:
        roles.append("dpv:DataController")
    entity: dict[str, Json] = {
        "@id": f"urn:handschlag:agency:{agency}",
        "@type": roles,
        "dpv:hasIdentifier": agency,
        "dpv:hasName": agency,
    }
    if kind is not None:
        entity |= {"hs:kind": kind.name, "dct:title": _labels(kind.label)}
    if agency == facts.collector and facts.contact:
        entity["schema:contactPoint"] = {"@type": "schema:ContactPoint", "schema:description": facts.contact}
    return entity


def _events(facts: Facts) -> Json:
    said = facts.statement
    given: dict[str, Json] = {
        "@type": ["dpv:ConsentGiven" if said.replaces is None else "dpv:RenewedConsentGiven", "dpv:ExpressedConsent"],
        "dpv:isIndicatedBy": _FOR_THE_CLIENT[facts.guardian],
        "dpv:hasIndicationMethod": said.medium,
        "dpv:isIndicatedAtTime": utc(facts.given_at),
        "dpv:hasDuration": [
            {"@type": "dpv:UntilTimeDuration", "rdf:value": utc(said.expires)},
            {"@type": "dpv:FixedOccurrencesDuration", "rdf:value": str(said.uses)},
        ],
    }
    if facts.state not in _ENDED:
        return [given]
    status, who = _ENDED[facts.state]
    at = said.expires if facts.state == "expired" else facts.ended_at
    ended: dict[str, Json] = {"@type": status, "dpv:isIndicatedBy": who}
    return [given, ended if at is None else {**ended, "dpv:isIndicatedAtTime": utc(at)}]


def _collection(facts: Facts, by: By) -> Json:
    """Say who collected it and how (§ 67b(2) SGB X, § 203 StGB, Art. 7 GDPR)."""
    said, member = facts.statement, by.state.members.get(facts.collector)
    kind = None if member is None else by.law.kinds.get(member.kind)
    found: dict[str, Json | None] = {
        "hs:collectedAt": _agency(facts.collector),
        "hs:collectorMaySanction": None if kind is None else kind.sanction_power,
        "hs:benefitTied": False,
        "hs:staff": said.staff,
        "hs:staffRole": said.role,
        "hs:interpreter": said.interpreter,
        "hs:guardian": facts.guardian,
        "hs:teachBack": said.understood,
        "hs:secrecyRelease": said.secrecy_release,
    }
    return {name: value for name, value in found.items() if value is not None}


def _agency(agency: AgencyId) -> Json:
    return {"@id": f"urn:handschlag:agency:{agency}"}


def _labels(label: Labels) -> Json:
    return [{"@value": label.de, "@language": "de"}, {"@value": label.en, "@language": "en"}]
