"""Script-mode training, with real processes: what the script sees, and how its end is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from clary_toolkit.training.configuration import decoded
from tests.toolkit.running import DEADLINE, RESOURCES, OptMl, archive_of

SHOW = """
import json, os, sys
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "seen.json"), "w") as file:
    json.dump({"arguments": sys.argv[1:], "folder": os.getcwd(), "path": sys.path,
               "variables": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}, file)
"""
HYPERPARAMETERS = {
    "learning-rate": "0.1",
    "epochs": "3",
    "optimizer": '"adam"',
    "raw": "plain text",
    "flag": "true",
    "nothing": "null",
    "layers": "[3, 1, 2]",
    "Mapping": '{"b": 2, "a": {"x": null}}',
    "n": '"short"',
    "sagemaker_container_log_level": "10",
    "sagemaker_job_name": '"job-1"',
    "sagemaker_region": '"eu-west-1"',
    "sagemaker_submit_directory": '"s3://bucket/source/sourcedir.tar.gz"',
    "sagemaker_mpi_enabled": "false",
    "_tuning_objective_metric": '"auc"',
}


def seen(opt_ml: OptMl) -> dict[str, object]:
    document: dict[str, object] = json.loads((opt_ml.base / "output/data/seen.json").read_text())
    return document


def test_what_is_no_json_is_the_text_itself() -> None:
    deep = "[" * 2500
    assert [decoded(value) for value in ("1.5", '"a"', "a", deep, 7)] == [1.5, "a", "a", deep, 7]


def test_arguments_are_sorted_and_spelled_as_the_contract_says(opt_ml: OptMl) -> None:
    code, output = opt_ml.train({"train.py": SHOW}, HYPERPARAMETERS)
    assert code == 0, output
    found = seen(opt_ml)
    assert found["arguments"] == [
        "--Mapping", "a={'x': None},b=2",
        "--epochs", "3",
        "--flag", "True",
        "--layers", "[3, 1, 2]",
        "--learning-rate", "0.1",
        "-n", "short",
        "--nothing", "",
        "--optimizer", "adam",
        "--raw", "plain text",
    ]  # fmt: skip
    assert found["folder"] == str(opt_ml.base / "code")
    assert (opt_ml.base / "output/success").exists()
    assert not opt_ml.failure


def test_every_variable_is_exact(opt_ml: OptMl) -> None:
    channels = {"train": {"TrainingInputMode": "File"}, "my-ch": {"ContentType": "text/csv"}}
    opt_ml.configure({"sagemaker_program": '"train.py"', **HYPERPARAMETERS}, channels)
    archive = archive_of({"train.py": SHOW}, opt_ml.base / "s.tar.gz")
    assert (
        opt_ml.run("train", CLARY_SOURCE_ARCHIVE=str(archive), SAGEMAKER_TRAINING_MODULE="some.module:main")[0] == 0
    )
    variables = dict(seen(opt_ml)["variables"])  # type: ignore[call-overload]  # a document of this test's own
    environment = json.loads(variables.pop("SM_TRAINING_ENV"))
    base = str(opt_ml.base)
    cpus = str(len(os.sched_getaffinity(0)))
    group = RESOURCES["instance_groups"][0]  # type: ignore[index]
    compact = {"separators": (",", ":"), "sort_keys": True}
    hps = '{"Mapping":{"a":{"x":null},"b":2},"epochs":3,"flag":true,"layers":[3,1,2],"learning-rate":0.1'
    hps += ',"n":"short","nothing":null,"optimizer":"adam","raw":"plain text"}'
    arguments = json.loads(variables.pop("SM_USER_ARGS"))
    assert arguments[:4] == ["--Mapping", "a={'x': None},b=2", "--epochs", "3"]
    assert int(variables.pop("SM_NUM_GPUS")) >= 0
    assert int(variables.pop("SM_NUM_NEURONS")) >= 0
    assert variables == {
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_HPS": hps,
        "SM_HP_LEARNING-RATE": "0.1",
        "SM_HP_EPOCHS": "3",
        "SM_HP_OPTIMIZER": "adam",
        "SM_HP_RAW": "plain text",
        "SM_HP_FLAG": "true",
        "SM_HP_NOTHING": "",
        "SM_HP_LAYERS": "[3,1,2]",
        "SM_HP_MAPPING": '{"a":{"x":null},"b":2}',
        "SM_HP_N": "short",
        "SM_CHANNELS": '["my-ch","train"]',
        "SM_CHANNEL_TRAIN": f"{base}/input/data/train",
        "SM_CHANNEL_MY-CH": f"{base}/input/data/my-ch",
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_MODULE_NAME": "train",
        "SM_MODULE_DIR": "s3://bucket/source/sourcedir.tar.gz",
        "SM_FRAMEWORK_PARAMS": '{"sagemaker_mpi_enabled":false}',
        "SM_FRAMEWORK_MODULE": "some.module:main",
        "SM_RESOURCE_CONFIG": json.dumps(RESOURCES, **compact),  # type: ignore[arg-type]
        "SM_INPUT_DATA_CONFIG": json.dumps(channels, **compact),  # type: ignore[arg-type]
        "SM_INPUT_DIR": f"{base}/input",
        "SM_INPUT_CONFIG_DIR": f"{base}/input/config",
        "SM_OUTPUT_DIR": f"{base}/output",
        "SM_OUTPUT_DATA_DIR": f"{base}/output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{base}/output/intermediate",
        "SM_MODEL_DIR": f"{base}/model",
        "SM_NUM_CPUS": cpus,
        "SM_LOG_LEVEL": "10",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1"]',
        "SM_INSTANCE_GROUPS": '["homogeneousCluster"]',
        "SM_INSTANCE_GROUPS_DICT": json.dumps({"homogeneousCluster": group}, **compact),  # type: ignore[arg-type]
        "SM_DISTRIBUTION_INSTANCE_GROUPS": "[]",
        "SM_IS_HETERO": "false",
    }
    assert environment["hyperparameters"] == json.loads(hps)
    assert environment["channel_input_dirs"]["my-ch"] == f"{base}/input/data/my-ch"
    assert environment["job_name"] == "job-1"
    assert environment["is_master"] is True
    assert environment["additional_framework_parameters"] == {"sagemaker_mpi_enabled": False}


def test_names_and_values_no_program_can_take(opt_ml: OptMl) -> None:
    code, output = opt_ml.train({"train.py": SHOW}, {"a=b": "1"})
    assert code == 0, output
    assert seen(opt_ml)["arguments"] == ["--a=b", "1"]
    assert opt_ml.train({"train.py": SHOW}, {"text": '"\\u0000"'})[0] == 1
    assert opt_ml.failure.startswith("UserError: the hyperparameters cannot be handed to a program")


def test_a_shell_entry_point_gets_quoted_arguments(opt_ml: OptMl) -> None:
    script = '#!/bin/sh\nprintf "%s|" "$@" > "$SM_OUTPUT_DATA_DIR/arguments"\n'
    code, output = opt_ml.train({"run.sh": script}, {"text": '"it\'s; $HOME"'}, program="run.sh")
    assert code == 0, output
    assert (opt_ml.base / "output/data/arguments").read_text() == "--text|it's; $HOME|"


def test_a_filled_code_folder_is_left_alone(opt_ml: OptMl) -> None:
    (opt_ml.base / "code").mkdir()
    (opt_ml.base / "code/train.py").write_text("print('from the image')")
    code, output = opt_ml.train({"train.py": "raise SystemExit(9)"})
    assert (code, output) == (0, "from the image\n")


def test_an_exception_is_told_with_class_code_message_and_traceback(opt_ml: OptMl) -> None:
    script = "import sys\nprint('working')\ndef fit():\n    raise ValueError('bad learning rate')\nfit()\n"
    code, output = opt_ml.train({"train.py": script}, {"lr": "1"})
    assert code == 1
    assert "working" in output
    reason = opt_ml.failure
    assert reason.startswith("ExecuteUserScriptError: ExitCode 1\n")
    assert 'ErrorMessage "ValueError: bad learning rate"' in reason
    assert "train.py --lr 1" in reason
    assert "line 4, in fit" in reason
    assert len(reason) <= 1024
    assert not (opt_ml.base / "output/success").exists()


def test_the_last_traceback_lines_survive_a_long_one(opt_ml: OptMl) -> None:
    script = "def down(n):\n    if n: down(n - 1)\n    else: raise KeyError('the cause')\n"
    script += "def even(n):\n    down(n)\n" * 3 + "even(400)\n"
    assert opt_ml.train({"train.py": script})[0] == 1
    assert opt_ml.failure.endswith("KeyError: 'the cause'")
    assert len(opt_ml.failure) <= 1024


def test_exit_codes_and_signals_are_named(opt_ml: OptMl) -> None:
    assert opt_ml.train({"train.py": "import sys; print('giving up', file=sys.stderr); sys.exit(7)"})[0] == 1
    assert opt_ml.failure.startswith("ExecuteUserScriptError: ExitCode 7\n")
    assert "giving up" in opt_ml.failure


def test_a_killed_script_keeps_its_signal(opt_ml: OptMl) -> None:
    assert opt_ml.train({"train.py": "import os; os.kill(os.getpid(), 9)"})[0] == 137
    assert "ExitCode 137 (killed by SIGKILL, often because memory ran out)" in opt_ml.failure


def test_a_missing_module_is_named(opt_ml: OptMl) -> None:
    assert opt_ml.train({"train.py": "import no_such_library"})[0] == 1
    assert "ModuleNotFoundError: No module named 'no_such_library'" in opt_ml.failure


def test_a_missing_entry_point_is_named(opt_ml: OptMl) -> None:
    code, _ = opt_ml.train({"other.py": "", "sub/x.py": ""})
    assert code == 1
    assert (
        opt_ml.failure == "MissingEntryPoint: entry point 'train.py' is not in the source; it holds: other.py, sub/"
    )


def test_the_scripts_own_failure_file_stays(opt_ml: OptMl) -> None:
    script = "import os; open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('mine'); raise SystemExit(1)"
    assert opt_ml.train({"train.py": script})[0] == 1
    assert opt_ml.failure == "mine"


def test_a_script_may_tidy_its_folders_away(opt_ml: OptMl) -> None:
    script = "import os, shutil; shutil.rmtree(os.environ['SM_OUTPUT_DIR'])"
    assert opt_ml.train({"train.py": script})[0] == 0
    assert (opt_ml.base / "output/success").exists()


def test_algorithm_mode_is_refused_clearly(opt_ml: OptMl) -> None:
    opt_ml.configure({"max_depth": "3"}, {})
    code, output = opt_ml.run("train", CLARY_FRAMEWORK="scikit-learn")
    assert code == 1
    assert opt_ml.failure.startswith("ModeNotServed: algorithm mode is not served for scikit-learn")
    assert "algorithm mode is not served for scikit-learn" in output.splitlines()[-1]


def test_a_hostile_source_archive_fails_the_job(opt_ml: OptMl) -> None:
    code, _ = opt_ml.train({"../../escaped.py": "x", "train.py": ""})
    assert code == 1
    assert opt_ml.failure.startswith("HostileArchive: archive member '../../escaped.py'")
    assert not list(opt_ml.base.parent.rglob("escaped.py"))


def test_a_source_that_was_not_staged_is_named(opt_ml: OptMl) -> None:
    opt_ml.configure({"sagemaker_program": '"t.py"', "sagemaker_submit_directory": '"s3://b/k.tar.gz"'}, {})
    assert opt_ml.run("train")[0] == 1
    assert opt_ml.failure == "ContractError: the source s3://b/k.tar.gz has not been brought into the job"


def test_missing_resource_config_gives_the_systems_number(opt_ml: OptMl) -> None:
    (opt_ml.base / "input/config/hyperparameters.json").write_text("{}")
    code, _ = opt_ml.run("train")
    assert code == 2
    assert "resourceconfig.json is missing" in opt_ml.failure


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    read = ""
    while text not in read:
        line = process.stdout.readline()
        assert line, f"ended before {text!r}: {read}"
        read += line
    return read


def test_output_is_streamed_while_the_script_runs_and_sigterm_reaches_it(opt_ml: OptMl) -> None:
    script = """
