"""What a Python of a `clary env` shell finds changed as it loads modules of its clients."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clary.cli import client_files

_START = Path(client_files.__file__).parent / "client"


def test_the_old_aws_cli_sends_queues_nowhere_else() -> None:
    program = "from awscli.customizations import overridesslcommonname as it; print(it.SSL_COMMON_NAMES)"
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(_START)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert printed.stdout == "{}\n", printed.stderr
