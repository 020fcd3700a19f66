"""The bounded queue."""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.serving.calls import Call, Headers
from clary.serving.parking import Parking


class Nobody:
    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        raise AssertionError

    def began(self, variant: str, headers: Headers) -> None:
        raise AssertionError

    def part(self, data: bytes) -> None:
        raise AssertionError

    def ended(self) -> None:
        raise AssertionError

    def failed(self, error: ApiError) -> None:
        raise AssertionError


def call(target: str | None = None) -> Call:
    return Call(b"", Nobody(), target)


def test_first_in_first_out_and_bounded() -> None:
    parking = Parking(2, 30.0)
    first, second, third = call(), call(), call()
    assert [parking.enter(c, 1.0) for c in (first, second, third)] == [True, True, False]
    out: list[Call] = []
    parking.release(lambda c: out.append(c) is None)
    assert out == [first, second]
    assert parking.occupied == 0


def test_a_call_that_wants_one_variant_holds_nobody_up() -> None:
    parking = Parking(10, 30.0)
    choosy, easy = call("b"), call()
    parking.enter(choosy, 1.0)
    parking.enter(easy, 1.0)
    out: list[Call] = []
    parking.release(lambda c: c.target is None and out.append(c) is None)
    assert out == [easy]
    assert parking.occupied == 1


def test_a_call_that_comes_back_goes_to_the_front_and_keeps_its_time() -> None:
    parking = Parking(10, 30.0)
    old, new = call(), call()
    parking.enter(old, 1.0)
    parking.release(lambda c: True)
    parking.enter(new, 20.0)
    parking.enter(old, 21.0)
    assert parking.expired(31.5) == [old]
    assert parking.expired(31.5) == []
    assert parking.expired(51.0) == [new]


def test_calls_that_nobody_waits_for_leave() -> None:
    parking = Parking(10, 30.0)
    gone, there = call(), call()
    parking.enter(gone, 1.0)
    parking.enter(there, 1.0)
    gone.abandon()
    placed: list[Call] = []
    parking.release(lambda c: placed.append(c) is None)
    assert placed == [there]
    assert parking.occupied == 0