import signal, sys, time
def stop(number, frame):
    print("saving the checkpoint", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("first line", end="\\n")
time.sleep(60)
"""
    process = opt_ml.start_training({"train.py": script})
    read_until(process, "first line")  # the script still runs: nothing was held back
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=DEADLINE)
    assert output == "saving the checkpoint\n"
    assert process.returncode == 0


def test_a_script_that_dies_of_the_stop_request_has_not_failed(opt_ml: OptMl) -> None:
    process = opt_ml.start_training({"run.sh": "#!/bin/sh\necho up\nexec sleep 60\n"}, program="run.sh")
    read_until(process, "up")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 143
    assert not opt_ml.failure


def test_both_streams_keep_their_order(opt_ml: OptMl) -> None:
    lines = "\n".join(f"print({i}, file=sys.{'stderr' if i % 2 else 'stdout'})" for i in range(40))
    _, output = opt_ml.train({"train.py": f"import sys\n{lines}\n"})
    assert output.split() == [str(i) for i in range(40)]


def test_a_process_left_behind_does_not_hold_the_job(opt_ml: OptMl) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '30']).pid, flush=True)"
    process = opt_ml.start_training({"train.py": script})
    assert process.stdout is not None
    left = int(process.stdout.readline())
    try:
        assert process.wait(10) == 0
    finally:
        os.kill(left, signal.SIGKILL)
        process.stdout.close()


def test_training_imports_nothing_heavy() -> None:
    code = "import sys, clary_toolkit.training.command; print(*sys.modules)"
    source = Path(__file__).resolve().parents[2] / "toolkit/src"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"uvloop", "httptools", "asyncio", "numpy", "clary"} & set(loaded)
