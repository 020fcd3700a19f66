"""Kills, hangs and changes under load: no invocation fails that need not. Client retries do not exist here."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from tests.door.harness import Harness, Load, eventually

CLIENTS = 32


def test_two_replicas_one_killed_each_second(harness: Harness) -> None:
    models = [harness.model("a", 0.02), harness.model("b", 0.02)]
    harness.serve(*models)
    harness.door()

    async def director() -> None:
        for number in range(4):
            await asyncio.sleep(1.0)
            await load.go_on()
            victim = models[number % 2]
            await asyncio.to_thread(victim.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(victim.start)

    load = Load(harness.port, harness.signed_bytes(b"x"), CLIENTS)
    asyncio.run(load.run(director))
    assert (load.failed, load.broken) == (0, [])


def test_one_replica_killed_each_second_parks_its_calls(harness: Harness) -> None:
    model = harness.model("a", 0.02)
    harness.serve(model)
    harness.door()

    async def director() -> None:
        for _ in range(3):
            await asyncio.sleep(0.8)
            await load.go_on()  # a call is carried twice at the most, so it must not meet two deaths
            await asyncio.to_thread(model.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(model.start)
        await load.go_on()

    load = Load(harness.port, harness.signed_bytes(b"x"), CLIENTS)
    asyncio.run(load.run(director))
    assert (load.failed, load.broken) == (0, [])
    assert max(load.seconds) < 15, "half the time for which a call waits"


@pytest.mark.parametrize("harness", [{"parked_requests": 5, "parked_seconds": 5.0}], indirect=True)
def test_the_queue_has_an_end_and_so_has_patience(harness: Harness) -> None:
    harness.serve()
    harness.door()

    async def director() -> None:
        await asyncio.sleep(0.3)
        load.stopped = True

    load = Load(harness.port, harness.signed_bytes(b"x"), 8)
    asyncio.run(load.run(director))
    assert set(load.statuses) == {503}
    quick = [seconds for seconds in load.seconds if seconds < 4.5]
    patient = [seconds for seconds in load.seconds if seconds > 4.5]
    assert len(patient) == 5
    assert len(quick) == len(load.seconds) - 5


def test_a_switch_under_load_fails_nothing(harness: Harness) -> None:
    """As the engine does it: new replica ready, snapshot, wait for the doors, end the old replica in order."""
    old = harness.model("r0", 0.005)
    harness.serve(old)
    harness.door()

    async def director() -> None:
        nonlocal old
        for number in range(1, 5):
            await asyncio.sleep(0.2)
            new = await asyncio.to_thread(harness.model, f"r{number}", 0.005)
            written = harness.serve(new)
            await asyncio.to_thread(harness.await_snapshot, written)
            await asyncio.to_thread(old.kill, signal.SIGTERM)
            old = new

            await load.go_on()

    load = Load(harness.port, harness.signed_bytes(b"x"), 16)
    asyncio.run(load.run(director))
    assert (load.failed, load.broken) == (0, [])


def test_a_stopped_replica_costs_only_what_it_held(harness: Harness) -> None:
    models = [harness.model("a", 0.02), harness.model("b", 0.02)]
    harness.serve(*models, timeout=2.5)
    harness.door()

    async def director() -> None:
        await asyncio.sleep(0.5)
        models[0].kill(signal.SIGSTOP)
        await asyncio.sleep(3.5)
        failed_at_first.append(load.failed)
        await asyncio.sleep(1.2)
        models[0].kill(signal.SIGCONT)

    failed_at_first: list[int] = []
    load = Load(harness.port, harness.signed_bytes(b"x"), CLIENTS)
    asyncio.run(load.run(director))
    assert 0 < load.failed <= CLIENTS
    assert load.failed == failed_at_first[0], "nothing fails once the replica is out"
    assert load.broken == []


def test_a_killed_door_refuses_no_connection(harness: Harness) -> None:
    harness.serve(harness.model("a", 0.01))
    doors = [harness.door(), harness.door()]

    async def director() -> None:
        for number in range(3):
            await asyncio.sleep(0.5)
            doors[number % 2].kill()
            await asyncio.to_thread(doors[number % 2].wait)
            await asyncio.sleep(0.2)
            doors[number % 2] = await asyncio.to_thread(harness.door)

    load = asyncio.run(Load(harness.port, harness.signed_bytes(b"x"), 16).run(director))
    assert load.refused == 0
    assert set(load.statuses) == {200}
    assert len(load.broken) <= 3 * 16, "at most what was on the killed door"


def test_doors_drain_on_sigterm_without_a_failed_request(harness: Harness) -> None:
    """A rolling restart: each door is told to end while another serves."""
    harness.serve(harness.model("a", 0.01))
    doors = [harness.door()]

    async def director() -> None:
        for _ in range(3):
            await asyncio.sleep(0.3)
            doors.append(await asyncio.to_thread(harness.door))
            doors[-2].send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(doors[-2].wait, 5) == 0

    load = asyncio.run(Load(harness.port, harness.signed_bytes(b"x"), 16).run(director))
    assert (load.failed, load.broken) == (0, [])
    assert not (harness.settings.layout.run / "doors" / str(doors[0].pid)).exists()


def test_a_draining_door_answers_what_is_under_way_and_what_is_queued(harness: Harness) -> None:
    harness.serve(harness.model("a"))
    door = harness.door()
    idle = harness.connect()
    busy = harness.connect()
    busy.sendall(harness.signed_bytes(b"!delay 1.5"))
    time.sleep(0.2)
    os.kill(door.pid, signal.SIGSTOP)
    queued = harness.connect()
    queued.sendall(harness.signed_bytes(b"queued"))
    os.kill(door.pid, signal.SIGTERM)
    os.kill(door.pid, signal.SIGCONT)
    assert queued.recv(1000).startswith(b"HTTP/1.1 200 OK")
    said = busy.recv(1000)
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in said.lower()
    assert idle.recv(10) == b""
    assert door.wait(30) == 0


def test_an_idle_door_ends_at_once(harness: Harness) -> None:
    door = harness.door()
    begun = time.monotonic()
    door.send_signal(signal.SIGTERM)
    assert door.wait(30) == 0
    assert time.monotonic() - begun < 4, "without the pause for those who are served"
    assert list((harness.settings.layout.run / "doors").iterdir()) == []
    assert not list(harness.settings.layout.sockets.glob("door-*"))


def test_snapshots_are_followed_but_never_backwards(harness: Harness) -> None:
    model = harness.model()
    harness.number = 10
    written = harness.serve(model)
    door = harness.door()
    sign = harness.settings.layout.run / "doors" / str(door.pid)
    assert sign.read_text() == str(written)
    harness.number = 5
    harness.serve()
    time.sleep(0.3)
    assert sign.read_text() == str(written)
    assert harness.invoke(b"x").status == 200
    harness.settings.layout.routes.write_text("{ torn")
    time.sleep(0.2)
    assert harness.invoke(b"x").status == 200
    harness.number = written
    harness.write_routes()
    eventually(lambda: harness.invoke(b"x").code == "ValidationError")


def test_a_full_door_lets_idle_connections_go(harness: Harness) -> None:
    harness.control()
    harness.door(CONNECTIONS=10)
    eldest = harness.connect()
    time.sleep(0.05)
    for _ in range(14):
        harness.connect()
    begun = time.monotonic()
    assert harness.ask("GET", "/ready").status == 200
    assert time.monotonic() - begun < 10
    assert eldest.recv(10) == b""


def test_a_door_full_of_work_lets_new_connections_wait(harness: Harness) -> None:
    harness.serve(harness.model())
    harness.door(CONNECTIONS=3)
    busy = [harness.connect() for _ in range(3)]
    for connection in busy:
        connection.sendall(harness.signed_bytes(b"!delay 0.7"))
    time.sleep(0.1)
    begun = time.monotonic()
    assert harness.invoke(b"x").status == 200
    assert time.monotonic() - begun > 0.3
    for connection in busy:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_bodies_held_in_memory_have_a_bound(harness: Harness) -> None:
    harness.serve(harness.model())
    harness.door(HELD_BODY_BYTES=100_000)
    refused = harness.invoke(b"x" * 200_000)
    assert (refused.status, refused.code) == (503, "ServiceUnavailable")
    assert [harness.invoke(b"x" * 90_000).status for _ in range(3)] == [200, 200, 200], "nothing is counted twice"


def test_silence_ends_connections(harness: Harness) -> None:
    """Idle for too long, a body that stops coming, an answer that nobody reads."""
    harness.control()
    harness.door(IDLE_SECONDS=0.5, BODY_SILENCE_SECONDS=0.5, UNREAD_ANSWER_SECONDS=0.5)
    begun = time.monotonic()
    idle, stuck, deaf = (harness.connect() for _ in range(3))
    stuck.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
    deaf.sendall(b"GET /stream?100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert idle.recv(10) == b""
    assert stuck.recv(1000).startswith(b"HTTP/1.1 408 ")
    time.sleep(max(0.0, 2.0 - (time.monotonic() - begun)))
    got = 0
    while part := deaf.recv(1 << 20):
        got += len(part)
    assert got < 100_000_000
