"""Fleets against real model servers on unix sockets, in one event loop with the test."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httptools
import pytest

from clary.base.errors import ApiError
from clary.base.snapshots import Endpoint, Replica, Routes, Variant, route_key
from clary.serving import replicas
from clary.serving.calls import Call, Headers, build_request
from clary.serving.connection import COLLECTED_BYTES, Parsing
from clary.serving.forwarder import Forwarder
from tests.door.harness import Harness

ACCOUNT, REGION = "123456789012", "eu-west-1"


class Outcome:
    """A receiver that can be awaited."""

    def __init__(self) -> None:
        self.future: asyncio.Future[tuple[str, bytes]] = asyncio.get_running_loop().create_future()

        self.variant = ""
        self.headers: Headers = []
        self.parts: list[bytes] = []

    def answered(self, variant: str, headers: Headers, body: bytes) -> None:
        self.variant, self.headers = variant, headers
        self.future.set_result((variant, body))

    def began(self, variant: str, headers: Headers) -> None:
        self.variant, self.headers = variant, headers

    def part(self, data: bytes) -> None:
        self.parts.append(data)

    def ended(self) -> None:
        self.future.set_result((self.variant, b"".join(self.parts)))

    def failed(self, error: ApiError) -> None:
        self.future.set_exception(error)


class Bench:
    """A forwarder and its settings; `serve` writes the next snapshot."""

    def __init__(self, harness: Harness, **changes: Any) -> None:
        settings = replace(harness.settings, **changes)
        self.forwarder = Forwarder(settings, Parsing(httptools.HttpResponseParser, httptools.HttpParserError))
        self.number = 0
        self.task = asyncio.get_running_loop().create_task(self.forwarder.run())

    def serve(self, *variants: Variant, timeout: float = 5.0, status: str = "InService") -> None:
        self.number += 1
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e"
        endpoint = Endpoint(ACCOUNT, REGION, "E", arn, status, timeout, variants)
        self.forwarder.apply(Routes(self.number, {route_key(ACCOUNT, REGION, "E"): endpoint}))

    def submit(self, body: bytes = b"x", target: str | None = None) -> tuple[Call, asyncio.Future[tuple[str, bytes]]]:
        outcome = Outcome()
        call = Call(build_request({}, body), outcome, target)
        self.forwarder.find(ACCOUNT, REGION, "e").submit(call)
        return call, outcome.future

    def stream(self, body: bytes) -> tuple[Call, Outcome]:
        outcome = Outcome()
        call = Call(build_request({}, body, streamed=True), outcome, streamed=True)
        self.forwarder.find(ACCOUNT, REGION, "e").submit(call)
        return call, outcome

    async def ask(self, body: bytes = b"x", target: str | None = None) -> tuple[str, bytes]:
        return await self.submit(body, target)[1]

    def counted(self, variant: str = "v") -> dict[str, float]:
        return self.forwarder.counters()[route_key(ACCOUNT, REGION, "E")][variant]


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path)
    yield harness
    harness.close()


def in_loop(harness: Harness, work: Callable[[Bench], Awaitable[None]], **changes: Any) -> None:
    async def run() -> None:
        bench = Bench(harness, **changes)
        try:
            await work(bench)
        finally:
            bench.task.cancel()
            bench.forwarder.close()

    asyncio.run(run())


def variant(*replicas: Replica, name: str = "v", weight: float = 1.0) -> Variant:
    return Variant(name, weight, replicas)


def test_weights_and_target_variant(harness: Harness) -> None:
    model = harness.model()
    other = harness.model("other")

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record, name="a", weight=0.8), variant(other.record, name="b", weight=0.2))
        names = [(await bench.ask())[0] for _ in range(300)]
        assert 0.65 < names.count("a") / 300 < 0.95
        assert (await bench.ask(target="b"))[0] == "b"
        with pytest.raises(ApiError, match="Variant c for endpoint E") as caught:
            bench.submit(target="c")
        assert caught.value.code == "ValidationError"

    in_loop(harness, work)


def test_a_variant_whose_replicas_are_gone_leaves_its_share_to_the_others(harness: Harness) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record, name="a", weight=0.1), variant(name="b", weight=0.9))
        assert {(await bench.ask())[0] for _ in range(20)} == {"a"}

    in_loop(harness, work)


def test_endpoints_that_are_unknown_or_not_served(harness: Harness) -> None:
    async def work(bench: Bench) -> None:
        with pytest.raises(ApiError, match=f"Endpoint e of account {ACCOUNT} not found."):
            bench.submit()
        bench.serve(status="Creating")
        with pytest.raises(ApiError, match="Creating"):
            bench.submit()

    in_loop(harness, work)


def test_a_call_is_sent_twice_at_most(harness: Harness) -> None:
    bad = harness.model("bad")

    async def work(bench: Bench) -> None:
        bench.serve(variant(bad.record))
        with pytest.raises(ApiError) as caught:
            await bench.ask(b"!close")
        assert (caught.value.code, caught.value.status) == ("ModelError", 424)
        assert caught.value.members["OriginalStatusCode"] == 0
        counted = bench.counted()
        assert [counted[name] for name in ("requests", "broken", "retried", "timed_out", "parked")] == [1, 1, 1, 0, 1]

    in_loop(harness, work)


def test_no_retry_once_a_byte_has_come_or_when_switched_off(harness: Harness) -> None:
    model = harness.model()

    async def after_a_byte(bench: Bench) -> None:
        bench.serve(variant(model.record))
        with pytest.raises(ApiError):
            await bench.ask(b"!partial")
        assert bench.counted()["retried"] == 0

    async def switched_off(bench: Bench) -> None:
        bench.serve(variant(model.record))
        with pytest.raises(ApiError):
            await bench.ask(b"!close")
        assert bench.counted()["retried"] == 0

    in_loop(harness, after_a_byte)
    in_loop(harness, switched_off, retry_invocations=False)


def test_calls_wait_for_a_replica_and_overflow_is_refused(harness: Harness) -> None:
    async def work(bench: Bench) -> None:
        bench.serve(variant())
        waiting = [bench.submit(str(i).encode())[1] for i in range(3)]
        with pytest.raises(ApiError) as caught:
            bench.submit()
        assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)
        model = await asyncio.to_thread(harness.model)
        bench.serve(variant(model.record))
        answers = [(await future)[1].split()[1] for future in waiting]
        assert answers == [b"0", b"1", b"2"]

    in_loop(harness, work, parked_requests=3)


def test_a_call_that_waited_too_long_is_refused(harness: Harness) -> None:
    async def work(bench: Bench) -> None:
        bench.serve(variant())
        begun = time.monotonic()
        with pytest.raises(ApiError) as caught:
            await bench.ask()
        assert caught.value.code == "ServiceUnavailable"
        assert 0.3 <= time.monotonic() - begun < 10

    in_loop(harness, work, parked_seconds=0.3)


def test_a_refused_connection_ejects_and_ping_brings_back(harness: Harness) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        await bench.ask()
        await asyncio.to_thread(model.kill)
        waiting = [bench.submit()[1] for _ in range(5)]
        await asyncio.sleep(0.2)
        assert not any(future.done() for future in waiting)
        assert bench.counted()["parked"] == 5
        await asyncio.to_thread(model.start)
        await asyncio.wait_for(asyncio.gather(*waiting), 30)

    in_loop(harness, work)


def test_a_new_snapshot_readmits_at_once(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "_FIRST_PROBE_SECONDS", 600.0)  # no probe finds the server before
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        await asyncio.to_thread(model.kill)
        _, waiting = bench.submit()
        await asyncio.sleep(0.2)
        await asyncio.to_thread(model.start)
        await asyncio.sleep(0.2)
        assert not waiting.done()
        bench.serve(variant(model.record))
        await asyncio.wait_for(waiting, 30)

    in_loop(harness, work)


def test_a_hanging_replica_times_out_is_avoided_and_comes_back(harness: Harness) -> None:
    hanging, good = harness.model("hanging"), harness.model("good")

    async def work(bench: Bench) -> None:
        bench.serve(variant(hanging.record, good.record), timeout=1.5)
        await asyncio.gather(*[bench.ask() for _ in range(8)])
        hanging.kill(signal.SIGSTOP)
        first = await asyncio.gather(*[bench.ask() for _ in range(8)], return_exceptions=True)
        errors = [e for e in first if isinstance(e, ApiError)]
        assert 3 <= len(errors) <= 5
        assert all("timed out" in e.message and e.members["OriginalStatusCode"] == 0 for e in errors)
        assert bench.counted()["timed_out"] == len(errors)
        assert len(await asyncio.gather(*[bench.ask() for _ in range(20)])) == 20
        hanging.kill(signal.SIGCONT)
        pids = set()
        for _ in range(100):
            pids |= {(await bench.ask())[1].split()[0]}
            await asyncio.sleep(0.03)
            if len(pids) == 2:
                break
        assert len(pids) == 2

    in_loop(harness, work)


def test_a_stalled_replica_gets_nothing_more_before_any_timeout(harness: Harness) -> None:
    slow, good = harness.model("slow"), harness.model("good")

    async def work(bench: Bench) -> None:
        bench.serve(variant(slow.record), timeout=30)
        late = bench.submit(b"!delay 2.5")[1]
        bench.serve(variant(slow.record, good.record), timeout=30)
        await asyncio.sleep(1.3)
        good_pid = str(good.process.pid).encode() if good.process else b""
        answers = await asyncio.gather(*[bench.ask() for _ in range(10)])
        assert {answer[1].split()[0] for answer in answers} == {good_pid}
        assert (await late)[1] == b"late"

    in_loop(harness, work)


def test_old_replicas_finish_what_they_have_when_the_snapshot_changes(harness: Harness) -> None:
    old, new = harness.model("old"), harness.model("new")

    async def work(bench: Bench) -> None:
        bench.serve(variant(old.record))
        under_way = bench.submit(b"!delay 0.4")[1]
        await asyncio.sleep(0.1)
        bench.serve(variant(new.record))
        assert new.process is not None
        assert (await bench.ask())[1].split()[0] == str(new.process.pid).encode()
        await asyncio.to_thread(old.kill, signal.SIGTERM)
        assert (await under_way)[1] == b"late"

    in_loop(harness, work)


def test_a_deleted_endpoint_tells_those_who_wait(harness: Harness) -> None:
    async def work(bench: Bench) -> None:
        bench.serve(variant())
        _, waiting = bench.submit()
        bench.forwarder.apply(Routes(9, {}))
        with pytest.raises(ApiError, match="not found"):
            await waiting

    in_loop(harness, work)


def test_the_answer_to_a_client_that_has_gone_is_dropped_and_the_connection_stays(harness: Harness) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        call, nobody = bench.submit(b"!delay 0.2")
        call.abandon()
        await asyncio.sleep(0.4)
        assert not nobody.done()
        assert (await bench.ask())[1].endswith(b"x")

    in_loop(harness, work)


def test_answers_of_every_form(harness: Harness) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        assert (await bench.ask(b"!chunked"))[1] == b"abcde"
        assert (await bench.ask(b"!eof"))[1] == b"until the end"
        assert (await bench.ask(b"!interim"))[1] == b"after 102"
        with pytest.raises(ApiError):
            await bench.ask(b"!malformed")
        with pytest.raises(ApiError, match="exceeded 100000 bytes"):
            await bench.ask(b"!big 100001")
        assert len((await bench.ask(b"!big 100000"))[1]) == 100000
        with pytest.raises(ApiError, match="exceeded 100000 bytes"):
            await bench.ask(b"!chunks 100001")
        assert len((await bench.ask(b"!chunks 100000"))[1]) == 100000
        with pytest.raises(ApiError, match=r'Received client error \(404\) from primary with message "no"'):
            await bench.ask(b"!status 404 no")

    in_loop(harness, work, max_invocation_bytes=100000)


async def true(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_stream_ends_at_its_model_when_nobody_reads_any_more(harness: Harness, tmp_path: Path) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        call, outcome = bench.stream(f"!stream {tmp_path} chatter".encode())
        await true(lambda: b"".join(outcome.parts).startswith(b"first;."))
        assert not outcome.future.done()
        call.abandon()
        await true((tmp_path / "gone").exists)
        assert bench.counted()["requests"] == 1
        assert not outcome.future.done()

    in_loop(harness, work)


def test_the_time_of_a_stream_stands_still_while_it_is_held(harness: Harness, tmp_path: Path) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record), timeout=0.5)
        call, outcome = bench.stream(f"!stream {tmp_path} end".encode())
        await true(lambda: outcome.parts)
        call.hold(True)
        await asyncio.sleep(1.0)
        (tmp_path / "go").touch()
        call.hold(False)
        assert (await outcome.future)[1] == b"first;second"
        (tmp_path / "go").unlink()
        _, silent = bench.stream(f"!stream {tmp_path} end".encode())
        with pytest.raises(ApiError, match="timed out"):
            await silent.future
        assert silent.parts == [b"first;"]
        assert (await bench.ask())[1].endswith(b"x")

    in_loop(harness, work)


def test_an_answer_in_parts_leaves_a_connection_that_can_be_used_again(harness: Harness) -> None:
    model = harness.model()

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        for size in (COLLECTED_BYTES, COLLECTED_BYTES + 1, 3 * COLLECTED_BYTES):
            assert len((await bench.ask(b"!big %d" % size))[1]) == size
            assert (await bench.ask())[1].endswith(b"x")

    in_loop(harness, work)


def test_many_at_once_stay_within_the_bound(harness: Harness) -> None:
    model = harness.model(delay=0.05)

    async def work(bench: Bench) -> None:
        bench.serve(variant(model.record))
        answers = await asyncio.gather(*[bench.ask(str(i).encode()) for i in range(600)])
        assert {int(answer[1].split()[1]) for answer in answers} == set(range(600))
        assert bench.counted("")["parked"] == 600 - 256

    in_loop(harness, work)
