"""New data in, approved model out: a project of `clary init`, driven as an application and an engineer would.

Plain boto3 and the project's own commands (SageMaker SDK v2); nothing here knows where it runs. Each round: data
with useless labels is stopped by the gate; good data becomes a version, which is approved and released by itself.
"""

import argparse
import io
import random
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pandas as pd

PATIENCE = 600


def step(title):
    print(f"==> {title}", flush=True)


def result(text):
    print(f"  = {text}", flush=True)


def expect(held, seen):
    """Without this the tour would tell a story that did not happen."""
    if not held:
        raise SystemExit(f"This was not expected: {seen}")


class Project:
    """The folder that `clary init` wrote, and the names it uses."""

    def __init__(self, folder):
        sys.path.insert(0, str(folder))
        from settings import read_settings  # noqa: PLC0415  # the project's own module, found by the line above

        self.folder = folder
        self.settings = read_settings()
        self.client = boto3.client("sagemaker")
        self.s3 = boto3.client("s3")

    def run(self, *words, program="project.py"):
        """One of the project's commands; what it printed."""
        command = [sys.executable, "-W", "ignore", program, *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{program} {' '.join(words)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout.strip()

    def executions(self, pipeline):
        found = self.client.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]
        return {item["PipelineExecutionArn"]: item["PipelineExecutionStatus"] for item in found}

    def after(self, pipeline, known):
        """The execution that was started by itself since `known`, once it has ended."""
        deadline = time.time() + PATIENCE
        while time.time() < deadline:
            fresh = {arn: state for arn, state in self.executions(pipeline).items() if arn not in known}
            if fresh and all(state not in ("Executing", "Stopping") for state in fresh.values()):
                (arn,) = fresh
                return self.client.describe_pipeline_execution(PipelineExecutionArn=arn)
            time.sleep(0.2)
        raise SystemExit(f"{pipeline} did not start or end within {PATIENCE} s")

    def put(self, name, table):
        """What the application's cron job does."""
        body = io.BytesIO()
        table.to_csv(body, index=False)
        key = f"{self.settings.prefix}/incoming/{name}"
        self.s3.put_object(Bucket=self.settings.bucket, Key=key, Body=body.getvalue())


def gate(project, table):
    step("New data with useless labels arrives in S3")
    known = project.executions(project.settings.training_pipeline)
    shuffled = table.assign(**{project.settings.target: table[project.settings.target].sample(frac=1).to_numpy()})
    project.put("new.csv", shuffled)
    run = project.after(project.settings.training_pipeline, known)
    expect(run["PipelineExecutionStatus"] == "Failed", run)
    expect("below the limit" in run["FailureReason"], run)
    result(f"the pipeline started by itself and stopped: {run['FailureReason']}")


def register(project, table):
    step("Good data arrives")
    known = project.executions(project.settings.training_pipeline)
    project.put("new.csv", table)
    run = project.after(project.settings.training_pipeline, known)
    expect(run["PipelineExecutionStatus"] == "Succeeded", run)
    result("the pipeline started by itself: processed, trained, evaluated, registered")
    step("An engineer looks at the new version")
    shown = [line for line in project.run("status").splitlines() if " version " in line]
    expect("PendingManualApproval" in shown[0], shown)
    result(shown[0])


def release(project, number):
    step("The engineer approves it")
    known = project.executions(project.settings.deploy_pipeline)
    project.run("approve", "--comment", f"looks good, round {number}")
    run = project.after(project.settings.deploy_pipeline, known)
    expect(run["PipelineExecutionStatus"] == "Succeeded", run)
    endpoint = project.client.describe_endpoint(EndpointName=project.settings.endpoint)
    expect(endpoint["EndpointStatus"] == "InService", endpoint)
    result(f"the approval started the deploy pipeline; {project.settings.endpoint} is InService")
    step("The application asks the endpoint")
    row = (project.folder / "data" / "row.csv").read_text().strip()
    probability = float(project.run("predict", row).splitlines()[-1])
    expect(0.0 <= probability <= 1.0, probability)
    result(f"probability {probability:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave everything as it is at the end")
    arguments = parser.parse_args()
    random.seed(7)
    project = Project(arguments.folder)
    table = pd.read_csv(arguments.folder / "data" / "first.csv")
    step("Set the project up: two pipelines, a function, three rules")
    result(project.run(program="pipelines.py").splitlines()[-1])
    for number in range(1, arguments.rounds + 1):
        gate(project, table)
        register(project, table)
        release(project, number)
    if arguments.keep:
        return
    step("Remove it")
    result(project.run("down").splitlines()[-1])


if __name__ == "__main__":
    main()
