"""The supervisor as a real process with real doors and a stand-in for control."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clary.supervisor import ServerFile, read_server_file, wait_ready
from clary.supervisor.children import BackOff
from clary.supervisor.orphans import find_orphans, start_ticks
from tests.door.harness import Harness, Load, eventually

SCRIPT = str(Path(__file__).parent / "run_supervisor.py")
CONTROL = "tests.door.stub_control"


class Server(Harness):
    """A harness whose doors belong to a supervisor."""

    def start(self) -> subprocess.Popen[bytes]:
        return self.spawn([SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ready(self) -> ServerFile:
        content = wait_ready(self.settings, 60)
        assert content is not None
        return content

    def replaced(self, pid: int) -> bool:
        """Wait until the server file is that of another supervisor."""

        def done() -> bool:
            content = read_server_file(self.settings)
            return content is not None and content.pid == pid

        return bool(eventually(done))

    def use(self, content: ServerFile) -> None:
        """Let the clients of the harness talk to this server."""
        self.http.close()
        self.served_port = int(content.http_url.rpartition(":")[2])

    @property
    def port(self) -> int:
        return self.served_port

    def everybody(self) -> set[int]:
        found = [*find_orphans(self.settings, "clary.door"), *find_orphans(self.settings, CONTROL)]
        for orphan in found:
            orphan.close()
        return {orphan.pid for orphan in found}

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for pid in self.everybody():
            os.kill(pid, signal.SIGKILL)
        super().close()


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(tmp_path, {"doors": 1, **getattr(request, "param", {})})
    yield server
    server.close()


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said.decode()


@pytest.mark.parametrize("server", [{"doors": 2}], indirect=True)
def test_start_and_orderly_end_with_stable_addresses(server: Server) -> None:
    begun = time.monotonic()
    process = server.start()
    content = server.ready()
    assert time.monotonic() - begun < 20
    assert content.alive
    assert set(content.children) == {"control", "door-0", "door-1"}
    assert set(content.children.values()) == server.everybody()
    server.use(content)
    assert server.ask("GET", "/clary/ready").status == 200
    eventually(lambda: read_server_file(server.settings).ready)  # type: ignore[union-attr]
    assert f"Clary is ready at {content.http_url} and {content.https_url}" in stop(process)
    assert read_server_file(server.settings) is None
    assert server.everybody() == set()
    assert (server.settings.data / "control-ended-by").read_text() == "SIGTERM"
    again = server.start()
    second = server.ready()
    assert (second.http_url, second.https_url) == (content.http_url, content.https_url)
    assert "Ctrl-C again does not wait" in stop(again, signal.SIGINT)
    assert (server.settings.data / "control-ended-by").read_text() == "SIGINT"


@pytest.mark.parametrize("server", [{"doors": 2}], indirect=True)
def test_killed_children_come_back(server: Server) -> None:
    server.serve(server.model())
    server.start()
    before = server.ready()
    server.use(before)
    for name in ("control", "door-0", "door-1"):
        os.kill(before.children[name], signal.SIGKILL)

        def came_back(name: str = name) -> Any:
            after = read_server_file(server.settings)
            return after is not None and after.children.get(name) not in (None, before.children[name])

        eventually(came_back)
        assert server.ask("GET", "/clary/ready").status == 200
        assert server.invoke(b"x").status == 200
    doors = server.settings.layout.run / "doors"
    eventually(lambda: {int(f.name) for f in doors.iterdir() if f.name.isdigit()} <= server.everybody())


def test_a_child_that_cannot_start_is_tried_with_growing_pauses(server: Server) -> None:
    (server.settings.data / "control-refuses").touch()
    process = server.start()
    eventually((server.settings.data / "control-starts").exists)
    time.sleep(2)
    starts = server.settings.data / "control-starts"
    assert len(starts.read_text()) <= 8
    eventually(lambda: len(starts.read_text()) >= 3)
    (server.settings.data / "control-refuses").unlink()
    server.ready()
    assert "control ended (status 3), starting it again" in stop(process)


def test_a_control_that_can_never_start_ends_the_server_with_its_reason(server: Server) -> None:
    (server.settings.data / "control-despairs").touch()
    process = server.start()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.decode().rstrip().endswith("clary: nothing will do")
    assert server.everybody() == set()


def test_one_supervisor_per_data_folder_and_per_port(server: Server, tmp_path: Path) -> None:
    first = server.start()
    content = server.ready()
    second = server.start()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"Clary already runs on {server.settings.layout.data} (process {first.pid})" in said.decode()
    port = content.http_url.rpartition(":")[2]
    other = Server(tmp_path / "other", {"port": int(port)})
    with closing(other):
        said, _ = other.start().communicate(timeout=60)
        assert f"Port {port} on 127.0.0.1 is in use; choose another with --port" in said.decode()
    assert server.everybody() == set(content.children.values()), "nobody else's children were touched"


def test_a_killed_supervisor_is_replaced_without_a_failed_or_refused_request(server: Server) -> None:
    server.serve(server.model("a", 0.01))
    first = server.start()
    before = server.ready()
    server.use(before)

    async def director() -> None:
        nonlocal first
        for _ in range(2):
            await asyncio.sleep(0.3)
            first.kill()
            await asyncio.to_thread(first.wait)
            await asyncio.sleep(0.2)
            first = server.start()
            await asyncio.to_thread(server.replaced, first.pid)
            await asyncio.to_thread(server.ready)

    load = Load(server.port, server.signed_bytes(b"x"), 16)
    asyncio.run(load.run(director))
    assert (load.failed, load.broken, load.refused) == (0, [], 0)
    after = server.ready()
    assert after.http_url == before.http_url
    eventually(lambda: server.everybody() == set(after.children.values()))
    assert not set(before.children.values()) & set(after.children.values())


@pytest.mark.parametrize("server", [{"doors": 2}], indirect=True)
def test_hanging_doors_of_a_dead_supervisor_do_not_keep_the_ports(server: Server) -> None:
    first = server.start()
    before = server.ready()
    first.kill()
    first.wait()
    for name in ("door-0", "door-1"):
        os.kill(before.children[name], signal.SIGSTOP)
    server.start()
    eventually(lambda: (read_server_file(server.settings) or before).pid != before.pid)
    after = server.ready()
    assert after.http_url == before.http_url
    assert start_ticks(before.children["door-0"]) == 0


@pytest.mark.parametrize("server", [{"doors": 1}], indirect=True)
def test_ports_that_a_killed_door_gives_back_late_are_waited_for(server: Server) -> None:
    first = server.start()
    before = server.ready()
    door = before.children["door-0"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.connect(str(server.settings.layout.sockets / f"door-{door}.sock"))
        _, held, _, _ = socket.recv_fds(asking, 16, 2)
    first.kill()
    first.wait()
    os.kill(door, signal.SIGSTOP)
    server.start()
    eventually(lambda: start_ticks(door) == 0)
    time.sleep(1)  # the door is gone, what it listened on is not
    for descriptor in held:
        os.close(descriptor)
    eventually(lambda: (read_server_file(server.settings) or before).pid != before.pid)
    after = server.ready()
    assert (after.http_url, after.https_url) == (before.http_url, before.https_url)


@pytest.mark.parametrize("server", [{"host": "0.0.0.0"}], indirect=True)
def test_listening_for_everybody_is_said_aloud(server: Server) -> None:
    process = server.start()
    content = server.ready()
    assert content.http_url.startswith("http://127.0.0.1:")
    assert "Clary listens on 0.0.0.0: everybody who reaches this machine reaches it." in stop(process)


def test_only_loopback_is_listened_on_by_default(server: Server) -> None:
    server.start()
    content = server.ready()
    port = int(content.http_url.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {entry[1] for entry in listening if entry[3] == "0A" and entry[1].endswith(f":{port:04X}")}
    assert addresses == {f"0100007F:{port:04X}"}
    assert server.settings.layout.installation.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("server", [{"port": -1}, {"host": "no such host"}], indirect=True)
def test_impossible_addresses_end_with_one_line(server: Server) -> None:
    process = server.start()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"Traceback" not in said
    assert len(said.decode().strip().splitlines()) == 1


def test_a_free_port_that_was_taken_meanwhile_is_replaced(server: Server) -> None:
    process = server.start()
    content = server.ready()
    stop(process)
    port = int(content.http_url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        server.start()
        assert server.ready().http_url != content.http_url


def test_pauses_double_and_good_health_forgives() -> None:
    back_off = BackOff(5.0)
    pauses = [back_off.next_pause(0.1) for _ in range(9)]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert back_off.next_pause(11.0) == 0.05


def test_wait_ready_gives_up(server: Server) -> None:
    begun = time.monotonic()
    assert wait_ready(server.settings, 0.3) is None
    assert 0.2 < time.monotonic() - begun < 10


def test_a_process_id_alone_proves_nothing(server: Server) -> None:
    assert start_ticks(os.getpid()) > 0
    child = server.spawn(["-c", "pass"])
    eventually(lambda: start_ticks(child.pid) == 0)
    child.wait()
    assert start_ticks(child.pid) == 0
