"""One function per figure; each returns a JSON-ready dict."""

from __future__ import annotations

import io
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.server import (
    INSTANCE,
    SKLEARN,
    Server,
    archive,
    configure,
    eventually,
    finished,
    log_of,
    put,
    settled,
    train,
)

from benchmarks.peer import moto
from benchmarks.replay import sagemaker_rate
from clary.base.settings import load_settings
from clary.runtimes.environments import Environments

_ROUNDS = 5
_MANY = 10_000


def ready(server: Server) -> dict[str, Any]:
    """Seconds from `clary serve` to the first answered API call, on an existing installation."""
    seconds = []
    for _ in range(_ROUNDS):
        server.stop()
        begun = time.perf_counter()
        server.start()
        server.client("sagemaker").list_models()
        seconds.append(time.perf_counter() - begun)
    return _figure("clary serve ready, s", seconds, goal="<= 2")


def idle(server: Server) -> dict[str, Any]:
    """Memory and CPU of control while nothing happens."""
    pid = server.child("control")
    time.sleep(3)
    before, begun = _cpu_seconds(pid), time.perf_counter()
    time.sleep(10)
    share = 100 * (_cpu_seconds(pid) - before) / (time.perf_counter() - begun)
    return {
        "name": "control idle",
        "memory_mb": round(_proportional_memory_mb(pid), 1),
        "cpu_percent_of_a_core": round(share, 2),
        "goal": "<= 200 MB, < 2 %",
    }


def first_line(server: Server) -> dict[str, Any]:
    """Seconds from CreateTrainingJob to the first line of user code, environment warm."""
    script = "import time\nprint('at', time.time(), flush=True)\n"
    seconds = []
    for round_ in range(_ROUNDS + 1):
        name = f"bench-{int(time.time() * 1000)}-{round_}"
        begun = time.time()
        train(server, name, script, wait=False)
        finished(server, name)
        events = server.client("logs").filter_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/", filterPattern='"at "'
        )["events"]
        seconds.append(float(events[0]["message"].split()[1]) - begun)
    return _figure("CreateTrainingJob to first line of user code, s", seconds[1:], goal="<= 1")


MODEL = """
import joblib, os
def model_fn(d):
    return joblib.load(os.path.join(d, "model.joblib"))
"""
FIT = """
import joblib, os
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
x, y = load_breast_cancer(return_X_y=True)
joblib.dump(RandomForestClassifier(50, max_depth=6).fit(x, y), os.environ["SM_MODEL_DIR"] + "/model.joblib")
"""


def in_service(server: Server) -> dict[str, Any]:
    """CreateEndpoint to InService for the tour's model, beyond the model's own load time in the same environment."""
    train(server, "bench-fit", FIT)
    model = _model_bytes(server)
    data = put(server, "tests", "bench/model.tar.gz", archive({"model.joblib": model, "code/inference.py": MODEL}))
    own = _own_load_seconds(model)
    seconds = []
    for round_ in range(_ROUNDS):
        name = f"bench-{round_}"
        configure(server, name, data)
        begun = time.perf_counter()
        server.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
        settled(server, name)
        seconds.append(time.perf_counter() - begun)
        server.client("sagemaker").delete_endpoint(EndpointName=name)
    figure = _figure("CreateEndpoint to InService, s", seconds, goal="<= 1.5 beyond the model's own load")
    return {**figure, "own_load": round(own, 3), "beyond": round(figure["median"] - own, 3)}


