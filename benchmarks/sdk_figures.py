"""What the calls of the SageMaker SDK take, client included, beside what the server says of the same work."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sdk import test_abalone
from tests.server import Server

from clary.cli.shell import client_environment
from clary.runtimes import images
from clary.runtimes.environments import Environments
from clary.runtimes.images import Definition

# What both programs begin with: `timed` runs a call, `own` tells how long the job behind it was at work.
_BEGIN = """
import json, time
import boto3
seconds = {}
sagemaker_client = boto3.client("sagemaker")
def timed(name, call, describe):
    begun = time.perf_counter()
    result = call()
    client = time.perf_counter() - begun
    shown = describe(result)
    ended = next(shown[key] for key in ("TrainingEndTime", "ProcessingEndTime", "TransformEndTime",
                                        "LastModifiedTime") if key in shown)
    seconds[name] = [round(client, 1), round((ended - shown["CreationTime"]).total_seconds(), 1)]
    return result
open("work.py", "w").write("print('done')\\nimport os\\nif 'SM_MODEL_DIR' in os.environ:\\n"
                           "    open(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('1')\\n")
open("serve.py", "w").write("def model_fn(folder):\\n    return 1\\n"
                            "def predict_fn(data, model):\\n    return data\\n")
open("rows.csv", "w").write("1,2\\n3,4\\n")
INSTANCE = "ml.m5.large"
"""

_VERSION_2 = (
    _BEGIN
    + """
import sagemaker
from sagemaker.processing import ScriptProcessor
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import TrainingStep
session = sagemaker.Session()
role, bucket = sagemaker.get_execution_role(session), session.default_bucket()
image = sagemaker.image_uris.retrieve("sklearn", "us-east-1", "1.2-1", instance_type=INSTANCE)
def estimator(session):
    return SKLearn("work.py", framework_version="1.2-1", role=role, instance_type=INSTANCE, sagemaker_session=session)
trained = estimator(session)
timed("Estimator.fit", trained.fit,
      lambda _: sagemaker_client.describe_training_job(TrainingJobName=trained.latest_training_job.name))
processor = ScriptProcessor(image_uri=image, command=["python3"], role=role, instance_count=1, instance_type=INSTANCE,
                            sagemaker_session=session)
timed("Processor.run", lambda: processor.run("work.py"),
      lambda _: sagemaker_client.describe_processing_job(ProcessingJobName=processor.latest_job.job_name))
model = SKLearnModel(model_data=trained.model_data, role=role, entry_point="serve.py", framework_version="1.2-1",
                     sagemaker_session=session)
predictor = timed("Model.deploy", lambda: model.deploy(1, INSTANCE),
                  lambda found: sagemaker_client.describe_endpoint(EndpointName=found.endpoint_name))
predictor.delete_endpoint()
transformer = model.transformer(1, INSTANCE, accept="text/csv", assemble_with="Line")
data = session.upload_data("rows.csv", key_prefix="rows")
timed("Transformer.transform",
      lambda: transformer.transform(data, content_type="text/csv", split_type="Line", wait=True),
      lambda _: sagemaker_client.describe_transform_job(TransformJobName=transformer.latest_transform_job.name))
pipeline_session = PipelineSession()
pipeline = Pipeline("speed-2", steps=[TrainingStep("Train", step_args=estimator(pipeline_session).fit())],
                    sagemaker_session=pipeline_session)
pipeline.upsert(role)
def execute():
    execution = pipeline.start()
    execution.wait()
    return execution
timed("execution.wait", execute, lambda execution: execution.describe())
print("seconds", json.dumps(seconds), flush=True)
"""
)

_VERSION_3 = (
    _BEGIN
    + """
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import TrainingStep
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode
session, role = Session(), get_execution_role()
bucket = session.default_bucket()
image = image_uris.retrieve("sklearn", "us-east-1", "1.2-1", py_version="py3", instance_type=INSTANCE)
def trainer(session):
    return ModelTrainer(training_image=image, source_code=SourceCode(source_dir=".", entry_script="work.py"),
                        compute=Compute(instance_type=INSTANCE, instance_count=1), role=role, base_job_name="speed",
                        sagemaker_session=session)
