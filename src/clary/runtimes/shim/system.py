"""Calls of the kernel that Python has no function for, and their numbers."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
CANNOT_ISOLATE, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str | None, target: str, flags: int, kind: bytes | None = None) -> None:
    name = os.fsencode(source) if source else None
    check(libc.mount(name, os.fsencode(target), kind, ctypes.c_ulong(flags), None), target)


def drop_capabilities() -> None:
    """As root: keep the user id, give up what it may do beyond any other user."""
    if os.geteuid() != 0:
        return
    zero = ctypes.c_ulong(0)
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), zero, zero, zero) != 0:
            break  # beyond the last one that this kernel has, or not allowed in this container
    version_and_pid = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    check(libc.capset(version_and_pid, nothing))


def prctl(option: int, value: int) -> None:
    check(libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def check(result: int, what: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
