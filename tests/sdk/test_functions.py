"""Functions as jobs and as steps: @remote and @step of the SDK run the function where the job runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from clary.cli.shell import client_environment
from clary.runtimes import images
from clary.runtimes.environments import Environments
from tests.sdk.conftest import Run
from tests.server import SKLEARN, Server

PROGRAM = """
import sys, uuid

import sagemaker
from sagemaker.remote_function import remote
from sagemaker.workflow.function_step import step
from sagemaker.workflow.parameters import ParameterInteger
from sagemaker.workflow.pipeline import Pipeline

session = sagemaker.Session()
common = {"instance_type": "ml.m5.large", "role": sagemaker.get_execution_role()}


@remote(**common, sagemaker_session=session)
def divide(a, b):
    import os
    return a / b, os.environ["TRAINING_JOB_NAME"]


value, job = divide(7, 2)
print("remote", value, job.startswith("divide-"))
try:
    divide(7, 0)
except ZeroDivisionError as error:
    print("raised", error)


@step(name="prepare", **common)
def prepare(count):
    return list(range(count))


@step(name="fit", image_uri=sys.argv[1], **common)
def fit(rows):
    import sklearn
    return {"sum": sum(rows), "sklearn": sklearn.__version__}


count = ParameterInteger("Count", default_value=4)
pipeline = Pipeline("functions", parameters=[count], steps=[fit(prepare(count))], sagemaker_session=session)
pipeline.upsert(common["role"])
execution = pipeline.start(parameters={"Count": 5})
execution.wait(delay=1)
print("steps", {item["StepName"]: item["StepStatus"] for item in execution.list_steps()})
print("result", execution.result("fit"))
"""
VERSION_3 = """
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.remote_function import remote

session = Session()


@remote(instance_type="ml.m5.large", role=get_execution_role(session), sagemaker_session=session)
def divide(a, b):
    return a / b


print("remote", divide(7, 2))
"""

STEPS_3 = """
import sys

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.workflow.conditions import ConditionGreaterThan
from sagemaker.core.workflow.parameters import ParameterInteger
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.function_step import step
from sagemaker.mlops.workflow.pipeline import Pipeline

session = Session()
common = {"instance_type": "ml.m5.large", "role": get_execution_role(session)}


@step(name="fit", image_uri=sys.argv[1], **common)
def fit(count):
    import sklearn
    return {"sum": sum(range(count)), "sklearn": sklearn.__version__}


@step(name="tell", **common)
def tell(found):
    return [found["sum"] + 1]


count = ParameterInteger("Count", default_value=4)
fitted = fit(count)
gate = ConditionStep(
    "gate", conditions=[ConditionGreaterThan(fitted["sum"], 5)], if_steps=[tell(fitted)],
    else_steps=[FailStep("too-few", error_message="too few")])
pipeline = Pipeline("functions-3", parameters=[count], steps=[gate], sagemaker_session=session)
pipeline.upsert(common["role"])
execution = pipeline.start(parameters={"Count": 5})
execution.wait(delay=1)
print("steps", sorted((item["StepName"], item["StepStatus"]) for item in execution.list_steps()))
print("results", execution.result("fit"), execution.result("tell"))
"""


def test_functions_run_as_jobs_and_as_steps(run_client: Run, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(PROGRAM)
    shown = run_client(tmp_path / "client.py", SKLEARN)
    assert "remote 3.5 True" in shown
    assert "raised division by zero" in shown
    assert "steps {'fit': 'Succeeded', 'prepare': 'Succeeded'}" in shown
    assert "result {'sum': 10, 'sklearn': '1.2.2'}" in shown


def test_a_function_of_version_3_of_the_sdk_runs(server: Server, tmp_path: Path) -> None:
    python = Environments(server.settings.environments).prepare_definition(images.SDK_3).path / "bin" / "python"
    variables = {**client_environment(server.settings), "HOME": str(tmp_path)}
    result = subprocess.run(
        [str(python), "-W", "ignore", "-c", VERSION_3],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "remote 3.5" in result.stdout, f"{result.stdout[-2000:]}\n{result.stderr[-3000:]}"


def test_functions_of_version_3_run_as_steps(run_client_3: Run, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(STEPS_3)
    shown = run_client_3(tmp_path / "client.py", SKLEARN)
    assert "steps [('fit', 'Succeeded'), ('gate', 'Succeeded'), ('tell', 'Succeeded')]" in shown
    assert "results {'sum': 10, 'sklearn': '1.2.2'} [11]" in shown
