"""Runs units as processes of this machine, each beside a shim of its own.

Everything known about a unit is in its folder, so that any Clary process, also one started later, sees the same:
nothing is kept in memory here. The engine calls this; what goes into a spec (images, channels, models) does not
belong here, nor does watching and limiting, which is the shim's work.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clary.base import clock, durable
from clary.base.crash import crash_here
from clary.base.layout import Layout
from clary.runtimes import isolation as ways
from clary.runtimes import overlay, package_sources, strays
from clary.runtimes.instances import count_gpus
from clary.runtimes.isolation import Isolation, Kind
from clary.runtimes.port import LogLine, Phase, UnitSpec, UnitState

LOG_NOTES = "CLARY_LOG_NOTES"
LOG_LIMIT_BYTES = 1024**3
SHIM = Path(__file__).with_name("shim")
_UNIT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_TRASH = ".removed-"
_CHUNK = 1024 * 1024
# In a sandbox without other users, tar gives up when it unpacks what somebody else packed: as root it would give the
# files to that user.
_FOR_EVERY_UNIT = {"TAR_OPTIONS": "--no-same-owner"}


class ProcessRuntime:
    """The `Runtime` port for one machine.

    `isolation` may be given as the setting is. `python` runs the shims, whose program lies in `shim`. `visible` are
    host folders that units may read besides their environment, and `variables` are given to every unit that does not
    set them itself; by default both are what makes pip find the packages that it finds outside. `toolkit` tells,
    building it if need be, where the toolkit lies. Without `control_groups`, and where the machine does not allow
    them, memory is counted by looking at the processes.
    """

    def __init__(
        self,
        layout: Layout,
        isolation: Isolation | str,
        python: str = sys.executable,
        *,
        log_limit_bytes: int = LOG_LIMIT_BYTES,
        control_groups: bool = True,
        visible: Sequence[Path] | None = None,
        variables: Mapping[str, str] | None = None,
        toolkit: Callable[[], Path] | None = None,
        shim: Path = SHIM,
    ) -> None:
        self._layout = layout
        self._isolation = ways.choose_isolation(isolation) if isinstance(isolation, str) else isolation
        self._python = python
        self._shim = shim
        self._toolkit = toolkit
        self._log_limit_bytes = log_limit_bytes
        self._control_groups = control_groups
        self._visible = tuple(package_sources.local_folders() if visible is None else visible)
        self._variables = dict(package_sources.job_variables() if variables is None else variables)
        for leftover in layout.units.glob(f"{_TRASH}*"):
            strays.delete_tree(leftover)

    def unit_folder(self, unit_id: str) -> Path:
        if not _UNIT_ID.fullmatch(unit_id):
            raise ValueError(f"{unit_id!r} cannot be the id of a unit")
        return self._layout.units / unit_id

    # -- launch ------------------------------------------------------------------------------------------------

    def launch(self, spec: UnitSpec) -> None:
        folder = self.unit_folder(spec.unit_id)
        if (folder / "started").exists():
            return
        crash_here("runtimes.before_launch")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with (folder / "launch.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # files that a unit already reads must not be written again
            if not (folder / "started").exists():
                self._launch(folder, spec)

    def _launch(self, folder: Path, spec: UnitSpec) -> None:
        document = self._prepare(folder, spec)
        durable.write_json(folder / "spec.json", document, mode=0o600)
        durable.sync_folder(folder.parent)
        crash_here("runtimes.after_spec")
        self._start_shim(folder)
        crash_here("runtimes.after_shim")

    def _prepare(self, folder: Path, spec: UnitSpec) -> dict[str, Any]:
        """Make the folders that the unit needs and say all that the shim must know."""
        interpreter = overlay.read_interpreter(spec.environment)
        toolkit = self._toolkit() if self._toolkit else None
        paths = ways.UnitPaths(
            opt_ml=spec.opt_ml,
            environment=spec.environment,
            front=spec.front,
            toolkit=toolkit,
            overlay=folder / "environment",
            temporary=folder / "tmp",
            sockets=_make_socket_folder(spec.socket),
            visible=(*interpreter.prefixes, *self._visible),
            hosts_file=_write_hosts(folder / "hosts", spec.names) if spec.names else None,
        )
        overlay.make_overlay(paths.overlay, interpreter, spec.front, toolkit)
        paths.temporary.mkdir(mode=0o700, exist_ok=True)
        _make_working_directory(spec)
        variables = {**_FOR_EVERY_UNIT, **self._variables, **spec.variables}
        notes = variables.pop(LOG_NOTES, "")
        variables = {**variables, **self._own_variables(paths, spec)}
        plain = self._isolation.kind == Kind.PLAIN
        place = (lambda text: ways.relocate(text, spec.opt_ml)) if plain else str
        return {
            "unit_id": spec.unit_id,
            "argv": [place(argument) for argument in spec.argv],
            "variables": {name: place(value) for name, value in variables.items()},
            "directory": place(spec.working_directory),
            "isolation": str(self._isolation.kind),
            "bwrap": self._isolation.bwrap,
            "sandbox": ways.sandbox_options(
                paths, spec.working_directory, spec.network or bool(spec.together), spec.hostname
            ),
            "mounts": ways.namespace_mounts(paths),
            "network": spec.network,
            "together": [] if plain else [str(self.unit_folder(unit)) for unit in spec.together],
            "headline": self._headline(spec, interpreter, notes),
            "control_groups": self._control_groups,
            "memory_bytes": spec.limits.memory_bytes,
            "volume_bytes": spec.limits.volume_bytes,
            "environments": [str(path) for path in paths.shared],
            "volume": [str(path) for path in (spec.opt_ml, paths.temporary)],
            "staged": [str(path) for path in spec.staged],
            "processors": _pick_processors(spec.unit_id, spec.limits.cpus),
            "max_runtime_seconds": spec.limits.max_runtime_seconds,
            "grace_seconds": spec.limits.grace_seconds,
            "log_limit_bytes": self._log_limit_bytes,
            "wake_socket": str(self._layout.wake_socket),
            "socket": str(spec.socket) if spec.socket else None,
            "temporary": [str(path) for path in (paths.temporary, spec.socket, paths.sockets) if path],
        }

    def _own_variables(self, paths: ways.UnitPaths, spec: UnitSpec) -> dict[str, str]:
        """What the runtime decides, whatever the spec says."""
        inside = self._isolation.kind == Kind.BWRAP
        home = "/tmp" if inside else str(paths.temporary)  # noqa: S108 - inside the sandbox
        venv = ways.BWRAP_OVERLAY if inside else str(paths.overlay)
        search = [f"{venv}/bin", f"{spec.environment}/bin", "/usr/local/bin", "/usr/bin", "/bin"]
        own = {
            "PATH": ":".join(search),
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "VIRTUAL_ENV": venv,
        }
        if (shown := pick_gpus(spec.unit_id, spec.limits.gpus, count_gpus())) is not None:
            own["CUDA_VISIBLE_DEVICES"] = shown
        if paths.sockets is not None:
            own["CLARY_SERVER_SOCKET"] = f"{ways.BWRAP_SOCKETS if inside else paths.sockets}/server.sock"
        if self._isolation.kind == Kind.PLAIN:
            own["SAGEMAKER_BASE_DIR"] = str(spec.opt_ml)
        return own

    def _headline(self, spec: UnitSpec, interpreter: overlay.Interpreter, notes: str) -> list[str]:
        ready = _read_json(spec.environment / ".ready") or {}
        parts = [f"isolation {self._isolation.kind}", f"python {interpreter.version}", ready.get("framework")]
        lines = [", ".join(part for part in parts if part), self._isolation.note, *notes.splitlines()]
        if spec.names and self._isolation.kind == Kind.PLAIN:
            pairs = ", ".join(f"{name} is {address}" for name, address in spec.names.items())
            lines.append(f"WARNING: the instances of this job cannot find each other by name ({pairs}).")
        if not spec.network and self._isolation.kind == Kind.PLAIN:
            lines.append(
                "WARNING: nothing keeps this job from the network, although network isolation was asked for."
            )
        return [line for line in lines if line]

    def _start_shim(self, folder: Path) -> None:
        """Returns when the shim has its lock and its mark; it then is no child of this process any more."""
        crash_at = os.environ.get("CLARY_CRASH_AT", "")
        with (folder / "shim.err").open("ab") as errors:
            result = subprocess.run(
                [self._python, "-I", "-S", str(self._shim), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={"CLARY_CRASH_AT": crash_at} if crash_at else {},
                cwd="/",
                start_new_session=True,
                check=False,
            )
        if result.returncode != 0:
            detail = (folder / "shim.err").read_text(errors="replace").strip().splitlines()
            raise OSError(f"the shim did not start: {detail[-1] if detail else result.returncode}")

    # -- observe -----------------------------------------------------------------------------------------------

    def observe(self, unit_id: str) -> UnitState | None:
        folder = self.unit_folder(unit_id)
        record = _read_json(folder / "exit.json")
        if record is None and not (folder / "started").exists():
            return None
        if record is None and not _is_alive(folder):
            record = _read_json(folder / "exit.json")  # it may have ended between the two looks
            if record is None:
                strays.kill_strays(_read_json(folder / "shim.json") or {})
                return _state(unit_id, Phase.LOST, _read_json(folder / "running.json") or {})
        if record is not None:
            return _state(unit_id, Phase.EXITED, record)
        running = _read_json(folder / "running.json")
        return _state(unit_id, Phase.RUNNING if running else Phase.STARTING, running or {})

    def list_units(self) -> list[str]:
        if not self._layout.units.is_dir():
            return []
        return sorted(item.name for item in self._layout.units.iterdir() if _UNIT_ID.fullmatch(item.name))

    def read_log(self, unit_id: str, offset: int, limit: int = 1000) -> list[LogLine]:
        folder = self.unit_folder(unit_id)
        if not (folder / "log").exists():
            return []
        ended = (folder / "exit.json").exists() or not _is_alive(folder)
        lines: list[LogLine] = []
        with (folder / "log").open("rb") as file:
            file.seek(offset)
            while len(lines) < limit:
                raw = file.readline()
                if not raw or (not raw.endswith(b"\n") and not ended):
                    break
                offset += len(raw)
                lines.append(_parse_line(raw, offset))
        return lines

    # -- stop and remove ---------------------------------------------------------------------------------------

    def stop(self, unit_id: str) -> None:
        folder = self.unit_folder(unit_id)
        if not (folder / "spec.json").exists() or (folder / "exit.json").exists():
            return
        if not (folder / "stop").exists():
            durable.write_bytes(folder / "stop", b"")
        crash_here("runtimes.after_stop_mark")
        if not (folder / "started").exists():
            self._start_shim(folder)  # it sees the mark, and records the end without a beginning
        _signal_shim(folder, signal.SIGTERM)

    def remove(self, unit_id: str) -> None:
        folder = self.unit_folder(unit_id)
        if not folder.exists():
            return
        _signal_shim(folder, signal.SIGKILL)
        patience = time.monotonic() + 10
        while (folder / "started").exists() and _is_alive(folder) and time.monotonic() < patience:
            time.sleep(0.002)
        strays.kill_strays(_read_json(folder / "shim.json") or {})
        # What lies outside of the folder goes first: without the folder nobody would know of it. The launch may have
        # been cut off before there was a specification to look into.
        socket = self._layout.unit_socket(unit_id)
        socket.unlink(missing_ok=True)
        strays.delete_tree(_socket_folder(socket))
        trash = folder.with_name(f"{_TRASH}{unit_id}")
        folder.rename(trash)  # in one step: half a folder must never look like a unit that was not started
        crash_here("runtimes.after_trash")
        strays.delete_tree(trash)


def _socket_folder(socket: Path) -> Path:
    return socket.with_suffix(".d")


def _write_hosts(path: Path, names: Mapping[str, str]) -> Path:
    """The machine's own names, and those of the job's instances."""
    own = Path(ways.HOSTS_FILE)
    text = own.read_text(errors="surrogateescape") if own.exists() else ""
    lines = [f"{address}\t{name}" for name, address in names.items()]
    path.write_text("\n".join([*lines, text]), errors="surrogateescape")
    path.chmod(0o644)
    return path


def _make_socket_folder(socket: Path | None) -> Path | None:
    """A folder for this unit's socket alone, and a link to it under the name that the doors know.

    The folder can be shown to the unit without showing it the sockets of the others.
    """
    if socket is None:
        return None
    folder = _socket_folder(socket)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not socket.is_symlink():
        socket.symlink_to(f"{folder.name}/server.sock")
    return folder


def _make_working_directory(spec: UnitSpec) -> None:
    """A working directory below /opt/ml may be named without being there yet."""
    if ways.relocate(spec.working_directory, spec.opt_ml) != spec.working_directory:
        Path(ways.relocate(spec.working_directory, spec.opt_ml)).mkdir(parents=True, exist_ok=True)


def _pick_processors(unit_id: str, count: int | None) -> list[int] | None:
    """Which processors the unit may use; different units begin at different ones."""
    available = sorted(os.sched_getaffinity(0))
    if count is None or count >= len(available):
        return None
    first = sum(unit_id.encode()) % len(available)
    return sorted((available * 2)[first : first + count])


def pick_gpus(unit_id: str, count: int | None, there: int) -> str | None:
    """Which GPUs the unit is shown, as CUDA's libraries read it; None leaves all. As processors, units share them."""
    if count is None or not there or count >= there:
        return None
    first = sum(unit_id.encode()) % there
    return ",".join(str((first + place) % there) for place in range(count))


