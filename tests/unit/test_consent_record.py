"""A consent's record by ISO/IEC TS 27560: every mandatory field under its key, terms that exist, no person."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest

from adapters.node.core.consent_record import CONTEXT, PROFILE, Facts, consent_record
from adapters.node.core.consent_text import By
from adapters.node.core.taking import Guardian
from consent_ledger.core.state import LedgerState, Member
from schemas import statements as st
from schemas.canonical import Json
from schemas.ids import AgencyId, CodeName, FieldName, Hash, LogId, NatsAccount, Purpose
from schemas.registry import Registry, load
from schemas.registry_files import bundle_of
from tests.support import examples
from tests.support.pens import changed
from tests.support.registry import shipped

GIVEN_AT: Final = 1_795_168_800_007
ENDED_AT: Final = GIVEN_AT + 60_000

MANDATORY: Final = {
    "schema_version": ("dct:conformsTo",),
    "record_id": ("dpv:hasIdentifier",),
    "pii_principal_id": ("dpv:hasDataSubject", "dpv:hasIdentifier"),
    "privacy_notice": ("dpv:hasNotice", "dpv:hasIdentifier"),
    "language": ("dpv:hasNotice", "dct:language"),
    "purpose": ("dpv:hasProcess", "dpv:hasPurpose", "dpv:hasIdentifier"),
    "lawful_basis": ("dpv:hasLegalBasis",),
    "pii_information": ("dpv:hasProcess", "dpv:hasPersonalData"),
    "pii_type": ("dpv:hasProcess", "dpv:hasPersonalData", "skos:broader"),
    "pii_controllers": ("dpv:hasDataController", "@id"),
    "storage_locations": ("dpv:hasProcess", "dpv:hasStorageCondition", "dpv:hasLocation"),
    "retention_period": ("dpv:hasProcess", "dpv:hasStorageCondition", "dpv:hasDuration"),
    "jurisdiction": ("dpv:hasJurisdiction",),
    "recipient_third_parties": ("dpv:hasProcess", "dpv:hasRecipient", "@id"),
    "withdrawal_method": ("dpv:hasConsentControl", "dpv:isExercisedAt"),
    "privacy_rights": ("dpv:hasRight", "@type"),
    "party_id": ("dpv:hasEntity", "dpv:hasIdentifier"),
    "party_name": ("dpv:hasEntity", "dpv:hasName"),
    "party_role": ("dpv:hasEntity", "@type"),
    "party_contact": ("dpv:hasEntity", "schema:contactPoint", "schema:description"),
    "event_time": ("dpv:hasConsentStatus", "dpv:isIndicatedAtTime"),
    "validity_duration": ("dpv:hasConsentStatus", "dpv:hasDuration", "rdf:value"),
    "entity_id": ("dpv:hasConsentStatus", "dpv:isIndicatedBy"),
    "event_type": ("dpv:hasConsentStatus", "@type"),
    "event_state": ("dpv:hasConsentStatus", "@type"),
}
"""The fields of ISO/IEC TS 27560:2023, clauses 6.3.3 to 6.3.7, and the way to each in the record."""

_TERMS: Final = """
    ConsentExpired ConsentGiven ConsentInvalidated ConsentNotice ConsentRecord ConsentRevoked ConsentWithdrawn
    DataController DataSubject DataSubjectRight ExpressedConsent FixedOccurrencesDuration GraphicalNotice
    GuardianOfDataSubject LayeredNotice LegalEntity OralNotice ParentOfDataSubject PersonalData PrintedNotice
    Process Purpose RenewedConsentGiven Representative Retrieve StorageDuration StorageLocation Transmit
    UntilEventDuration UntilTimeDuration WithdrawConsent hasApplicableLaw hasConsentControl hasConsentStatus
    hasDataController hasDataSource hasDataSubject hasDuration hasEntity hasIdentifier hasIndicationMethod
    hasJurisdiction hasLegalBasis hasLocation hasName hasNotice hasPersonalData hasProcess hasProcessing
    hasPurpose hasRecipient hasRight hasStorageCondition isExercisedAt isIndicatedAtTime isIndicatedBy
