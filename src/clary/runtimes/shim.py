"""The shim: one small process beside every unit, which starts, watches, limits and records the user's process.

Run as `python -I -S shim.py UNIT_FOLDER` by the process runtime. Standard library only and a single file: it
outlives the Clary that started it, also when that one is replaced by another version. What it is to do is in
spec.json; deciding that (which mounts, which limits) is the runtime's work, not done here. That it must be one
file that stands alone is why it is longer than others.

Files in the unit's folder, in the order in which they appear:

    spec.json      written by the runtime
    lock           flock held for the shim's whole life: held = alive
    started        durable; from here on the unit never starts again
    network.json   pid and start time of the shim, where other units are to join its network
    shim.json      pid, start time and token of the shim
    running.json   pid of the user's process, when it runs
    log            one line each: epoch milliseconds, tab, text
    stop           written by the runtime: the unit shall end (honoured also before it began)
    exit.json      durable; how it ended
"""

# Every import is paid at every start of a unit: no pathlib, contextlib or typing here.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH110, PTH112, PTH114, PTH118, PTH119, PTH120, PTH123
# ruff: noqa: PTH208, SIM105, S606

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINE_LIMIT = 256 * 1024
POLL_MEMORY = 0.1
POLL_VOLUME, VOLUME_SHARE, VOLUME_SLICE = 1.0, 100, 1000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
CLONE_NEWUSER, SIOCSIFFLAGS, IFF_UP = 0x10000000, 0x8914, 1
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
CANNOT_ISOLATE, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127
PAGE = os.sysconf("SC_PAGE_SIZE")

_libc = ctypes.CDLL(None, use_errno=True)


def main(folder: str) -> None:
    """Take the lock, leave the durable mark, then let go of the caller, who waits for exactly this."""
    spec = json.loads(_read(os.path.join(folder, "spec.json")))
    lock = _take_lock(folder)
    if lock is None:
        return
    crash_here("shim.after_lock")
    _write(folder, "started", {}, durable=True)
    crash_here("shim.after_started")
    problem = _share_network(spec["together"]) if spec["together"] else ""
    pid = os.fork()
    if pid == 0:
        Shim(folder, spec, lock, problem).run()
    if spec["together"]:
        _write(folder, "network.json", {"pid": pid, "start_time": _start_time(pid)})


def _take_lock(folder: str) -> int | None:
    """The lock's descriptor; None when another shim has, or had, this unit."""
    descriptor = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    # A reader that asks whether the lock is held has it for a moment itself, but only once `started` exists.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return None if os.path.exists(os.path.join(folder, "started")) else descriptor


