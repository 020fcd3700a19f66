"""PyTorch as users of the SDK run it: trained on two instances with torchrun, deployed with and without code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sdk.conftest import Run
from tests.server import Server, log_of

TRAIN = """
import argparse, json, os
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
rate = parser.parse_args().lr
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
print("reduced", os.environ["SM_CURRENT_HOST"], "rank", rank, "of", size, "sum", total.item(), flush=True)
print("told", os.environ["SM_HOSTS"], os.environ["SM_NUM_GPUS"], os.environ["SM_NETWORK_INTERFACE_NAME"], flush=True)
torch.manual_seed(rank)
model = DistributedDataParallel(torch.nn.Linear(2, 1, bias=False))
optimizer = torch.optim.SGD(model.parameters(), lr=rate)
for _ in range(200):
    x = torch.rand(32, 2)
    loss = ((model(x).squeeze() - x @ torch.tensor([2.0, 3.0])) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
if rank == 0:
    torch.jit.script(model.module).save(os.environ["SM_MODEL_DIR"] + "/model.pth")
dist.destroy_process_group()
"""
INFERENCE = """
import os
import torch

def model_fn(model_dir, context):
    print("properties", context.system_properties.get("gpu_id"), sorted(os.listdir(model_dir)))
    return torch.jit.load(os.path.join(model_dir, "model.pth"))

def predict_fn(data, model):
    with torch.no_grad():
        return model(data) * 10
"""

PROGRAM = """
import json
import numpy, sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.pytorch import PyTorch, PyTorchModel
from sagemaker.serializers import CSVSerializer

role = sagemaker.get_execution_role()
account = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
estimator = PyTorch(
    "train.py", source_dir="src", role=role, instance_count=2, instance_type="ml.m5.large",
    image_uri=f"{account}/pytorch-training:2.3.0-cpu-py311", hyperparameters={"lr": 0.5},
    distribution={"torch_distributed": {"enabled": True}}, base_job_name="torch")
estimator.fit(logs=False)
print("trained", estimator.latest_training_job.job_name)
plain = sagemaker.Model(
    f"{account}/pytorch-inference:2.3.0-cpu-py311", model_data=estimator.model_data, role=role,
    predictor_cls=sagemaker.Predictor)
predictor = plain.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
print("default", json.dumps(numpy.round(predictor.predict([[1, 0], [0, 1]]), 1).tolist()))
predictor.delete_endpoint()
model = PyTorchModel(
    estimator.model_data, role, "inference.py", source_dir="src", framework_version="2.3.0", py_version="py311")
predictor = model.deploy(1, "ml.m5.large")
print("own", json.dumps(numpy.round(predictor.predict(numpy.ones((1, 2), "float32"))).tolist()))
predictor.delete_endpoint()
"""


def test_train_on_two_instances_and_deploy(run_client: Run, server: Server, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name, text in (("src/train.py", TRAIN), ("src/inference.py", INFERENCE), ("client.py", PROGRAM)):
        (tmp_path / name).write_text(text)
    shown = run_client(tmp_path / "client.py")
    (job,) = re.findall(r"^trained (\S+)$", shown, re.MULTILINE)
    log = log_of(server, "/aws/sagemaker/TrainingJobs", f"{job}/")
    assert "reduced algo-1 rank 0 of 2 sum 3.0" in log
    assert "reduced algo-2 rank 1 of 2 sum 3.0" in log
    assert 'told ["algo-1","algo-2"] 0 lo' in log
    assert "default [[2.0], [3.0]]" in shown
    assert "own [[50.0]]" in shown
