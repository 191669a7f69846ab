"""Every operation that an OpenAPI of ours describes, called with what fits its description and with what does not.

Callers have valid tokens of every role, or none. No answer says that the server failed, each is one that the
description knows, in the form it describes; and whatever was asked, the ledger replays without a finding.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from adapters.node.access import ALLOWED, Role, Route
from tests.fuzz.grounds import AUDITOR, OFFICER, Ground, broker_ground, node_ground
from tests.support.asgi_visit import Call
from tests.support.small_town import COLLECTOR, HOLDER, REQUESTER

pytestmark = pytest.mark.slow

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = [2, pytest.param(50, marks=pytest.mark.long)]
"""How many calls of each operation for each kind of input: some in `make test`, many in `make test-all`."""
BASE = "https://fuzzed.example"
FAILED = 500
OFF = re.compile(r"\bis off at this agency\b")
"""The one 5xx that is in order: an agency that does not ask, collect or hold."""

Operation = APIOperation[Any, Any, Any, Any]
Tokens = Callable[[Operation], some.SearchStrategy[str | None]]


def attack(ground: Ground, description: dict[str, Any], tokens: Tokens, examples: int) -> None:
    """Call each operation of a description `examples` times with input of each kind."""
    for found in schemathesis.openapi.from_dict(description).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode:
            if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
                continue
            try:
                _attack_one(ground, operation, mode, tokens(operation), examples)
            except Unsatisfiable:  # where any text fits, there is none that does not
                assert mode is GenerationMode.NEGATIVE
            except Exception as error:
                error.add_note(f"{operation.label}, {mode.value}")
                raise


def _attack_one(
    ground: Ground, operation: Operation, mode: GenerationMode, tokens: some.SearchStrategy[str | None], examples: int
) -> None:
    told = example(operation)

    @settings(max_examples=examples, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode), tokens, some.data())
    def called(case: Case[Operation], token: str | None, data: some.DataObject) -> None:
        words = some.sampled_from(ground.known)
        case.path_parameters = informed(case.path_parameters, words, data)
        by_example = told is not None and mode is GenerationMode.POSITIVE and data.draw(some.booleans())
        case.body = informed(told if by_example else case.body, words, data)
        answer = sent(ground, case, token)
        assert answer.status_code < FAILED or OFF.search(answer.text), answer.text
        case.validate_response(answer, checks=CHECKS)

    called()


def example(operation: Operation) -> Any:  # noqa: ANN401 - whatever JSON there may be
    """Give the body that the description has as an example, None where it has none."""
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    shape = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    shapes = operation.schema.raw_schema.get("components", {}).get("schemas", {})
    return next(iter(shapes.get(shape, {}).get("examples", ())), None)


def informed(value: Any, words: some.SearchStrategy[str], data: some.DataObject) -> Any:  # noqa: ANN401 - whatever JSON there may be
    """Put words that mean something in the place of some of the texts of a value."""
    if isinstance(value, dict):
        return {name: informed(one, words, data) for name, one in value.items()}
    if isinstance(value, list):
        return [informed(one, words, data) for one in value]
    if isinstance(value, str) and data.draw(some.integers(0, 2)) == 0:
        return data.draw(words)
    return value


def sent(ground: Ground, case: Case[Operation], token: str | None) -> httpx.Response:
    """Send a case below any client's manners, with a token in place of the one it made up."""
    said = case.as_transport_kwargs(base_url=BASE)
    headers = {name: value for name, value in said["headers"].items() if name.lower() != "authorization"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content = {"json": said["json"]} if "json" in said else {"content": said.get("data")}
    url = httpx.URL(said["url"], params=said["params"]) if said.get("params") else httpx.URL(said["url"])
    coded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    request = httpx.Request(said["method"], url, headers=coded, **content)
    answer = ground.visit(Call(request.method, str(url.raw_path, "ascii"), request.headers.raw, request.content))
    response = httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)
    response.elapsed = timedelta()  # nothing travelled
    return response


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("agency", [COLLECTOR, REQUESTER, HOLDER])
def test_a_nodes_api_holds_what_it_describes(tmp_path: Path, agency: str, examples: int) -> None:
    """Every role, those that may do it more often than others, and nobody."""
    with node_ground(tmp_path, agency) as ground:

        def tokens(operation: Operation) -> some.SearchStrategy[str | None]:
            may = ALLOWED.get(Route(operation.method.upper(), operation.path), frozenset(Role))
            callers = [*sorted(may) * 10, *Role, None]
            return some.sampled_from(callers).map(lambda role: None if role is None else ground.token(role))

        attack(ground, ground.front.app.openapi(), tokens, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_brokers_api_holds_what_it_describes(tmp_path: Path, examples: int) -> None:
    """An auditor, an agency's officer, somebody with a wrong token, and nobody."""
    with broker_ground(tmp_path) as ground:
        callers = some.sampled_from([AUDITOR, OFFICER, "wrong", "", None])
        attack(ground, ground.api.openapi(), lambda _: callers, examples)