def _is_alive(folder: Path) -> bool:
    """Whether a shim holds the lock. Ask only when `started` exists: until then asking could disturb it."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _signal_shim(folder: Path, number: signal.Signals) -> None:
    """Signal the shim, if it lives. The lock, looked at once its descriptor is held, proves whose pid it is."""
    shim = _read_json(folder / "shim.json")
    if shim is None:
        return
    try:
        descriptor = os.pidfd_open(shim["pid"])
    except ProcessLookupError:
        return
    try:
        if _is_alive(folder):
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        pass  # it has just ended
    finally:
        os.close(descriptor)


def _read_json(path: Path) -> dict[str, Any] | None:
    """None when it is not there, or was torn by a power cut (only files that may be lost are written so)."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return document


def _state(unit_id: str, phase: Phase, record: dict[str, Any]) -> UnitState:
    started, ended = record.get("started_at"), record.get("ended_at")
    return UnitState(
        unit_id=unit_id,
        phase=phase,
        isolation=record.get("isolation", ""),
        started_at=clock.from_epoch_ms(started) if started else None,
        ended_at=clock.from_epoch_ms(ended) if ended else None,
        exit_code=record.get("exit_code"),
        signal=record.get("signal"),
        out_of_memory=record.get("out_of_memory", False),
        out_of_space=record.get("out_of_space", False),
        stopped_by=record.get("stopped_by"),
    )


def _parse_line(raw: bytes, offset: int) -> LogLine:
    stamp, separator, text = raw.decode("utf-8", "replace").removesuffix("\n").partition("\t")
    if not separator or not stamp.isdigit():
        return LogLine(0, stamp + separator + text, offset)
    return LogLine(int(stamp), text, offset)
