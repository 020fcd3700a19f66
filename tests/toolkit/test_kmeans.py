"""K-means: every kind of data in and out, its metrics, and what it refuses."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from clary_toolkit.algorithms.recordio import Record, Tensor, answers, written
from tests.toolkit.built_in import RECORDS, UNLABELLED, Ask, Fit, errors, fit_all
from tests.toolkit.running import OptMl

ROWS = "0,0\r\n0,2\n\n10, 10\n1e1,12"
DENSE = written([Record(Tensor([0.0, 0.0]), 1.0), Record(Tensor([0.0, 2.0]), 0.0)])
SPARSE = written([Record(Tensor([10.0, 10.0], [0, 1], 2)), Record(Tensor([10.0, 12.0], [0, 1], 2))])
VALUES = {"k": "2", "feature_dim": "2", "mini_batch_size": "500"}
CHANNEL = {"train": {"TrainingInputMode": "File", "ContentType": UNLABELLED}}
ONE = '{"instances": [{"features": [0, 1]}, {"data": {"features": {"values": [10, 14]}}}]}'
WANTED = ([0.0, 3.0], {0.0, 1.0})


def test_data_and_requests_of_every_kind(framework_python: Path) -> None:
    asks = [
        Ask(ONE),
        Ask("0,1\n10,14\n", "text/csv", "application/jsonlines"),
        Ask(
            '{"features": [0, 1]}\n{"data": {"features": {"values": [10, 14]}}}\n',
            "application/jsonlines",
            "text/csv",
        ),
        Ask(written([Record(Tensor([0.0, 1.0])), Record(Tensor([10.0, 14.0], [0, 1], 2))]), RECORDS),
        Ask(ONE, accept=RECORDS),
        Ask('{"instances": [{"data": {"features": {"keys": [1], "shape": [2], "values": [1]}}}]}'),
        Ask('{"instances": [{"data": {"features": [0, 1]}}, {"features": {"values": [10, 14]}}]}'),
        Ask("8,0,1\n8,10,14\n", "text/csv; label_size=1"),
    ]
    wrong = [
        Ask("1,2,3", "text/csv"),
        Ask("a,b", "text/csv"),
        Ask("{}"),
        Ask("x", "image/png"),
        Ask(ONE, accept="a/b"),
    ]
    metrics = {**VALUES, "eval_metrics": '["msd", "ssd"]'}
    labelled = "7,0,0\n7,0,2\n7,10,10\n7,10,12\n"
    csv, records, mixed = fit_all(
        framework_python,
        "kmeans",
        Fit(metrics, {"train": (UNLABELLED, ROWS), "test": ("text/csv", labelled)}, [*asks, *wrong]),
        Fit(VALUES, {"train": (RECORDS, DENSE + SPARSE)}, [Ask(ONE)]),
        Fit(VALUES, {"train": ("", {"a": DENSE, "b": SPARSE, ".hidden": b"x"})}, [Ask(ONE)]),
    )
    found = [
        csv.replies[0].json["predictions"],
        csv.replies[1].lines,
        csv.replies[3].json["predictions"],
        csv.replies[6].json["predictions"],
        csv.replies[7].json["predictions"],
        records.replies[0].json["predictions"],
        mixed.replies[0].json["predictions"],
    ]
    for rows in found:
        assert [row["distance_to_cluster"] for row in rows] == [0.0, 3.0]
        assert {row["closest_cluster"] for row in rows} == {0.0, 1.0}
    first, second = found[0]
    assert csv.replies[2].body.decode() == f"{first['closest_cluster']},0.0\n{second['closest_cluster']},3.0\n"
    assert csv.replies[4].type == RECORDS
    assert csv.replies[4].body == answers([{name: [value] for name, value in row.items()} for row in (first, second)])
    assert csv.replies[5].json["predictions"] == [first]
    assert [reply.status for reply in csv.replies[8:]] == [400, 400, 400, 415, 406]
    assert b"2 features (feature_dim), the rows of this request 3" in csv.replies[8].body
    assert csv.files == ["model_algo-1"]
    assert csv.metrics == {"train msd": 1.0, "train ssd": 4.0, "test msd": 1.0, "test ssd": 4.0}


def test_what_is_wrong_is_named(framework_python: Path) -> None:
    train = {"train": (UNLABELLED, ROWS)}
    found = errors(
        framework_python,
        "kmeans",
        Fit({"feature_dim": "2"}, train),
        Fit({**VALUES, "clusters": "3"}, train),
        Fit({**VALUES, "k": "1"}, train),
        Fit({**VALUES, "local_lloyd_tol": "2"}, train),
        Fit({**VALUES, "init_method": "best"}, train),
        Fit({**VALUES, "eval_metrics": '["mse"]'}, train),
        Fit({**VALUES, "k": "5"}, train),
        Fit({**VALUES, "feature_dim": "3"}, train),
        Fit(VALUES, {"validation": (UNLABELLED, ROWS)}),
        Fit(VALUES, {"train": (UNLABELLED, {"good": ROWS, "bad.csv": "1,2\n3,x\n"})}),
        Fit(VALUES, {"train": (UNLABELLED, "1,2\n3\n")}),
        Fit(VALUES, {"train": (UNLABELLED, "1,nan\n")}),
        Fit(VALUES, {"train": (UNLABELLED, "1,2\n3,-1e39\n")}),
        Fit(VALUES, {"train": (RECORDS, written([Record(Tensor([1.0, float("inf")]))]))}),
        Fit(VALUES, {"train": (UNLABELLED, {"empty": "", "blank": "\r\n \n"})}),
        Fit(VALUES, {"train": ("", ROWS)}),
        Fit(VALUES, {"train": ("text/html", ROWS)}),
        Fit(VALUES, {"train": ("text/csv;label_size=2", ROWS)}),
        Fit(VALUES, {"train": ("text/csv", ROWS)}),
    )
    expected = [
        "The hyperparameter k is required: a whole number of at least 2.",
        "Additional hyperparameters are not allowed ('clusters' unexpected).",
        "The hyperparameter k must be a whole number of at least 2, not '1'.",
        "The hyperparameter local_lloyd_tol must be a number from 0 to 1, not '2'.",
        "The hyperparameter init_method must be one of random, kmeans++, not 'best'.",
        "The hyperparameter eval_metrics must be any of msd, ssd, not ",
        "k is 5, but the channel train has 4 rows.",
        "feature_dim is 3, but the channel train has 2 features (label_size is 0).",
        "The channel train is required; channels of this job: validation.",
        "Unable to read the channel train as text/csv: the file bad.csv: line 2: 'x' is no number.",
        "Unable to read the channel train as text/csv: the file data: line 2 has 1 fields instead of 2.",
        "Unable to read the channel train as text/csv: the file data: row 1, column 2 is no finite number.",
        "Unable to read the channel train as text/csv: the file data: row 2, column 2 is no finite number.",
        "Unable to read the channel train as application/x-recordio-protobuf: the file data: record 1 holds",
        "The channel train holds no data (2 files).",
        "Unable to read the channel train as application/x-recordio-protobuf: the file data: no recordio frame",
        "The content type 'text/html' of the channel train is not supported",
        "label_size of the channel train must be 0 or 1, not '2'.",
        "feature_dim is 2, but the channel train has 1 features (label_size is 1).",
    ]
    for error, words in zip(found, expected, strict=True):
        assert error.startswith(words)


def test_pipes_give_what_files_give(framework_python: Path) -> None:
    kinds = {UNLABELLED: {"a": f"{ROWS}\n", "b": ROWS}, RECORDS: {"a": DENSE, "b": SPARSE}}
    fits = [
        Fit(VALUES, {"train": (kind, content), "test": (kind, content)}, more={"piped": piped})
        for kind, content in kinds.items()
        for piped in (False, True)
    ]
    nothing = Fit(VALUES, {"train": (UNLABELLED, "")}, more={"piped": True})
    wrong = Fit(VALUES, {"train": (UNLABELLED, "a,b")}, more={"piped": True})
    *fitted, empty, failed = fit_all(framework_python, "kmeans", *fits, nothing, wrong)
    for file, pipe in zip(fitted[::2], fitted[1::2], strict=True):
        assert file.metrics == pipe.metrics != {}
        assert pipe.files == ["model_algo-1"]
    assert empty.error == "The channel train holds no data (1 files)."
    assert "the file train_0: line 1: 'a' is no number" in failed.error


def test_the_first_instance_trains(framework_python: Path) -> None:
    train = {"train": (UNLABELLED, ROWS)}
    hosts = [f"algo-{number}" for number in (10, 2, 1)]
    first, other = fit_all(
        framework_python,
        "kmeans",
        Fit(VALUES, train, more={"host": "algo-1", "hosts": hosts}),
        Fit(VALUES, train, more={"host": "algo-10", "hosts": hosts}),
    )
    assert first.files == ["model_algo-1"]
    assert (other.files, other.log) == ([], ["algo-1 trains with all of the data; nothing is left to do here"])


def test_json_that_is_no_request(framework_python: Path) -> None:
    bodies = ["[1]", "1", '{"instances": [{"features": ["1", 2]}]}', '{"instances": [[0, 1]]}', '{"instances": [{}]}']
    bodies.append("[" * 100_000)
    asks = [Ask(body) for body in bodies]
    (fitted,) = fit_all(framework_python, "kmeans", Fit(VALUES, {"train": (UNLABELLED, ROWS)}, asks))
    assert [reply.status for reply in fitted.replies] == [400] * len(bodies)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "model.tar.gz holds no model_algo-1"),
        (b"\x12\x01mxnet", "AWS's own model files cannot be served"),
        ("pca", "model_algo-1 is a model of pca, not of kmeans"),
    ],
)
def test_models_of_others_are_refused(
    opt_ml: OptMl, framework_python: Path, content: bytes | str | None, words: str
) -> None:
    model = opt_ml.base / "model" / "model_algo-1"
    opt_ml.python = framework_python
    if isinstance(content, bytes):
        model.write_bytes(content)
    if content == "pca":
        opt_ml.configure({"feature_dim": "2", "num_components": "1", "mini_batch_size": "9"}, CHANNEL)
        (opt_ml.base / "input" / "data" / "train").mkdir(parents=True)
        (opt_ml.base / "input" / "data" / "train" / "rows.csv").write_text(ROWS)
        assert opt_ml.run("train", CLARY_FRAMEWORK="pca")[0] == 0
    code, output = opt_ml.run("serve", CLARY_FRAMEWORK="kmeans", CLARY_SERVER_SOCKET=str(opt_ml.scratch / "s"))
    assert code == 1
    assert words in output


def test_a_stop_request_ends_it_at_once(opt_ml: OptMl, framework_python: Path) -> None:
    opt_ml.python = framework_python
    opt_ml.configure(VALUES, {"train": {"TrainingInputMode": "Pipe", "ContentType": UNLABELLED}})
    (opt_ml.base / "input" / "data").mkdir()
    os.mkfifo(opt_ml.base / "input" / "data" / "train_0")  # nobody feeds it
    process = opt_ml.start("train", CLARY_FRAMEWORK="kmeans")
    assert process.stdout is not None
    with process.stdout:
        assert "hyperparameters: " in process.stdout.readline()
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM
