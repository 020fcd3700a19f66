"""The default handlers of PyTorch and Hugging Face on stand-ins for the libraries: the real ones run in tests/sdk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary_toolkit.errors import ModelServerError
from clary_toolkit.serving.loading import load_module
from clary_toolkit.serving.settings import Settings
from clary_toolkit.serving.transformers_tasks import infer_task
from tests.toolkit.conftest import Serve
from tests.toolkit.running import OptMl

TORCH = """
import contextlib, types
try:
    import numpy
except ImportError:
    numpy = None
if numpy:
    class Tensor(numpy.ndarray):
        def to(self, device): return self
        def detach(self): return self
        def cpu(self): return self
        def numpy(self): return numpy.asarray(self)

def from_numpy(array):
    if array.dtype.kind not in "fiub":
        raise TypeError("can't convert np.ndarray of this type")
    return array.view(Tensor)

class Module:
    def to(self, device): return self
    def eval(self): return self
    def __call__(self, data): return data * 2

def load(path, map_location):
    if open(path).read() != "script":
        raise RuntimeError("PytorchStreamReader failed")
    print("loaded", path.rpartition("/")[2], "on", map_location)
    return Module()

jit = types.SimpleNamespace(load=load)
device = str
cuda = types.SimpleNamespace(is_available=lambda: False)
no_grad = contextlib.nullcontext
"""
TRANSFORMERS = """
class Score(float):
    def tolist(self): return float(self)

def pipeline(task, model, device):
    print("pipeline", task, model.rpartition("/")[2], device)
    def answer(inputs, **parameters):
        if inputs == "boom":
            raise IndexError("index out of range in self")
        each = inputs if isinstance(inputs, list) else [inputs]
        return [{"label": f"{task} of {one}", "score": Score(0.5), **parameters} for one in each]
    return answer
"""
HUB = """
def snapshot_download(name, revision, token, ignore_patterns):
    if name == "missing/model":
        raise OSError(f"cannot reach the hub\\nfor {revision} with {token}")
    import os
    return os.environ["SAGEMAKER_BASE_DIR"] + "/model"
"""
FILES = {"torch.py": TORCH, "transformers.py": TRANSFORMERS, "huggingface_hub.py": HUB}
DEEP = "[" * 100_000
BERT = json.dumps({"architectures": ["BertForSequenceClassification"]})


def test_pytorch_loads_torchscript_and_answers(serve: Serve, opt_ml: OptMl, framework_python: Path) -> None:
    opt_ml.python = framework_python
    (opt_ml.base / "model" / "net.pth").write_text("script")
    server = serve("", files=FILES, CLARY_FRAMEWORK="pytorch")
    assert json.loads(server.invoke("[[1, 2]]").text) == [[2.0, 4.0]]
    assert server.invoke("1,2\n3,4\n", "text/csv", Accept="text/csv").text == "2.0,4.0\n6.0,8.0\n"
    assert server.invoke("[[1, 2]]", Accept="application/x-npy").body.startswith(b"\x93NUMPY")
    for body, kind, status in (
        ("x", "image/png", 415),
        ("[[1, 2", None, 400),
        ('["a"]', None, 400),
        (DEEP, None, 400),
    ):
        assert server.invoke(body, kind or "application/json").status == status
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert "loaded net.pth on cpu" in server.log()


def test_a_program_that_the_model_does_not_bring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As their images do: what ModelBuilder makes of a trainer names inference.py and brings no code."""
    chosen = {
        framework: Settings.from_variables({"CLARY_FRAMEWORK": framework, "SAGEMAKER_PROGRAM": "inference.py"})
        for framework in ("pytorch", "scikit-learn")
    }
    module = load_module(tmp_path / "code", "inference.py", "", chosen["pytorch"].stand_in)
    assert module.__name__ == "clary_toolkit.serving.defaults_pytorch"
    assert "the model brings no inference.py: the image's own handlers serve it" in capsys.readouterr().out
    with pytest.raises(ModelServerError, match="is not in the model's code folder; it is empty"):
        load_module(tmp_path / "code", "inference.py", "", chosen["scikit-learn"].stand_in)
    (tmp_path / "other.py").touch()
    with pytest.raises(ModelServerError, match=r"it holds: other\.py"):
        load_module(tmp_path, "inference.py", "", chosen["pytorch"].stand_in)