class Shim:
    """The life of one unit, from the first fork to exit.json."""

    def __init__(self, folder: str, spec: dict[str, Any], lock: int, problem: str = "") -> None:
        self.folder, self.spec, self.lock, self.problem = folder, spec, lock, problem
        self.log = Log(os.path.join(folder, "log"), spec["log_limit_bytes"])
        self.token = os.urandom(16).hex()
        self.child = 0  # what was forked: the user's process, bwrap, or the first process of the namespace
        self.init = 0  # the first process of the unit's own process namespace, as seen from here
        self.status: int | None = None
        self.started_at = self.ended_at = 0
        self.running = False
        self.stopped_by: str | None = None
        self.out_of_memory = self.out_of_space = False
        self.deadline = self.kill_at = self.look_again = self.measure_again = float("inf")

    def run(self) -> None:
        """Everything, ending in exit.json; never returns. The last resort of a bug here is a record of it."""
        try:
            self._prepare()
            if os.path.exists(os.path.join(self.folder, "stop")):
                self.stopped_by, self.status = "stop", signal.SIGTERM
            elif self.problem:
                self.log.note(f"the network of the job's instances cannot be had: {self.problem}")
                self.status = CANNOT_ISOLATE << 8
            else:
                self._start()
                self._watch()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the unit must not end without a record
            self.log.note(f"the shim failed: {error!r}")
            self.status = self.status if self.status is not None else CANNOT_ISOLATE << 8
        self._finish()
        os._exit(0)

    def _prepare(self) -> None:
        self.wakeup, write_end = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._end("stop"))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.kills_before = _kernel_kills()
        self.memory = None
        if self.spec["control_groups"]:
            self.memory = make_memory_group(os.path.basename(self.folder), self.spec["memory_bytes"])
        identity = {
            "pid": os.getpid(),
            "start_time": _start_time(os.getpid()),
            "token": self.token,
            "memory_group": self.memory.path if self.memory else None,
        }
        _write(self.folder, "shim.json", identity)

    # -- starting ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        for line in self.spec["headline"]:
            self.log.note(line)
        self.info_text = b""
        self.output, output = os.pipe()
        self.info, info = os.pipe()
        for descriptor in (self.output, self.info):
            os.set_blocking(descriptor, False)
        self.started_at = _now()
        if self.spec["max_runtime_seconds"] is not None:
            self.deadline = time.monotonic() + self.spec["max_runtime_seconds"]
        if self.spec["isolation"] == "namespace":
            _check(_libc.unshare(CLONE_NEWPID))
        parent = os.getpid()
        # A SIGTERM that comes now waits until the child has put the signals back to what they should be.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self.child = os.fork()
        if self.child == 0:
            Child(self.spec, self.token, self.memory, (self.lock, self.log.file)).run(parent, output, info)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.close(output)
        os.close(info)
        crash_here("shim.after_spawn")
        if self.spec["isolation"] == "namespace":
            self.init = self.child
        self.look_again = time.monotonic()
        if self.spec["volume_bytes"] is not None:
            self.volume = Volume(self.spec["volume"], self.spec["staged"])
            self.measure_again = self.look_again + POLL_VOLUME

    def _look_for_process(self) -> None:
        """Find the user's process and say that it runs. Under bwrap it is the child of bwrap's child."""
        pid = self.child if self.spec["isolation"] == "plain" else self._namespaced_process()
        if not pid:
            self.look_again = time.monotonic() + 0.003
            return
        self.look_again = time.monotonic() + POLL_MEMORY
        self.running = True
        record = {"pid": pid, "started_at": self.started_at, "isolation": self.spec["isolation"]}
        _write(self.folder, "running.json", record)
        self._wake()

    def _namespaced_process(self) -> int:
        if not self.init:
            try:
                # bwrap writes its few lines one by one, so a look may see only the first of them.
                self.info_text += os.read(self.info, 4096)
                self.init = json.loads(self.info_text)["child-pid"]
            except (BlockingIOError, ValueError, KeyError):
                return 0
        found = [pid for pid, parent in _parents().items() if parent == self.init]
        return min(found, default=0)

    # -- watching ------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        poller = select.poll()
        poller.register(self.wakeup, select.POLLIN)
        poller.register(self.output, select.POLLIN)
        while self.status is None:
            now = time.monotonic()
            next_due = min(self.deadline, self.kill_at, self.look_again, self.measure_again)
            wait = None if next_due == float("inf") else max(0, next_due - now) * 1000 + 0.5
            for descriptor, _ in poller.poll(wait):
                if descriptor == self.wakeup:
                    os.read(self.wakeup, 4096)
                elif not self._copy_output():
                    poller.unregister(self.output)
            self._reap()
            self._act_on_time(time.monotonic())

    def _copy_output(self) -> bool:
        """Copy what is there; False at the end of the output."""
        try:
            data = os.read(self.output, 65536)
        except BlockingIOError:
            return True
        self.log.feed(data)
        return bool(data)

    def _act_on_time(self, now: float) -> None:
        if self.status is not None:
            return
        if now >= self.deadline:
            self._end("deadline")
        if now >= self.kill_at:
            self.kill_at = now + 1
            self._kill_all()
        if now >= self.look_again:
            if self.running:
                self._check_memory(now)
            else:
                self._look_for_process()
        if now >= self.measure_again:
            self._check_volume()

    def _check_volume(self) -> None:
        self.measure_again = self.volume.measure()
        limit = self.spec["volume_bytes"]
        if self.volume.used > limit and not self.out_of_space:
            self.out_of_space = True
            self.log.note(f"No space left on device: {self.volume.used} of {limit} bytes are used")
        if self.out_of_space:
            self._kill_all()

    def _check_memory(self, now: float) -> None:
        if self.spec["memory_bytes"] is None:
            self.look_again = float("inf")
            return
        if self.memory is not None:
            self.out_of_memory = self.memory.killed()
        else:
            limit = self.spec["memory_bytes"]
            self.out_of_memory = _tree_memory(self.child, limit) > limit
        # Looking costs a few milliseconds on a machine with many processes: never more than a twentieth.
        self.look_again = now + max(POLL_MEMORY, 20 * (time.monotonic() - now))
        if self.out_of_memory:
            self._kill_all()

    def _end(self, reason: str) -> None:
        """SIGTERM to the process group now, SIGKILL after the grace time. Only the first reason counts."""
        self.deadline = float("inf")
        if self.stopped_by is not None or self.status is not None:
            return
        self.stopped_by = reason
        self.kill_at = time.monotonic() + self.spec["grace_seconds"]
        if not self.child:
            return
        pid = self.child if self.spec["isolation"] == "plain" else self._namespaced_process()
        try:
            group = os.getpgid(pid) if pid else 0
            if group in (0, os.getpgrp()):  # still being set up: nothing of the user's has run yet
                self.kill_at = time.monotonic()
            else:
                os.killpg(group, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has just ended

    def _kill_all(self) -> None:
        """SIGKILL to the whole tree. With a process namespace its first process takes all others along."""
        doomed = [self.init] if self.init else _descendants(os.getpid())
        for pid in doomed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was faster

    def _reap(self) -> bool:
        """Collect ended children; False when none is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.status = status

    # -- ending --------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        self.ended_at = _now()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._clear_away()
        code, number = self._verdict()
        if self.memory is not None:
            self.out_of_memory = self.out_of_memory or (self.memory.killed() and code != 0)
            self.memory.remove()
        if number == signal.SIGKILL and not self.stopped_by and self.memory is None and not self.out_of_memory:
            self.out_of_memory = _kernel_kills() > self.kills_before
        self.log.close()
        crash_here("shim.before_exit_record")
        record = {
            "exit_code": code,
            "signal": number,
            "out_of_memory": self.out_of_memory,
            "out_of_space": self.out_of_space and code != 0,
            "stopped_by": self.stopped_by,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "isolation": self.spec["isolation"],
        }
        _write(self.folder, "exit.json", record, durable=True)
        for path in self.spec["temporary"]:
            _remove(path)
        self._wake()

    def _clear_away(self) -> None:
        """Nothing of the unit lives on, and all that it wrote is in the log."""
        if not self.child:
            return
        patience = time.monotonic() + 5
        self.init = 0
        while self._reap() and time.monotonic() < patience:
            self._kill_all()
            time.sleep(0.002)
        while not self.log.ended and self._more_output():
            pass

    def _more_output(self) -> bool:
        readable, _, _ = select.select([self.output], [], [], 0)
        return bool(readable) and self._copy_output()

    def _verdict(self) -> tuple[int, int | None]:
        """Exit code and signal, as a shell would count them."""
        status = self.status or 0
        if self.spec["isolation"] == "namespace" and self.child:
            try:
                status = int(os.read(self.info, 64) or status)
            except BlockingIOError:
                pass
        if os.WIFSIGNALED(status):
            return 128 + os.WTERMSIG(status), os.WTERMSIG(status)
        code = os.WEXITSTATUS(status)
        if self.spec["isolation"] == "bwrap" and self.child:
            if code == 1 and self.log.last.startswith(b"bwrap: "):
                return (NOT_FOUND if b"execvp" in self.log.last else CANNOT_ISOLATE), None
            # bwrap tells a death by signal n as 128 + n.
            if code - 128 in signal.valid_signals():
                return code, code - 128
        return code, None

    def _wake(self) -> None:
        """Tell the engine that something changed. A hint: it looks by itself as well."""
        if not self.spec["wake_socket"]:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as wake:
                wake.sendto(self.spec["unit_id"].encode(), self.spec["wake_socket"])
        except OSError:
            pass


class Child:
    """The steps between fork and exec, in the process that becomes the user's."""

    def __init__(
        self, spec: dict[str, Any], token: str, memory: MemoryGroup | None, private: tuple[int, ...]
    ) -> None:
        self.spec, self.token, self.memory, self.private = spec, token, memory, private

    def run(self, parent: int, output: int, info: int) -> None:
        code = CANNOT_ISOLATE
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            # In a new process namespace the parent is outside and counts as 0.
            if os.getppid() not in (parent, 0):
                os._exit(code)
            os.setsid()
            self._reset_signals()
            self._redirect(output)
            self._limit()
            if self.spec["isolation"] == "bwrap":
                self._become_bwrap(info)
            if self.spec["isolation"] == "namespace":
                self._enter_namespace(info)
            self._become_user_process()
        except OSError as error:
            os.write(2, f"clary: cannot start {self.spec['argv'][0]}: {error}\n".encode())
            code = {FileNotFoundError: NOT_FOUND, PermissionError: CANNOT_EXECUTE}.get(type(error), code)
        finally:
            os._exit(code)

    def _reset_signals(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _redirect(self, output: int) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)

    def _limit(self) -> None:
        if self.memory is not None:
            self.memory.join()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = 65536 if most == resource.RLIM_INFINITY else min(most, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if self.spec["processors"]:
            os.sched_setaffinity(0, self.spec["processors"])
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("500")  # when memory is short, the job goes and not Clary
        except OSError:
            pass

    def _become_bwrap(self, info: int) -> None:
        """The options travel in a memory file: neither `ps` nor bwrap's own environment shows a variable."""
        options = [*self.spec["sandbox"], "--info-fd", str(info)]
        for name, value in self._variables().items():
            options += ["--setenv", name, value]
        arguments = os.memfd_create("bwrap-options", 0)
        os.write(arguments, b"".join(os.fsencode(option) + b"\0" for option in options))
        os.lseek(arguments, 0, os.SEEK_SET)
        os.set_inheritable(info, True)
        program = self.spec["bwrap"]
        os.execve(program, [program, "--args", str(arguments), "--", *self.spec["argv"]], {})

    def _enter_namespace(self, info: int) -> None:
        """As root: own mounts, processes and IPC; this process stays as the first one and reaps."""
        own_network = not self.spec["network"] and not self.spec["together"]
        _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | (CLONE_NEWNET if own_network else 0)))
        if own_network:
            _open_loopback()
        _mount(None, "/", MS_REC | MS_PRIVATE)
        _mount("proc", "/proc", MS_NOSUID, b"proc")
        for source, target, read_only in self.spec["mounts"]:
            _mount(source, target, MS_BIND | MS_REC)
            if read_only:
                _mount(source, target, MS_BIND | MS_REMOUNT | MS_RDONLY)
        process = os.fork()
        if process == 0:
            os.setsid()
            return
        for descriptor in self.private:
            os.close(descriptor)
        while True:
            pid, status = os.wait()
            if pid == process:
                os.write(info, str(status).encode())
                os._exit(0)

    def _become_user_process(self) -> None:
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        _drop_capabilities()
        os.chdir(self.spec["directory"])
        os.execvpe(self.spec["argv"][0], self.spec["argv"], self._variables())

    def _variables(self) -> dict[str, str]:
        return {**self.spec["variables"], "CLARY_UNIT_TOKEN": self.token}


