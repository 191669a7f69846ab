"""Topics: what is built is what is parsed, and nothing else reaches the broker."""

import pytest

from schemas import topics
from schemas.errors import Code, Malformed
from schemas.ids import AgencyId, NatsAccount

ACCOUNT = NatsAccount("A" + "B" * 55)


@pytest.mark.parametrize("verb", topics.ASK_VERBS)
def test_caller_and_verb_come_from_the_topic(verb: str) -> None:
    """The broker learns account and verb from the topic, at the place where the server puts the account."""
    caller = topics.parse_broker_topic(f"broker.req.{ACCOUNT}.{verb}")
    assert caller == (ACCOUNT, verb)
    assert topics.BROKER_TOPICS.split(".").index("*") + 1 == topics.ACCOUNT_TOKEN_POSITION


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "broker.req",
        f"broker.req.{ACCOUNT}",
        f"broker.req.{ACCOUNT}.unknown",
        f"broker.req.{ACCOUNT}.request.more",
        f"broker.req..{ACCOUNT}.request",
        f"broker.ask.{ACCOUNT}.request",
        f"other.req.{ACCOUNT}.request",
        f"broker.req.{ACCOUNT} .request",
        f"broker.req.{ACCOUNT}\n.request",
        f"broker.req.{ACCOUNT.lower()}.request",
        "broker.req..request",
        "broker.req.*.request",
        f"BROKER.req.{ACCOUNT}.request",
    ],
)
def test_every_other_topic_is_refused(topic: str) -> None:
    """A topic of another form, of no account or with an unknown verb is refused as unknown."""
    with pytest.raises(Malformed) as refused:
        topics.parse_broker_topic(topic)
    assert refused.value.code is Code.UNKNOWN_TOPIC


def test_topics_of_nodes() -> None:
    """A node asks on `ask.<verb>` and serves `adapter.<call>`; the broker reaches it by its name."""
    agency = AgencyId("mbe-2")
    assert topics.ask("request") == "ask.request"
    assert topics.node_call(agency, "permit") == "adapter.mbe-2.permit"
    assert topics.served("permit") == "adapter.permit"
    assert topics.inbox_prefix(agency) == "_IB_mbe-2"
