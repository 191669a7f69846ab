"""Where the promises of ARCHITECTURE.md are kept, and the tests that must notice when they are not."""

from typing import Final, NamedTuple


class Kept(NamedTuple):
    """A module whose guards keep promises, by their numbers, and the tests to run, the likeliest to notice first."""

    promises: str
    module: str
    tests: tuple[str, ...]


class Replaced(NamedTuple):
    """A guard that is no condition: the words in force, and what stands there when it is taken out."""

    promises: str
    module: str
    words: str
    put: str
    tests: tuple[str, ...]


def _tests(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/{name}.py" for name in names)


DECISIONS: Final = _tests(
    "unit/test_decide",
    "unit/test_decide_outcome",
    "unit/test_admission",
    "unit/test_client_withdrawal",
    "property/test_law",
    "property/test_law_bearings",
    "flow/test_promises",
)
HOLDER: Final = _tests(
    "unit/test_node_accept", "unit/test_node_answers", "unit/test_node_decisions", "flow/test_promises"
)
NODE: Final = _tests("flow/test_promises", "flow/test_holders_no", "flow/test_node_faults", "flow/test_statute_handles")

MODULES: Final = (
    Kept("2 3", "broker/core/standing.py", DECISIONS),
    Kept("2 5 9", "broker/core/decide.py", DECISIONS),
    Kept("2 6", "broker/core/admission.py", DECISIONS),
    Kept("2", "broker/core/authenticate.py", _tests("unit/test_authenticate", "flow/test_broker_service")),
    Kept("4", "broker/core/check_outcome.py", _tests("unit/test_check_outcome")),
    Kept("3", "schemas/minimise.py", _tests("unit/test_minimise", "property/test_minimise_property")),
    Kept("2 3 4", "adapters/node/core/accept.py", HOLDER),
    Kept("2 3", "adapters/node/core/answer.py", HOLDER),
    Kept("3 4", "adapters/node/core/open_answer.py", HOLDER),
    Kept("2", "adapters/node/core/deciding.py", _tests("unit/test_deciding", "flow/test_deciding")),
    Kept(
        "2",
        "adapters/node/releases.py",
        _tests("flow/test_deciding", "flow/test_node_deadlines", "flow/test_node_odd_answers", "flow/test_node_api"),
    ),
    Kept(
        "4 6",
        "adapters/node/core/view.py",
        _tests("unit/test_node_view", "unit/test_node_shards", "unit/test_node_log_key", "flow/test_promises"),
    ),
    Kept("4 6", "consent_ledger/core/shard.py", _tests("unit/test_log_key")),
    Kept("2 4", "consent_ledger/core/signed.py", _tests("unit/test_signed", "unit/test_node_view")),
    Kept("4 7", "consent_ledger/core/proof.py", _tests("unit/test_proof", "property/test_formats_property")),
    Kept("4 7", "consent_ledger/core/checkpoint.py", _tests("unit/test_checkpoint", "unit/test_cosigned")),
    Kept("6 7", "consent_ledger/core/counters.py", _tests("unit/test_counters", "property/test_counters_property")),
    Kept("6 7", "consent_ledger/core/completeness.py", _tests("unit/test_completeness", "flow/test_tamper_matrix")),
    Kept("7", "consent_ledger/core/structure.py", _tests("unit/test_verify", "flow/test_tamper_matrix")),
    Kept("7", "consent_ledger/core/merkle.py", _tests("unit/test_merkle", "property/test_merkle_property")),
    Kept("1", "schemas/seal.py", _tests("unit/test_seal")),
    Kept("1", "schemas/commitment.py", _tests("unit/test_commitment", "unit/test_node_answers")),
)

REPLACED: Final = (
    Replaced(
        "4 6",
        "adapters/node/federation.py",
        "await self.end(last)",
        "pass",
        _tests("flow/test_log_key_followed"),
    ),
    Replaced(
        "4 6",
        "adapters/node/core/view.py",
        "        self.check_within(proven.checkpoint.checkpoint)\n",
        "",
        _tests("unit/test_node_log_key"),
    ),
    Replaced(
        "6",
        "broker/process.py",
        "await self.witnessing.of(before).settle()",
        "pass",
        _tests("flow/test_ending_shard"),
    ),
    Replaced(
        "4 6",
        "adapters/node/covering.py",
        "if self._overdue(now):",
        "if False:",
        _tests("flow/test_covering"),
    ),
    Replaced(
        "4 6",
        "adapters/node/covering.py",
        "if self.view.unseen.late:",
        "if False:",
        _tests("flow/test_covering"),
    ),
    Replaced(
        "6",
        "adapters/node/covering.py",
        "            await self._look_up()\n            if checkpoint",
        "            if checkpoint",
        _tests("flow/test_covering"),
    ),
    Replaced(
        "6",
        "adapters/node/core/follow.py",
        "if index < self._followed.get(log, 0):",
        "if False:",
        _tests("flow/test_covering", "unit/test_follow"),
    ),
    Replaced(
        "6",
        "adapters/node/covering.py",
        "self.view.check_within(checkpoint)",
        "pass",
        _tests("flow/test_log_key_followed"),
    ),
    Replaced(
        "4 6",
        "consent_ledger/sequencer.py",
        "shard.check_within(checkpoint)",
        "pass",
        _tests("flow/test_log_key_followed"),
    ),
    Replaced(
        "7",
        "consent_ledger/core/verify.py",
        "there.origin != opening.ended or there.size > opening.size",
        "False",
        _tests("flow/test_log_key_audited"),
    ),
    Replaced(
        "7",
        "consent_ledger/core/verify.py",
        "there.root.hex() != opening.root",
        "False",
        _tests("flow/test_log_key_audited"),
    ),
    Replaced(
        "7",
        "broker/core/shard_admission.py",
        "(statement.ended, statement.size, statement.root) != ended",
        "False",
        _tests("unit/test_log_key"),
    ),
    Replaced(
        "7",
        "broker/core/shard_admission.py",
        "elif root is not None:",
        "elif False:",
        _tests("unit/test_log_key"),
    ),
    Replaced(
        "1",
        "adapters/node/requester.py",
        "pseudonym = await self.staff.pseudonym(question.staff)",
        "pseudonym = question.staff",
        _tests("flow/test_blind_middle"),
    ),
    Replaced(
        "1",
        "schemas/commitment.py",
        'hmac.digest(key, data, "sha256").hex()',
        "hashlib.sha256(data).hexdigest()",
        _tests("flow/test_blind_middle", "unit/test_commitment"),
    ),
    Replaced(
        "1",
        "schemas/seal.py",
        "return _INFO + canonical.encode_model(context)",
        "return _INFO",
        _tests("unit/test_seal"),
    ),
    Replaced(
        "3",
        "adapters/node/outcomes.py",
        "frozenset(grant.fields)",
        "self.source.catalogue",
        _tests("flow/test_promises"),
    ),
    Replaced(
        "5",
        "broker/core/decide.py",
        "stands = standing(Case(state, registry, grant.statement, grant.requester, time_ms, reserved=True))",
        "stands = standing(Case(state, registry, grant.statement, grant.requester, time_ms, reserved=True))\n"
        "    return _answered(submission.opened, note, grant.index, state.chain, time_ms)",
        DECISIONS,
    ),
    Replaced(
        "8",
        "adapters/node/responder.py",
        "        await asyncio.sleep(_left(until_s))\n        return ms.Later",
        "        return ms.Later",
        _tests("flow/test_holders_no"),
    ),
    Replaced(
        "8",
        "adapters/node/responder.py",
        "except Exception as error:",
        "except StopAsyncIteration as error:",
        _tests("flow/test_holders_no"),
    ),
    Replaced(
        "9",
        "adapters/node/responder.py",
        "if exchange in self._seen:",
        "if False:",
        NODE,
    ),
    Replaced("9", "consent_ledger/sequencer.py", 'if place == "used":', "if False:", _tests("flow/test_sequencer")),
)
"""Guards that have another form."""


SPARED: Final = frozenset(
    {
        # `read_leaf` lets no entry pass that embeds a statement of another type than its kind says.
        ("adapters/node/core/accept.py", "not isinstance(request, st.Request)"),
        ("adapters/node/core/open_answer.py", "not isinstance(request, st.Request)"),
        # Only seal keys lack a verifier, and no role that signs is theirs.
        ("consent_ledger/core/signed.py", "key.verifier is None"),
        ("adapters/node/core/open_answer.py", "not isinstance(outcome, st.Outcome)"),
        # A body that discloses has both, or is out of form; one that does not has neither, and no bytes hash to None.
        ("adapters/node/core/open_answer.py", "answer.body.ct is None"),
        ("adapters/node/core/open_answer.py", "answer.body.commitment is None"),
    }
)
"""Guards, as (module, words), behind which stands another that says the same; each with the reason beside it."""


SOURCES: Final = (
    *("adapters", "broker", "consent_ledger", "handschlag", "schemas", "tests", "docs", "deploy"),
    *("pyproject.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile"),
)
"""What a copy needs for the tests to run in it."""
