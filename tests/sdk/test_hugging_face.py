"""Hugging Face as users of the SDK run it: a small model trained by a script, then served without one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sdk.conftest import Run
from tests.server import Server, log_of

TRAIN = """
import argparse, os
import torch
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, Trainer, TrainingArguments

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
epochs = parser.parse_args().epochs
words = "[PAD] [UNK] [CLS] [SEP] [MASK] a film good bad".split()
open("vocab.txt", "w").write("\\n".join(words))
tokenizer = BertTokenizerFast("vocab.txt")
torch.manual_seed(1)
model = BertForSequenceClassification(BertConfig(
    vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    num_labels=2, id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1}))
data = Dataset.from_dict({"text": ["a good film", "a bad film"] * 32, "label": [1, 0] * 32})
data = data.map(lambda row: tokenizer(row["text"]), remove_columns=["text"])
arguments = TrainingArguments("/tmp/run", num_train_epochs=epochs, learning_rate=0.01, save_strategy="no",
                              per_device_train_batch_size=16, report_to=[], disable_tqdm=True)
result = Trainer(model, arguments, train_dataset=data, processing_class=tokenizer).train()
print("loss", result.training_loss < 0.6, flush=True)
model.save_pretrained(os.environ["SM_MODEL_DIR"])
tokenizer.save_pretrained(os.environ["SM_MODEL_DIR"])
"""
PROGRAM = """
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.huggingface import HuggingFace, HuggingFaceModel
from sagemaker.serializers import CSVSerializer

role = sagemaker.get_execution_role()
image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.5.1-transformers4.49.0-cpu-py311"
estimator = HuggingFace(
    image_uri=image, py_version="py311", entry_point="train.py", source_dir="src", role=role, instance_count=1,
    instance_type="ml.m5.large", hyperparameters={"epochs": 10}, base_job_name="bert")
estimator.fit(logs=False)
print("trained", estimator.latest_training_job.job_name)
versions = {"transformers_version": "4.49.0", "pytorch_version": "2.6.0", "py_version": "py312"}
model = HuggingFaceModel(model_data=estimator.model_data, role=role, **versions)
predictor = model.deploy(1, "ml.m5.large")
answer = predictor.predict({"inputs": ["a good film", "a bad film"]})
print("labels", [each["label"] for each in answer])
answer = predictor.predict({"inputs": "a good film", "parameters": {"top_k": None}})
print("all", sorted(each["label"] for each in answer), round(sum(each["score"] for each in answer), 3))
predictor.serializer, predictor.deserializer = CSVSerializer(), CSVDeserializer()
print("table", [row[0] for row in predictor.predict("inputs\\na good film\\na bad film\\n")])
try:
    predictor.predict("a good film")
except Exception as error:
    print("refused", error)
predictor.delete_endpoint()
"""


def test_train_and_serve_without_code(run_client: Run, server: Server, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "client.py").write_text(PROGRAM)
    shown = run_client(tmp_path / "client.py")
    (job,) = re.findall(r"^trained (\S+)$", shown, re.MULTILINE)
    assert "loss True" in log_of(server, "/aws/sagemaker/TrainingJobs", f"{job}/")
    assert "labels ['POSITIVE', 'NEGATIVE']" in shown
    assert "all ['NEGATIVE', 'POSITIVE'] 1.0" in shown
    assert "table ['label', 'POSITIVE', 'NEGATIVE']" in shown
    assert re.search(r"refused .*\(400\).*the first line of the table must name its columns", shown)