def test_pytorch_says_which_file_it_cannot_load(serve: Serve, opt_ml: OptMl) -> None:
    model = opt_ml.base / "model"
    server = serve("", files=FILES, ready=False, CLARY_FRAMEWORK="pytorch")
    assert server.process.wait(20) == 1
    assert "must hold model.pt or one .pt or .pth file: there is none" in server.log()
    for name in ("a.pth", "b.pt"):
        (model / name).write_text("weights")
    server = serve("", files=FILES, ready=False, CLARY_FRAMEWORK="pytorch")
    assert server.process.wait(20) == 1
    assert "one .pt or .pth file: a.pth, b.pt" in server.log()
    (model / "model.pt").write_text("weights")
    server = serve("", files=FILES, ready=False, CLARY_FRAMEWORK="pytorch")
    assert server.process.wait(20) == 1
    assert "model.pt is not TorchScript (torch.jit.save): define model_fn" in server.log()


def test_hugging_face_answers_as_its_pipeline(serve: Serve, opt_ml: OptMl) -> None:
    (opt_ml.base / "model" / "config.json").write_text(BERT)
    server = serve("", files=FILES, CLARY_FRAMEWORK="transformers")
    reply = server.invoke('{"inputs": "fine", "parameters": {"k": 1}}')
    assert reply.text == '[{"label":"text-classification of fine","score":0.5,"k":1}]'
    assert (
        server.invoke('{"question": "q"}').text
        == '[{"label":"text-classification of {\'question\': \'q\'}","score":0.5}]'
    )
    assert json.loads(server.invoke("plain", "text/plain").text)[0]["label"] == "text-classification of plain"
    assert "of b'RIFF'" in server.invoke(b"RIFF", "audio/x-wav").text
    table = server.invoke("inputs\na\nb\n", "text/csv", Accept="text/csv")
    assert table.text == "label,score\r\ntext-classification of a,0.5\r\ntext-classification of b,0.5\r\n"
    assert "of {'question': 'q', 'context': 'c'}" in server.invoke("question,context\nq,c\n", "text/csv").text
    for body, kind, words in (
        ('{"inputs": "boom"}', "application/json", "IndexError: index out of range"),
        ("[1]", "application/json", "must be an object"),
        ("{", "application/json", "not valid application/json"),
        (DEEP, "application/json", "not valid application/json"),
        ('{"inputs": "a", "parameters": 1}', "application/json", "parameters must be an object"),
        ("a\nb\n", "text/csv", "must name its columns"),
    ):
        refused = server.invoke(body, kind)
        assert (refused.status, words in refused.text) == (400, True), refused.text
    assert server.invoke("x", "application/x-npy").status == 415


def test_hugging_face_with_functions_of_the_users(serve: Serve, opt_ml: OptMl) -> None:
    code = "def model_fn(d, context): return 'mine'\ndef predict_fn(data, model): return [model, data['inputs']]\n"
    server = serve(code, files=FILES, CLARY_FRAMEWORK="transformers")
    assert server.invoke('{"inputs": "x"}').text == '["mine","x"]'
    assert server.invoke('{"inputs": "x"}', Accept="text/csv").status == 406


def test_hugging_face_models_of_the_hub(serve: Serve, opt_ml: OptMl) -> None:
    server = serve("", files=FILES, CLARY_FRAMEWORK="transformers", HF_MODEL_ID="some/model", HF_TASK="fill-mask")
    assert "fill-mask of x" in server.invoke('{"inputs": "x"}').text
    named = {"HF_MODEL_ID": "missing/model", "HF_MODEL_REVISION": "v2"}
    server = serve("", files=FILES, ready=False, CLARY_FRAMEWORK="transformers", **named)
    assert server.process.wait(20) == 1
    assert "the model missing/model cannot be fetched from the hub: cannot reach the hub for v2" in opt_ml.failure


def test_hugging_face_without_a_model(serve: Serve, opt_ml: OptMl) -> None:
    server = serve("", files=FILES, ready=False, CLARY_FRAMEWORK="transformers")
    assert server.process.wait(20) == 1
    assert "the model folder holds no config.json" in opt_ml.failure


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("BertForSequenceClassification", "text-classification"),
        ("DistilBertForTokenClassification", "token-classification"),
        ("RobertaForQuestionAnswering", "question-answering"),
        ("TapasForQuestionAnswering", "table-question-answering"),
        ("BertForMaskedLM", "fill-mask"),
        ("LlamaForCausalLM", "text-generation"),
        ("GPT2LMHeadModel", "text-generation"),
        ("T5ForConditionalGeneration", "text2text-generation"),
        ("WhisperForConditionalGeneration", "automatic-speech-recognition"),
        ("ViTForImageClassification", "image-classification"),
        ("Wav2Vec2ForCTC", "automatic-speech-recognition"),
        ("BertModel", "feature-extraction"),
    ],
)
def test_the_task_follows_from_the_architecture(architecture: str, task: str) -> None:
    assert infer_task({"architectures": [architecture]}) == task


def test_what_does_not_tell_its_task() -> None:
    for configuration in ({}, {"architectures": []}, {"architectures": ["SomethingElse"]}):
        with pytest.raises(ValueError, match="HF_TASK"):
            infer_task(configuration)
