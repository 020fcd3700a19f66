"""The supervisor with the stand-in for control, as a process: `python run_supervisor.py`."""

from __future__ import annotations

import sys

from clary.base.errors import ConfigurationError
from clary.base.settings import load_settings
from clary.supervisor import supervisor


def announce(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    supervisor.CONTROL = "tests.door.stub_control"
    try:
        sys.exit(supervisor.run(load_settings(), announce))
    except ConfigurationError as error:
        sys.exit(str(error))
