"""`python -m clary.door`: one door process. Started by the supervisor with its listening sockets."""

from __future__ import annotations

import sys

import uvloop

from clary.base.errors import ConfigurationError
from clary.base.log import configure_logging
from clary.base.settings import load_settings
from clary.door.process import raise_descriptor_limit, serve


def main() -> int:
    try:
        settings = load_settings()
        configure_logging(settings.log_level)
        raise_descriptor_limit()
        uvloop.run(serve(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