def describe_rate(server: Server) -> dict[str, Any]:
    """DescribeModel and DescribeTrainingJob per second, one client, beside moto_server, interleaved."""
    ours = server.client("sagemaker")
    train(server, "rate", "print('done')")
    job = {
        "TrainingJobName": "rate",
        "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://tests/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    with moto() as peer_client:
        peer, role = peer_client("sagemaker"), "arn:aws:iam::123456789012:role/r"
        peer.create_training_job(RoleArn=role, **job)
        for client, role_arn in ((ours, server.role), (peer, role)):
            client.create_model(ModelName="rate", PrimaryContainer={"Image": SKLEARN}, ExecutionRoleArn=role_arn)
        measured = {
            operation: [tuple(sagemaker_rate(c, operation, {member: "rate"}) for c in (ours, peer)) for _ in range(3)]
            for operation, member in (("DescribeModel", "ModelName"), ("DescribeTrainingJob", "TrainingJobName"))
        }
    return {
        "name": "Describe, ratio to moto_server",
        "goal": ">= 2",
        **{
            operation: {
                "clary_per_s": round(statistics.median(a for a, _ in pairs)),
                "moto_per_s": round(statistics.median(b for _, b in pairs)),
                "ratio": round(statistics.median(a / b for a, b in pairs), 2),
            }
            for operation, pairs in measured.items()
        },
    }


def crowd(server: Server) -> dict[str, Any]:
    """A hundred jobs of one second each, asked for at once: how long all take, and that each ran exactly once."""
    names = [f"crowd-{number}" for number in range(100)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: _small_job(server, name, "sleep 1; echo ran"), names))
    asked = time.perf_counter() - begun
    ended = [_processed(server, name, 300)["ProcessingJobStatus"] for name in names]
    seconds = time.perf_counter() - begun
    lines = [line for line in log_of(server, "/aws/sagemaker/ProcessingJobs", "crowd-") if line == "ran"]
    if ended != ["Completed"] * len(names) or len(lines) != len(names):
        raise RuntimeError(f"{ended.count('Completed')} completed, {len(lines)} ran")
    return {"name": "100 jobs of 1 s at once, s", "asked": round(asked, 1), "all_done": round(seconds, 1)}


def memory_over_jobs(server: Server) -> dict[str, Any]:
    """Memory of control (without shared pages) after the first and after the last tenth of many jobs."""
    pid, memory = server.child("control"), []
    for tenth in range(10):
        names = [f"many-{tenth}-{number}" for number in range(_MANY // 10)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda name: _small_job(server, name, ":"), names))
        ended = {_processed(server, name, 300)["ProcessingJobStatus"] for name in names}
        if ended != {"Completed"}:
            raise RuntimeError(f"jobs ended as {ended}")
        memory.append(round(_proportional_memory_mb(pid), 1))
    return {"name": f"control's memory over {_MANY} jobs, MB", "by_tenth": memory}


FIGURES: tuple[Callable[[Server], dict[str, Any]], ...] = (ready, idle, first_line, in_service, describe_rate, crowd)
LONG_FIGURES: tuple[Callable[[Server], dict[str, Any]], ...] = (memory_over_jobs,)


def _small_job(server: Server, name: str, command: str) -> None:
    server.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        AppSpecification={"ImageUri": SKLEARN, "ContainerEntrypoint": ["sh", "-c", command]},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1},
        },
        RoleArn=server.role,
    )


def _processed(server: Server, name: str, seconds: float) -> dict[str, Any]:
    sagemaker = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    found: dict[str, Any] = eventually(look, seconds)
    return found


def _figure(name: str, values: list[float], goal: str) -> dict[str, Any]:
    return {
        "name": name,
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "n": len(values),
        "goal": goal,
    }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _proportional_memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss line")


def _model_bytes(server: Server) -> bytes:
    body = server.client("s3").get_object(Bucket="tests", Key="output/bench-fit/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("model.joblib"))
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


def _own_load_seconds(model: bytes) -> float:
    """A bare interpreter of the same environment that imports joblib and loads the model: the floor."""
    python = Environments(load_settings().environments).prepare(SKLEARN).path / "bin" / "python"
    times = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        path.write_bytes(model)
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            subprocess.run([python, "-c", f"import joblib; joblib.load({str(path)!r})"], check=True)
            times.append(time.perf_counter() - begun)
    return statistics.median(times)
