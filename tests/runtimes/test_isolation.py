"""What a unit can see and reach, and how the way of isolation is chosen."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clary.base.errors import ConfigurationError
from clary.runtimes import isolation, overlay
from clary.runtimes.isolation import Kind, choose_isolation, relocate
from clary.runtimes.port import Phase
from clary.runtimes.shim import network
from tests.runtimes.conftest import Machine, MakeMachine, kill, wait_until

REACH = """
import socket, sys
try:
    with socket.create_connection(("127.0.0.1", {port}), 3) as client:
        print(client.recv(10).decode())
except OSError as error:
    print("no", type(error).__name__)
"""


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="CLARY_ISOLATION='docker'"):
        choose_isolation("docker")


def test_auto_goes_down_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_try_bwrap", lambda: "bubblewrap is not installed.")
    monkeypatch.setattr(isolation, "_try_namespace", lambda: "Mount namespaces need root.")
    chosen = choose_isolation("auto")
    assert chosen.kind == Kind.PLAIN
    assert "bubblewrap is not installed. Mount namespaces need root." in chosen.note
    with pytest.raises(ConfigurationError, match="CLARY_ISOLATION=bwrap cannot be had: bubblewrap is not installed"):
        choose_isolation("bwrap")


def test_a_bwrap_that_does_not_work_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="No permissions to create new namespace"):
        choose_isolation("bwrap")


def test_relocate_takes_whole_names_only() -> None:
    assert relocate("/opt/ml", Path("/u")) == "/u"
    assert relocate("/opt/ml/model", Path("/u")) == "/u/model"
    assert relocate("/opt/mlx", Path("/u")) == "/opt/mlx"


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_the_environment_is_read_only(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    machine.launch("u", f"open({str(machine.environment / 'new')!r}, 'w')")
    assert machine.wait("u").exit_code == 1
    assert "Read-only file system" in machine.lines("u")[-1]
    assert not (machine.environment / "new").exists()


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_processes_of_the_machine_are_not_seen(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    machine.launch("u", "import os; print(max(int(name) for name in os.listdir('/proc') if name.isdigit()))")
    machine.wait("u")
    assert int(machine.lines("u")[-1]) < 10


def test_under_bwrap_the_machine_is_not_seen(make_machine: MakeMachine) -> None:
    machine = make_machine("bwrap")
    hidden = [
        Path.home() / ".bashrc",
        machine.layout.data,
        machine.layout.sockets,
        Path("/etc/shadow"),
        Path("/home"),
    ]
    needed = ["/etc/resolv.conf", "/etc/hosts", "/etc/passwd", "/usr/bin/env", "/bin/sh", "/dev/null", "/dev/shm"]
    there = [path for path in needed if Path(path).exists()]
    code = f"""
import os, ssl, hashlib
print([path for path in {[str(path) for path in hidden]} if os.path.exists(path)])
print([path for path in {there} if not os.path.exists(path)])
print(os.environ['HOME'], os.environ['TMPDIR'])
open('/tmp/mine', 'w'); open('/dev/shm/mine', 'w'); open('/mine', 'w'); open('/var/tmp/mine', 'w')
for path in ('/usr/mine', '/sys/mine', '/etc/hosts'):
    try: open(path, 'a'); print('wrote', path)
    except OSError: pass
"""
    machine.launch("u", code)
    assert machine.wait("u").exit_code == 0, machine.lines("u")
    assert machine.lines("u")[1:] == ["[]", "[]", "/tmp /tmp"]
    assert not any(Path(folder, "mine").exists() for folder in ("/tmp", "/dev/shm", "/", "/var/tmp"))


def test_packages_are_imported_from_places_that_tell_nothing(make_machine: MakeMachine) -> None:
    """Under bwrap; elsewhere from where they are."""
    code = "import sys; print(*(path for path in sys.path if 'site-packages' in path and '/units/' not in path))"
    for way in ("bwrap", "plain"):
        machine = make_machine(way)
        here = overlay.find_packages(machine.environment)
        machine.launch("u", code, front=machine.environment)
        machine.wait("u")
        below = here.relative_to(machine.environment)
        places = (isolation.BWRAP_OVERLAY, isolation.BWRAP_FRONT, isolation.BWRAP_ENVIRONMENT)
        wanted = [f"{place}/{below}" for place in places] if way == "bwrap" else [str(here)]
        assert machine.lines("u")[-1].split() == wanted


def test_tar_unpacks_what_another_user_packed(make_machine: MakeMachine) -> None:
    machine = make_machine("bwrap")
    code = """
import io, subprocess, tarfile
with tarfile.open('a.tar.gz', 'w:gz') as archive:
    member = tarfile.TarInfo('theirs')
    member.uid, member.gid = 501, 20
    archive.addfile(member, io.BytesIO())
