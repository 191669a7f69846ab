"""The bound on tries: by address, over a while, in bounded memory."""

from adapters.web.throttle import MAX_ADDRESSES, PER_MS, TRIES, Throttle
from tests.support.pens import ManualClock


def test_tries_are_bounded_by_address_and_come_back_one_by_one() -> None:
    """Only failures count; each is forgotten a minute after it."""
    clock = ManualClock(1_000_000)
    throttle = Throttle(clock)
    for _ in range(TRIES):
        assert throttle.may_try("a")
        throttle.failed("a")
        clock.ms += 1
    assert (throttle.may_try("a"), throttle.may_try("b")) == (False, True)
    clock.ms = 1_000_000 + PER_MS
    assert throttle.may_try("a")
    throttle.failed("a")
    assert not throttle.may_try("a")


def test_memory_is_bounded() -> None:
    """Of too many addresses the first is forgotten, never the present one."""
    throttle = Throttle(ManualClock(1))
    for number in range(MAX_ADDRESSES + 5):
        throttle.failed(str(number))
    for _ in range(TRIES):
        throttle.failed("last")
    assert not throttle.may_try("last")
