"""What holds for every test: where sockets are open, how long a test may take, how Hypothesis draws.

Sockets are closed and the order is random everywhere (pytest-socket, pytest-randomly, see pyproject.toml); only tests
below `tests/integration` and `tests/browser` may open sockets and start processes. A warning is an error.
"""

import gc
import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


def _slower() -> float:
    """Tell how many times slower than the reference this machine is just now, at least 1: limits stretch with it."""
    best_s = float("inf")
    for _ in range(5):
        began_s = time.process_time()
        sum(range(1_000_000))
        best_s = min(best_s, time.process_time() - began_s)
    return max(1.0, best_s / REFERENCE_S)


REFERENCE_S = 0.006
"""What the sum in `_slower` takes on the machine the limits were set on."""
TEST_LIMIT_S = 0.25 * _slower()
SUITE_LIMIT_S = 20.0 * _slower()
UNHURRIED = ("integration", "long", "slow")

_began_s = time.perf_counter()
_cpu_s = pytest.StashKey[float]()
_over_limit = pytest.StashKey[list[str]]()

# `make` puts the checked nats-server here; a pytest started by hand shall find the same one.
os.environ["PATH"] = f"{ROOT / 'build' / 'bin'}{os.pathsep}{os.environ['PATH']}"

# The same inputs in every run, so that a red run can be repeated; HYPOTHESIS_PROFILE=explore goes looking for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--enforce-speed`, which turns the report of slow tests into failures (`make fast`)."""
    parser.addoption(
        "--enforce-speed",
        action="store_true",
        help=f"fail unmarked tests over {TEST_LIMIT_S} s of processor time, and a run over {SUITE_LIMIT_S:.0f} s",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no test over its limit."""
    config.stash[_over_limit] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies below tests/integration and tests/browser, and open sockets there and nowhere else."""
    for item in items:
        if any(item.path.is_relative_to(ROOT / "tests" / folder) for folder in ("integration", "browser")):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.enable_socket)


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of the search for garbage, which took a third of a second of any one."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure processor time, which a busy machine does not lengthen."""
    begun_s = time.process_time()
    try:
        return (yield)
    finally:
        item.stash[_cpu_s] = time.process_time() - begun_s


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note, or with `--enforce-speed` fail, a test that took too long without being marked slow."""
    report = yield
    used_s = item.stash.get(_cpu_s, 0.0)
    if call.when != "call" or used_s <= TEST_LIMIT_S or any(item.get_closest_marker(name) for name in UNHURRIED):
        return report
    finding = f"{item.nodeid} took {used_s:.2f} s; over {TEST_LIMIT_S:.2f} s a test is marked slow"
    item.config.stash[_over_limit].append(finding)
    if item.config.getoption("--enforce-speed") and report.passed:
        report.outcome = "failed"
        report.longrepr = finding
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the tests over their limit, and say when the whole run was."""
    for finding in config.stash[_over_limit]:
        terminalreporter.write_line(f"SLOW {finding}", yellow=True)
    if _suite_is_late(config):
        terminalreporter.write_line(f"SLOW the suite took over {SUITE_LIMIT_S:.0f} s", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With `--enforce-speed`, fail a run that took too long as a whole."""
    if session.exitstatus == pytest.ExitCode.OK and _suite_is_late(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _suite_is_late(config: pytest.Config) -> bool:
    return bool(config.getoption("--enforce-speed")) and time.perf_counter() - _began_s > SUITE_LIMIT_S
