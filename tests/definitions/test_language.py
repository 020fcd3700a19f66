"""The language of pipeline definitions: what is accepted, what is refused and why, and what references become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.base.errors import NotServed, ValidationException
from clary.definitions.caching import cache_key, input_addresses, read_duration
from clary.definitions.conditions import holds
from clary.definitions.document import Definition, read_definition
from clary.definitions.order import check_selection, find_cycle, upstream
from clary.definitions.parameters import coerce
from clary.definitions.references import UnresolvedReference, resolve

FILE = {"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}


def fail(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": more.pop("message", "no")}, **more}


def condition(name: str, if_steps: list[Any], else_steps: list[Any], **more: Any) -> dict[str, Any]:
    check = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    arguments = {"Conditions": [check], "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def processing(name: str) -> dict[str, Any]:
    arguments = {
        "ProcessingResources": {},
        "AppSpecification": {},
        "RoleArn": "arn:aws:iam::1:role/r",
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out"}]},
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, "PropertyFiles": [FILE]}


def function(name: str) -> dict[str, Any]:
    outputs = [{"OutputName": "x", "OutputType": "String"}]
    return {"Name": name, "Type": "Lambda", "FunctionArn": "f", "Arguments": {}, "OutputParameters": outputs}


def read(*steps: dict[str, Any], **members: Any) -> Definition:
    return read_definition(json.dumps({"Version": "2020-12-01", "Steps": list(steps), **members}))


class Known:
    """A scope with one of everything."""

    def parameter(self, name: str) -> Any:
        return {"Limit": 0.9, "Name": "x"}[name]

    def execution(self, name: str) -> Any:
        return f"<{name}>"

    def experiment(self, name: str) -> Any:
        return f"[{name}]"

    def properties(self, step: str) -> Mapping[str, Any]:
        outputs = [{"OutputName": "test", "S3Output": {"S3Uri": "s3://b/t"}}, {"OutputName": "train", "S3Output": {}}]
        metrics = [{"MetricName": "auc", "Value": 0.7}]
        return {"Config": {"Outputs": outputs}, "FinalMetricDataList": metrics, "OutputParameters": {"x": "y"}}

    def property_file(self, step: str, name: str) -> str:
        return json.dumps({"metrics": {"auc": {"value": 0.91}, "odd name": [1, 2], "50th": 3, "007": 4, "8": 5}})

    def object_text(self, uri: str) -> str:
        return "not json"


def test_steps_of_branches_are_flat_and_need_their_condition() -> None:
    inner = condition("Inner", [fail("Deep")], [])
    steps = read(condition("Outer", [inner], [fail("Other")]), fail("Last", DependsOn=["Outer"])).steps
    assert {name: step.branch for name, step in steps.items()} == {
        "Outer": None,
        "Inner": ("Outer", True),
        "Deep": ("Inner", True),
        "Other": ("Outer", False),
        "Last": None,
    }
    assert "Inner" in steps["Deep"].needs
    assert steps["Last"].needs == {"Outer"}
    assert steps["Last"].after == {"Inner", "Deep", "Other"}


def test_a_step_of_a_branch_may_depend_on_its_own_condition() -> None:
    inner = condition("Inner", [fail("Deep", DependsOn=["Outer"])], [])
    steps = read(condition("Outer", [inner, fail("Beside", DependsOn=["Inner"])], [])).steps
    assert (steps["Deep"].needs, steps["Deep"].after) == ({"Inner", "Outer"}, frozenset())
    assert (steps["Beside"].needs, steps["Beside"].after) == ({"Inner", "Outer"}, {"Deep"})


def test_references_are_dependencies() -> None:
    text = {"Std:Join": {"On": "/", "Values": [{"Get": "Steps.A.ProcessingJobArn"}]}}
    report = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.Report"}, "Path": "x"}}
    steps = read(fail("B", message=text), fail("C", message=report), processing("A")).steps
    assert steps["B"].needs == steps["C"].needs == {"A"}
    assert next(iter(steps)) == "A"


def test_outputs_that_are_declared_are_found() -> None:
    text = [
        {"Get": "Steps.L.OutputParameters['x']"},
        {"Get": "Steps.P.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"},
        {"Get": "Steps.P.ProcessingOutputConfig.Outputs[0].OutputName"},
        {"Get": "Steps.P.ProcessingOutputConfig.Outputs[-1].OutputName"},
        {"Get": "Steps.R.ProcessingOutputConfig.Outputs['only known later'].S3Output.S3Uri"},
    ]
    later = processing("R")
    later["Arguments"]["ProcessingOutputConfig"]["Outputs"].append({"OutputName": {"Get": "Execution.PipelineName"}})
    steps = read(fail("A", message=text), function("L"), processing("P"), later).steps
    assert steps["A"].needs == {"L", "P", "R"}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "no steps"),
        ([fail("A"), fail("a")], "Two steps"),
        ([fail("A", message={"Get": "Steps.X.Y"})], "no step X"),
        ([fail("A", message={"Get": "Parameters.P"})], "no such parameter"),
        ([fail("A", message={"Get": "Execution.Color"})], "no such execution variable"),
        ([fail("A", message={"Get": "Steps.P.PropertyFiles.Q"}), processing("P")], "no such property file"),
        (
            [condition("A", [], [], DependsOn=["B"]), condition("B", [], [], DependsOn=["A"])],
            "wait for each other",
        ),
        ([fail("A", DependsOn=["A"])], "depends on"),
        ([{"Name": "A", "Type": "Fail", "Arguments": {}}], "ErrorMessage"),
        ([{"Name": "A", "Type": "Training", "Arguments": {}}], "AlgorithmSpecification"),
        ([{"Name": "A", "Type": "Magic", "Arguments": {}}], "unknown Type"),
        ([{"Name": "A", "Type": "Lambda", "Arguments": {}}], "FunctionArn"),
        ([{"Name": "A b", "Type": "Fail", "Arguments": {}}], "no name for a step"),
        ([fail("A", CacheConfig={"Enabled": True, "ExpireAfter": "soon"})], "duration"),
        ([fail("A", RetryPolicies=[{"ExceptionType": ["Odd"]}])], "ExceptionType"),
        ([fail("A", message={"Get": "Lineage.X"})], "no known kind"),
        ([fail("A", message={"Get": "Steps.L.OutputParameters['y']"}), function("L")], "no such output"),
        (
            [fail("A", message={"Get": "Steps.P.ProcessingOutputConfig.Outputs['y']"}), processing("P")],
            "no such output",
        ),
        (
            [fail("A", message={"Get": "Steps.P.ProcessingOutputConfig.Outputs[1]"}), processing("P")],
            "no such output",
        ),
        ([fail("A", message={"Std:Join": {"On": "/"}})], "Std:Join in the step A needs a list of Values"),
        ([fail("A", message=[{"Std:JsonGet": {"Path": "x"}}])], "either PropertyFile or S3Uri"),
        ([fail("A", message={"Std:Split": {"On": "/"}})], "no known function"),
        ([{**processing("P"), "PropertyFiles": [{**FILE, "OutputName": "other"}]}], "in no output other"),
        ([fail("A", PropertyFiles=[FILE])], "in no output out"),
        ([fail("A", message={"Get": "Steps.2nd.Outcome"})], "no step 2nd"),
        ([fail("A"), condition("B", [], [], DependsOn=["A"])], "The step B cannot depend on A"),
    ],
)
def test_a_wrong_definition_is_refused_with_the_reason(steps: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationException, match=words):
        read(*steps)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Version":"1","Steps":[]}', "[" * 100_000, "x" * 1_100_000])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(ValidationException, match="Invalid pipeline definition"):
        read_definition(text)


def test_kinds_that_are_not_served_are_named() -> None:
    with pytest.raises(NotServed, match=r"EMR.*Spark"):
        read({"Name": "Spark", "Type": "EMR", "Arguments": {}})


def test_parameters_become_values_of_their_types() -> None:
    declared = [
        {"Name": "I", "Type": "Integer", "DefaultValue": 3},
        {"Name": "F", "Type": "Float"},
        {"Name": "B", "Type": "Boolean", "DefaultValue": False},
        {"Name": "S", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
    ]
    definition = read(fail("A"), Parameters=declared)
    assert coerce(definition, {"F": "0.5", "B": "True", "S": "b"}) == {"I": 3, "F": 0.5, "B": True, "S": "b"}
    for given_, words in (
        ({}, "F"),
        ({"F": "x"}, "Float"),
        ({"F": "1", "S": "c"}, "one of"),
        ({"F": "1", "Z": ""}, "Z"),
        ({"F": "nan"}, "Float"),
        ({"F": "1e400"}, "Float"),
        ({"F": "1", "I": "1_000"}, "Integer"),
        ({"F": "1", "B": "1"}, "Boolean"),
    ):
        with pytest.raises(ValidationException, match=words):
            coerce(definition, given_)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"Type": "Integer", "DefaultValue": "many"}, "of type Integer"),
        ({"Type": "String", "DefaultValue": "c", "EnumValues": ["a", "b"]}, "one of a, b"),
        ({"Type": "String", "EnumValues": "ab"}, "must be a list"),
    ],
)
def test_a_default_that_does_not_fit_is_refused(declared: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationException, match=f"Invalid pipeline definition: .*{words}"):
        read(fail("A"), Parameters=[{"Name": "P", **declared}])


def test_names_of_steps_may_begin_with_a_digit() -> None:
    second = fail("2nd-B", message={"Get": "Steps.1st.Outcome"})
    assert read(condition("1st", [], []), second).steps["2nd-B"].needs == {"1st"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Get": "Parameters.Limit"}, 0.9),
        ({"Get": "Execution.PipelineName"}, "<PipelineName>"),
        ({"Get": "PipelineExperimentConfig.TrialName"}, "[TrialName]"),
        ({"Get": "Steps.P.Config.Outputs['test'].S3Output.S3Uri"}, "s3://b/t"),
        ({"Get": "Steps.P.Config.Outputs[0].OutputName"}, "test"),
        ({"Get": "Steps.P.FinalMetricDataList['auc'].Value"}, 0.7),
        ({"Get": "Steps.P.OutputParameters['x']"}, "y"),
        ([{"a": {"Std:Join": {"On": "-", "Values": ["n", 1, {"Get": "Parameters.Name"}]}}}], [{"a": "n-1-x"}]),
        ({"Get": "a", "Other": 1}, {"Get": "a", "Other": 1}),
    ],
)
def test_references_become_what_they_stand_for(value: Any, expected: Any) -> None:
    assert resolve(value, Known()) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metrics.auc.value", 0.91),
        ("metrics['odd name'][1]", 2),
        ("metrics['odd name'].1", 2),
        ("$.metrics.50th", 3),
        ("metrics.007", 4),
        ("metrics.8", 5),
    ],
)
def test_property_files_are_looked_into(path: str, expected: Any) -> None:
    file = {"Get": "Steps.P.PropertyFiles.Report"}
    assert resolve({"Std:JsonGet": {"PropertyFile": file, "Path": path}}, Known()) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"Get": "Steps.P.Config.Outputs['none'].S3Output"},
        {"Get": "Steps.P.Config.Outputs[7]"},
        {"Get": "Steps.P.Nothing"},
        {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.P.PropertyFiles.Report"}, "Path": "metrics.f1"}},
        {"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "a"}},
    ],
)
def test_references_that_lead_nowhere_say_so(value: Any) -> None:
    with pytest.raises(UnresolvedReference):
        resolve(value, Known())


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("GreaterThanOrEqualTo", {"Get": "Parameters.Limit"}, 0.9, True),
        ("GreaterThan", "10", 9, True),
        ("LessThan", "10", 9, False),
        ("LessThanOrEqualTo", 1, 1.0, True),
        ("Equals", "a", "a", True),
        ("NotEquals", "a", "a", False),
    ],
)
def test_comparisons(kind: str, left: Any, right: Any, expected: bool) -> None:
    compared = {"Type": kind, "LeftValue": left, "RightValue": right}
    assert holds([compared], Known()) is expected
    assert holds([{"Type": "Not", "Expression": compared}], Known()) is not expected
    assert holds([{"Type": "Not", "Condition": compared}], Known()) is not expected
    wrong = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}
    assert holds([{"Type": "Or", "Conditions": [wrong, compared]}], Known()) is expected
    assert holds([compared, wrong], Known()) is False


def test_in_has_two_spellings() -> None:
    assert holds([{"Type": "In", "QueryValue": "a", "Values": ["b", "a"]}], Known())
    assert not holds([{"Type": "In", "Value": "a", "In": ["b"]}], Known())
    with pytest.raises(UnresolvedReference, match="is no list"):
        holds([{"Type": "In", "QueryValue": "a", "Values": "abc"}], Known())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("P30D", timedelta(30)), ("p30d", timedelta(30)), ("T12H", timedelta(hours=12)), ("P1DT6H", timedelta(1.25))],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert read_duration("A", text) == expected


def test_a_cache_key_counts_inputs_and_not_outputs() -> None:
    step = read(processing("P")).steps["P"]
    base = {"AppSpecification": {"ImageUri": "i"}, "Environment": {"a": "1"}, "RoleArn": "r"}
    assert cache_key(step, base) == cache_key(step, {**base, "RoleArn": "s", "ProcessingResources": {"x": 1}})
    assert cache_key(step, base) != cache_key(step, {**base, "Environment": {"a": "2"}})
    assert cache_key(step, base, {"s3://b/k": "1"}) != cache_key(step, base, {"s3://b/k": "2"})
    assert cache_key(step, base, {}) != cache_key(step, base)


def test_addresses_of_inputs_are_found_and_those_of_results_are_not() -> None:
    step = replace(read(processing("P")).steps["P"], type="Training")
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}}
    arguments = {
        "HyperParameters": {"sagemaker_submit_directory": '"s3://b/code.tar.gz"', "depth": "3"},
        "InputDataConfig": [channel, channel],
        "CheckpointConfig": {"S3Uri": "s3://b/checkpoints"},
        "DebugHookConfig": {"S3OutputPath": "s3://b/debug"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    }
    assert input_addresses(step, arguments) == ["s3://b/code.tar.gz", "s3://b/train"]
    definition = {"InputDataConfig": [channel], "OutputDataConfig": {"S3OutputPath": "s3://b/out"}}
    tuning = {"TrainingJobDefinition": definition, "HyperParameterTuningJobConfig": {"Strategy": "Grid"}}
    assert input_addresses(replace(step, type="Tuning"), tuning) == ["s3://b/train"]


GRAPHS = st.integers(1, 9).flatmap(
    lambda size: st.fixed_dictionaries(
        {str(n): st.frozensets(st.integers(0, size - 1).map(str), max_size=3) for n in range(size)}
    )
)


@given(GRAPHS)
def test_there_is_either_a_cycle_or_an_order(needs: dict[str, frozenset[str]]) -> None:
    cycle, order = find_cycle(needs)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in needs[before] for before, after in pairwise(cycle))
    else:
        assert sorted(order) == sorted(needs)
        assert all(order.index(needed) < order.index(name) for name in needs for needed in needs[name])


def test_selected_steps_must_be_without_gaps() -> None:
    needs: dict[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"b"}}
    assert upstream(["c"], needs) == {"a", "b"}
    check_selection(["b", "c"], needs)
    for selected in (["a", "c"], ["z"]):
        with pytest.raises(ValidationException):
            check_selection(selected, needs)


def test_a_definition_as_the_sdk_writes_it() -> None:
    """Written by the SageMaker SDK (v2) from a pipeline with a gate, a repacked model and a Fail step."""
    text = (Path(__file__).parent / "data" / "sdk_v2.json").read_text()
    definition = read_definition(text)
    steps = {step.name: (step.type, sorted(step.needs), step.branch) for step in definition.steps.values()}
    assert steps == {
        "Process": ("Processing", [], None),
        "Train": ("Training", ["Process"], None),
        "Evaluate": ("Processing", ["Process", "Train"], None),
        "Gate": ("Condition", ["Evaluate"], None),
        "Register-RegisterModel": ("RegisterModel", ["Evaluate", "Gate", "Train"], ("Gate", True)),
        "TooLow": ("Fail", ["Evaluate", "Gate"], ("Gate", False)),
    }
    assert coerce(definition, {"SmallestAuc": "0.5"})["SmallestAuc"] == 0.5
    assert definition.steps["Evaluate"].property_files["Evaluation"].path == "evaluation.json"