class Log:
    """Lines of bytes into the log file, whole or not at all, up to a limit."""

    def __init__(self, path: str, limit: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.size, self.limit = os.fstat(self.file).st_size, limit
        self.rest = self.last = b""
        self.lost, self.full, self.ended = 0, False, False

    def note(self, text: str) -> None:
        """A line of Clary's own."""
        self._append([b"clary: " + text.encode(errors="replace")])

    def feed(self, data: bytes) -> None:
        """Take output as it comes; nothing (b"") is its end."""
        self.ended = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        while len(self.rest) > LINE_LIMIT or (self.ended and self.rest):
            piece = _cut(self.rest)
            lines.append(piece)
            self.rest = self.rest[len(piece) :]
        if lines:
            self._append(lines)

    def close(self) -> None:
        if self.rest:
            self.feed(b"")
        if self.lost:
            self._append([])
        try:
            os.fdatasync(self.file)
        except OSError:
            pass  # the record of the exit matters more

    def _append(self, lines: list[bytes]) -> None:
        prefix = b"%d\t" % _now()
        if self.lost:
            lines = [b"clary: %d lines could not be written to the log" % self.lost, *lines]
        pieces = [prefix + piece + b"\n" for line in lines for piece in _tidy(line)]
        block = b"".join(pieces)
        self.last = lines[-1] if lines else self.last
        if self.full:
            return
        if self.size + len(block) > self.limit:
            self.full = True
            block = prefix + b"clary: the log has reached its limit of %d bytes; nothing more is kept\n" % self.limit
        try:
            written = os.write(self.file, block)
            if written < len(block):
                os.ftruncate(self.file, self.size)
                raise OSError("short write")
            self.size += written
            self.lost = 0
        except OSError:
            self.lost += len(lines)


def _tidy(line: bytes) -> list[bytes]:
    """Valid UTF-8 without the carriage return, in pieces that are not too long."""
    line = line[:-1] if line.endswith(b"\r") else line
    pieces = []
    while len(line) > LINE_LIMIT:
        pieces.append(_cut(line))
        line = line[len(pieces[-1]) :]
    return [piece.decode("utf-8", "replace").encode() for piece in [*pieces, line]]


def _cut(data: bytes) -> bytes:
    """The first LINE_LIMIT bytes, not ending inside a character."""
    end = min(LINE_LIMIT, len(data))
    while end < len(data) and end > LINE_LIMIT - 4 and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end]


