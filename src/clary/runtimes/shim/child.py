"""The steps between fork and exec: the process that becomes the user's."""

from __future__ import annotations

import os
import resource
import signal

from .network import open_loopback
from .system import (
    CANNOT_EXECUTE,
    CANNOT_ISOLATE,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    MS_BIND,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    NOT_FOUND,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    check,
    drop_capabilities,
    libc,
    mount,
    prctl,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .memory import MemoryGroup


class Child:
    """The steps between fork and exec, in the process that becomes the user's."""

    def __init__(
        self, spec: dict[str, Any], token: str, memory: MemoryGroup | None, private: tuple[int, ...]
    ) -> None:
        self.spec, self.token, self.memory, self.private = spec, token, memory, private

    def run(self, parent: int, output: int, info: int) -> None:
        code = CANNOT_ISOLATE
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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
        check(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | (CLONE_NEWNET if own_network else 0)))
        if own_network:
            open_loopback()
        mount(None, "/", MS_REC | MS_PRIVATE)
        mount("proc", "/proc", MS_NOSUID, b"proc")
        for source, target, read_only in self.spec["mounts"]:
            mount(source, target, MS_BIND | MS_REC)
            if read_only:
                mount(source, target, MS_BIND | MS_REMOUNT | MS_RDONLY)
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
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        drop_capabilities()
        os.chdir(self.spec["directory"])
        os.execvpe(self.spec["argv"][0], self.spec["argv"], self._variables())

    def _variables(self) -> dict[str, str]:
        return {**self.spec["variables"], "CLARY_UNIT_TOKEN": self.token}
