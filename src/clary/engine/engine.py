"""The engine as one thing to start and stop: loop, controllers, snapshots, wake socket."""

from __future__ import annotations

import time

from clary.base.log import get_logger
from clary.engine.access_snapshot import AccessWriter
from clary.engine.controller import Controller
from clary.engine.endpoint_metrics import EndpointMetrics
from clary.engine.endpoints import EndpointController
from clary.engine.events.schedules import ScheduledRules, Schedules
from clary.engine.events.telling import Telling
from clary.engine.functions.fleet import FunctionFleet
from clary.engine.housekeeping import Housekeeping
from clary.engine.jobs import JobController
from clary.engine.loop import Loop
from clary.engine.pipelines.controller import PipelineController
from clary.engine.processing_jobs import ProcessingJobs
from clary.engine.routes import RouteWriter
from clary.engine.surroundings import Surroundings
from clary.engine.training_jobs import TrainingJobs
from clary.engine.transform_jobs import TransformJobs
from clary.engine.tuning.controller import TuningController
from clary.engine.tuning.early import values_by
from clary.engine.wake import WakeListener
from clary.runtimes.expressions import Expressions
from clary.runtimes.port import Phase
from clary.store import resources

log = get_logger(__name__)

_STOP_SECONDS = 130.0  # the grace of jobs is 120 s


class Engine:
    """Owned by control. Starting it adopts every unit that outlived an earlier engine."""

    def __init__(self, around: Surroundings, access: AccessWriter, functions: FunctionFleet) -> None:
        self._around = around
        self._routes = RouteWriter(around)
        self._access = access
        self._functions = functions
        self._pipelines = PipelineController(around, self._look_at)
        self._controllers: list[Controller] = [
            JobController(around, TrainingJobs(around)),
            JobController(around, ProcessingJobs(around)),
            JobController(around, TransformJobs(around)),
            EndpointController(around, self._routes),
            ScheduledRules(around),
            Schedules(around),
            self._pipelines,
            TuningController(around, self._look_at, values_by(Expressions())),
        ]
        self._loop = Loop(around.database, self._controllers, around.clock)
        self._housekeeping = Housekeeping(around)
        self._telling = Telling(around)
        self._endpoint_metrics = EndpointMetrics(around)
        self._wake = WakeListener(around.settings.layout.wake_socket, self._loop.wake_unit)

    def start(self) -> None:
        self._around.database.listen(self._access.on_commit)
        self._around.database.listen(self._routes.on_commit)
        self._around.environments.listen(self._loop.wake_unit)
        self._access.publish()
        self._routes.publish()
        self._functions.start()
        self._remove_orphans()
        self._housekeeping.start()
        self._wake.start()
        self._loop.start()
        self._telling.start()
        self._endpoint_metrics.start()

    def stop(self) -> None:
        """Stops looking; units go on and are adopted by the next engine, but for those of functions."""
        self._functions.stop()
        self._housekeeping.stop()
        self._wake.stop()
        self._loop.stop()
        self._around.environments.close()
        self._pipelines.stop()
        self._telling.stop()
        self._endpoint_metrics.stop()

    def _look_at(self, resource_id: int, kind: str) -> None:
        """For controllers of resources that wait for other resources."""
        self._loop.wake(resource_id, kind)

    def stop_units(self) -> None:
        """Ends every job and replica: SIGTERM, and SIGKILL for those that take too long."""
        runtime = self._around.runtime
        alive = self._alive()
        for unit in alive:
            runtime.stop(unit)
        deadline = time.monotonic() + _STOP_SECONDS
        while alive and time.monotonic() < deadline:
            time.sleep(0.05)
            alive = self._alive()

    def _alive(self) -> list[str]:
        states = [self._around.runtime.observe(unit) for unit in self._around.runtime.list_units()]
        return [s.unit_id for s in states if s is not None and s.phase in {Phase.STARTING, Phase.RUNNING}]

    def _remove_orphans(self) -> None:
        """Units whose resource is gone (a crash between deleting the row and removing the folder)."""
        for unit in self._around.runtime.list_units():
            owners = [controller.owns(unit) for controller in self._controllers]
            resource_id = next((owner for owner in owners if owner is not None), None)
            with self._around.database.read() as tx:
                known = resource_id is not None and resources.find_by_id(tx, resource_id) is not None
            if not known:
                log.warning("removing a unit without a resource", extra={"unit": unit})
                self._around.runtime.remove(unit)
