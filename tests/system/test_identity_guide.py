"""The commands of docs/how-to/identity.md, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import tests
from clary.cli.shell import client_environment
from tests.server import Server

GUIDE = Path(tests.__file__).parent.parent / "docs" / "how-to" / "identity.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_guide_can_be_followed(server: Server, tmp_path: Path) -> None:
    blocks = BLOCK.findall(GUIDE.read_text())
    assert len(blocks) == 7
    environment = {
        **client_environment(server.settings, {**os.environ, "HOME": str(tmp_path)}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CLARY_DATA": str(server.settings.data),
        "AWS_PAGER": "",
    }
    maria = server.settings.data / "credentials" / f"user-{server.installation.account}-maria"
    owner, *others = (block.replace("=FILE", f"={maria}") for block in blocks)
    script = f"set -e\n{owner}" + "\n".join(f"( {block} )" for block in others)
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'"Arn": "arn:aws:iam::\d{12}:user/maria"', done.stdout)
    decisions = re.findall(r'"EvalDecision": "(\w+)"', done.stdout)
    assert decisions == ["allowed", "allowed"]
    assert "research" in done.stdout
    assert json.loads((tmp_path / "team.json").read_text())["Statement"][0]["Sid"] == "SmallOnly"
