"""The model server over real sockets: handlers in every combination, statuses, Accept rules, context."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.toolkit.conftest import Serve
from tests.toolkit.running import UV, OptMl, archive_of, last_line, wheel

ECHO = """
def model_fn(model_dir):
    return {"dir": model_dir}
def input_fn(data, content_type):
    return [type(data).__name__, data if isinstance(data, str) else list(data), content_type]
def predict_fn(data, model):
    return data
def output_fn(prediction, accept):
    import json
    return json.dumps([*prediction, accept])
"""


def test_the_three_functions_see_what_the_contract_says(serve: Serve) -> None:
    server = serve(ECHO)
    assert server.request("GET", "/ping").status == 200
    cases = [
        (b'{"a": 1}', "application/json", ["str", '{"a": 1}', "application/json", "application/json"]),
        ("ü,1".encode(), "text/csv", ["str", "ü,1", "text/csv", "application/json"]),
        ("ü".encode("latin-1"), "text/csv; charset=latin-1", ["str", "ü", "text/csv; charset=latin-1"]),
        (b"\x00\xff", "application/x-npy", ["bytes", [0, 255], "application/x-npy", "application/json"]),
        (b"text", "text/plain", ["bytes", list(b"text"), "text/plain", "application/json"]),
    ]
    for body, content_type, expected in cases:
        reply = server.invoke(body, content_type)
        assert reply.status == 200
        assert json.loads(reply.text)[: len(expected)] == expected
        assert reply.headers["content-type"] == "application/json"
    assert server.invoke(b"\xff\xfe", "text/csv").status == 400
    assert server.stop() == 0
    (line,) = server.log().splitlines()
    assert re.fullmatch(
        r"POST /invocations 400 \d+\.\dms bytes=2 inference-id=- the body is not utf-8 text: .*", line
    )


def test_transform_fn_stands_alone(serve: Serve) -> None:
    server = serve(
        "def model_fn(model_dir): return 'm'\n"
        "def transform_fn(model, data, content_type, accept):\n"
        "    return f'{model}|{data}|{content_type}|{accept}', 'text/x-own'\n"
    )
    reply = server.invoke("1,2", "text/csv", Accept="text/csv")
    assert (reply.text, reply.headers["content-type"]) == ("m|1,2|text/csv|text/csv", "text/x-own")


@pytest.mark.parametrize("taken", ["input_fn", "predict_fn", "output_fn"])
def test_transform_fn_excludes_the_three(serve: Serve, taken: str) -> None:
    code = f"def model_fn(d): return 1\ndef transform_fn(m, d, c, a): return d\ndef {taken}(a, b): return a\n"
    server = serve(code, ready=False)
    assert server.process.wait(20) == 1
    assert last_line(server).endswith(f"inference.py defines transform_fn together with {taken}")


def test_every_function_may_take_the_context(serve: Serve) -> None:
    server = serve(
        """
def model_fn(model_dir, context):
    return context.system_properties["model_dir"]
def input_fn(data, content_type, context):
    return [context.get_request_header(0, "Content-Type"), context.custom_attributes]
def predict_fn(data, model, context):
    return data + [context.inference_id, context.get_all_request_header(0)["X-Amzn-Sagemaker-Inference-Id"]]
def output_fn(prediction, accept, context):
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "out")
    context.set_response_status(code=202)
    context.set_response_content_type(0, "text/plain")
    return ",".join(prediction)
