"""The process runtime with real processes, in every way of isolation that this machine allows."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clary.runtimes.port import Limits, Phase
from tests.runtimes.conftest import WAYS, Machine, MakeMachine, alive, kill, wait_until

FOREVER = "import time\nprint('up')\ntime.sleep(600)"
# A process that starts another one, in a session of its own, which prints its pid and stays.
WITH_CHILD = """
import subprocess, sys, time
sleep = "import time; time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", sleep, "stray-of-test"], start_new_session=True)
print("up", flush=True)
{then}
"""


def test_a_unit_runs_and_its_end_is_recorded(machine: Machine) -> None:
    machine.launch("u", "import sys; print('to out'); print('to err', file=sys.stderr); sys.exit(3)")
    state = machine.wait("u")
    assert (state.phase, state.exit_code, state.signal, state.stopped_by) == (Phase.EXITED, 3, None, None)
    assert state.started_at is not None
    assert state.ended_at is not None
    assert state.started_at <= state.ended_at
    assert not state.out_of_memory
    assert state.isolation == machine.isolation.kind
    lines = machine.lines("u")
    assert lines[0].startswith(f"clary: isolation {machine.isolation.kind}, python 3.")
    assert lines[-2:] == ["to out", "to err"]


def test_never_launched_and_removed_units_are_unknown(machine: Machine) -> None:
    assert machine.runtime.observe("u") is None
    assert machine.runtime.read_log("u", 0) == []
    machine.launch("u", "print(1)")
    machine.wait("u")
    assert machine.runtime.list_units() == ["u"]
    machine.runtime.remove("u")
    assert machine.runtime.observe("u") is None
    assert machine.runtime.list_units() == []
    machine.runtime.remove("u")


@pytest.mark.parametrize("unit", ["", "..", "a/b", "../x", "a\0b", ".hidden", "-x", "x" * 201])
def test_unit_ids_cannot_leave_the_folder(make_machine: MakeMachine, unit: str) -> None:
    with pytest.raises(ValueError, match="cannot be the id"):
        make_machine().runtime.unit_folder(unit)


def test_the_process_sees_opt_ml_and_a_scrubbed_environment(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the operator")
    code = """
import os
open('answer', 'w').write('written')
print(sorted(name for name in os.environ if name.startswith('AWS')), os.environ['JOB'], os.environ['LANG'])
print(os.getcwd() if os.path.isdir('/opt/ml/deep') else os.path.basename(os.getcwd()))
import tempfile; tempfile.TemporaryFile()
"""
    machine.launch("u", code, variables={"JOB": "mine"}, working_directory="/opt/ml/deep")
    assert machine.wait("u").exit_code == 0, machine.lines("u")
    assert machine.lines("u")[-2] == "[] mine C.UTF-8"
    assert machine.lines("u")[-1] == ("deep" if machine.isolation.kind == "plain" else "/opt/ml/deep")
    assert (machine.runtime.unit_folder("u") / "opt-ml" / "deep" / "answer").read_text() == "written"


def test_without_isolation_the_log_says_so_and_paths_are_moved(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    opt_ml = machine.runtime.unit_folder("u") / "opt-ml"
    opt_ml.mkdir(parents=True)
    (opt_ml / "x.py").write_text("import os; print(os.environ['WHERE'], os.environ['SAGEMAKER_BASE_DIR'])")
    machine.launch("u", "", argv=["python", "/opt/ml/x.py"], variables={"WHERE": "/opt/ml/model"})
    machine.wait("u")
    lines = machine.lines("u")
    assert "apt-get install bubblewrap" in lines[1]
    assert lines[-1] == f"{opt_ml}/model {opt_ml}"


def test_notes_come_to_the_top_of_the_log_and_are_no_variable(make_machine: MakeMachine) -> None:
    machine = make_machine()
    variables = {"CLARY_LOG_NOTES": "the nearest version is used"}
    machine.launch("u", "import os; print('CLARY_LOG_NOTES' in os.environ)", variables=variables)
    machine.wait("u")
    assert machine.lines("u")[-2:] == ["clary: the nearest version is used", "False"]


# -- ends ----------------------------------------------------------------------------------------------------------


def test_kill_of_the_process_is_known_at_once(machine: Machine) -> None:
    machine.launch("u", FOREVER)
    machine.wait_for_line("u", "up")
    begun = time.monotonic()
    kill(machine.pid_of_process("u"))
    state = machine.wait("u")
    assert (state.exit_code, state.signal, state.out_of_memory) == (137, 9, False)
    assert time.monotonic() - begun < 15


def test_kill_of_the_shim_takes_the_process_along(machine: Machine) -> None:
    machine.launch("u", WITH_CHILD.format(then="time.sleep(600)"))
    machine.wait_for_line("u", "up")
    process, children = machine.pid_of_process("u"), _strays(machine)
    assert children
    kill(machine.pid_of_shim("u"))
    assert machine.wait("u").phase == Phase.LOST
    wait_until(lambda: not alive(process))
    wait_until(lambda: not any(alive(pid) for pid in children))
    machine.launch("u", FOREVER)
    assert machine.wait("u").phase == Phase.LOST


def test_kill_of_both(machine: Machine) -> None:
    machine.launch("u", FOREVER)
    machine.wait_for_line("u", "up")
    process, shim = machine.pid_of_process("u"), machine.pid_of_shim("u")
    os.kill(shim, signal.SIGSTOP)
    kill(process)
    kill(shim)
    assert machine.wait("u").phase == Phase.LOST


def test_nothing_outlives_the_process(machine: Machine) -> None:
    machine.launch("u", WITH_CHILD.format(then="sys.exit(7)"))
    assert machine.wait("u").exit_code == 7
    assert not any(alive(pid) for pid in _strays(machine))


def test_stop_lets_the_process_finish(machine: Machine) -> None:
    code = """