print(subprocess.run(['tar', '-xzf', 'a.tar.gz', 'theirs']).returncode)
"""
    machine.launch("u", code)
    assert machine.wait("u").exit_code == 0, machine.lines("u")
    assert machine.lines("u")[1:] == ["0"]


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_the_kernel_cannot_be_switched(make_machine: MakeMachine, way: str) -> None:
    """Not even by root, which owns these files and needs no capability to open them."""
    code = """
import os
for path in ('sys/kernel/core_pattern', 'sys/kernel/modprobe', 'sysrq-trigger', 'irq/default_smp_affinity'):
    path = '/proc/' + path
    try: open(path, 'a'); print('opened', path)
    except OSError: pass
print([line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1])
"""
    machine = make_machine(way)
    machine.launch("u", code)
    machine.wait("u")
    assert machine.lines("u")[1:] == ["0000000000000000"]


def test_certificates_are_found_under_bwrap(make_machine: MakeMachine) -> None:
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        pytest.skip("this machine has no certificate authorities")
    machine = make_machine("bwrap")
    machine.launch("u", "print(len(open('/etc/ssl/certs/ca-certificates.crt').read()) > 1000)")
    machine.wait("u")
    assert machine.lines("u")[-1] == "True"


def test_clary_is_reached_from_inside(machine: Machine) -> None:
    with _greeter() as port:
        machine.launch("u", REACH.format(port=port))
        machine.wait("u")
    assert machine.lines("u")[-1] == "welcome"


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_without_network_nothing_is_reached(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    with _greeter() as port:
        machine.launch("u", REACH.format(port=port), network=False)
        machine.wait("u")
    assert machine.lines("u")[-1].startswith("no ")


PAIR = """
import socket, time
server = socket.create_server((ME, 29500))
for _ in range(200):
    try:
        peer = socket.create_connection((OTHER, 29500), 5)
        break
    except OSError:
        time.sleep(0.05)
