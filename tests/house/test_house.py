"""Rules of the house about words, places and calls that ruff, mypy and import-linter do not know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house import tree

# Each pattern is written so that it does not match its own line.
MACHINE = re.compile(
    r"(?<![\w.}])/(?:[h]ome|[r]oot|[U]sers|[w]ork|[t]mp|[o]pt)(?:/|\b(?!\w))|\.\./[s]hared\b|\.[l]ibrary\b"
)
HOSTS = re.compile(
    r"[p]ypi\.org|[p]ythonhosted|[n]pmjs|[d]eb\.debian|[f]tp\.\w*\.?debian|crates[.]io|[g]hcr\.io|docker[.]io|quay[.]io"
)
UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX|[H]ACK)\b")

WORD = re.compile(r"[s]ubject", re.IGNORECASE)
_DPV = re.compile(r"(?:has|Of)?Data[S]ubject(?:Right)?")  # terms of the Data Privacy Vocabulary
ALLOWED = {
    "adapters/infra/nats_accounts.py": re.compile(r'"(?:local_)?[s]ubject"'),  # claims of a NATS account's JWT
    "adapters/infra/nats_bus.py": re.compile(
        r"(?i)\bmessage\.[s]ubject\b|Bad[s]ubjectError|\b[s]ubject\b(?=: bytes|, reply)"
    ),
    "adapters/infra/tls.py": re.compile(r"(?i)\w*[s]ubject\w*"),  # the holder of a certificate, in X.509's words
    "adapters/node/core/consent_record.py": _DPV,
    "tests/flow/test_consent_states.py": _DPV,
    "tests/unit/test_consent_record.py": _DPV,
    "handschlag/demo/issuer.py": re.compile(r"[s]ubject_types_supported"),  # OpenID Connect Discovery's own name
}

_IMPURE_CALLS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
_DRAWS = re.compile(r"\.generate(?:_private_key)?$|(?:^|\.)randombytes\w*$|(?:^|\.)random(?:_\w+)?$")
_EXCUSE = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
_REASONED = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w, -]+\])\s*[-#:(]*\s*[A-Za-z].{8,}"
)


def _lines(paths: list[Path] | tuple[Path, ...], pattern: re.Pattern[str]) -> list[str]:
    """Give place and text of each line that a pattern is found in."""
    return [
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_machine() -> None:
    """No file holds a path of the machine it was written on."""
    assert _lines(tree.files(), MACHINE) == []


def test_no_file_names_a_package_registry() -> None:
    """No file holds the host of a package registry; where packages come from is the machine's own setting."""
    assert _lines(tree.files(), HOSTS) == []


def test_nothing_is_left_for_later() -> None:
    """No file holds a mark for work not done."""
    assert _lines(tree.files(), UNFINISHED) == []


def test_topics_and_persons_have_names_of_their_own() -> None:
    """What NATS and data protection share one word for is called topic here, or person."""
    findings = [
        f"{tree.name(path)}:{number}: {line.strip()}"
        for path in tree.python_files()
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if WORD.search(ALLOWED[tree.name(path)].sub("", line) if tree.name(path) in ALLOWED else line)
    ]
    assert findings == []


def test_each_exception_from_a_rule_gives_its_reason() -> None:
    """A line that is excused from ruff or mypy names the rule and says why, on the same line."""
    excused = [line for line in _lines(tree.python_files(), _EXCUSE) if not _REASONED.search(line)]
    assert excused == []


def test_each_rule_that_ruff_leaves_out_gives_its_reason() -> None:
    """In pyproject.toml each ignored rule of ruff has a comment on its own line."""
    section = (
        tree.text(tree.ROOT / "pyproject.toml").partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.flake8")[0]
    )
    rules = [line for line in section.splitlines() if re.search(r'"[A-Z]+\d+"', line)]
    assert rules
    assert [line for line in rules if not re.search(r"# \w.{15,}", line)] == []


def test_pure_code_has_no_excuse_from_its_types() -> None:
    """Pure code type-checks without a single exception."""
    assert _lines(tree.pure_files(), re.compile(r"#\s*type:\s*[i]gnore")) == []


def test_pure_code_touches_nothing_outside() -> None:
    """Pure code opens no file, prints nothing, evaluates no text and draws no random value."""
    findings = [
        f"{tree.name(path)}:{line} {called}"
        for path in tree.pure_files()
        for line, called, _ in tree.calls(path)
        if called in _IMPURE_CALLS or _DRAWS.search(called)
    ]
    assert findings == []


def test_pure_code_is_synchronous() -> None:
    """A `core` folder waits for nothing; in schemas only the ports, which have no body, may be asynchronous."""
    findings = [
        f"{tree.name(path)}:{node.lineno} {node.name}"
        for path in tree.pure_files()
        for node in ast.walk(tree.tree(path))
        if isinstance(node, ast.AsyncFunctionDef) and (path.parent.name == "core" or not _is_port_method(node))
    ]
    assert findings == []


def _is_port_method(function: ast.AsyncFunctionDef) -> bool:
    """Tell whether a function's body is a docstring and `...`."""
    rest = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return all(isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant) for step in rest)


def test_processes_are_started_in_integration_tests_only() -> None:
    """Outside tests/integration, the benchmarks and the round of guards no test starts a process."""
    may = tuple(f"tests/{folder}/" for folder in ("integration", "benchmarks", "guards", "support"))
    findings = [
        f"{tree.name(path)}:{line} {called}"
        for path in tree.test_files()
        if not tree.name(path).startswith(may)
        for line, called in _starts(path)
    ]
    assert findings == []


def _starts(path: Path) -> Iterator[tuple[int, str]]:
    yield from ((line, module) for line, module in tree.imports(path) if module in {"multiprocessing", "subprocess"})
    yield from (
        (line, called) for line, called, _ in tree.calls(path) if "create_subprocess" in called or called == "os.system"
    )


def test_no_test_sleeps() -> None:
    """A test waits for the event itself; only `sleep(0)`, which lets other tasks run, is allowed."""
    findings = [
        f"{tree.name(path)}:{line} {called}"
        for path in tree.test_files()
        for line, called, call in tree.calls(path)
        if called.rpartition(".")[2] == "sleep" and not _is_zero(call)
    ]
    assert findings == []


def _is_zero(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
