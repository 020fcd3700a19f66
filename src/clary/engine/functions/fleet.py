"""Which processes of functions there are, and which call gets which of them.

A process serves one call at a time; a call that finds none free gets a new one, as long as the function's reserved
concurrency and the machine's limit allow it. All of it lives in memory: with control end the processes, too (those
of a control that was killed are removed at the next start), and asynchronous calls are delivered again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from clary.base.errors import ApiError, ClaryError
from clary.base.log import get_logger
from clary.engine.functions import languages, process
from clary.engine.functions.conversation import HostGone, await_socket, converse
from clary.engine.functions.keeper import Keeper
from clary.engine.functions.process import Process
from clary.engine.surroundings import Surroundings
from clary.engine.units import resource_of
from clary.runtimes import zip_archives
from clary.runtimes.errors import ArchiveError
from clary.runtimes.port import Phase
from clary.store.functions import FunctionCall, FunctionOutcome

log = get_logger(__name__)

_ATTEMPTS = 5


class FunctionFleet:
    """Implements `services.context.Functions`; `around` is asked for only when the engine runs."""

    def __init__(self, around: Callable[[], Surroundings]) -> None:
        self._around = around
        self._lock = threading.Lock()
        self._processes: dict[str, Process] = {}
        self._closed = False
        self._keeper = Keeper(self)

    # -- for the services --------------------------------------------------------------------------------------

    def check_runtime(self, runtime: str) -> None:
        languages.check_runtime(runtime)

    def check_archive(self, archive: Path) -> None:
        try:
            zip_archives.check(archive)
        except ArchiveError as error:
            message = f"Could not unzip uploaded file. Please check your file, then try to upload again. ({error})"
            raise ApiError(message, code="InvalidParameterValueException", status=400) from error

    def invoke(self, call: FunctionCall) -> FunctionOutcome:
        """Run the function and wait for it. Raises TooManyRequestsException, and ServiceException."""
        for _ in range(_ATTEMPTS):
            chosen, is_new = self._acquire(call)
            keep = False
            try:
                outcome = self._perform(chosen, call, is_new)
                keep = not outcome.spent
            except HostGone as gone:
                if not gone.begun and not is_new:
                    continue  # it has died while nobody needed it
                return self._died(chosen, call)
            finally:
                self._release(chosen, keep)
            return outcome
        raise ApiError("The function's processes die as soon as they are idle.", code="ServiceException")

    # -- for the engine ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Remove what an earlier control has left behind."""
        runtime = self._around().runtime
        for unit in runtime.list_units():
            if resource_of(process.LETTER, unit) is not None:
                runtime.remove(unit)
        self._keeper.start()

    def stop(self) -> None:
        with self._lock:
            self._closed = True
            for item in self._processes.values():
                item.retired = True
        self._keeper.stop()

    # -- for the keeper ----------------------------------------------------------------------------------------

    @property
    def around(self) -> Surroundings:
        return self._around()

    def all(self) -> list[Process]:
        with self._lock:
            return list(self._processes.values())

    def retire(self, chosen: Process) -> None:
        """No more calls; ended by the keeper when it is free. Nothing happens to one that is busy."""
        with self._lock:
            if not chosen.busy:
                chosen.retired = True

    def forget(self, chosen: Process) -> None:
        with self._lock:
            self._processes.pop(chosen.unit, None)

    # -- one call ----------------------------------------------------------------------------------------------

    def _acquire(self, call: FunctionCall) -> tuple[Process, bool]:
        """A process that now is this call's own, and whether it is still to be started."""
        key = (call.function.id, call.version, call.revision)
        with self._lock:
            if self._closed:
                raise ApiError("Clary is ending.", code="ServiceException", status=503)
            living = [item for item in self._processes.values() if not item.retired]
            working = sum(item.busy and item.key[0] == call.function.id for item in living)
            if call.reserved is not None and working >= call.reserved:
                raise _throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            free = [item for item in living if item.key == key and not item.busy]
            if free:
                chosen = max(free, key=lambda item: item.used_at)
                chosen.busy = True
                return chosen, False
            self._make_room(living)
            chosen = process.new_process(self.around, call)
            self._processes[chosen.unit] = chosen
            return chosen, True

    def _make_room(self, living: list[Process]) -> None:
        if len(living) < self.around.settings.function_processes:
            return
        idle = [item for item in living if not item.busy]
        if not idle:
            raise _throttled("ConcurrentInvocationLimitExceeded")
        min(idle, key=lambda item: item.used_at).retired = True
        self._keeper.wake()

    def _perform(self, chosen: Process, call: FunctionCall, is_new: bool) -> FunctionOutcome:
        if is_new:
            try:
                process.start(self.around, chosen, call)
            except (ClaryError, OSError) as error:
                if isinstance(error, ApiError):
                    raise
                log.warning("a function could not start", extra={"arn": call.arn, "reason": str(error)})
                raise ApiError(f"The function could not be started: {error}", code="ServiceException") from error
            await_socket(chosen.socket, lambda: self._is_alive(chosen))
        return converse(chosen.socket, call)

    def _is_alive(self, chosen: Process) -> bool:
        state = self.around.runtime.observe(chosen.unit)
        return state is not None and state.phase in {Phase.STARTING, Phase.RUNNING}

    def _died(self, chosen: Process, call: FunctionCall) -> FunctionOutcome:
        """The whole unit has ended under the call, which is what happens when it needs too much memory."""
        state = self.around.runtime.observe(chosen.unit)
        too_much = state is not None and state.out_of_memory
        reason = "signal: killed" if too_much else "the process has ended"
        log.info("a function's unit has died", extra={"arn": call.arn, "unit": chosen.unit})
        document = {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {call.request_id} Error: Runtime exited with error: {reason}",
        }
        return FunctionOutcome(json.dumps(document).encode(), failed=True, log=b"")

    def _release(self, chosen: Process, keep: bool) -> None:
        with self._lock:
            chosen.busy = False
            chosen.used_at = time.monotonic()
            chosen.retired = chosen.retired or not keep
        self._keeper.wake()


def _throttled(reason: str) -> ApiError:
    return ApiError("Rate Exceeded.", code="TooManyRequestsException", status=429, Reason=reason, Type="User")