peer.sendall(ME.encode())
print("met", server.accept()[0].recv(20).decode(), flush=True)
"""


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_units_without_network_may_reach_each_other_and_nothing_else(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    addresses = {"a": "127.64.0.1", "b": "127.64.0.2", "c": "127.64.0.3"}
    with _greeter() as port:
        for me, other in (("a", "b"), ("b", "a")):
            code = f"ME, OTHER = {addresses[me]!r}, {addresses[other]!r}\n{PAIR}{REACH.format(port=port)}"
            machine.launch(me, code, network=False, together=[unit for unit in addresses if unit != me])
        for unit in ("a", "b"):
            assert machine.wait(unit).exit_code == 0, machine.lines(unit)
    assert machine.lines("a")[-2:] == ["met 127.64.0.2", "no ConnectionRefusedError"]
    assert machine.lines("b")[-2:] == ["met 127.64.0.1", "no ConnectionRefusedError"]


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_the_shared_network_outlives_the_shim_that_made_it(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    ends = {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}
    serve = "import socket, time\nserver = socket.create_server(('127.64.0.2', 29500))\nprint('up', flush=True)\n"
    machine.launch("a", "import time; time.sleep(600)", network=False, together=ends["a"])
    machine.launch("b", serve + "server.accept()[0].sendall(b'b')\n", network=False, together=ends["b"])
    machine.wait_for_line("b", "up")
    kill(machine.pid_of_shim("a"))
    machine.wait("a", Phase.LOST)
    ask = "import socket; print(socket.create_connection(('127.64.0.2', 29500), 5).recv(5).decode())"
    machine.launch("c", ask, network=False, together=ends["c"])
    machine.wait("c")
    assert machine.lines("c")[-1] == "b"


HOLD = """
import subprocess, sys
code = "import socket, time; kept = socket.create_server(('ADDRESS', PORT)); print('holds', flush=True)"
code += "; time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True).wait()
"""


def test_killed_instances_leave_no_process_address_or_port(machine: Machine) -> None:
    """Three instances with servers in processes of their own, the shims killed all at once."""
    with socket.create_server(("127.0.0.1", 0)) as any_server:
        port = any_server.getsockname()[1]
    addresses = {f"u{number}": f"127.99.0.{number}" for number in (1, 2, 3)}
    for unit, address in addresses.items():
        machine.launch(unit, HOLD.replace("ADDRESS", address).replace("PORT", str(port)), names=addresses)
    for unit in addresses:
        machine.wait_for_line(unit, "holds")
    for unit in addresses:
        kill(machine.pid_of_shim(unit))
    for unit in addresses:
        machine.wait(unit, Phase.LOST)
    for unit, address in addresses.items():
        machine.runtime.remove(unit)
        wait_until(lambda address=address: _is_free(address, port))  # type: ignore[misc] # a default binds it
    assert machine.runtime.list_units() == []


@pytest.mark.parametrize("way", ["bwrap", "namespace"])
def test_a_shared_network_ends_with_its_units(make_machine: MakeMachine, way: str) -> None:
    machine = make_machine(way)
    for unit, other in (("a", "b"), ("b", "a")):
        machine.launch(unit, "import time; time.sleep(600)", network=False, together=[other])
        machine.wait(unit, Phase.RUNNING)
    network = _network_of(machine.pid_of_shim("a"))
    assert _network_of(machine.pid_of_process("b")) == network
    for unit in ("a", "b"):
        kill(machine.pid_of_shim(unit))
    for unit in ("a", "b"):
        machine.wait(unit, Phase.LOST)
        machine.runtime.remove(unit)
    wait_until(lambda: network not in _networks())


def _is_free(address: str, port: int) -> bool:
    try:
        socket.create_server((address, port)).close()
    except OSError:
        return False
    return True


def _networks() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found.add(_network_of(int(entry.name)))
    return found


def _network_of(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def test_a_network_that_cannot_be_had_is_told(make_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_make_network", _refuse)
    assert network.share_network([]) == "[Errno 1] Operation not permitted"
    machine = make_machine("plain")
    machine.launch("u", "print(1)", network=False, together=["v"])
    machine.wait("u")
    assert any("nothing keeps this job from the network" in line for line in machine.lines("u"))


def _refuse() -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_variables_show_up_in_no_command_line_and_do_not_touch_bwrap(make_machine: MakeMachine) -> None:
    machine = make_machine("bwrap")
    variables = {"AWS_SECRET_ACCESS_KEY": "very-secret-value", "LD_PRELOAD": "/nowhere/x.so"}
    machine.launch("u", "import time; print('up'); time.sleep(600)", variables=variables)
    machine.wait_for_line("u", "up")
    commands = [_read(path / "cmdline") for path in Path("/proc").iterdir() if path.name.isdigit()]
    assert any(b"bwrap" in command for command in commands)
    assert not any(b"very-secret-value" in command for command in commands)
    assert machine.wait("u", Phase.RUNNING)
    # The loader complains once, about the process inside; bwrap has not seen the variable.
    assert len([line for line in machine.lines("u") if "/nowhere/x.so" in line]) == 1
    machine.runtime.remove("u")


def test_files_with_secrets_are_private(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    machine.launch("u", "pass", variables={"AWS_SECRET_ACCESS_KEY": "x"})
    machine.wait("u")
    folder = machine.runtime.unit_folder("u")
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "spec.json").stat().st_mode & 0o077 == 0


UNPRIVILEGED = """
import os, sys, tempfile, time, venv
os.setgroups([]); os.setgid(65534); os.setuid(65534)
from pathlib import Path
from clary.base.layout import Layout
from clary.runtimes.isolation import choose_isolation
from clary.runtimes.port import Phase, UnitSpec
from clary.runtimes.process import ProcessRuntime
with tempfile.TemporaryDirectory() as folder:
    venv.create(Path(folder, "env"), symlinks=True)
    layout = Layout(Path(folder, "data"))
    layout.create()
    runtime = ProcessRuntime(layout, choose_isolation("bwrap"), visible=(), variables={})
    opt_ml = runtime.unit_folder("u") / "opt-ml"
    opt_ml.mkdir(parents=True)
    code = "import os; open('/opt/ml/x', 'w'); print(os.getuid(), os.getcwd())"
    runtime.launch(UnitSpec("u", ["python", "-c", code], {}, Path(folder, "env"), opt_ml))
    while runtime.observe("u").phase not in (Phase.EXITED, Phase.LOST):
        time.sleep(0.01)
    print(runtime.observe("u").exit_code, *[line.text for line in runtime.read_log("u", 0)][1:], sep="|")
    runtime.remove("u")
    layout.sockets.rmdir()
"""


def test_bwrap_as_a_plain_user(make_machine: MakeMachine) -> None:
    if os.getuid() != 0:
        pytest.skip("not root: all other tests run as a plain user already")
    make_machine("bwrap")
    python = Path("/usr/bin/python3")  # one that lies where others may read
    source = Path(isolation.__file__).parents[2]
    if not _runs_clary(python, source):
        pytest.skip("needs a system Python of at least 3.11, and a checkout that others may read")
    result = subprocess.run(
        [python, "-c", UNPRIVILEGED],
        env={"PYTHONPATH": str(source), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    assert result.stdout.strip() == "0|65534 /opt/ml", result.stderr


def _runs_clary(python: Path, source: Path) -> bool:
    check = "import os, sys; os.setuid(65534); import clary.base, venv; assert sys.version_info >= (3, 11)"
    command = [str(python), "-c", check]
    try:
        return (
            subprocess.run(command, env={"PYTHONPATH": str(source)}, check=False, capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        return False


@contextmanager
def _greeter() -> Iterator[int]:
    """A server on a port of the machine that greets whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def greet() -> None:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.sendall(b"welcome")

        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
