"""The published JSON Schemas are those of the shapes, and say the same as the shapes."""

import json

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from schemas.canonical import encode_model
from schemas.json_schemas import SHAPES, json_schemas
from schemas.messages import Header
from tests.house import tree
from tests.support import examples
from tests.support.write_json_schemas import FOLDER

_TEXTS = json_schemas()
_SCHEMAS = {name: json.loads(_TEXTS[f"{name}.schema.json"]) for name in SHAPES}
_EXAMPLES: tuple[BaseModel, ...] = (
    *examples.STATEMENTS.values(),
    *examples.ENTRIES.values(),
    *examples.QUERIES,
    *(Header.model_validate({"type": message.TYPE}) for message in examples.MESSAGES),
    examples.DISCLOSED_BODY,
    examples.UNAVAILABLE_BODY,
    examples.PERSON,
    examples.PACKAGE,
    examples.SEALED_PERSON,
    examples.RECORD,
)


def _published() -> dict[str, str]:
    return {path.name: tree.text(path) for path in tree.files() if path.parent == FOLDER}


def test_the_files_are_in_step_with_the_shapes() -> None:
    """Each file is the very text its shape gives; `python -m tests.support.write_json_schemas` writes them anew."""
    assert _published() == _TEXTS


@pytest.mark.parametrize("name", SHAPES)
def test_each_file_is_a_json_schema(name: str) -> None:
    """Each file is valid under draft 2020-12 and says at its top what it is for."""
    Draft202012Validator.check_schema(_SCHEMAS[name])
    assert _SCHEMAS[name]["description"]


@pytest.mark.parametrize("name", SHAPES)
def test_what_travels_fits_its_schema(name: str) -> None:
    """Canonical examples are valid; with an unknown key, a null, or without a key that is always there they are not."""
    shape, validator = SHAPES[name], Draft202012Validator(_SCHEMAS[name])
    values = [json.loads(encode_model(example)) for example in _EXAMPLES if type(example) is shape]
    assert values
    for value in values:
        assert validator.is_valid(value)
        assert not validator.is_valid(value | {"unknown": 1})
        for key, field in shape.model_fields.items():
            assert not validator.is_valid(value | {key: None})
            without = {other: value[other] for other in value if other != key}
            optional = not field.is_required() and field.default is None
            assert validator.is_valid(without) == optional
