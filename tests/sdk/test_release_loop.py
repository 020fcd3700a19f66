"""The release loop, unattended: a project of `clary init`, both branches of the gate, twice, unmodified clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from clary import examples
from clary.cli.init import write_project
from tests.server import Server, eventually

TOUR = Path(examples.__file__).parent / "release_tour" / "tour.py"


def test_new_data_becomes_a_released_model_by_itself(
    run_client: Callable[..., str], server: Server, tmp_path: Path
) -> None:
    project = tmp_path / "loop"
    write_project(server.settings, project, "loop")
    shown = run_client(TOUR, str(project), "--rounds", "2")
    stopped = re.findall(r"stopped: .*The AUC ([0-9.]+) is below the limit of 0\.9", shown)
    assert len(stopped) == 2
    assert all(float(auc) < 0.9 for auc in stopped)
    found = re.findall(r"loop version (\d): PendingManualApproval, auc ([0-9.]+)", shown)
    assert [number for number, _ in found] == ["1", "2"]
    assert all(float(auc) >= 0.9 for _, auc in found)
    assert shown.count("loop is InService") == 2

    sagemaker = server.client("sagemaker")
    eventually(lambda: sagemaker.list_endpoints(NameContains="loop")["Endpoints"] == [])
    assert sagemaker.list_pipelines(PipelineNamePrefix="loop")["PipelineSummaries"] == []
    assert server.client("events").list_rules(NamePrefix="loop")["Rules"] == []
