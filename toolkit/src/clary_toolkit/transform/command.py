"""The transform command: reads the job, starts servers, goes through the objects, tells which ones failed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from clary_toolkit.errors import ModelServerError, ToolkitError, UserError
from clary_toolkit.layout import OptMl
from clary_toolkit.outcome import write_failure
from clary_toolkit.transform.job import Job, limits_of, read_job
from clary_toolkit.transform.objects import Transformer
from clary_toolkit.transform.servers import ModelServer
from clary_toolkit.transform.splitting import BadObject

SHOWN = 5


class TransformFailed(UserError):
    """Some objects have no output."""


class _Stop(SystemExit):
    """A stop request has come."""


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _on_stop)
    layout = OptMl.from_variables(os.environ)
    try:
        _run(read_job(layout))
    except ToolkitError as error:
        print(f"clary-toolkit: {type(error).__name__}: {error.message}", file=sys.stderr, flush=True)
        if not (isinstance(error, ModelServerError) and layout.failure.exists()):  # the server's own words are better
            write_failure(layout.failure, error)
        return error.exit_code
    return 0


def _on_stop(number: int, frame: FrameType | None) -> None:
    raise _Stop(128 + number)


def _run(job: Job) -> None:
    """Raises TransformFailed when objects failed; the others have their outputs then."""
    job.outputs.mkdir(parents=True, exist_ok=True)
    os.environ["SAGEMAKER_BATCH"] = "true"
    folder = Path(os.environ["CLARY_SERVER_SOCKET"]).parent
    servers: list[ModelServer] = []
    try:
        for number in range(job.instances):
            servers.append(ModelServer(folder / f"{number}.sock", job.timeout, job.retries))
        for server in servers:
            server.wait_until_ready()
        failures = _transform_all(job, servers)
    except _Stop:
        for server in servers:
            server.signal(signal.SIGKILL)
        os._exit(128 + signal.SIGTERM)  # threads may still wait for answers
    finally:
        for server in servers:
            server.stop()
    if failures:
        raise _failed(failures, job.keys)


def _transform_all(job: Job, servers: Sequence[ModelServer]) -> dict[int, str]:
    """Causes by the objects' numbers."""
    failures: dict[int, str] = {}
    parts = _parts(job, servers)
    with ThreadPoolExecutor(len(parts)) as threads:
        running = [threads.submit(_transform_part, job, group, indexes) for group, indexes in parts]
        for each in running:
            failures.update(each.result())
    return failures


def _parts(job: Job, servers: Sequence[ModelServer]) -> list[tuple[Sequence[ModelServer], Sequence[int]]]:
    """Which servers go through which objects. Each instance has its own share of the objects, by key. Objects that
    are fewer than the instances but can be split have several instances each.
    """
    objects, instances = len(job.keys), len(servers)
    if objects < instances and job.split_type != "None":
        return [(servers[number::objects], [number]) for number in range(objects)]
    shares = [range(number, objects, instances) for number in range(instances)]
    return [([server], share) for server, share in zip(servers, shares)]


def _transform_part(job: Job, servers: Sequence[ModelServer], indexes: Sequence[int]) -> dict[int, str]:
    limits = limits_of(job, servers[0].execution_parameters())
    failures: dict[int, str] = {}
    with ThreadPoolExecutor(limits.concurrent * len(servers)) as threads:
        for index in indexes:
            began = time.monotonic()
            try:
                count = Transformer(job, limits, servers, threads).transform(index)
                print(f"{job.keys[index]}: {count} requests, {time.monotonic() - began:.2f} s", flush=True)
            except BadObject as error:
                failures[index] = str(error)
                print(f"{job.keys[index]}: failed: {error}", flush=True)
    return failures


def _failed(failures: dict[int, str], keys: Sequence[str]) -> TransformFailed:
    causes = [f"{keys[index][:200]}: {failures[index][:300]}" for index in sorted(failures)[:SHOWN]]
    return TransformFailed(f"{len(failures)} of {len(keys)} objects failed. {'; '.join(causes)}")