trained = trainer(session)
def trained_job():
    return trained._latest_training_job
timed("ModelTrainer.train", trained.train,
      lambda _: sagemaker_client.describe_training_job(TrainingJobName=trained_job().training_job_name))
processor = ScriptProcessor(image_uri=image, command=["python3"], role=role, instance_count=1, instance_type=INSTANCE,
                            sagemaker_session=session)
timed("Processor.run", lambda: processor.run(code="work.py"),
      lambda _: sagemaker_client.describe_processing_job(ProcessingJobName=processor.latest_job.processing_job_name))
data = trained_job().model_artifacts.s3_model_artifacts
builder = ModelBuilder(s3_model_data_url=data, image_uri=image, role_arn=role, sagemaker_session=session,
                       instance_type=INSTANCE, source_code=SourceCode(source_dir=".", entry_script="serve.py"))
builder.build()
endpoint = timed("ModelBuilder.deploy", builder.deploy,
                 lambda found: sagemaker_client.describe_endpoint(EndpointName=found.endpoint_name))
endpoint.delete()
pipeline_session = PipelineSession()
pipeline = Pipeline("speed-3", steps=[TrainingStep("Train", step_args=trainer(pipeline_session).train())],
                    sagemaker_session=pipeline_session)
pipeline.upsert(role_arn=role)
def execute():
    execution = pipeline.start()
    execution.wait()
    return execution
timed("execution.wait", execute, lambda execution: execution.describe())
print("seconds", json.dumps(seconds), flush=True)
"""
)


def sdk_2(server: Server) -> dict[str, Any]:
    """Calls of version 2 that wait for a job which only prints a line; seconds, twice, the second time is told."""
    return _measured(server, "Calls of the SageMaker SDK v2", images.CLIENT, _VERSION_2)


def sdk_3(server: Server) -> dict[str, Any]:
    """The same of version 3."""
    return _measured(server, "Calls of the SageMaker SDK v3", images.CLIENT_3, _VERSION_3)


def abalone(server: Server) -> dict[str, Any]:
    """The pipeline that most users begin with, from start to end, warm."""
    files = {"prepare.py": test_abalone.PREPARE, "evaluate.py": test_abalone.EVALUATE}
    shown = _run(server, images.CLIENT, test_abalone.PROGRAM, files)
    (took,) = [line.split()[1] for line in shown.splitlines() if line.startswith("took ")]
    return {"name": "The SDK's abalone pipeline, s", "seconds": float(took), "goal": "<= 30"}


SDK_FIGURES: tuple[Callable[[Server], dict[str, Any]], ...] = (sdk_2, sdk_3, abalone)


def _measured(server: Server, name: str, client: Definition, program: str) -> dict[str, Any]:
    # Version 3 leaves its progress panel in the same line.
    (told,) = re.findall(r"seconds (\{.*\})", _run(server, client, program, {}))
    seconds = json.loads(told)
    calls = {call: {"client_s": client_s, "server_s": server_s} for call, (client_s, server_s) in seconds.items()}
    return {"name": name, **calls}


def _run(server: Server, client: Definition, program: str, files: dict[str, str]) -> str:
    """What the program prints the second time; the first time compiles, fills caches and builds environments."""
    python = Environments(server.settings.environments).prepare_client(client).path / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**files, "program.py": program}.items():
            (Path(folder) / name).write_text(text)
        variables = {**client_environment(server.settings), "HOME": folder}
        for _ in range(2):
            done = subprocess.run(
                [python, "-W", "ignore", "program.py"],
                cwd=folder,
                env=variables,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(done.stderr[-2000:])
    return done.stdout
