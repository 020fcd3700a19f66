"""Rules of the house that no linter knows: size of rooms, imports in the open, no pickle, generated pages fresh."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVER = sorted((ROOT / "src" / "clary").rglob("*.py"))
TOOLKIT = sorted((ROOT / "toolkit" / "src").rglob("*.py"))
EXAMPLES = ROOT / "src" / "clary" / "examples"

# Frameworks are imported where they are needed: the toolkit runs in environments that may lack them.
HIDDEN_IMPORTS = {
    "clary_toolkit/serving/arrays.py",
    "clary_toolkit/serving/defaults_pytorch.py",
    "clary_toolkit/serving/defaults_transformers.py",
    "clary_toolkit/serving/defaults_xgboost.py",
}
# The outer chains of door and control, the loops of the engine and the shim.
BROAD_EXCEPTS = {
    "clary/control/application.py",
    "clary/door/chain.py",
    "clary/engine/functions/keeper.py",
    "clary/engine/events/deliverer.py",
    "clary/engine/events/worker.py",
    "clary/control/audit.py",
    "clary/engine/housekeeping.py",
    "clary/engine/loop.py",
    "clary/runtimes/shim/life.py",
}

# Who may speak HTTP or SMTP as a client, and to whom.
GO_OUT = {
    "clary/engine/events/targets/http.py",  # what users name: receivers of messages and events
    "clary/engine/events/targets/mail.py",  # the mail server of the settings
    "clary/engine/ping.py",  # model servers, at their sockets
    "clary/supervisor/server_file.py",  # the server itself
    "clary/wire/s3_client.py",  # the other store of the settings
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "src" if "toolkit" not in path.parts else ROOT / "toolkit" / "src"))


Trees = list[tuple[str, Path, ast.Module]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.fixture(scope="module")
def trees() -> Trees:
    """Every module, parsed once for all rules."""
    paths = [path for path in (*SERVER, *TOOLKIT) if EXAMPLES not in path.parents]
    return [(name_of(path), path, ast.parse(path.read_text())) for path in paths]


def test_modules_and_functions_stay_small(trees: Trees) -> None:
    for name, path, tree in trees:
        assert path.read_text().count("\n") <= 400, name
        for node in ast.walk(tree):
            if isinstance(node, Function):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{name}: {node.name}"


def test_every_module_says_what_lives_in_it(trees: Trees) -> None:
    for name, _, tree in trees:
        if tree.body:
            assert ast.get_docstring(tree), name


def test_imports_stand_at_the_top(trees: Trees) -> None:
    for name, _, tree in trees:
        if name in HIDDEN_IMPORTS:
            continue
        for node in ast.walk(tree):
            if isinstance(node, Function):
                hidden = [item for item in ast.walk(node) if isinstance(item, ast.Import | ast.ImportFrom)]
                assert hidden == [], f"{name}: {node.name}"


def test_everything_is_caught_only_where_it_must_be(trees: Trees) -> None:
    for name, _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and name not in BROAD_EXCEPTS and "toolkit" not in name:
                caught = ast.unparse(node.type) if node.type else "everything"
                reraised = any(isinstance(item, ast.Raise) for item in ast.walk(node))
                assert caught not in {"Exception", "everything"}, f"{name}:{node.lineno}"
                assert caught != "BaseException" or reraised, f"{name}:{node.lineno}"


def test_the_server_never_unpickles(trees: Trees) -> None:
    for name, _, tree in trees:
        for node in ast.walk(tree) if name.startswith("clary/") else ():
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            loaded = {full.split(".")[0] for full in names}
            assert not loaded & {"pickle", "joblib", "shelve", "marshal", "torch", "dill", "cloudpickle"}, name


def test_only_these_modules_go_out(trees: Trees) -> None:
    """Addresses that users name are called by one module, which looks where they lead."""
    clients = {"http.client", "urllib.request", "smtplib", "urllib3", "requests", "httpx", "aiohttp", "ftplib"}
    found = {
        name
        for name, _, tree in trees
        if name.startswith("clary/")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and clients & {alias.name for alias in node.names})
        or (
            isinstance(node, ast.ImportFrom) and node.module in {*clients, "botocore.session", "botocore.httpsession"}
        )
    }
    assert found == GO_OUT


def test_generated_pages_are_up_to_date() -> None:
    script = ROOT / "scripts" / "generate-docs"
    result = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_names_say_something() -> None:
    for path in [*SERVER, *TOOLKIT]:
        assert path.stem not in {"utils", "util", "common", "helpers", "manager", "misc"}, path


@pytest.mark.parametrize("name", ["tour.py", "split.py", "train.py"])
def test_the_tours_client_code_does_not_know_where_it_runs(name: str) -> None:
    text = (EXAMPLES / "quickstart" / name).read_text().lower()
    for word in ("clary", "endpoint_url", "localhost", "127.0.0.1", "verify=false"):
        assert word not in text