"""
KNOWN: Final = frozenset(f"dpv:{name}" for name in _TERMS.split())
"""Terms of the DPV 2, looked up one by one in the vocabulary."""


def facts() -> Facts:
    """Give what the record of the example consent is made of."""
    statement = examples.STATEMENTS["consent.given"]
    assert isinstance(statement, st.ConsentGiven)
    return Facts(
        statement=changed(statement, fields=(FieldName("course_participation.state"),), purpose=Purpose("Z16@1")),
        collector=AgencyId("beratung"),
        log_index=41,
        entry=Hash("e" * 64),
        given_at=GIVEN_AT,
        state="given",
        ended_at=None,
        guardian=None,
        draft=False,
        contact="Beratung, Musterweg 1, 12345 Musterstadt",
        client_pages="https://broker.example/c",
    )


@cache
def _law() -> Registry:
    return load(bundle_of(shipped()))


def by() -> By:
    """Give the shipped law, and the federation of the example."""
    state = LedgerState(LogId("musterstadt.example/log/1"))
    said = facts().statement
    for index, (agency, kind) in enumerate(
        [("beratung", "mbe"), (said.recipient, "jobcenter"), *((one, "course_provider") for one in said.holders)]
    ):
        state.hold_member(Member(AgencyId(agency), CodeName(kind), NatsAccount("A" + "B" * 54 + str(index)), index))
    return By(_law(), state)


def at(value: Json, way: tuple[str, ...]) -> list[Json]:
    """Give what stands at the end of a way, through every item of a list on it."""
    if isinstance(value, list):
        return [found for one in value for found in at(one, way)]
    if not way:
        return [value]
    return at(value[way[0]], way[1:]) if isinstance(value, dict) and way[0] in value else []


def names(value: Json) -> Iterator[str]:
    """Give every key and text."""
    if isinstance(value, list):
        for one in value:
            yield from names(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from names(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("field", MANDATORY)
def test_every_mandatory_field_stands_under_its_key(field: str) -> None:
    """Each has a value, and no value is empty."""
    found = at(consent_record(facts(), by()), MANDATORY[field])
    assert found
    assert all(value not in ("", []) for value in found)


def _by_way_of(medium: str) -> st.ConsentGiven:
    return changed(facts().statement, medium=medium)


def test_terms_exist_and_prefixes_are_declared() -> None:
    """Every term of the DPV is one of the vocabulary; every prefix has its IRI, those of the law's own fields too."""
    records = [
        consent_record(
            facts()._replace(state=state, guardian=guardian, statement=changed(facts().statement, medium=medium)), by()
        )
        for state in ("given", "withdrawn", "revoked", "invalidated", "renewed", "expired")
        for guardian in (None, "parent", "guardian", "carer", "authorised")
        for medium in ("screen", "own_device", "paper", "oral")
    ]
    used = {name for record in records for name in names({**record, "@context": {}})}
    assert {name for name in used if name.startswith("dpv:")} == KNOWN
    prefixes = {
        name.partition(":")[0] for name in used if ":" in name and not name.startswith(("urn:", "http", "sha256:"))
    }
    prefixes = {prefix for prefix in prefixes if not prefix[0].isdigit()}
    assert prefixes <= CONTEXT.keys(), prefixes - CONTEXT.keys()
    terms = {field.dpv.partition(":")[0] for field in by().law.fields.values() if field.dpv}
    assert terms <= CONTEXT.keys()


def test_the_record_of_a_consent_that_stands() -> None:
    """Hand-checked: who, what for, which data, until when and how often, how it was taken, and where it stands."""
    said = facts().statement
    record = consent_record(facts(), by())
    assert (record["@type"], record["dct:conformsTo"]) == ("dpv:ConsentRecord", PROFILE)
    assert record["@id"] == f"urn:handschlag:consent:{said.consent}"
    assert record["dct:source"] == {"hs:log": said.log, "hs:index": 41, "hs:leafHash": "e" * 64}
    assert record["dpv:hasNotice"] == {
        "@type": ["dpv:ConsentNotice", "dpv:LayeredNotice", "dpv:GraphicalNotice"],
        "dct:language": "ar",
        "dpv:hasIdentifier": f"sha256:{said.text_sha256}",
        "hs:words": f"sha256:{said.words}",
        "hs:translationStatus": "approved",
    }
    assert at(record, ("dpv:hasProcess", "dpv:hasPersonalData")) == [
        {
            "@type": "dpv:PersonalData",
            "dct:identifier": "course_participation.state",
            "skos:broader": "pd:EducationTraining",
            "dct:title": [
                {"@value": "Stand der Teilnahme", "@language": "de"},
                {"@value": "State of participation", "@language": "en"},
            ],
            "hs:sensitivity": 2,
        }
    ]
    assert record["dpv:hasConsentStatus"] == [
        {
            "@type": ["dpv:ConsentGiven", "dpv:ExpressedConsent"],
            "dpv:isIndicatedBy": "dpv:DataSubject",
            "dpv:hasIndicationMethod": "screen",
            "dpv:isIndicatedAtTime": "2026-11-20T10:00:00.007Z",
            "dpv:hasDuration": at(record, ("dpv:hasConsentStatus", "dpv:hasDuration")),
        }
    ]
    assert record["hs:collection"] == {
        "hs:collectedAt": {"@id": "urn:handschlag:agency:beratung"},
        "hs:collectorMaySanction": False,
        "hs:benefitTied": False,
        "hs:staff": said.staff,
        "hs:staffRole": "adviser",
        "hs:interpreter": "sworn",
        "hs:teachBack": "second",
        "hs:secrecyRelease": False,
    }
    assert "dct:replaces" not in record


