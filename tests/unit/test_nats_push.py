"""What the operator's tool makes of a server's answers; how a real server answers stands in the integration tests."""

import pytest

from adapters.infra.nats_push import known_accounts, push_accounts
from schemas.errors import Misuse, Unavailable
from schemas.ids import NatsAccount
from tests.support.memory_bus import MemoryBus, MemoryNet

ACCOUNT = NatsAccount("A" * 56)


async def answering(answer: bytes) -> MemoryBus:
    """Give a bus on which a server answers everything with the same bytes."""
    bus = MemoryNet().broker()

    async def server(_topic: str, _body: bytes) -> bytes:
        return answer

    await bus.serve("$SYS.REQ.>", server)
    return bus


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b'{"data":{"code":"fine"}}', b'{"data":{}}', b"\xff"])
async def test_an_answer_that_cannot_be_read_is_unavailable(answer: bytes) -> None:
    """Whether the server took the account in is not known then; the same push may succeed later."""
    with pytest.raises(Unavailable, match="cannot be read"):
        await push_accounts(await answering(answer), [(ACCOUNT, "jwt")], timeout_s=1)
    with pytest.raises(Unavailable, match="cannot be read"):
        await known_accounts(await answering(answer), timeout_s=1)


@pytest.mark.parametrize("answer", [b'{"error":{"code":500}}', b'{"data":{"code":500}}'])
async def test_a_refusal_names_the_account(answer: bytes) -> None:
    """The message says whose JWT was refused."""
    with pytest.raises(Misuse, match=ACCOUNT):
        await push_accounts(await answering(answer), [(ACCOUNT, "jwt")], timeout_s=1)


async def test_after_a_refusal_nothing_more_is_pushed() -> None:
    """The order matters, so the rest waits until the refused account is put right."""
    net = MemoryNet()
    bus, pushed = net.broker(), []

    async def server(_topic: str, body: bytes) -> bytes:
        pushed.append(body)
        return b'{"data":{"code":500}}' if body == b"bad" else b'{"data":{"code":200}}'

    await bus.serve("$SYS.REQ.CLAIMS.UPDATE", server)
    with pytest.raises(Misuse):
        await push_accounts(bus, [(ACCOUNT, "good"), (ACCOUNT, "bad"), (ACCOUNT, "never")], timeout_s=1)
    assert pushed == [b"good", b"bad"]
