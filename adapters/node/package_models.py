"""The shapes of packages in the node's HTTP API, beside `api_models`."""

from typing import Annotated

from pydantic import ConfigDict, Field

from adapters.node.api_models import NewRequest, RequestDetail, Shape
from adapters.node.packaging import MAX_PARTS, Stands
from schemas.errors import Code
from schemas.ids import AgencyId, Purpose

_AT = 1_764_579_600_000
_ID = "0123456789abcdef0123456789abcdef"


class NewPackage(Shape):
    """Several requests with one occasion, each with a basis of its own; all for purposes of mode `package`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"requests": [{"purpose": "Z07@1", "holder": "sozialamt", "consent": _ID, "case_ref": "JC-2026-117"}]}
            ]
        }
    )
    requests: Annotated[list[NewRequest], Field(min_length=1, max_length=MAX_PARTS)]


class PackagePart(Shape):
    """A line of the checklist: `came`, `waits`, `refused`, `nothing` (the holder's no), or `not_asked` and its code.

    The request holds the record and why it came out so, in words.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose": "Z07@1",
                    "holder": "sozialamt",
                    "stands": "not_asked",
                    "problem": "consent_unknown",
                    "request": None,
                }
            ]
        }
    )
    purpose: Purpose
    holder: AgencyId
    stands: Stands
    problem: Code | None
    request: RequestDetail | None


class Checklist(Shape):
    """A package and how each of its parts stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occasion": _ID, "at_ms": _AT, "parts": []}]})
    occasion: str
    at_ms: int
    parts: list[PackagePart]


class PackageLine(Shape):
    """A package in a list: when it was asked, how many parts it has, and how many of them wait no longer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"occasion": _ID, "at_ms": _AT, "parts": 3, "settled": 1}]}
    )
    occasion: str
    at_ms: int
    parts: int
    settled: int