import signal, sys, time
def end(*_):
    print('saving'); sys.exit(4)
signal.signal(signal.SIGTERM, end)
print('up')
time.sleep(600)
"""
    machine.launch("u", code)
    machine.wait_for_line("u", "up")
    machine.runtime.stop("u")
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert (state.exit_code, state.signal, state.stopped_by) == (4, None, "stop")
    assert machine.lines("u")[-1] == "saving"


def test_a_process_without_a_handler_ends_by_the_signal(machine: Machine) -> None:
    machine.launch("u", FOREVER)
    machine.wait_for_line("u", "up")
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert (state.exit_code, state.signal, state.stopped_by) == (143, 15, "stop")


def test_one_that_ignores_the_signal_is_killed_after_its_grace(machine: Machine) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
    machine.launch("u", code, Limits(grace_seconds=0.3))
    machine.wait_for_line("u", "up")
    begun = time.monotonic()
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert (state.exit_code, state.signal, state.stopped_by) == (137, 9, "stop")
    assert 0.25 < time.monotonic() - begun < 20


def test_stop_right_after_launch(machine: Machine) -> None:
    machine.launch("u", FOREVER)
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert state.stopped_by == "stop"
    assert state.signal in (signal.SIGTERM, signal.SIGKILL)


def test_the_deadline_is_kept_without_clary(machine: Machine) -> None:
    machine.launch("u", FOREVER, Limits(max_runtime_seconds=0.5, grace_seconds=5))
    state = machine.wait("u")
    assert (state.exit_code, state.stopped_by) == (143, "deadline")
    assert state.started_at is not None
    assert state.ended_at is not None
    assert 0.5 <= (state.ended_at - state.started_at).total_seconds() < 5


def test_a_program_that_is_not_there(machine: Machine) -> None:
    machine.launch("u", "", argv=["no-such-program", "train"])
    assert machine.wait("u").exit_code == 127
    assert "no-such-program" in machine.lines("u")[-1]


def test_an_environment_that_is_not_there(machine: Machine, tmp_path: Path) -> None:
    spec = dataclasses.replace(machine.spec("u", ""), environment=tmp_path / "missing")
    with pytest.raises(OSError, match="pyvenv"):
        machine.runtime.launch(spec)
    assert machine.runtime.observe("u") is None


# -- memory --------------------------------------------------------------------------------------------------------

EAT = "import time\nprint('up')\nfood = []\nwhile True:\n    food.append(bytearray(8 << 20))\n    time.sleep(0.002)"


def test_out_of_memory(machine: Machine) -> None:
    machine.launch("u", EAT, Limits(memory_bytes=150 << 20))
    state = machine.wait("u")
    assert state.out_of_memory
    assert (state.exit_code, state.signal) == (137, 9)


def test_out_of_memory_in_a_child(machine: Machine) -> None:
    """The whole job ends, instead of waiting for ever for a worker that was killed."""
    code = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {EAT!r}])\ntime.sleep(600)"
    machine.launch("u", code, Limits(memory_bytes=150 << 20))
    assert machine.wait("u").out_of_memory


def test_out_of_memory_without_control_groups(make_machine: MakeMachine) -> None:
    for way in WAYS:
        machine = make_machine(way, control_groups=False)
        machine.launch("u", EAT, Limits(memory_bytes=150 << 20))
        state = machine.wait("u")
        assert (state.out_of_memory, state.exit_code, machine.record("u", "shim.json")["memory_group"]) == (
            True,
            137,
            None,
        )


def test_shared_memory_counts_once(make_machine: MakeMachine) -> None:
    """Four workers that share 60 MB with their parent do not make 300 MB."""
    code = """
