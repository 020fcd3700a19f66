"""One supervisor per data folder: a lock that the kernel lets go of when the process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from clary.base.errors import ConfigurationError
from clary.base.layout import Layout


@contextmanager
def hold_lock(layout: Layout) -> Iterator[None]:
    """ConfigurationError, with the other's process id, when there is a supervisor already."""
    path = layout.run / "supervisor.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ConfigurationError(
                f"Clary already runs on {layout.data} (process {holder}); stop it, or use another --data folder."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