"""
    )
    attributes = {"X-Amzn-SageMaker-Custom-Attributes": "in", "X-Amzn-SageMaker-Inference-Id": "id-1"}
    reply = server.request("POST", "/invocations", "{}", {"Content-Type": "text/csv", **attributes})
    assert (reply.status, reply.text) == (202, "text/csv,in,id-1,id-1")
    assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "out"
    assert reply.headers["content-type"] == "text/plain"


def test_transform_fn_may_take_the_context(serve: Serve) -> None:
    server = serve(
        "def model_fn(d): return 1\n"
        "def transform_fn(m, data, kind, accept, context): return context.get_request_header(0, 'accept')\n"
    )
    assert server.invoke("x", "text/csv", Accept="text/csv").text == "text/csv"


def test_accept_rules(serve: Serve) -> None:
    server = serve(ECHO, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    for accept, seen, kind in [
        ("", "text/csv", "text/csv"),
        ("*/*", "text/csv", "text/csv"),
        ("application/json", "application/json", "application/json"),
        ("application/x-a, text/b;q=0.5", "application/x-a, text/b;q=0.5", "application/x-a"),
        ("text/b;q=0.5, application/x-a", "text/b;q=0.5, application/x-a", "application/x-a"),
        ("text/*", "text/*", "text/csv"),
    ]:
        reply = server.invoke("1", "text/csv", Accept=accept)
        assert json.loads(reply.text)[-1] == seen
        assert reply.headers["content-type"] == kind


@pytest.mark.parametrize("stage", ["input_fn", "predict_fn", "output_fn"])
def test_an_exception_is_answered_and_logged(serve: Serve, stage: str) -> None:
    server = serve(f"{ECHO}\ndef {stage}(first, second):\n    raise LookupError('row 7 is odd')\n")
    headers = {"X-Amzn-SageMaker-Inference-Id": "id-7"}
    reply = server.request("POST", "/invocations", "{}", headers)
    assert (reply.status, reply.text) == (500, f"{stage} raised LookupError: row 7 is odd")
    assert server.request("GET", "/ping").status == 200
    assert server.stop() == 0
    log = server.log().splitlines()
    assert log[0] == "Traceback (most recent call last):"
    assert "inference.py" in log[1]  # the user's own frame comes first
    assert log[-2] == "LookupError: row 7 is odd"
    assert re.fullmatch(r"POST /invocations 500 .* inference-id=id-7 .*LookupError: row 7 is odd", log[-1])


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("None", "TypeError: the answer must be str or bytes, not NoneType"),
        ("{'a': 1}", "TypeError: the answer must be str or bytes, not dict"),
        ("__import__('sys').exit(3)", "SystemExit: 3"),
        ("('x', 'a/b\\r\\nX-Evil: 1')", "header 'content-type'"),
        ("context.set_response_header(0, 'X-A', 'b\\r\\nX-Evil: 1')", "header 'X-A'"),
        ("context.set_response_header(0, 'Content-Length', '3')", "header 'Content-Length'"),
        ("context.set_response_status(100)", "100 is not a status"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_an_error(serve: Serve, result: str, text: str) -> None:
    server = serve(f"{ECHO}\ndef output_fn(prediction, accept, context):\n    return {result}\n")
    for _ in range(2):  # and the server lives on
        reply = server.invoke("{}")
        assert reply.status == 500
        assert text in reply.text
        assert "x-evil" not in reply.headers


def test_bodies_may_be_bytes_and_empty(serve: Serve) -> None:
    server = serve(ECHO + "\ndef output_fn(prediction, accept): return b'\\x00\\xff' if prediction[1] else ''\n")
    assert server.invoke("x", "text/csv").body == b"\x00\xff"
    empty = server.invoke("", "text/csv")
    assert (empty.status, empty.body) == (200, b"")


def test_loading_functions_run_in_their_order(serve: Serve) -> None:
    server = serve(
        """
calls = []
def pre_model_fn(model_dir): calls.append("pre")
def model_fn(model_dir): calls.append("model"); return calls
def model_warmup_fn(model_dir, model): calls.append(f"warm {model is calls}")
def transform_fn(model, data, kind, accept): return ",".join(model)
"""
    )
    assert server.invoke("x").text == "pre,model,warm True"


def test_the_program_comes_from_the_source_archive(serve: Serve, opt_ml: OptMl) -> None:
    files = {
        "serve_me.py": f"import beside\n{ECHO}\ndef output_fn(p, a): return beside.NAME\n",
        "beside.py": "NAME='n'",
    }
    archive = archive_of(files, opt_ml.base / "s.tar.gz")
    server = serve("raise RuntimeError", SAGEMAKER_PROGRAM="serve_me.py", CLARY_SOURCE_ARCHIVE=str(archive))
    assert server.invoke("x").text == "n"


def test_requirements_are_installed_beside_the_environment(serve: Serve, opt_ml: OptMl) -> None:
    code = opt_ml.base / "model" / "code"
    (code / "wheels").mkdir(parents=True)
    wheel(code / "wheels", "clary-test-extra", "VALUE = 'installed'")
    server = serve(
        f"import clary_test_extra\n{ECHO}\ndef output_fn(p, a): return clary_test_extra.VALUE\n",
        files={"requirements.txt": "--no-index\n--find-links wheels\nclary-test-extra\n"},
        CLARY_UV=UV,
    )
    assert server.invoke("x").text == "installed"
    assert (opt_ml.scratch / "packages/clary_test_extra.py").exists()
    assert sorted(path.name for path in code.iterdir()) == ["inference.py", "requirements.txt", "wheels"]


def test_execution_parameters(serve: Serve) -> None:
    server = serve(ECHO, SAGEMAKER_MAX_PAYLOAD_IN_MB="2", SAGEMAKER_BATCH_STRATEGY="SINGLE_RECORD")
    reply = server.request("GET", "/execution-parameters")
    assert json.loads(reply.text) == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 2,
    }


def test_user_prints_reach_the_log_at_once(serve: Serve) -> None:
    server = serve(f"{ECHO}\ndef predict_fn(data, model): print('seen', data[0]); return data\n")
    server.invoke("x")
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == "seen str\n"  # while the server still runs


def test_threads_are_limited_unless_the_user_says_otherwise(serve: Serve) -> None:
    code = f"import os\n{ECHO}\ndef output_fn(p, a): return os.environ['OMP_NUM_THREADS']\n"
    assert serve(code).invoke("x").text == str(len(os.sched_getaffinity(0)))
    assert serve(code, OMP_NUM_THREADS="7").invoke("x").text == "7"
