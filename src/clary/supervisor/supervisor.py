"""The supervisor's loop: keeps children alive, watches for signals, ends everything in order.

SIGTERM: doors drain, control ends; jobs and model servers go on and are adopted by the next start. SIGINT
(Ctrl-C): the same, but control is sent SIGINT and stops all units before it ends. SIGHUP counts as SIGTERM.
A second signal ends the waiting. When the supervisor itself is killed, doors and control go on; the next one
takes over their sockets, starts new children and sends the old ones away.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from clary.base.data_folder import refuse_foreign
from clary.base.errors import HOPELESS
from clary.base.installation import ensure_installation
from clary.base.log import configure_logging, get_logger
from clary.base.settings import Settings
from clary.supervisor.children import BackOff, Child, ChildSpec
from clary.supervisor.listening import is_loopback, open_sockets
from clary.supervisor.lock import hold_lock
from clary.supervisor.orphans import end_all, find_orphans, start_ticks
from clary.supervisor.server_file import ServerFile, is_ready, wait_ready, write_server_file
from clary.supervisor.wake import Wake, catch_signals

__all__ = ["run", "wait_ready"]

log = get_logger(__name__)

DOOR = "clary.door"
CONTROL = "clary.control"
CERTIFICATES = "clary.door.certificates"
_TICK_SECONDS = 1.0
_DOOR_SECONDS = 6.0  # a door drains for 5 s, longer only while invocations are on their way
_CONTROL_SECONDS = 10.0
_STOP_UNITS_SECONDS = 150.0  # jobs get 120 s between SIGTERM and SIGKILL
_TAKEOVER_SECONDS = 5.0
_CERTIFICATE_SECONDS = 10.0
_RENEWAL_SECONDS = 24 * 3600.0
_READY_SECONDS = 60.0

Announce = Callable[[str], None]


def _print_now(text: str) -> None:
    """Also where standard output is a file or the journal, which Python would buffer until the end."""
    print(text, flush=True)


def run(settings: Settings, announce: Announce = _print_now) -> int:
    """Serve until a signal says stop; the process's exit status. ConfigurationError when it cannot start."""
    layout = settings.layout
    refuse_foreign(layout)
    layout.create()
    with hold_lock(layout):
        configure_logging(settings.log_level, layout.logs / "supervisor.log")
        ensure_installation(settings)
        with catch_signals() as wake:
            return Supervisor(settings, announce, wake).run()


