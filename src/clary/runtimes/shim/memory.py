"""How much memory a unit may use: by the kernel's control groups, or by looking at its processes."""

from __future__ import annotations

import os
import time

from .processes import descendants
from .records import read

PAGE = os.sysconf("SC_PAGE_SIZE")


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
            counters = dict(line.split() for line in read(os.path.join(self.path, self.events)).splitlines())
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
    for line in read("/proc/self/cgroup").splitlines():
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


def tree_memory(root: int, limit: int) -> int:
    """Bytes that a process tree uses. Shared pages count once, but that is only worked out near the limit."""
    pids = [root, *descendants(root)]
    total = sum(_resident(pid) for pid in pids)
    return total if total <= limit else sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(pid)


def kernel_kills() -> int:
    """How often the kernel has killed for want of memory since the machine started."""
    try:
        return next(int(line.split()[1]) for line in read("/proc/vmstat").splitlines() if line[:9] == "oom_kill ")
    except (OSError, StopIteration):
        return 0