def _share_network(folders: list[str]) -> str:
    """Enter the network that units in these folders live in, or make it when none does yet; '' or what went wrong.

    Without root that takes a user namespace, which goes with the network. Units are launched one after the other.
    """
    try:
        if not any(_join_network(os.path.join(folder, "network.json")) for folder in folders):
            _make_network()
    except OSError as error:
        return str(error)
    return ""


def _join_network(record: str) -> bool:
    try:
        shim = json.loads(_read(record))
        names = ["net"] if os.geteuid() == 0 else ["user", "net"]
        spaces = [os.open(f"/proc/{shim['pid']}/ns/{name}", os.O_RDONLY) for name in names]
        if _start_time(shim["pid"]) != shim["start_time"]:
            return False
    except (OSError, ValueError, IndexError):
        return False  # it has not begun, or has ended
    for space in spaces:
        _check(_libc.setns(space, 0))
        os.close(space)
    return True


def _make_network() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _check(_libc.unshare(CLONE_NEWNET))
    else:
        _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _open_loopback()


def _open_loopback() -> None:
    """A new network has a loopback interface, but it is down."""
    up = b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(2, sys.byteorder) + bytes(22)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)


class Volume:
    """How much lies in the unit's folders, measured again and again, for at most a hundredth of the time.

    What was staged (inputs) is measured on its own: it may be many files, and only what it grows by counts. Large
    trees are walked a slice at a time, so that the log and the limits are not kept waiting.
    """

    def __init__(self, folders: list[str], staged: list[str]) -> None:
        self.staged = set(staged)
        self.trees = [Tree(folder, self.staged, counts_from_zero=True) for folder in folders]
        self.trees += [Tree(folder, self.staged, counts_from_zero=False) for folder in staged]
        self.used = 0

    def measure(self) -> float:
        """Do a slice of what is due; returns when to come again."""
        now = time.monotonic()
        for tree in self.trees:
            if tree.due <= now:
                tree.measure(now)
                break
        self.used = sum(tree.grown for tree in self.trees)
        return min(tree.due for tree in self.trees)


