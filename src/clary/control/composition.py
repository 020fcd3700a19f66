"""Where the parts are put together: store, runtime, engine, chain. Nothing else makes any of them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from clary.base.clock import SystemClock
from clary.base.installation import Installation
from clary.base.settings import Settings
from clary.control.application import Application
from clary.control.audit import AuditTrail
from clary.control.authentication import Authentication
from clary.control.context import ContextMaker
from clary.control.cross_origin import CrossOrigin
from clary.control.form_uploads import FormUploads
from clary.control.hold import Changes, Hold
from clary.control.internal import InternalPaths
from clary.control.own_calls import OwnCaller
from clary.control.spool import SpoolOpener
from clary.engine.access_snapshot import AccessWriter
from clary.engine.engine import Engine
from clary.engine.functions.fleet import FunctionFleet
from clary.engine.surroundings import Surroundings
from clary.runtimes import package_sources
from clary.runtimes.environments import Environments
from clary.runtimes.isolation import Kind, choose_isolation
from clary.runtimes.layers import Layers
from clary.runtimes.port import Phase
from clary.runtimes.process import ProcessRuntime
from clary.runtimes.shim_copy import place_shim
from clary.runtimes.toolkit import Toolkit
from clary.services.iam.execution_role import ensure_execution_role
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.wire.catalog import Catalog
from clary.wire.paging import Pager
from clary.wire.routing import Router

_THREADS = 32
_WAITING_THREADS = 256  # they sleep; a thread that sleeps costs little


@dataclass(frozen=True, slots=True)
class Composition:
    """Everything control owns. `start` returns the ASGI application."""

    settings: Settings
    around: Surroundings
    access: AccessWriter
    engine: Engine
    catalog: Catalog
    make_context: ContextMaker
    pool: ThreadPoolExecutor
    waiting_pool: ThreadPoolExecutor
    audit: AuditTrail

    def start(self, loop: asyncio.AbstractEventLoop) -> Application:
        around = self.around
        # The model costs some 50 ms to load; nobody should wait for it in the first call.
        threading.Thread(target=self.catalog.service, args=("sagemaker",), daemon=True).start()
        self.audit.start()
        self.engine.start()
        router = Router(self.catalog)
        authentication = Authentication(lambda: self.access.current, around.installation, around.clock)
        open_spool = SpoolOpener(around.blobs)
        return Application(
            internal=InternalPaths(
                around.database,
                around.blobs,
                around.installation,
                around.clock,
                self._lives,
                timedelta(seconds=self.settings.unit_credentials_seconds),
            ),
            router=router,
            authentication=authentication,
            hold=Hold(Changes(around.database, loop), around.clock, self.settings.describe_hold_seconds),
            make_context=self.make_context.of_call,
            open_spool=open_spool,
            pool=self.pool,
            waiting_pool=self.waiting_pool,
            audit=self.audit,
            cross_origin=CrossOrigin(around.database, router),
            forms=FormUploads(router, authentication, self.make_context, open_spool, self.pool),
        )

    def _lives(self, unit: str) -> bool:
        state = self.around.runtime.observe(unit)
        return state is not None and state.phase in {Phase.STARTING, Phase.RUNNING}

    def stop(self, *, units: bool) -> None:
        self.engine.stop()
        if self.around.layers is not None:
            self.around.layers.close()
        if units:
            self.engine.stop_units()
        for pool in (self.pool, self.waiting_pool):
            pool.shutdown(wait=True, cancel_futures=True)
        self.audit.stop()
        self.around.database.close()


def compose(settings: Settings, installation: Installation) -> Composition:
    """Open the store (migrating it if needed) and put everything together."""
    clock = SystemClock()
    database = Database(settings.layout.database)
    blobs = Blobs(settings.layout.blobs)
    isolation = choose_isolation(settings.isolation)
    ensure_execution_role(database, installation, clock.now())
    access = AccessWriter(database, installation, settings.layout.access, clock)
    catalog = Catalog()
    audit = AuditTrail(database, settings.layout.audit, clock)
    pager = Pager(bytes.fromhex(installation.master_key))
    functions = FunctionFleet(lambda: around)
    make_context = ContextMaker(database, blobs, installation, settings, pager, clock, functions)
    toolkit = Toolkit(settings.environments)
    toolkit.place()
    around: Surroundings = Surroundings(
        database=database,
        blobs=blobs,
        runtime=ProcessRuntime(
            settings.layout,
            isolation,
            visible=package_sources.local_folders(),
            variables=package_sources.job_variables(),
            toolkit=toolkit.prepare,
            shim=place_shim(settings.environments),
        ),
        environments=Environments(settings.environments, "copy" if isolation.kind is Kind.PLAIN else "hardlink"),
        settings=settings,
        installation=installation,
        clock=clock,
        endpoint_url=lambda: settings.public_url,
        calls=OwnCaller(catalog, make_context, lambda: access.current, audit),
        layers=Layers(settings.environments, clock),
    )
    return Composition(
        settings,
        around,
        access,
        Engine(around, access, functions),
        catalog,
        make_context,
        ThreadPoolExecutor(_THREADS, thread_name_prefix="api"),
        ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="api-waiting"),
        audit,
    )
