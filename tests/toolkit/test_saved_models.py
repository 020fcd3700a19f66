"""TensorFlow Serving's answers, as far as they need no TensorFlow: bodies, addresses, folders, handlers, tensors."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from clary_toolkit.errors import ModelServerError
from clary_toolkit.saved_models import addresses, documents, folders, handlers
from clary_toolkit.saved_models.addresses import Target
from clary_toolkit.saved_models.loading import Models, Version
from clary_toolkit.saved_models.refusal import Refusal
from clary_toolkit.saved_models.rest import RestServer
from clary_toolkit.serving.context import Context
from clary_toolkit.serving.loading import load_module, prepare_code
from clary_toolkit.serving.settings import Settings
from tests.toolkit.running import SOURCE

MODELS = Models({"half": {1: Version({}, None), 2: Version({}, None)}}, "half", None)


def refused(status: int, words: str, action: Any, *arguments: Any) -> None:
    with pytest.raises(Refusal) as caught:
        action(*arguments)
    assert caught.value.status == status
    assert words in json.loads(caught.value.message)["error"]


@pytest.mark.parametrize(
    ("body", "content_type", "instances"),
    [
        ("[[1, 2], [3, 4]]", "application/json", [[1, 2], [3, 4]]),
        ("[1, 2]", "application/json; charset=utf-8", [[1, 2]]),
        ("5", "application/json", [5]),
        ('{"x": 1}', "application/json", [{"x": 1}]),
        ('[{"x": 1}, {"x": 2}]', "application/json", [{"x": 1}, {"x": 2}]),
        ('[{"b64": "YQ=="}, {"b64": "Yg=="}]', "application/json", [[{"b64": "YQ=="}, {"b64": "Yg=="}]]),
        ("[1, 2]\n[3, 4]\n", "application/jsonlines", [[1, 2], [3, 4]]),
        (b'{"x": 1} {"x": 2}', "application/jsons", [{"x": 1}, {"x": 2}]),
        ("1,2\n3,4.5\n", "text/csv", [[1, 2], [3, 4.5]]),
        ("1\n-2e3\n", "text/csv", [1, -2000.0]),
        ('1,"a"\n', "text/csv", [[1, "a"]]),
        ("a,b\r\nc d,2\r\n", "text/csv", [["a", "b"], ["c d", "2"]]),
    ],
)
def test_bodies_become_instances(body: str | bytes, content_type: str, instances: list[Any]) -> None:
    assert documents.request_document(body, content_type) == {"instances": instances}


def test_documents_are_left_as_they_are() -> None:
    for document in ({"instances": [1]}, {"inputs": {"a": 1}, "signature_name": "s"}, {"examples": [{}]}):
        assert documents.request_document(json.dumps(document), "application/jsonlines") == document


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"x", "image/png", 415, "Unsupported Media Type: image/png"),
        ("{", "application/json", 400, "JSON Parse error"),
        ("[1] 2 x", "application/json", 400, "JSON Parse error"),
        ("[" * 100000, "application/json", 400, "JSON Parse error"),
        ("", "application/json", 400, "JSON Parse error"),
        ("1,,2", "text/csv", 400, "JSON Parse error"),
        ("\n", "text/csv", 400, "no row"),
        (b"\xff", "application/jsonlines", 400, "not text"),
    ],
)
def test_bodies_that_cannot_be_read(body: str | bytes, content_type: str, status: int, words: str) -> None:
    refused(status, words, documents.request_document, body, content_type)


def test_custom_attributes_choose_what_answers() -> None:
    given = addresses.attributes("tfs-model-name=words, tfs-model-version=3,other=1,tfs-method=regress,tfs-empty=")
    assert addresses.target_of(given, "half") == Target("words", 3, "regress")
    assert addresses.target_of(addresses.attributes(None), "half") == Target("half")
    assert addresses.target_of({"tfs-signature-name": "s"}, "half").signature == "s"
    refused(
        400, "Malformed request: POST /v1/models/half:train", addresses.target_of, {"tfs-method": "train"}, "half"
    )
    refused(400, "/versions/new:predict", addresses.target_of, {"tfs-model-version": "new"}, "half")


def test_paths_of_the_rest_interface() -> None:
    for target in (Target("half"), Target("half", 7, "classify"), Target("half: a/b?")):
        assert addresses.target_at(target.path) == target
    assert addresses.target_at("/v1/models/half") == Target("half", None, "")
    for path in ("/v1/models/", "/v1/models/half/versions/x", "/v1/models/half:run", "/v2/models/half:predict"):
        refused(400, "Malformed request", addresses.target_at, path)


def saved(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "saved_model.pb").touch()


def test_models_are_found_at_any_depth(tmp_path: Path) -> None:
    saved(tmp_path / "model", "1", "export/Servo/01", "words/7", "words/12", "words/draft")
    found = {model.name: sorted(model.versions) for model in folders.find_models(tmp_path / "model")}
    assert found == {"model": [1], "Servo": [1], "words": [7, 12]}


def test_two_models_of_the_same_name(tmp_path: Path) -> None:
    saved(tmp_path, "a/half/1", "b/half/1")
    with pytest.raises(ModelServerError, match="several models called 'half'"):
        folders.find_models(tmp_path)


def test_what_is_said_when_there_is_no_model(tmp_path: Path) -> None:
    assert "holds no SavedModel; it is empty" in str(folders.nothing_found(tmp_path))
    (tmp_path / "model.keras").touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "other.h5").touch()
    assert folders.keras_files(tmp_path) == [tmp_path / "model.keras"]
    assert "it holds: code, model.keras" in str(folders.nothing_found(tmp_path))
    saved(tmp_path, "half")
    assert "a SavedModel in half, which is not a numbered folder" in str(folders.nothing_found(tmp_path))


def test_models_and_versions_that_are_not_there() -> None:
    assert MODELS.numbers("half", None) == [1, 2]
    refused(404, "Servable not found for request: Latest(third); there are: half (1, 2)", MODELS.find, "third", None)
    refused(404, "Servable not found for request: Specific(half, 3)", MODELS.find, "half", 3)
    refused(400, 'Serving signature key "serving_default" not found', MODELS.find("half", 1).signature, "")


@pytest.fixture
def rest() -> Iterator[RestServer]:
    server = RestServer(MODELS)
    yield server
    server.shutdown()
    server.server_close()


def asked(method: str, uri: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(str(parts.netloc), timeout=30)
    try:
        connection.request(method, parts.path, body, headers, encode_chunked="Transfer-Encoding" in headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_the_rest_interface_tells_the_state_of_models(rest: RestServer) -> None:
    status, document = asked("GET", rest.uri(Target("half")).removesuffix(":predict"))
    fine = {"error_code": "OK", "error_message": ""}
    assert (status, document["model_version_status"][0]) == (
        200,
        {"version": "2", "state": "AVAILABLE", "status": fine},
    )
    assert asked("GET", rest.uri(Target("third")).removesuffix(":predict"))[0] == 404
    assert asked("GET", rest.uri(Target("half")))[0] == 400


def test_the_rest_interface_answers_refusals(rest: RestServer) -> None:
    uri = rest.uri(Target("half"))
    assert asked("POST", uri, "{")[1]["error"].startswith("JSON Parse error")
    assert asked("POST", uri, "[1]") == (
        400,
        {"error": "the request must be a JSON object with 'instances' or 'inputs'"},
    )
    sent = asked("POST", uri, iter([b'{"instances"', b": [1]}"]), **{"Transfer-Encoding": "chunked"})
    assert sent == (400, {"error": 'Serving signature key "serving_default" not found; the model has: none'})
    assert asked("POST", uri.replace(rest.prefix, "/guessed-key"), "{}") == (404, {"error": "Not Found"})
    assert asked("POST", uri.removesuffix(":predict"), "{}")[0] == 400


def module_of(**functions: Any) -> types.ModuleType:
    module = types.ModuleType("inference")
    vars(module).update(functions)
    return module


def loaded(monkeypatch: pytest.MonkeyPatch, module: types.ModuleType) -> handlers.Handlers:
    monkeypatch.setattr(handlers, "load_models", lambda path: MODELS)
    made = handlers.Handlers(module)
    made.model_fn(Context("/opt/ml/model", {}), "/opt/ml/model")
    return made


def test_a_handler_answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def handler(data: Any, context: handlers.InvocationContext) -> tuple[bytes, str]:
        seen.append(context)
        return data.read().upper(), context.accept_header

    made = loaded(monkeypatch, module_of(handler=handler))
    headers = {"x-amzn-sagemaker-custom-attributes": "tfs-model-name=half,tfs-model-version=1,tfs-method=classify"}
    answer = made.transform(MODELS, "añb", "text/csv", "text/plain", Context("/opt/ml/model", headers))
    assert answer == ("añb".encode().upper(), "text/plain")
    given = seen[0]
    assert (given.model_name, given.model_version, given.method) == ("half", "1", "classify")
    assert given.rest_uri.startswith("http://127.0.0.1:")
    assert given.rest_uri.endswith("/v1/models/half/versions/1:classify")
    assert (given.request_content_type, given.content_length, given.grpc_port) == ("text/csv", 4, None)
    assert given.custom_attributes == headers["x-amzn-sagemaker-custom-attributes"]


def test_what_a_handler_raises_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler(data: Any, context: Any) -> Any:
        raise ValueError("no such kind")

    made = loaded(monkeypatch, module_of(handler=handler))
    refused(500, "no such kind", made.transform, MODELS, b"", "image/png", "*/*", Context("", {}))
    assert "ValueError: no such kind" in capsys.readouterr().out


def test_a_module_without_handlers() -> None:
    with pytest.raises(ModelServerError, match="neither handler nor input_handler with output_handler"):
        handlers.Handlers(module_of(input_handler=print))


def test_packages_beside_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    (tmp_path / "model" / "code" / "lib").mkdir(parents=True)
    (tmp_path / "model" / "code" / "requirements.txt").write_text("not a requirement")
    given = {"SAGEMAKER_BASE_DIR": str(tmp_path), "CLARY_FRAMEWORK": "tensorflow", "SAGEMAKER_PROGRAM": "train.py"}
    settings = Settings.from_variables(given)
    code = prepare_code(settings)
    assert sys.path[:2] == [str(code / "lib"), str(code)]
    module = load_module(code, settings.program, settings.algorithm)
    assert module is handlers, "the image looks for inference.py, whatever SAGEMAKER_PROGRAM says"


CASES: list[tuple[dict[str, Any], Any]] = [
    ({"instances": [{"x": [1, 2], "name": "a"}]}, {"x": [[1.0, 2.0]], "name": ["a"]}),
    ({"inputs": {"x": [[1, 2]], "name": [{"b64": "YQ=="}]}}, {"x": [[1.0, 2.0]], "name": ["a"]}),
    ({"instances": [[1, 2]]}, "must be an object with the inputs of the signature: name, x"),
    ({"instances": [{"x": [1, 2]}]}, "element 0 of 'instances' does not have named input: name"),
    ({"instances": [{"x": [1, 2], "name": "a"}, 3]}, "element 1 of 'instances' is not an object"),
    ({"inputs": {"x": [[1, 2]], "name": ["a"], "y": 1}}, "'inputs': keys must be equal to: name, x"),
    ({"inputs": {"x": [["1", "2"]], "name": ["a"]}}, "input x: JSON value is not of expected type: float"),
    ({"inputs": {"x": [[None, 2]], "name": ["a"]}}, "input x: JSON value is not of expected type: float"),
    ({"inputs": {"x": [[1, 2], [1]], "name": ["a"]}}, "input x: the lists have different lengths"),
    ({"inputs": {"x": [1, 2], "name": ["a"]}}, "input x has shape (2); the signature takes (-1, 2)"),
    ({"inputs": {"x": [[1, 2]], "name": [["a"], ["a", "b"]]}}, "input name: the lists have different lengths"),
    ({"inputs": {"x": [[1, 2]], "name": [1]}}, "input name: JSON value is not of expected type: string"),
    ({"inputs": {"x": [[1, 2]], "name": [{"b64": "?"}]}}, "b64 does not hold base64"),
    ({"instances": []}, "'instances' must be a list of at least one instance"),
    ({"instances": [1], "inputs": 1}, "either 'instances' or 'inputs'"),
    ({}, "either 'instances' or 'inputs'"),
]
TENSORS = """
import json, sys
import numpy as np
from clary_toolkit.saved_models import tensors
from clary_toolkit.saved_models.refusal import Refusal
inputs = {each.name: each for each in (
    tensors.Input("x", "float", np.float32, (None, 2)), tensors.Input("name", "string", object, (None,)))}
