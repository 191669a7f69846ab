"""Trust policies: the file's grammar and when a quorum is there (tlog-policy)."""

import pytest

from consent_ledger.core.pins_file import majority_policy
from consent_ledger.core.policy import Policy, parse_policy
from schemas.errors import Malformed
from tests.support.keys import log_signer, mldsa_witness, signer, witness

LOG_LINE = f"log {log_signer().key.vkey}\n"
X = [f"witness X{number} {witness(number).key.vkey}\n" for number in range(4)]
Y = [f"witness Y{number} {witness(number).key.vkey} https://w{number}.example/\n" for number in range(4, 6)]
TWO_LEVELS = (
    f"# the example of the specification\n\n{LOG_LINE}"
    f"{''.join(X[:3])}\tgroup  X-witnesses 2 X0\tX1 X2 \n"
    f"{''.join(Y)}group Y-witnesses any Y4 Y5\n"
    "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)


def _holds(policy: Policy, *numbers: int) -> bool:
    return policy.satisfied(witness(number).key for number in numbers)


def test_a_quorum_of_groups_of_groups() -> None:
    """Two of three and one of two are needed, as the example of the specification says."""
    policy = parse_policy(TWO_LEVELS)
    assert policy.logs == (log_signer().key,)
    assert _holds(policy, 0, 2, 5)
    assert _holds(policy, 0, 1, 2, 4, 5)
    assert not _holds(policy, 0, 2)
    assert not _holds(policy, 0, 4, 5)
    assert not _holds(policy)
    assert not _holds(policy, 0, 9, 4)


def test_a_single_witness_can_be_the_quorum() -> None:
    """A quorum line may name a witness."""
    policy = parse_policy(X[0] + X[1] + "quorum X1\n")
    assert _holds(policy, 1)
    assert not _holds(policy, 0)


def test_no_quorum_needs_no_witness() -> None:
    """With `quorum none` every checkpoint of a log suffices."""
    policy = parse_policy("quorum none")
    assert (policy.logs, policy.quorum) == ((), None)
    assert _holds(policy)


def test_all_needs_every_member() -> None:
    """`all` is as many as there are members."""
    policy = parse_policy("".join(X) + "group g all X0 X1 X2 X3\nquorum g")
    assert _holds(policy, 0, 1, 2, 3)
    assert not _holds(policy, 0, 1, 2)


def test_a_witness_may_cosign_by_mldsa44() -> None:
    """Its vkey of type 0x06 stands in a witness line; a log has no such key."""
    second = mldsa_witness(0).key
    policy = parse_policy(f"{X[0]}witness Z {second.vkey}\ngroup g any X0 Z\nquorum g\n")
    assert policy.satisfied([second])
    with pytest.raises(Malformed, match="needs 0x01"):
        parse_policy(f"log {second.vkey}\nquorum none")


def test_a_majority_counts_an_agency_once() -> None:
    """Of an agency that cosigns by two keys one is asked for, Ed25519's; more than half of the agencies are needed."""
    known = (witness(1).key, mldsa_witness(1).key, witness(2).key, mldsa_witness(3).key)
    text = majority_policy(log_signer().key, known)
    assert f"group members 2 {witness(1).key.name} {witness(2).key.name} {mldsa_witness(3).key.name}" in text
    policy = parse_policy(text)
    assert not policy.satisfied([witness(1).key, mldsa_witness(1).key])
    assert policy.satisfied([witness(1).key, mldsa_witness(3).key])


def test_a_name_does_not_stand_for_a_key() -> None:
    """Cosigners are counted by their keys: the same name with another key is nobody."""
    policy = parse_policy(X[0] + "quorum X0")
    assert not policy.satisfied([signer(witness(0).key.name).key])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "quorum line is missing"),
        ("witnes a b\nquorum none", "line 1: must start with"),
        ("quorum none\nquorum none", "line 2: must be: quorum"),
        ("quorum", "must be: quorum"),
        ("quorum a", "not defined above"),
        ("quorum X0\n" + X[0], "line 1: the quorum X0"),
        ("log\nquorum none", "must be: log"),
        (LOG_LINE.strip() + " a b\nquorum none", "must be: log"),
        ("log x\nquorum none", "line 1: vkey"),
        (LOG_LINE * 2 + "quorum none", "line 2: .* same public key"),
        (f"log {witness(1).key.vkey}\nquorum none", "needs 0x01"),
        (f"witness w {log_signer().key.vkey}\nquorum none", "needs 0x04"),
        ("witness w\nquorum none", "must be: witness"),
        (X[0].strip() + " a b\nquorum none", "must be: witness"),
        (X[0] + X[0].replace("X0", "other") + "quorum none", "same public key"),
        (X[0] + X[1].replace("X1", "X0") + "quorum none", "reserved or defined"),
        (X[0].replace("X0", "none") + "quorum none", "reserved or defined"),
        (X[0] + "group X0 any X0\nquorum none", "reserved or defined"),
        (X[0] + "group none any X0\nquorum none", "reserved or defined"),
        (X[0] + "group g any\nquorum none", "must be: group"),
        (X[0] + "group g any none\nquorum none", "not defined above"),
        (X[0] + "group g any g\nquorum none", "not defined above"),
        (X[0] + "group g 2 X0\nquorum none", "threshold"),
        (X[0] + "group g 0 X0\nquorum none", "threshold"),
        (X[0] + "group g 01 X0\nquorum none", "threshold"),
        (X[0] + "group g \u0661 X0\nquorum none", "threshold"),
        (X[0] + "group g any X0 X0\nquorum none", "already"),
        (X[0] + "group g any X0\ngroup h any X0\nquorum none", "line 3: X0 is a member"),
        ("quorum none\r\n", "control characters"),
        ("quorum\u00a0none", "must start with"),
    ],
)
def test_a_policy_out_of_form_is_malformed(text: str, rule: str) -> None:
    """Each broken rule is refused with its line."""
    with pytest.raises(Malformed, match=rule):
        parse_policy(text)