@pytest.mark.parametrize(
    ("state", "status", "who", "at_time"),
    [
        ("withdrawn", "dpv:ConsentWithdrawn", "dpv:DataSubject", "2026-11-20T10:01:00.007Z"),
        ("revoked", "dpv:ConsentRevoked", "dpv:DataController", "2026-11-20T10:01:00.007Z"),
        ("invalidated", "dpv:ConsentInvalidated", "dpv:DataController", "2026-11-20T10:01:00.007Z"),
        ("renewed", "dpv:RenewedConsentGiven", "dpv:DataSubject", "2026-11-20T10:01:00.007Z"),
    ],
)
def test_an_end_is_an_event_of_its_own(state: str, status: str, who: str, at_time: str) -> None:
    """The yes stays, and behind it stands what ended it, who and when; no time where nobody told of it yet."""
    events = at(consent_record(facts()._replace(state=state, ended_at=ENDED_AT), by()), ("dpv:hasConsentStatus",))
    assert events[1:] == [{"@type": status, "dpv:isIndicatedBy": who, "dpv:isIndicatedAtTime": at_time}]
    untold = at(consent_record(facts()._replace(state=state), by()), ("dpv:hasConsentStatus",))
    assert untold[1:] == [{"@type": status, "dpv:isIndicatedBy": who}]


def test_what_has_run_out_ended_on_its_last_day() -> None:
    """Nobody says it, the time does."""
    said = changed(facts().statement, expires=ENDED_AT)
    events = at(consent_record(facts()._replace(state="expired", statement=said), by()), ("dpv:hasConsentStatus",))
    assert at(events[1:], ("dpv:isIndicatedAtTime",)) == ["2026-11-20T10:01:00.007Z"]


@pytest.mark.parametrize(
    ("guardian", "who"),
    [
        ("parent", "dpv:ParentOfDataSubject"),
        ("guardian", "dpv:GuardianOfDataSubject"),
        ("carer", "dpv:GuardianOfDataSubject"),
        ("authorised", "dpv:Representative"),
    ],
)
def test_who_consented_for_the_client(guardian: Guardian, who: str) -> None:
    """Not the client but who acts for them indicated the yes; the kind stands beside how it was collected."""
    record = consent_record(facts()._replace(guardian=guardian), by())
    assert at(record, ("dpv:hasConsentStatus", "dpv:isIndicatedBy")) == [who]
    assert at(record, ("hs:collection", "hs:guardian")) == [guardian]


def test_an_early_consent_and_a_law_that_went_on() -> None:
    """What an early entry did not say is left out; a purpose, field or agency that is gone is named by its id alone."""
    said = changed(
        facts().statement,
        words=None,
        staff=None,
        role=None,
        interpreter=None,
        understood=None,
        replaces=facts().statement.consent,
        purpose=Purpose("Z99@1"),
        fields=(FieldName("gone.field"),),
        recipient=AgencyId("fort"),
    )
    record = consent_record(
        facts()._replace(statement=said, collector=AgencyId("weg"), contact="", client_pages=None), by()
    )
    assert "hs:words" not in at(record, ("dpv:hasNotice",))[0]  # type: ignore[operator]  # an object
    assert at(record, ("dpv:hasProcess", "dpv:hasPurpose")) == [{"@type": "dpv:Purpose", "dpv:hasIdentifier": "Z99@1"}]
    assert at(record, ("dpv:hasProcess", "dpv:hasPersonalData")) == [
        {"@type": "dpv:PersonalData", "dct:identifier": "gone.field"}
    ]
    assert record["dct:replaces"] == f"urn:handschlag:consent:{said.consent}"
    assert at(record, ("dpv:hasConsentStatus", "@type"))[0] == "dpv:RenewedConsentGiven"
    assert record["hs:collection"] == {
        "hs:collectedAt": {"@id": "urn:handschlag:agency:weg"},
        "hs:benefitTied": False,
        "hs:secrecyRelease": False,
    }
    assert "schema:contactPoint" not in str(record)


def test_a_field_of_the_law_without_a_term_has_no_type() -> None:
    """It is named by its own id."""
    field = _law().fields[FieldName("course_participation.state")].model_copy(update={"dpv": ""})
    law = _law()._replace(fields={**_law().fields, field.name: field})
    record = consent_record(facts(), By(law, by().state))
    assert at(record, ("dpv:hasProcess", "dpv:hasPersonalData", "skos:broader")) == []
