"""Runs in the environment with real frameworks: trains and asks built-in algorithms as they are told on stdin.

In: {"algorithm": module, "jobs": [{"hyperparameters", "channels": {name: {"type", "files": {name: base64}}},
"requests": [{"body": base64, "type", "accept"}], "host", "hosts", "piped"}]}. Out: one object for each job.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from clary_toolkit.child import Foreground
from clary_toolkit.errors import CustomerError, RequestError
from clary_toolkit.layout import OptMl
from clary_toolkit.serving.content import body_for_handler
from clary_toolkit.serving.handlers import Handlers
from clary_toolkit.training.configuration import RESERVED, TrainingConfiguration, decoded


def run_job(module: Any, job: dict[str, Any]) -> dict[str, Any]:
    layout = OptMl(Path(tempfile.mkdtemp()))
    for name, channel in job["channels"].items():
        files = {file: base64.b64decode(content) for file, content in channel["files"].items()}
        (place_pipe if job.get("piped") else place_files)(layout, name, files)
    values = {name: decoded(value) for name, value in job["hyperparameters"].items()}
    configuration = TrainingConfiguration(
        reserved={name: values[name] for name in values if name in RESERVED},
        framework={},
        user={name: values[name] for name in values if name not in RESERVED},
        resources={"current_host": job.get("host", "algo-1"), "hosts": job.get("hosts", ["algo-1"])},
        channels={
            name: {"ContentType": channel["type"], "TrainingInputMode": "Pipe" if job.get("piped") else "File"}
            for name, channel in job["channels"].items()
        },
    )
    log = io.StringIO()
    try:
        with contextlib.redirect_stdout(log):
            module.train(configuration, layout, Foreground())
    except CustomerError as error:
        return {"error": error.message}
    lines = [line.partition("] ")[2] or line for line in log.getvalue().splitlines()]
    files = sorted(path.name for path in layout.model.iterdir()) if layout.model.exists() else []
    return {"log": lines, "files": files, "answers": answers(module, layout, job["requests"])}


def place_files(layout: OptMl, name: str, files: dict[str, bytes]) -> None:
    layout.channel(name).mkdir(parents=True)
    for file, content in files.items():
        (layout.channel(name) / file).write_bytes(content)


def place_pipe(layout: OptMl, name: str, files: dict[str, bytes]) -> None:
    """One epoch for one reader."""
    pipe = layout.first_pipe(name)
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b"".join(files.values()),), daemon=True).start()


def answers(module: Any, layout: OptMl, requests: list[dict[str, str]]) -> list[list[Any]]:
    if not requests:
        return []
    handlers = Handlers(module, "base")
    found: list[list[Any]] = []
    model = module.model_fn(str(layout.model))
    for request in requests:
        try:
            data = body_for_handler(base64.b64decode(request["body"]), request["type"])
            decoded_body = module.input_fn(data, request["type"])
            body, kind = module.output_fn(module.predict_fn(decoded_body, model), request["accept"])
            body = body.encode() if isinstance(body, str) else body
            found.append([200, kind, base64.b64encode(body).decode()])
        except RequestError as error:
            found.append([error.status, "text/plain", base64.b64encode(error.message.encode()).decode()])
    assert handlers.model_fn is not None
    return found


asked = json.load(sys.stdin)
algorithm = importlib.import_module(asked["algorithm"])
json.dump([run_job(algorithm, job) for job in asked["jobs"]], sys.stdout)
