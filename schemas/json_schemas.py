"""The shapes of the wire as JSON Schema (draft 2020-12), for those who read the protocol without reading Python.

The files are published in `schemas/json`; a test keeps them in step. They say what JSON Schema can say: that lists are
sorted, and which fields go together, stands in the descriptions and in the Python shapes only.
"""

from typing import Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas import canonical
from schemas import entries as en
from schemas import messages as ms
from schemas import record as rc
from schemas.statements import STATEMENTS, OutcomeBody

SHAPES: Final[dict[str, type[BaseModel]]] = {
    **{f"statement.{name}": shape for name, shape in STATEMENTS.items()},
    "outcome_body": OutcomeBody,
    "entry.recorded": en.Recorded,
    "entry.shard.closed": en.Closed,
    "entry.exchange.granted": en.Granted,
    "entry.exchange.refused": en.Refused,
    "entry.exchange.disclosed": en.Disclosed,
    "entry.exchange.unavailable": en.Unavailable,
    "entry.exchange.withheld": en.Withheld,
    "entry.statement.rejected": en.Rejected,
    "message_header": ms.Header,
    "fault": ms.Fault,
    "chain_query": ms.ChainQuery,
    "evidence_query": ms.EvidenceQuery,
    "hashes_query": ms.HashesQuery,
    "head_query": ms.HeadQuery,
    "head_answer": ms.HeadAnswer,
    "person_block": rc.PersonBlock,
    "consent_package": rc.ConsentPackage,
    "sealed_person": rc.SealedPerson,
    "record": rc.Record,
}
"""Every shape that is published, by the name of its file."""


class _OnTheWire(GenerateJsonSchema):
    """Says what canonical JSON holds: defaults are written out, None is left out, and there is no null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001  # the signature is pydantic's
    ) -> bool:
        inner = field["schema"]
        if inner["type"] == "default":
            return inner["default"] is not None
        return super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # the signature is pydantic's
        return False


def json_schemas() -> dict[str, str]:
    """Give the text of every published file by its name."""
    return {f"{name}.schema.json": _text(name, shape) for name, shape in SHAPES.items()}


def _text(name: str, shape: type[BaseModel]) -> str:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:handschlag:{name}:v1"}
    return canonical.pretty(head | shape.model_json_schema(schema_generator=_OnTheWire))