found = []
for document in json.load(sys.stdin):
    try:
        arrays, rows = tensors.arrays_of(document, inputs)
        assert arrays["x"].dtype == np.float32 and rows == (len(arrays["x"]) if "instances" in document else None)
        found.append({name: tensors.document_of({name: array}, None)["outputs"] for name, array in arrays.items()})
    except Refusal as refusal:
        found.append(json.loads(refusal.message)["error"])
single = {"x": tensors.Input("x", "float", np.float32, (None, 1))}
assert tensors.arrays_of({"instances": [1.0, 2.0, 5.0]}, single)[0]["x"].shape == (3,)
assert tensors.arrays_of({"instances": [[1.0], [2.0]]}, single)[0]["x"].shape == (2, 1)
whole = {"n": tensors.Input("n", "integer", np.int8, None)}
for value in (127, 128, 1.5, True):
    try:
        found.append(tensors.arrays_of({"inputs": value}, whole)[0]["n"].tolist())
    except Refusal as refusal:
        found.append(json.loads(refusal.message)["error"])
words = np.array([b"a", bytes([255])], object)
found.append(tensors.document_of({"w_bytes": words, "w": words, "n": np.arange(2)}, 2))
try:
    tensors.document_of({"total": np.array(3)}, 2)
except Refusal as refusal:
    found.append(json.loads(refusal.message)["error"])
