"""Channels and models, against objects in a dictionary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clary.runtimes import archives, sources, staging
from clary.runtimes.errors import ArchiveError, StagingError
from tests.runtimes.memory import Memory


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def channel(uri: str, name: str = "train", **source: str) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, **source}}}


def place(objects: Memory, opt_ml: Path, uri: str, host: int = 0, hosts: int = 1, **source: str) -> dict[str, bytes]:
    staging.place_channel(objects, channel(uri, **source), opt_ml, host=host, hosts=hosts)
    return tree(opt_ml / "input" / "data" / "train")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket/a/b.csv", ("bucket", "a/b.csv")),
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket/a?b#c%20d", ("bucket", "a?b#c%20d")),
        ("https://bucket.s3.us-east-1.amazonaws.com/a/b%20c", ("bucket", "a/b c")),
        ("https://my.bucket.s3.amazonaws.com/a", ("my.bucket", "a")),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a/b", ("bucket", "a/b")),
        ("https://s3-us-west-2.amazonaws.com/bucket/a", ("bucket", "a")),
    ],
)
def test_locations(uri: str, expected: tuple[str, str]) -> None:
    assert sources.parse_s3_uri(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "bucket/key",
        "file:///etc/passwd",
        "s3:///key",
        "https://example.com/b/k",
        "s3:/b",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest",
        "https://127.0.0.1:4600/clary/credentials",
        "https://bucket.s3.amazonaws.com@127.0.0.1/key",
        "https://bucket.s3.amazonaws.com.example.com/key",
        "https://127.0.0.1#bucket.s3.amazonaws.com/key",
    ],
)
def test_what_is_no_location(uri: str) -> None:
    with pytest.raises(StagingError, match="not an S3 location"):
        sources.parse_s3_uri(uri)


def test_a_prefix_lands_below_its_last_folder(tmp_path: Path) -> None:
    objects = Memory(**{"data/train/a.csv": b"1", "data/train/sub/b.csv": b"2", "data/test/c.csv": b"3"})
    expected = {"a.csv": b"1", "sub/b.csv": b"2"}
    assert place(objects, tmp_path / "1", "s3://b/data/train") == expected
    assert place(objects, tmp_path / "2", "s3://b/data/train/") == expected
    whole = {"train/a.csv": b"1", "train/sub/b.csv": b"2", "test/c.csv": b"3"}
    assert place(objects, tmp_path / "3", "s3://b/data") == whole
    assert place(objects, tmp_path / "4", "s3://b") == {f"data/{name}": content for name, content in whole.items()}


def test_a_single_object_lands_as_one_file(tmp_path: Path) -> None:
    assert place(Memory(**{"data/train.csv": b"1"}), tmp_path, "s3://b/data/train.csv") == {"train.csv": b"1"}


def test_a_prefix_may_end_inside_a_name(tmp_path: Path) -> None:
    objects = Memory(**{"data/part-1": b"1", "data/part-2": b"2", "data/other": b"3"})
    assert place(objects, tmp_path, "s3://b/data/part") == {"part-1": b"1", "part-2": b"2"}


def test_marks_of_empty_folders_are_left_out(tmp_path: Path) -> None:
    assert place(Memory(**{"d/": b"", "d/sub/": b"", "d/x": b"1"}), tmp_path, "s3://b/d/") == {"x": b"1"}


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="S3 key: s3://b/nothing matched no files on s3"):
        place(Memory(), tmp_path, "s3://b/nothing")


def test_sharding_gives_every_object_to_one_host(tmp_path: Path) -> None:
    objects = Memory(**{f"d/{i}": b"x" for i in range(10)})
    shares = [
        place(objects, tmp_path / str(host), "s3://b/d", host, 3, S3DataDistributionType="ShardedByS3Key")
        for host in range(3)
    ]
    assert sorted(name for share in shares for name in share) == [str(i) for i in range(10)]
    assert [len(share) for share in shares] == [4, 3, 3]


def test_a_manifest(tmp_path: Path) -> None:
    manifest = [{"prefix": "s3://b/images/"}, "cats/1.jpg", "dogs/2.jpg"]
    objects = Memory(
        **{
            "m.json": json.dumps(manifest).encode(),
            "images/cats/1.jpg": b"1",
            "images/dogs/2.jpg": b"2",
            "images/3": b"3",
        }
    )
    found = place(objects, tmp_path, "s3://b/m.json", S3DataType="ManifestFile")
    assert found == {"cats/1.jpg": b"1", "dogs/2.jpg": b"2"}
    assert [path.name for path in (tmp_path / "input" / "data").iterdir()] == ["train"]


def test_manifest_entries_may_be_whole_locations_below_the_prefix(tmp_path: Path) -> None:
    manifest = [{"prefix": "s3://b/images/"}, "s3://b/images/cats/1.jpg", "2.jpg"]
    objects = Memory(**{"m": json.dumps(manifest).encode(), "images/cats/1.jpg": b"1", "images/2.jpg": b"2"})
    found = place(objects, tmp_path, "s3://b/m", S3DataType="ManifestFile")
    assert found == {"cats/1.jpg": b"1", "2.jpg": b"2"}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"{", "Manifest file s3://b/m is not in JSON format"),
        (b"[]", "Manifest file s3://b/m must be a non-empty JSON array"),
        (b"{}", "Manifest file s3://b/m must be a non-empty JSON array"),
        (b'["a"]', "The first element of manifest file s3://b/m must be"),
        (b'[{"prefix": 1}]', "The first element of manifest file s3://b/m must be"),
        (b'[{"prefix": "s3://b/d/"}, {"a": 1}]', 'Manifest file s3://b/m holds {"a": 1} where a key must be'),
        (b'[{"prefix": "s3://b/d/"}, "s3://other/x"]', "holds s3://other/x, which does not lie below s3://b/d/"),
        (b'[{"prefix": "s3://b/d/"}, "gone"]', "NoSuchKey (404): The specified key does not exist: s3://b/d/gone"),
        (b'[{"prefix": "s3://b/d/"}]', "S3 key: s3://b/m matched no files on s3"),
    ],
)
def test_what_is_said_about_a_wrong_manifest(tmp_path: Path, manifest: bytes, words: str) -> None:
    with pytest.raises(StagingError) as caught, staging.downloading("Data download failed:"):
        place(Memory(m=manifest), tmp_path, "s3://b/m", S3DataType="ManifestFile")
    assert caught.value.reason.startswith("ClientError: Data download failed:")
    assert words in caught.value.reason


def test_fast_files_can_only_be_read(tmp_path: Path) -> None:
    objects = Memory(**{"d/1": b"1"})
    for mode, expected in (("FastFile", 0o444), ("File", 0o644)):
        opt_ml = tmp_path / mode
        staging.place_channel(objects, channel("s3://b/d"), opt_ml, host=0, hosts=1, default_mode=mode)
        assert (opt_ml / "input" / "data" / "train" / "1").stat().st_mode & 0o777 == expected


def test_a_seed_deals_out_other_shares(tmp_path: Path) -> None:
    objects = Memory(**{f"d/{number}": b"x" for number in range(20)})
    shares = []
    for seed, host in ((1, 0), (1, 1), (2, 0), (1, 0)):
        asked = {**channel("s3://b/d", S3DataDistributionType="ShardedByS3Key"), "ShuffleConfig": {"Seed": seed}}
        opt_ml = tmp_path / str(len(shares))
        staging.place_channel(objects, asked, opt_ml, host=host, hosts=2)
        shares.append(frozenset(tree(opt_ml / "input" / "data" / "train")))
    assert shares[0] | shares[1] == {str(number) for number in range(20)}
    assert shares[0] == shares[3]
    assert len({shares[0], shares[2], frozenset(map(str, range(0, 20, 2)))}) == 3


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"[1]",
        b'["a"]',
        b'[{"prefix": "s3://b/"}, 1]',
        b'[{"prefix": "s3://b/"}, "../x"]',
        b"[" * 100_000,
    ],
)
def test_wrong_manifests(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(StagingError):
        place(Memory(m=manifest), tmp_path, "s3://b/m", S3DataType="ManifestFile")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "key",
    [
        "d/../../x",
        "d/..",
        "d/./x",
        "d//etc/passwd",
        "d/a/../../../../etc/x",
        "d/nul\0byte",
        "d/" + "n" * 256,
        "d/" + "a/" * 600 + "../" * 700 + "x",
        "d/trailing/",
        "d/" + "é" * 200,
    ],
)
def test_keys_that_cannot_be_files_write_nothing(tmp_path: Path, key: str) -> None:
    opt_ml = tmp_path / "around" / "opt-ml"
    opt_ml.mkdir(parents=True)
    with pytest.raises(StagingError, match="cannot be a file name"):
        place(Memory(**{"d/good": b"1", key: b"2"}), opt_ml, "s3://b/d/")
    assert tree(tmp_path) == {}


def test_absolute_keys_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="cannot be a file name"):
        place(Memory(**{"/etc/clary-test": b"1"}), tmp_path, "s3://b")
    assert not Path("/etc/clary-test").exists()


@pytest.mark.parametrize("key", ["d/back\\slash", "d/%2e%2e", "d/space and 'quote'", "d/ü", "d/-rf", "d/...", "d/~"])
def test_odd_keys_that_are_harmless(tmp_path: Path, key: str) -> None:
    assert place(Memory(**{key: b"1"}), tmp_path, "s3://b/d/") == {key.removeprefix("d/"): b"1"}


def test_a_key_that_is_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="both a folder as well as a file: 'd/a'"):
        place(Memory(**{"d/a": b"1", "d/a/b/c": b"2"}), tmp_path, "s3://b/d/")
    assert tree(tmp_path) == {}


def test_two_keys_for_one_file(tmp_path: Path) -> None:
    """The object train and the folder train both give a file of that name."""
    with pytest.raises(StagingError, match="same file"):
        place(Memory(**{"train": b"1", "train/train": b"2"}), tmp_path, "s3://b/train")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DataSource": {"FileSystemDataSource": {}}}, "no S3DataSource"),
        ({"ChannelName": "../x"}, "cannot be a file name"),
    ],
)
def test_channels_that_cannot_be_had(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(StagingError, match=words):
        staging.place_channel(Memory(d=b"1"), {**channel("s3://b/d"), **change}, tmp_path, host=0, hosts=1)


def test_augmented_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="AugmentedManifestFile"):
        place(Memory(d=b"1"), tmp_path, "s3://b/d", S3DataType="AugmentedManifestFile")


def test_processing_inputs_go_to_their_path(tmp_path: Path) -> None:
    source = {"S3Uri": "s3://b/code/x.py", "LocalPath": "/opt/ml/processing/input/code", "S3DataType": "S3Prefix"}
    staging.place_processing_input(Memory(**{"code/x.py": b"1"}), source, tmp_path, host=0, hosts=1)
    assert tree(tmp_path) == {"processing/input/code/x.py": b"1"}


@pytest.mark.parametrize("path", ["/etc", "/opt/ml/../../etc", "/opt/mlx", "relative", "/opt/ml/", "/opt/ml/a//b"])
def test_paths_outside_opt_ml(tmp_path: Path, path: str) -> None:
    with pytest.raises(StagingError):
        staging.local_path(tmp_path, path)


def test_a_model_archive(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "model.joblib").write_bytes(b"model")
    archives.pack(tmp_path / "source", tmp_path / "m.tar.gz")
    objects = Memory(**{"m.tar.gz": (tmp_path / "m.tar.gz").read_bytes()})
    for number, container in enumerate(
        (
            {"ModelDataUrl": "s3://b/m.tar.gz"},
            {"ModelDataUrl": "https://b.s3.us-east-1.amazonaws.com/m.tar.gz"},
            {"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/m.tar.gz", "CompressionType": "Gzip"}}},
        )
    ):
        staging.place_model(objects, container, tmp_path / f"{number}" / "model")
        assert tree(tmp_path / f"{number}") == {"model/model.joblib": b"model"}


def test_an_uncompressed_model(tmp_path: Path) -> None:
    source = {"S3Uri": "s3://b/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    objects = Memory(**{"m/model.joblib": b"1", "m/code/inference.py": b"2"})
    staging.place_model(objects, {"ModelDataSource": {"S3DataSource": source}}, tmp_path / "model")
    assert tree(tmp_path / "model") == {"model.joblib": b"1", "code/inference.py": b"2"}


def test_models_that_are_not_there_or_broken(tmp_path: Path) -> None:
    staging.place_model(Memory(), {}, tmp_path / "model")
    with pytest.raises(StagingError, match="specified key does not exist: s3://b/m"):
        staging.place_model(Memory(), {"ModelDataUrl": "s3://b/m.tar.gz"}, tmp_path / "model")
    with pytest.raises(ArchiveError):
        staging.place_model(Memory(m=b"broken"), {"ModelDataUrl": "s3://b/m"}, tmp_path / "model")
    assert tree(tmp_path) == {}


def test_the_training_configuration(tmp_path: Path) -> None:
    request = {
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "HyperParameters": {"sagemaker_program": '"train.py"', "n": "10"},
        "InputDataConfig": [{**channel("s3://b/d"), "ContentType": "text/csv"}, channel("s3://b/e", "test")],
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "CheckpointConfig": {"S3Uri": "s3://b/c"},
    }
    staging.write_training_config(tmp_path, request)
    files = {name: json.loads(content) for name, content in tree(tmp_path / "input" / "config").items()}
    assert files == {
        "hyperparameters.json": {"sagemaker_program": '"train.py"', "n": "10"},
        "inputdataconfig.json": {
            "train": {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
                "ContentType": "text/csv",
            },
            "test": {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            },
        },
        "resourceconfig.json": {
            "current_host": "algo-1",
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
            ],
            "network_interface_name": "eth0",
        },
        "checkpointconfig.json": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"},
    }


def test_the_processing_configuration(tmp_path: Path) -> None:
    staging.write_processing_config(tmp_path, "arn:x", {"ProcessingJobName": "p"})
    files = {name: json.loads(content) for name, content in tree(tmp_path / "config").items()}
    assert files["processingjobconfig.json"] == {"ProcessingJobArn": "arn:x", "ProcessingJobName": "p"}
    assert files["resourceconfig.json"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
