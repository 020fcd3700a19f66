"""What a user reads when hyperparameters or data of the XGBoost algorithm are wrong."""

from __future__ import annotations

from pathlib import Path

from tests.toolkit.built_in import RECORDS, Fit, errors, fit_all
from tests.toolkit.running import OptMl

ROUND = {"num_round": "1"}
LOGISTIC = {**ROUND, "objective": "binary:logistic"}
GOOD = "1,2,3\n0,5,6\n"


def csv(content: object, **hyperparameters: str) -> Fit:
    return Fit({**ROUND, **hyperparameters}, {"train": ("text/csv", content)})


def test_mistakes_name_the_file_and_the_line(framework_python: Path) -> None:
    cases = {
        "as text/csv: the file b.csv: line 1: 'a' is no number.": csv({"a.csv": GOOD, "b.csv": "a,b,c\n1,2,3\n"}),
        "as text/csv: the file data: line 4 has 2 fields instead of 3.": csv(f"{GOOD}\n1,2\n"),
        "as text/csv: the file data: line 2 has 4 fields instead of 3.": csv("1,,3\n1,2,3,4\n"),
        "as text/csv: there are no rows.": csv("\n\n"),
        "as text/csv: the files have rows of different lengths: 2, 3.": csv({"a": GOOD, "b": "1,2\n"}),
        "as text/csv: the file data: 'utf-8' codec can't decode byte 0xff": csv(b"\xff\xfe1,2\n"),
        "as text/csv: the rows have 1 columns: the label, but no features.": csv("1\n2\n"),
        "as text/csv: the rows have 2 columns: the label and the weight,": csv("1,1\n0,1\n", csv_weights="1"),
        "as text/libsvm: the file data: line 2: 'x' is no index:value.": Fit(
            ROUND, {"train": ("text/libsvm", "1 0:1\n0 x\n")}
        ),
        "as libsvm (no ContentType was given; text/csv is another): the file data: line 1: could not": Fit(
            ROUND, {"train": ("", GOOD)}
        ),
        f"as {RECORDS}: the file data: no recordio frame": Fit(ROUND, {"train": (RECORDS, b"12345678")}),
    }
    for text, found in zip(cases, errors(framework_python, "xgboost_training", *cases.values()), strict=True):
        assert found.startswith(f"Unable to read the channel train {text}")


def test_xgboosts_own_sentence_is_kept_without_its_stack(framework_python: Path) -> None:
    labels = "0,1\n1,2\n2,3\n"
    three, endless, none, empty, two = errors(
        framework_python,
        "xgboost_training",
        csv(labels, objective="binary:logistic"),
        csv("0,1\n1,inf\n"),
        Fit(ROUND, {"validation": ("text/csv", labels)}),
        csv(""),
        Fit(ROUND, {"train": ("text/csv; label_size=2", GOOD)}),
    )
    assert three == "XGBoost refused to train: label must be in [0,1] for logistic regression."
    assert "contains `inf`" in endless
    assert not any(word in endless for word in ("Stack trace", "[bt]", "libxgboost", "/src/"))
    assert none == "The channel train is required; channels of this job: validation."
    assert empty == "The channel train holds no data (1 files)."
    assert two == "The label_size of the channel train ('text/csv; label_size=2') must be 1 for XGBoost."


def test_pipes_are_read_once(framework_python: Path) -> None:
    piped = {"piped": True}
    libsvm = "1 0:1 1:2\n0 0:3\n"
    good, also, wrong, none = fit_all(
        framework_python,
        "xgboost_training",
        Fit(ROUND, dict.fromkeys(("train", "validation"), ("text/csv", GOOD)), more=piped),
        Fit(ROUND, dict.fromkeys(("train", "validation"), ("text/libsvm", libsvm)), more=piped),
        Fit(ROUND, {"train": ("text/csv", "a,b\n1,2\n")}, more=piped),
        Fit(ROUND, {"train": ("text/libsvm", "")}, more=piped),
    )
    assert good.files == also.files == ["xgboost-model"]
    assert "the channel train as text/csv: the file train_0: line 1: 'a' is no number" in wrong.error
    assert none.error == "Unable to read the channel train as text/libsvm: there are no rows."


def test_the_failure_file_says_that_the_customer_is_to_blame(opt_ml: OptMl, framework_python: Path) -> None:
    opt_ml.python = framework_python
    opt_ml.configure(LOGISTIC, {"train": {"ContentType": "text/csv"}})
    folder = opt_ml.base / "input" / "data" / "train"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("label,x\n1,2\n")
    assert opt_ml.run("train", CLARY_FRAMEWORK="xgboost")[0] == 2
    assert opt_ml.failure == (
        "CustomerError: Unable to read the channel train as text/csv: "
        "the file rows.csv: line 1: 'label' is no number."
    )