import os, time
food = bytearray(60 << 20)
for _ in range(4):
    if os.fork() == 0:
        time.sleep(0.5)
        os._exit(0)
time.sleep(0.5)
"""
    machine = make_machine("plain", control_groups=False)
    machine.launch("u", code, Limits(memory_bytes=150 << 20))
    assert machine.wait("u").exit_code == 0


def test_within_its_memory(machine: Machine) -> None:
    machine.launch("u", "food = bytearray(60 << 20); import time; time.sleep(0.4)", Limits(memory_bytes=150 << 20))
    state = machine.wait("u")
    assert (state.exit_code, state.out_of_memory) == (0, False)


# -- log -----------------------------------------------------------------------------------------------------------


def test_the_log_has_no_gap_and_can_be_continued(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    machine.launch("u", "for i in range(20000): print('line', i)")
    seen: list[str] = []
    offset = 0
    while True:
        ended = machine.runtime.observe("u").phase == Phase.EXITED  # type: ignore[union-attr] # was launched
        batch = machine.another().read_log("u", offset, 777)
        assert len(batch) <= 777
        seen += [line.text for line in batch]
        offset = batch[-1].offset if batch else offset
        if ended and not batch:
            break
    assert [line for line in seen if not line.startswith("clary: ")] == [f"line {i}" for i in range(20000)]


def test_odd_output(make_machine: MakeMachine) -> None:
    code = r"""
import os
os.write(1, b"caf\xc3\xa9 \xff\tend\r\n\n")
os.write(1, b"x" * 600000 + b"\n")
os.write(1, "é".encode() * 200000 + b"\n")
os.write(1, b"no end of line")
"""
    machine = make_machine("plain")
    machine.launch("u", code)
    machine.wait("u")
    lines = machine.lines("u")[2:]
    assert lines[0] == "café \ufffd\tend"
    assert lines[1] == ""
    assert [len(line) for line in lines[2:5]] == [262144, 262144, 600000 - 2 * 262144]
    assert "".join(lines[5:-1]) == "é" * 200000
    assert all(len(line.encode()) <= 262144 for line in lines)
    assert lines[-1] == "no end of line"


def test_incomplete_lines_wait(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    machine.launch("u", FOREVER)
    machine.wait_for_line("u", "up")
    kill(machine.pid_of_shim("u"))
    machine.wait("u")
    log = machine.runtime.unit_folder("u") / "log"
    with log.open("ab") as file:
        file.write(b"1234\ttorn by a power c")
    assert machine.lines("u")[-1] == "torn by a power c"
    assert machine.runtime.read_log("u", log.stat().st_size) == []


def test_the_log_ends_at_its_limit_and_the_job_goes_on(make_machine: MakeMachine) -> None:
    machine = make_machine("plain", log_limit_bytes=10_000)
    machine.launch("u", "for i in range(5000): print('line', i)\nopen('done', 'w')")
    assert machine.wait("u").exit_code == 0
    assert "has reached its limit of 10000 bytes" in machine.lines("u")[-1]
    assert (machine.runtime.unit_folder("u") / "log").stat().st_size < 10_200
    assert (machine.runtime.unit_folder("u") / "opt-ml" / "done").exists()


# -- adoption and idempotence --------------------------------------------------------------------------------------


def test_another_runtime_adopts_the_unit(machine: Machine) -> None:
    machine.launch("u", FOREVER)
    machine.wait_for_line("u", "up")
    later = machine.another()
    assert later.list_units() == ["u"]
    state = later.observe("u")
    assert state is not None
    assert state.phase == Phase.RUNNING
    later.stop("u")
    assert machine.wait("u").stopped_by == "stop"


def test_launch_twice_runs_once(machine: Machine) -> None:
    spec = machine.spec("u", "open('runs', 'a').write('x')")
    starters = [threading.Thread(target=machine.another().launch, args=(spec,)) for _ in range(5)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    machine.wait("u")
    machine.another().launch(spec)
    assert (spec.opt_ml / "runs").read_text() == "x"
    assert len([line for line in machine.lines("u") if line.startswith("clary: isolation")]) == 1


LAUNCHER = """
import sys
from pathlib import Path
from clary.base.layout import Layout
from clary.runtimes.port import UnitSpec
from clary.runtimes.process import ProcessRuntime
data, environment = Path(sys.argv[1]), Path(sys.argv[2])
runtime = ProcessRuntime(Layout(data), "plain", visible=(), variables={})
opt_ml = runtime.unit_folder("u") / "opt-ml"
opt_ml.mkdir(parents=True, exist_ok=True)
code = "open('runs', 'a').write('x'); import time; time.sleep(0.2)"
runtime.launch(UnitSpec("u", ["python", "-c", code], {}, environment, opt_ml))
"""


LAUNCHING: dict[str, Phase | None] = {
    "runtimes.before_launch": None,
    "durable.before_rename": None,
    "runtimes.after_spec": None,
    "shim.after_lock": None,
    "runtimes.after_shim": Phase.EXITED,
    "shim.after_started": Phase.LOST,
    "shim.after_spawn": Phase.LOST,
    "shim.before_exit_record": Phase.LOST,
}
"""Where a launch can be cut off, and what the next Clary then sees of the unit."""


@pytest.mark.parametrize(("point", "after"), LAUNCHING.items())
def test_crashes_during_launch(make_machine: MakeMachine, point: str, after: Phase | None) -> None:
    """After a crash anywhere the engine launches again: what had not begun begins, nothing begins twice."""
    machine = make_machine("plain")
    command = [sys.executable, "-c", LAUNCHER, str(machine.layout.data), str(machine.environment)]
    result = subprocess.run(
        command, env={**os.environ, "CLARY_CRASH_AT": point}, check=False, timeout=30, capture_output=True
    )
    if point.startswith(("runtimes.", "durable.")):
        assert result.returncode == -signal.SIGKILL
    if after is None:
        assert machine.runtime.observe("u") is None
    else:
        assert machine.wait("u").phase == after
    subprocess.run(command, check=True, timeout=30)
    assert machine.wait("u").phase == (after or Phase.EXITED)
    runs = machine.runtime.unit_folder("u") / "opt-ml" / "runs"
    assert (runs.read_text() if runs.exists() else "") == ("" if point == "shim.after_started" else "x") or (
        point == "shim.after_spawn"  # killed in the same moment: it may have come so far or not
    )


def test_stop_before_the_shim_began(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    command = [sys.executable, "-c", LAUNCHER, str(machine.layout.data), str(machine.environment)]
    subprocess.run(command, env={**os.environ, "CLARY_CRASH_AT": "runtimes.after_spec"}, check=False, timeout=30)
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert (state.phase, state.stopped_by) == (Phase.EXITED, "stop")
    assert not (machine.runtime.unit_folder("u") / "opt-ml" / "runs").exists()
    machine.runtime.stop("u")


ENDING = {"runtimes.after_stop_mark": "stop", "runtimes.after_trash": "remove"}
ENDER = """
import sys
from pathlib import Path
from clary.base.layout import Layout
from clary.runtimes.process import ProcessRuntime
getattr(ProcessRuntime(Layout(Path(sys.argv[1])), "plain", visible=(), variables={}), sys.argv[2])("u")
"""


@pytest.mark.parametrize(("point", "action"), ENDING.items())
def test_crashes_while_a_unit_is_ended(make_machine: MakeMachine, point: str, action: str) -> None:
    """Whoever comes next ends it, and nothing of it goes on."""
    machine = make_machine("plain")
    machine.launch("u", FOREVER, socket=machine.layout.unit_socket("u"))
    machine.wait_for_line("u", "up")
    pids = machine.pid_of_shim("u"), machine.pid_of_process("u")
    command = [sys.executable, "-c", ENDER, str(machine.layout.data), action]
    died = subprocess.run(command, env={**os.environ, "CLARY_CRASH_AT": point}, check=False, timeout=30)
    assert died.returncode == -signal.SIGKILL
    runtime = machine.another()
    if action == "stop":
        runtime.stop("u")
        assert machine.wait("u").stopped_by == "stop"
        runtime.remove("u")
    wait_until(lambda: not any(alive(pid) for pid in pids))
    assert list(machine.layout.units.iterdir()) == []
    assert list(machine.layout.sockets.iterdir()) == []


def test_remove_kills_and_deletes(machine: Machine) -> None:
    machine.launch(
        "u", "import os; os.mkdir('dark'); os.chmod('dark', 0)\n" + WITH_CHILD.format(then="time.sleep(600)")
    )
    machine.wait_for_line("u", "up")
    shim, process, children = machine.pid_of_shim("u"), machine.pid_of_process("u"), _strays(machine)
    machine.runtime.remove("u")
    assert not machine.runtime.unit_folder("u").exists()
    wait_until(lambda: not any(alive(pid) for pid in (shim, process, *children)))
    assert list(machine.layout.units.iterdir()) == []


def test_a_launch_that_was_cut_off_leaves_no_socket(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    machine.runtime.unit_folder("u").mkdir()
    socket = machine.layout.unit_socket("u")
    folder = socket.with_suffix(".d")
    folder.mkdir()
    socket.symlink_to(f"{folder.name}/server.sock")
    machine.runtime.remove("u")
    assert list(machine.layout.sockets.iterdir()) == []


def test_a_removal_that_was_cut_off_is_completed(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    (machine.layout.units / ".removed-u" / "opt-ml").mkdir(parents=True)
    machine.another()
    assert list(machine.layout.units.iterdir()) == []


# -- sockets -------------------------------------------------------------------------------------------------------

SERVER = """
import os, socket
server = socket.socket(socket.AF_UNIX)
server.bind(os.environ['CLARY_SERVER_SOCKET'])
server.listen()
print('up')
connection, _ = server.accept()
connection.sendall(b'hello')
"""


@pytest.mark.parametrize("network", [True, False])
def test_a_server_is_reached_at_the_socket_of_its_spec(machine: Machine, network: bool) -> None:
    path = machine.layout.unit_socket("u")
    machine.launch("u", SERVER, socket=path, network=network)
    machine.wait_for_line("u", "up")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert client.recv(10) == b"hello"
    machine.wait("u")
    wait_until(lambda: not list(machine.layout.sockets.iterdir()))


def test_the_engine_is_woken(make_machine: MakeMachine) -> None:
    machine = make_machine("plain")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wake:
        wake.bind(str(machine.layout.wake_socket))
        wake.settimeout(10)
        machine.launch("u", "pass")
        assert wake.recv(200) == b"u"
        machine.wait("u")
        assert wake.recv(200) == b"u"


def _strays(machine: Machine) -> list[int]:
    """Processes of WITH_CHILD's second kind that belong to this machine's unit."""
    token = str(machine.record("u", "shim.json")["token"])
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or token.encode() not in (entry / "environ").read_bytes():
                continue
            if b"stray-of-test" in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
