"""The life of one unit: start, watch, limit, end, record."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time

from .child import Child
from .log import Log
from .memory import kernel_kills, make_memory_group, tree_memory
from .processes import descendants, parent_of_each, start_time
from .records import crash_here, milliseconds, remove, write
from .system import CANNOT_ISOLATE, CLONE_NEWPID, NOT_FOUND, PR_SET_CHILD_SUBREAPER, check, libc, prctl
from .volume import POLL_VOLUME, Volume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POLL_MEMORY = 0.1


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
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.kills_before = kernel_kills()
        self.memory = None
        if self.spec["control_groups"]:
            self.memory = make_memory_group(os.path.basename(self.folder), self.spec["memory_bytes"])
        identity = {
            "pid": os.getpid(),
            "start_time": start_time(os.getpid()),
            "token": self.token,
            "memory_group": self.memory.path if self.memory else None,
        }
        write(self.folder, "shim.json", identity)

    # -- starting ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        for line in self.spec["headline"]:
            self.log.note(line)
        self.info_text = b""
        self.output, output = os.pipe()
        self.info, info = os.pipe()
        for descriptor in (self.output, self.info):
            os.set_blocking(descriptor, False)
        self.started_at = milliseconds()
        if self.spec["max_runtime_seconds"] is not None:
            self.deadline = time.monotonic() + self.spec["max_runtime_seconds"]
        if self.spec["isolation"] == "namespace":
            check(libc.unshare(CLONE_NEWPID))
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
        write(self.folder, "running.json", record)
        self._wake()

    def _namespaced_process(self) -> int:
        if not self.init:
            try:
                # bwrap writes its few lines one by one, so a look may see only the first of them.
                self.info_text += os.read(self.info, 4096)
                self.init = json.loads(self.info_text)["child-pid"]
            except (BlockingIOError, ValueError, KeyError):
                return 0
        found = [pid for pid, parent in parent_of_each().items() if parent == self.init]
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
        if not self.running and self.status is None:
            # Whoever reads a line of a process also finds it RUNNING.
            self._look_for_process()
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
            self.out_of_memory = tree_memory(self.child, limit) > limit
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
        doomed = [self.init] if self.init else descendants(os.getpid())
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
        self.ended_at = milliseconds()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._clear_away()
        code, number = self._verdict()
        if self.memory is not None:
            self.out_of_memory = self.out_of_memory or (self.memory.killed() and code != 0)
            self.memory.remove()
        if number == signal.SIGKILL and not self.stopped_by and self.memory is None and not self.out_of_memory:
            self.out_of_memory = kernel_kills() > self.kills_before
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
        write(self.folder, "exit.json", record, durable=True)
        for path in self.spec["temporary"]:
            remove(path)
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