class Supervisor:
    """State of one run."""

    def __init__(self, settings: Settings, announce: Announce, wake: Wake) -> None:
        self._settings = settings
        self._announce = announce
        self._wake = wake
        old_doors = find_orphans(settings, DOOR)
        self._sockets = open_sockets(settings, old_doors)
        self._old_doors = old_doors
        self._old_doors_until = 0.0
        self._children: list[Child] = []
        self._certificates = self._child(self._spec("certificates", CERTIFICATES))
        self._certificates_due_at = 0.0
        self._file = self._first_file()
        self._ready = False
        self._hopeless: Child | None = None

    def run(self) -> int:
        self._say_where()
        self._start_all()
        self._publish()
        self._say_goodbye_to_old_doors()
        threading.Thread(target=self._watch_readiness, daemon=True).start()
        stop = 0
        while not stop:
            self._look_after_children(time.monotonic())
            if self._hopeless is not None:
                return self._give_up(self._hopeless)
            stop = self._sleep()
        return self._end(stop)

    # Start

    def _first_file(self) -> ServerFile:
        http_url, https_url = self._sockets.urls(self._settings.host)
        pid = os.getpid()
        return ServerFile(pid, start_ticks(pid), time.time(), version("clary"), http_url, https_url)

    def _say_where(self) -> None:
        if not is_loopback(self._sockets.http):
            self._announce(
                f"Clary listens on {self._settings.host}: everybody who reaches this machine reaches it. "
                "Requests still need this installation's credentials."
            )

    def _start_all(self) -> None:
        """Certificates are made while an old control ends; doors need the one, the new control needs the other."""
        self._renew_certificates(time.monotonic())
        old_controls = find_orphans(self._settings, CONTROL)
        end_all(old_controls, _TAKEOVER_SECONDS)
        for orphan in old_controls:
            orphan.close()
        control = self._child(self._spec("control", CONTROL))
        self._children.append(control)
        control.start(time.monotonic())
        if not (self._settings.layout.tls / "server.pem").exists():
            self._certificates.wait(_CERTIFICATE_SECONDS)
        for number in range(max(self._settings.doors, 1)):
            door = self._child(self._door_spec(number))
            self._children.append(door)
            door.start(time.monotonic())

    def _child(self, spec: ChildSpec) -> Child:
        return Child(spec, BackOff(self._settings.restart_pause_seconds))

    def _spec(self, name: str, module: str) -> ChildSpec:
        http_url, _ = self._sockets.urls(self._settings.host)
        settings = replace(self._settings, data=self._settings.layout.data, public_url=http_url)
        environment = {**os.environ, **settings.to_environment()}
        return ChildSpec(name, module, environment, self._settings.layout.logs / f"{name}.log")

    def _door_spec(self, number: int) -> ChildSpec:
        http, https = self._sockets.http.fileno(), self._sockets.https.fileno()
        spec = self._spec(f"door-{number}", DOOR)
        environment = {**spec.environment, "CLARY_DOOR_HTTP_FD": str(http), "CLARY_DOOR_HTTPS_FD": str(https)}
        return replace(spec, environment=environment, descriptors=(http, https))

    def _say_goodbye_to_old_doors(self) -> None:
        """Old doors leave when a new one serves. The sockets are shared, so waiting clients lose nothing."""
        if not self._old_doors:
            return
        signs = [self._door_sign(child.pid) for child in self._children if child.spec.module == DOOR]
        end = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < end and not any(sign.exists() for sign in signs):
            time.sleep(0.02)
        for orphan in self._old_doors:
            orphan.send(signal.SIGTERM)
        self._old_doors_until = time.monotonic() + _DOOR_SECONDS + self._longest_invocation()
        for stale in (self._settings.layout.run / "doors").glob("*"):
            if not stale.name.isdigit() or not start_ticks(int(stale.name)):
                stale.unlink(missing_ok=True)

    # Loop

    def _sleep(self) -> int:
        """Wait for a signal or the next thing that is due; the number of a stop signal, or 0."""
        due = [child.due_at - time.monotonic() for child in self._children if child.process is None]
        stop, ready = self._wake.wait(min([_TICK_SECONDS, *due]))
        if ready:
            self._ready = True
            self._publish()
            self._announce(f"Clary is ready at {self._file.http_url} and {self._file.https_url}")
            where = self._settings.data_option
            self._announce(f'In another shell: eval "$(clary env{where})". Ctrl-C here stops everything.')
        return stop

    def _look_after_children(self, now: float) -> None:
        changed = False
        for child in self._children:
            pid = child.pid
            status = child.reap(now)
            if status == HOPELESS:
                self._hopeless = child
                return
            if status is not None:
                log.warning("child ended", extra={"child": child.spec.name, "pid": pid, "status": status})
                self._announce(f"{child.spec.name} ended (status {status}), starting it again; see {child.spec.log}")
                self._door_sign(pid).unlink(missing_ok=True)
            if child.process is None and now >= child.due_at:
                child.start(now)
                changed = True
        if changed:
            self._publish()
        self._forget_old_doors(now)
        self._certificates.reap(now)
        if now >= self._certificates_due_at and self._certificates.process is None:
            self._renew_certificates(now)

    def _forget_old_doors(self, now: float) -> None:
        for orphan in list(self._old_doors):
            if now > self._old_doors_until:
                orphan.send(signal.SIGKILL)
            if orphan.wait(0.0):
                orphan.close()
                self._old_doors.remove(orphan)

    def _renew_certificates(self, now: float) -> None:
        self._certificates.start(now)
        self._certificates_due_at = now + _RENEWAL_SECONDS

    def _watch_readiness(self) -> None:
        """In a thread, because the question waits for control as long as it takes."""
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end:
            if is_ready(self._file.http_url, end - time.monotonic()):
                self._wake.poke()
                return
            time.sleep(0.05)
        self._announce(f"Clary is not ready after {_READY_SECONDS:.0f} s; see {self._settings.layout.logs}")

    def _publish(self) -> None:
        children = {child.spec.name: child.pid for child in self._children if child.pid is not None}
        write_server_file(self._settings, replace(self._file, ready=self._ready, children=children))

    def _door_sign(self, pid: int | None) -> Path:
        return self._settings.layout.run / "doors" / str(pid)

    # End

    def _give_up(self, child: Child) -> int:
        """What the child has said is said to whoever has started the server."""
        said = child.spec.log.read_text("utf-8", "replace").rstrip().rpartition("\n")[2]
        self._announce(said or f"{child.spec.name} cannot start; see {child.spec.log}")
        self._end(signal.SIGTERM)
        return 1

    def _end(self, number: int) -> int:
        """Doors first, so that what they hold is still answered; then control."""
        if number == signal.SIGINT:
            self._announce(
                "Clary stops, with everything it runs; jobs may take two minutes. Ctrl-C again does not wait."
            )
        self._sockets.close()
        doors = [child for child in self._children if child.spec.module == DOOR]
        control = [child for child in self._children if child.spec.module == CONTROL]
        self._stop(doors, signal.SIGTERM, _DOOR_SECONDS + self._longest_invocation())
        if number == signal.SIGINT:
            self._stop(control, signal.SIGINT, _STOP_UNITS_SECONDS)
        else:
            self._stop(control, signal.SIGTERM, _CONTROL_SECONDS)
        self._certificates.kill()
        self._settings.layout.server_file.unlink(missing_ok=True)
        self._settings.layout.remove_sockets()
        return 0

    def _longest_invocation(self) -> float:
        return max(self._settings.invocation_timeout, self._settings.parked_seconds)

    def _stop(self, children: list[Child], number: int, seconds: float) -> None:
        for child in children:
            child.send(number)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._hurried():
            children = [child for child in children if not child.wait(0.0)]
            if not children:
                return
        for child in children:
            child.kill()

    def _hurried(self) -> bool:
        """A second stop signal came; waits a moment for it (or for a child's end)."""
        return self._wake.wait(0.05)[0] != 0