class Tree:
    """One folder of a volume. `grown` is from its last whole measurement."""

    def __init__(self, path: str, apart: set[str], counts_from_zero: bool) -> None:
        self.path, self.apart = path, apart
        self.base = 0 if counts_from_zero else None
        self.grown = 0
        self.due = time.monotonic()
        self.rest: list[str] = []  # folders that this measurement has not come to
        self.total, self.cost = 0, 0.0
        self.linked: set[tuple[int, int]] = set()

    def measure(self, began: float) -> None:
        if not self.rest:
            self.rest, self.total, self.cost = [self.path], 0, 0.0
            self.linked.clear()
        entries = 0
        while self.rest and entries < VOLUME_SLICE:
            entries += self._measure_folder(self.rest.pop())
        now = time.monotonic()
        self.cost += now - began
        if self.rest:
            self.due = now + VOLUME_SHARE * (now - began)
            return
        self.base = self.total if self.base is None else self.base
        self.grown = max(0, self.total - self.base)
        self.due = now + max(POLL_VOLUME, VOLUME_SHARE * self.cost)

    def _measure_folder(self, folder: str) -> int:
        """Returns how many entries there were. The job may be changing any of it."""
        count = 1
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    self._measure_entry(entry)
        except OSError:
            pass
        return count

    def _measure_entry(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return
        if entry.is_dir(follow_symlinks=False):
            if entry.path not in self.apart:
                self.rest.append(entry.path)
            return
        if entry.is_symlink():
            return
        if status.st_nlink > 1:
            if (status.st_dev, status.st_ino) in self.linked:
                return
            self.linked.add((status.st_dev, status.st_ino))
        self.total += status.st_blocks * 512  # what lies on the disk: holes do not


class MemoryGroup:
    """A memory control group of the unit's own, version 1 or 2."""

    def __init__(self, path: str, limits: dict[str, tuple[str, bool]], events: str) -> None:
        self.path, self.limits, self.events = path, limits, events

    def create(self) -> None:
        """Raises OSError when this machine does not let us."""
        os.mkdir(self.path)
        try:
            for name, (value, required) in self.limits.items():
                try:
                    with open(os.path.join(self.path, name), "w") as file:
                        file.write(value)
                except OSError:
                    if required:
                        raise
            self._try_to_join()
        except OSError:
            self.remove()
            raise

    def _try_to_join(self) -> None:
        probe = os.fork()
        if probe == 0:
            try:
                self.join()
            except OSError:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(probe, 0)
        if status:
            raise PermissionError(self.path)

    def join(self) -> None:
        with open(os.path.join(self.path, "cgroup.procs"), "w") as file:
            file.write("0")

    def killed(self) -> bool:
        """Whether the kernel has killed a process in here because memory ran out."""
        try:
            counters = dict(line.split() for line in _read(os.path.join(self.path, self.events)).splitlines())
        except (OSError, ValueError):
            return False
        return int(counters.get("oom_kill", 0)) > 0

    def remove(self) -> None:
        patience = time.monotonic() + 1
        while time.monotonic() < patience:
            try:
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.005)  # the last process is still being taken down


