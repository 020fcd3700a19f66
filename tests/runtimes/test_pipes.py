"""What is planned for channels in Pipe mode: sources, shares, and files under numbers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clary.runtimes import pipes, staging
from clary.runtimes.errors import StagingError
from tests.runtimes.conftest import Machine
from tests.runtimes.memory import Memory

TOOLKIT = Path(__file__).resolve().parents[2] / "toolkit" / "src" / "clary_toolkit"
LINES = [{"source-ref": "s3://b/../etc/x", "label": 1, "note": "é"}, {"source-ref": "s3://b/../etc/x", "label": [2]}]


def planned(objects: Memory, opt_ml: Path, source: dict[str, Any], host: int = 0, hosts: int = 1, **more: Any) -> Any:
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}, **more}
    (plan,) = staging.place_channel(objects, channel, opt_ml, host=host, hosts=hosts, default_mode="Pipe")
    pipes.write_plan(opt_ml, [plan])
    assert json.loads((opt_ml / "input" / "pipes" / "plan.json").read_text())["pipes"] == [plan]
    return plan


def contents(opt_ml: Path, plan: Any) -> list[bytes]:
    def read(part: dict[str, str]) -> bytes:
        return (
            (opt_ml / part["file"].removeprefix("/opt/ml/")).read_bytes() if "file" in part else part["text"].encode()
        )

    return [b"|".join(map(read, record)) for record in plan["records"]]


def test_a_prefix_is_planned_in_the_order_of_its_keys(tmp_path: Path) -> None:
    objects = Memory(**{"d/2": b"two", "d/1": b"one", "d/../3": b"three"})
    plan = planned(objects, tmp_path, {"S3Uri": "s3://b/d/"}, CompressionType="Gzip")
    assert contents(tmp_path, plan) == [b"three", b"one", b"two"]
    assert (plan["pipe"], plan["unzip"], plan["wrap"], plan["seed"]) == (
        "/opt/ml/input/data/train",
        True,
        False,
        None,
    )
    assert sorted(path.name for path in (tmp_path / "input").iterdir()) == ["pipes"]


def test_an_augmented_manifest_gives_attributes_in_the_order_asked_for(tmp_path: Path) -> None:
    objects = Memory(**{"m": "\n".join(map(json.dumps, LINES)).encode() + b"\n\n", "../etc/x": b"image"})
    source = {"S3Uri": "s3://b/m", "S3DataType": "AugmentedManifestFile", "AttributeNames": ["label", "source-ref"]}
    plan = planned(objects, tmp_path, source, RecordWrapperType="RecordIO")
    assert contents(tmp_path, plan) == [b"1|image", b"[2]|image"]
    assert plan["wrap"] is True
    assert [path.name for path in (tmp_path / "input" / "pipes" / "0").iterdir()] == ["0"]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"", "holds no records"),
        (b'{"a": 1}\n{', "Line 2 .* is not valid JSON"),
        (b"[]", "Line 1 .* is not a JSON object"),
        (b'{"b": 1}', "Line 1 .* has no attribute a"),
        (b"[" * 100_000, "is not valid JSON"),
    ],
)
def test_augmented_manifests_that_cannot_be_read(tmp_path: Path, manifest: bytes, words: str) -> None:
    source = {"S3Uri": "s3://b/m", "S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}
    with pytest.raises(StagingError, match=words):
        planned(Memory(m=manifest), tmp_path, source)


def test_references_that_lead_nowhere(tmp_path: Path) -> None:
    source = {"S3Uri": "s3://b/m", "S3DataType": "AugmentedManifestFile", "AttributeNames": ["a-ref"]}
    with pytest.raises(StagingError, match="NoSuchKey"):
        planned(Memory(m=b'{"a-ref": "s3://b/gone"}'), tmp_path / "1", source)
    with pytest.raises(StagingError, match="is no S3 location"):
        planned(Memory(m=b'{"a-ref": 1}'), tmp_path / "2", source)


def test_shares_are_dealt_out_here_without_a_seed_and_in_each_epoch_with_one(tmp_path: Path) -> None:
    objects = Memory(**{f"d/{number}": b"%d" % number for number in range(5)})
    source = {"S3Uri": "s3://b/d/", "S3DataDistributionType": "ShardedByS3Key"}
    plan = planned(objects, tmp_path / "1", source, 1, 2)
    assert (contents(tmp_path / "1", plan), plan["share"]) == ([b"1", b"3"], [0, 1])
    plan = planned(objects, tmp_path / "2", source, 1, 2, ShuffleConfig={"Seed": 3})
    assert (len(plan["records"]), plan["share"], plan["seed"]) == (5, [1, 2], 3)


def test_processing_inputs_become_pipes_at_their_path(tmp_path: Path) -> None:
    source = {"S3Uri": "s3://b/d", "LocalPath": "/opt/ml/processing/in/data/", "S3InputMode": "Pipe"}
    (plan,) = staging.place_processing_input(Memory(d=b"1"), source, tmp_path, host=0, hosts=1)
    assert plan["pipe"] == "/opt/ml/processing/in/data"
    assert (tmp_path / "processing" / "in").is_dir()


READ_AND_STAY = """
import os, signal, sys, time
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml") + "/input/data/train_"
print("read", [open(base + str(epoch)).read() for epoch in (0, 1)], flush=True)
def end(*_):
    print("ended", open(base + "2").read(), flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""


def test_a_unit_is_fed_to_its_last_moment_and_ends_as_it_likes(machine: Machine) -> None:
    spec = machine.spec("u", READ_AND_STAY, variables={"PYTHONPATH": "/opt/ml/tools"})
    shutil.copytree(TOOLKIT, spec.opt_ml / "tools" / "clary_toolkit")
    (spec.opt_ml / "input" / "data").mkdir(parents=True)
    planned(Memory(**{"d/1": b"one", "d/2": b"two"}), spec.opt_ml, {"S3Uri": "s3://b/d/"})
    machine.runtime.launch(dataclasses.replace(spec, argv=[*pipes.FEED, *spec.argv]))
    machine.wait_for_line("u", "up")
    machine.runtime.stop("u")
    state = machine.wait("u")
    assert (state.exit_code, state.stopped_by) == (5, "stop")
    assert machine.lines("u")[-3:] == ["read ['onetwo', 'onetwo']", "up", "ended onetwo"]
