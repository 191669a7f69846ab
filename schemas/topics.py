"""NATS topics: built and parsed here only, so that no other module glues dots.

An agency speaks to the broker on `ask.<verb>`; the server itself maps that to `broker.req.<account>.<verb>` and fills
in the caller's account (`account_token_position`), which no caller can forge. The broker reaches a node on
`adapter.<agency>.<call>`, which arrives there as `adapter.<call>`.
"""

import re
from typing import Final, NamedTuple

from schemas.errors import Code, Malformed
from schemas.ids import NATS_ACCOUNT_PATTERN, AgencyId, NatsAccount

ASK_VERBS: Final = ("request", "outcome", "deliver", "record", "chain", "evidence", "head", "hashes")
"""What an agency may ask of the broker."""

NODE_CALLS: Final = ("permit", "deliver", "witness")
"""What every node serves, and nothing else."""

ACCOUNT_TOKEN_POSITION: Final = 3
"""Counted from 1: where the server puts the caller's account into the broker's topic."""

BROKER_TOPICS: Final = "broker.req.*.*"
"""What the broker serves."""


class Caller(NamedTuple):
    """Who asked the broker for what, in the server's own word."""

    account: NatsAccount
    verb: str


def ask(verb: str) -> str:
    """Give the topic on which a node asks the broker."""
    return f"ask.{verb}"


def node_call(agency: AgencyId, call: str) -> str:
    """Give the topic on which the broker calls a node."""
    return f"adapter.{agency}.{call}"


def served(call: str) -> str:
    """Give the topic on which a node serves a call."""
    return f"adapter.{call}"


def inbox_prefix(agency: AgencyId) -> str:
    """Give the prefix of the only inboxes this agency may listen to."""
    return f"_IB_{agency}"


def parse_broker_topic(topic: str) -> Caller:
    """Read account and verb from the topic a message reached the broker on; Malformed for any other topic."""
    match topic.split("."):
        case ["broker", "req", account, verb] if verb in ASK_VERBS and re.fullmatch(NATS_ACCOUNT_PATTERN, account):
            return Caller(NatsAccount(account), verb)
        case _:
            message = "topic: the broker serves broker.req.<account>.<verb> with a known verb only"
            raise Malformed(message, code=Code.UNKNOWN_TOPIC)