def make_memory_group(name: str, limit: int | None, root: str = "/sys/fs/cgroup") -> MemoryGroup | None:
    """The first group that can be had, or None: then memory is counted by looking at the processes."""
    for group in _possible_groups(f"clary-{name[-80:]}-{os.getpid()}", limit, root):
        try:
            group.create()
            return group
        except OSError:
            continue
    return None


def _possible_groups(name: str, limit: int | None, root: str) -> list[MemoryGroup]:
    groups = []
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            bytes_ = str(limit) if limit else "-1"
            limits = {
                "memory.limit_in_bytes": (bytes_, True),
                "memory.memsw.limit_in_bytes": (bytes_, False),
            }
            for base in (own, "/"):
                groups.append(MemoryGroup(f"{root}/memory{base.rstrip('/')}/{name}", limits, "memory.oom_control"))
        elif not controllers:
            limits = {
                "memory.max": (str(limit) if limit else "max", True),
                "memory.swap.max": ("0" if limit else "max", False),
                "memory.oom.group": ("1", False),
            }
            # A group with processes in it cannot have limited children; its parent often can.
            for base in (own, os.path.dirname(own)):
                groups.append(MemoryGroup(f"{root}{base.rstrip('/')}/{name}", limits, "memory.events"))
    return groups


def _tree_memory(root: int, limit: int) -> int:
    """Bytes that a process tree uses. Shared pages count once, but that is only worked out near the limit."""
    pids = [root, *_descendants(root)]
    total = sum(_resident(pid) for pid in pids)
    return total if total <= limit else sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(pid)


def _parents() -> dict[int, int]:
    """Every process with its parent."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = int(_stat(int(entry))[1])
            except (OSError, IndexError):
                continue
    return found


def _descendants(root: int) -> list[int]:
    parents = _parents()
    found: list[int] = []
    wanted = {root}
    while wanted:
        wanted = {pid for pid, parent in parents.items() if parent in wanted}
        found += wanted
    return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the name before it may hold anything)."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _start_time(pid: int) -> int:
    return int(_stat(pid)[19])


def _kernel_kills() -> int:
    """How often the kernel has killed for want of memory since the machine started."""
    try:
        return next(int(line.split()[1]) for line in _read("/proc/vmstat").splitlines() if line[:9] == "oom_kill ")
    except (OSError, StopIteration):
        return 0


def _mount(source: str | None, target: str, flags: int, kind: bytes | None = None) -> None:
    name = os.fsencode(source) if source else None
    _check(_libc.mount(name, os.fsencode(target), kind, ctypes.c_ulong(flags), None), target)


def _drop_capabilities() -> None:
    """As root: keep the user id, give up what it may do beyond any other user."""
    if os.geteuid() != 0:
        return
    zero = ctypes.c_ulong(0)
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), zero, zero, zero) != 0:
            break  # beyond the last one that this kernel has, or not allowed in this container
    version_and_pid = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(version_and_pid, nothing))


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def _check(result: int, what: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(folder: str, name: str, document: dict[str, Any], durable: bool = False) -> None:
    """Replace a file in one step; `durable` ones also survive a power cut."""
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump(document, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(temporary, os.path.join(folder, name))
    if durable:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def _remove(path: str) -> None:
    """Delete a file or a tree. All processes that could play tricks in it are dead by now."""
    try:
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            return
        os.chmod(path, 0o700)
        for entry in os.listdir(path):
            _remove(os.path.join(path, entry))
        os.rmdir(path)
    except OSError:
        pass  # left to the runtime, which deletes the unit's folder later


def crash_here(name: str) -> None:
    """The shim's own copy of Clary's named crash points (it imports nothing of Clary)."""
    if os.environ.get("CLARY_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
