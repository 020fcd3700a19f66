"""How a unit is kept apart from the machine: which way works here, and what exactly it is told.

    bwrap      own root made of read-only system folders, own processes and IPC, /opt/ml at its true path, home
               and data folder invisible. Works as root and, where the kernel allows it, as a plain user
    namespace  root only: own mounts (so /opt/ml exists and the environment is read-only), processes and IPC;
               the rest of the machine stays visible
    plain      limits and a process group; no /opt/ml

None of them is a wall between enemies: the kernel is shared. The shim carries out what is decided here.
"""

from __future__ import annotations

import enum
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clary.base.errors import ConfigurationError

OPT_ML = "/opt/ml"
HOSTS_FILE = "/etc/hosts"
BWRAP_OVERLAY = "/opt/clary"
BWRAP_SOCKETS = "/run/clary"
# Where packages are imported from, so that tracebacks tell no paths of the machine. The folders are also where they
# are on the machine: first lines of their programs name that place. None may begin as BWRAP_OVERLAY does: pip takes
# what begins with the prefix of its environment for a part of it, and would remove packages there.
BWRAP_ENVIRONMENT = "/opt/shared-environment"
BWRAP_FRONT = "/opt/shared-packages"
BWRAP_TOOLKIT = "/opt/shared-toolkit"
_PLAIN_NOTE = (
    "WARNING: jobs run without a file system of their own: /opt/ml does not exist, and the machine's files are "
    "visible. Scripts must use the SM_* variables or SAGEMAKER_BASE_DIR. Install bubblewrap "
    "(apt-get install bubblewrap, dnf install bubblewrap) and restart Clary. Reason: "
)
# What programs need of /etc: names, certificates, the loader, time. Not: passwords, keys, configurations.
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "OpenCL",
    "os-release",
    "passwd",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "terminfo",
    "timezone",
)
# What a process of root's could change the whole machine with, even one without any capability.
_KERNEL_SWITCHES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")
# Does what the shim does for `namespace`, to see whether the kernel lets us.
_NAMESPACE_PROBE = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
if libc.unshare(0x20000000 | 0x08000000 | 0x00020000): sys.exit(1)
if os.fork() == 0:
    private = libc.mount(None, b"/", None, ctypes.c_ulong(16384 | 1 << 18), None)
    os._exit(1 if private or libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(2), None) else 0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


class Kind(enum.StrEnum):
    BWRAP = "bwrap"
    NAMESPACE = "namespace"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Isolation:
    """What is in force. `note` is put at the top of every log when it is not empty."""

    kind: Kind
    note: str = ""
    bwrap: str = ""


@dataclass(frozen=True, slots=True)
class UnitPaths:
    """Host folders of one unit. `visible` are further ones it may read (interpreters, package folders)."""

    opt_ml: Path
    environment: Path
    overlay: Path
    temporary: Path
    sockets: Path | None
    visible: Sequence[Path] = ()
    front: Path | None = None
    toolkit: Path | None = None
    hosts_file: Path | None = None

    @property
    def shared(self) -> list[Path]:
        """What other units use, too, and none may change."""
        return [path for path, _ in self.seen]

    @property
    def seen(self) -> list[tuple[Path, str]]:
        """These, each with where it is under bwrap as well."""
        places = [(self.environment, BWRAP_ENVIRONMENT), (self.front, BWRAP_FRONT), (self.toolkit, BWRAP_TOOLKIT)]
        return [(path, place) for path, place in places if path]


def choose_isolation(setting: str = "auto") -> Isolation:
    """Try what the setting allows, best first. ConfigurationError when a way that was asked for cannot be had."""
    if setting == Kind.PLAIN:
        return Isolation(Kind.PLAIN, _PLAIN_NOTE + "CLARY_ISOLATION=plain.")
    if setting not in ("auto", Kind.BWRAP, Kind.NAMESPACE):
        raise ConfigurationError(f"CLARY_ISOLATION={setting!r} is none of auto, bwrap, namespace and plain.")
    problems = []
    for kind, attempt in ((Kind.BWRAP, _try_bwrap), (Kind.NAMESPACE, _try_namespace)):
        if setting in ("auto", kind):
            result = attempt()
            if isinstance(result, Isolation):
                return result
            problems.append(result)
    if setting != "auto":
        raise ConfigurationError(f"CLARY_ISOLATION={setting} cannot be had: {problems[0]}")
    return Isolation(Kind.PLAIN, _PLAIN_NOTE + " ".join(problems))


