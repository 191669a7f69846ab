"""Every shape that travels is bounded, so that its bytes are canonical by construction (`schemas.canonical`)."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import schemas
from schemas.wire import Wire

LARGEST = 2**53 - 1


def shapes() -> list[type[Wire]]:
    """Give every shape of the package `schemas`."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"schemas.{module.name}")
    found: list[type[Wire]] = []
    waiting = [Wire]
    while waiting:
        shape = waiting.pop()
        found.append(shape)
        waiting += shape.__subclasses__()
    return [shape for shape in found if shape.__module__.startswith("schemas.")]


def nodes(schema: object) -> Iterator[dict[str, object]]:
    """Give every object of a JSON Schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_shapes_are_bounded(shape: type[Wire]) -> None:
    """No shape holds fractions, open objects, or integers beyond what RFC 8785 writes the same everywhere."""
    for node in nodes(shape.model_json_schema()):
        assert node.get("type") != "number"
        if node.get("type") == "object":
            assert "additionalProperties" not in node or node["additionalProperties"] is False
        if node.get("type") == "integer" and "const" not in node:
            assert abs(int(str(node["maximum"]))) <= LARGEST
            assert abs(int(str(node["minimum"]))) <= LARGEST
