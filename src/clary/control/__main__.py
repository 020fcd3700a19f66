"""`python -m clary.control`: started by the supervisor, once per installation."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
from typing import IO

import uvicorn
import uvloop

from clary.base.errors import HOPELESS, ConfigurationError
from clary.base.installation import ensure_installation
from clary.base.log import configure_logging, get_logger
from clary.base.settings import Settings, load_settings
from clary.control.composition import Composition, compose

log = get_logger(__name__)


def main() -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    lock = _become_the_only_one(settings)
    try:
        composition = compose(settings, ensure_installation(settings))
    except ConfigurationError as error:
        print(f"clary: {error}", file=sys.stderr, flush=True)
        sys.exit(HOPELESS)
    uvloop.run(_serve(settings, composition))
    lock.close()


def _become_the_only_one(settings: Settings) -> IO[str]:
    """Wait for the lock; an older control of the same folder may still be on its way out."""
    lock = (settings.layout.run / "control.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


async def _serve(settings: Settings, composition: Composition) -> None:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    settings.layout.control_socket.unlink(missing_ok=True)
    application = composition.start(loop)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            uds=str(settings.layout.control_socket),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=5,
            server_header=False,
            h11_max_incomplete_event_size=64 * 1024,
        )
    )
    stop_units = False

    def stop(*, units: bool) -> None:
        nonlocal stop_units
        stop_units = stop_units or units
        server.should_exit = True

    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined,method-assign,unused-ignore]
    loop.add_signal_handler(signal.SIGTERM, lambda: stop(units=False))
    loop.add_signal_handler(signal.SIGINT, lambda: stop(units=True))
    watcher = asyncio.create_task(_end_with_supervisor(server))
    log.info("control is ready", extra={"seconds": round(time.perf_counter() - started, 3)})
    await server.serve()
    watcher.cancel()
    composition.stop(units=stop_units)


async def _end_with_supervisor(server: uvicorn.Server) -> None:
    """A control without its supervisor ends, so that the next one can take over at once."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    log.warning("the supervisor is gone; ending")
    server.should_exit = True


if __name__ == "__main__":
    main()