def _try_bwrap() -> Isolation | str:
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed."
    problem = _run_probe([program, *_apart(network=True), *_system(), "--", "/usr/bin/true"])
    return f"bubblewrap does not work: {problem}." if problem else Isolation(Kind.BWRAP, bwrap=program)


def _try_namespace() -> Isolation | str:
    if os.geteuid() != 0:
        return "Mount namespaces need root."
    try:
        Path(OPT_ML).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{OPT_ML} cannot be made: {error.strerror}."
    problem = _run_probe([sys.executable, "-I", "-S", "-c", _NAMESPACE_PROBE])
    if problem:
        return f"The kernel does not allow mount namespaces: {problem}."
    return Isolation(Kind.NAMESPACE)


def _run_probe(command: Sequence[str]) -> str:
    """Empty when it worked, otherwise why not."""
    try:
        result = subprocess.run(command, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return "" if result.returncode == 0 else (lines[-1] if lines else "it was refused")


def sandbox_options(paths: UnitPaths, directory: str, network: bool, hostname: str = "") -> list[str]:
    """Options for bwrap, apart from the variables."""
    options = [*_apart(network), *_system()]
    # First of all, because the other folders may lie below /tmp.
    options += ["--bind", str(paths.temporary), "/tmp", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108 - inside
    for folder in (*paths.visible, *paths.shared):
        if not folder.is_relative_to("/usr"):
            options += ["--ro-bind", str(folder), str(folder)]
    for folder, place in paths.seen:
        options += ["--ro-bind", str(folder), place]
    options += ["--bind", str(paths.overlay), BWRAP_OVERLAY]
    options += ["--bind", str(paths.opt_ml), OPT_ML]
    if paths.sockets is not None:
        options += ["--bind", str(paths.sockets), BWRAP_SOCKETS]
    if paths.hosts_file is not None:
        options += ["--ro-bind", str(paths.hosts_file), HOSTS_FILE]
    if hostname:
        options += ["--hostname", hostname]
    return [*options, "--chdir", directory]


def namespace_mounts(paths: UnitPaths) -> list[tuple[str, str, bool]]:
    """Bind mounts (source, target, read-only) for a mount namespace."""
    shared = [(str(path), str(path), True) for path in paths.shared]
    closed = [(path, path, True) for path in _KERNEL_SWITCHES if Path(path).exists()]
    hosts = [(str(paths.hosts_file), HOSTS_FILE, True)] if paths.hosts_file else []
    return [(str(paths.opt_ml), OPT_ML, False), *shared, *closed, *hosts]


def _apart(network: bool) -> list[str]:
    options = "--unshare-user-try --unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try"
    options += " --die-with-parent --new-session --cap-drop ALL"
    return options.split() + ([] if network else ["--unshare-net"])


def _system() -> list[str]:
    """The read-only root: programs, libraries, names and certificates, devices."""
    options = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--ro-bind-try", "/sys", "/sys"]
    for path in _KERNEL_SWITCHES:
        options += ["--ro-bind-try", path, path]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        folder = Path("/", name)
        if folder.is_symlink():
            options += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            options += ["--ro-bind", str(folder), str(folder)]
    for name in _ETC:
        source = Path(os.path.realpath(Path("/etc", name)))
        if source.exists():
            options += ["--ro-bind", str(source), f"/etc/{name}"]
    for device in sorted(Path("/dev").glob("nvidia*")):
        options += ["--dev-bind-try", str(device), str(device)]
    return options


def relocate(text: str, opt_ml: Path) -> str:
    """Without isolation: the host path in place of one below /opt/ml."""
    if text == OPT_ML or text.startswith(f"{OPT_ML}/"):
        return str(opt_ml) + text.removeprefix(OPT_ML)
    return text