json.dump(found, sys.stdout)
"""


def test_tensors(framework_python: Path) -> None:
    done = subprocess.run(
        [str(framework_python), "-c", TENSORS],
        input=json.dumps([document for document, _ in CASES]),
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    *found, fits, too_big, fraction, truth, rows, total = json.loads(done.stdout)
    for (document, expected), got in zip(CASES, found, strict=True):
        assert got == expected or (isinstance(expected, str) and expected in got), document
    assert (fits, too_big) == (127, "input n: a number does not fit into int8")
    assert fraction == truth == "input n: JSON value is not of expected type: integer"
    first, second = rows["predictions"]
    assert first == {"w_bytes": {"b64": "YQ=="}, "w": "a", "n": 0}
    assert second == {"w_bytes": {"b64": "/w=="}, "w": {"b64": "/w=="}, "n": 1}
    assert total.startswith("output total has no rows for 2 instances")


RESULTS = """
import json, sys
import numpy as np
from clary_toolkit.saved_models.examples import results
from clary_toolkit.saved_models.refusal import Refusal
words, scores = np.array([[b"yes", b"no"]] * 2, object), np.array([[0.25, 0.75], [0.5, 0.5]])
found = [
    results("classify", {"classes": words, "scores": scores}, 2),
    results("classify", {"scores": scores}, 2),
    results("classify", {"classes": words}, 2),
    results("regress", {"outputs": np.array([[1.5], [2.0]])}, 2),
]
for method, outputs in (("classify", {}), ("classify", {"scores": scores}), ("regress", {"outputs": scores})):
    try:
        results(method, outputs, 3)
    except Refusal as refusal:
        found.append(refusal.status)
json.dump(found, sys.stdout)
"""


def test_results_of_classify_and_regress(framework_python: Path) -> None:
    command, variables = [str(framework_python), "-c", RESULTS], {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    both, scores, classes, regressed, *refusals = json.loads(done.stdout)
    assert both == {"results": [[["yes", 0.25], ["no", 0.75]], [["yes", 0.5], ["no", 0.5]]]}
    assert scores == {"results": [[["", 0.25], ["", 0.75]], [["", 0.5], ["", 0.5]]]}
    assert classes == {"results": [[["yes", 0.0], ["no", 0.0]]] * 2}
    assert regressed == {"results": [1.5, 2.0]}
    assert refusals == [400, 400, 400]
