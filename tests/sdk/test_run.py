"""Experiment runs of the SageMaker SDK: parameters, metrics, files, listing and loading them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.server import Server

PROGRAM = """
from pathlib import Path

import sagemaker
from sagemaker.experiments.run import Run, list_runs, load_run

session = sagemaker.Session()
Path("notes.txt").write_text("hello")
with Run(experiment_name="Churn-Study", run_name="First-Run", sagemaker_session=session) as run:
    run.log_parameter("depth", 3)
    run.log_parameters({"lr": 0.1, "kind": "tree"})
    for step in range(3):
        run.log_metric(name="loss", value=1.0 / (step + 1), step=step)
    run.log_file("notes.txt", name="notes")
with load_run(experiment_name="Churn-Study", run_name="First-Run", sagemaker_session=session) as run:
    run.log_parameter("later", 1)
print("runs", [item.run_name for item in list_runs("Churn-Study", sagemaker_session=session)])
"""


def test_a_run_is_kept(run_client: Callable[..., str], server: Server, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    assert "runs ['First-Run']" in run_client(program).replace("first-run", "First-Run")
    sagemaker = server.client("sagemaker")
    (found,) = sagemaker.list_trial_components(ExperimentName="churn-study")["TrialComponentSummaries"]
    described = sagemaker.describe_trial_component(TrialComponentName=found["TrialComponentName"])
    assert described["Parameters"]["depth"] == {"NumberValue": 3.0}
    assert described["Parameters"]["kind"] == {"StringValue": "tree"}
    assert described["Parameters"]["later"] == {"NumberValue": 1.0}
    (loss,) = [metric for metric in described["Metrics"] if metric["MetricName"] == "loss"]
    assert (loss["Count"], loss["Max"], loss["Last"]) == (3, 1.0, 1 / 3)
    assert described["OutputArtifacts"]["notes"]["Value"].startswith("s3://")
    assert described["Status"]["PrimaryStatus"] == "Completed"
