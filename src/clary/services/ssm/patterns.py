"""AllowedPattern: a regular expression from the user, which may be one that never ends.

It is matched in a process of its own, whose time is limited; nothing else would stop Python's `re`.
"""

from __future__ import annotations

import json
import subprocess
import sys

from clary.services.ssm.errors import ssm_error

_SECONDS = 5.0
_NO_EXPRESSION, _NO_MATCH = 3, 4
_PROGRAM = f"""
import json, re, sys
pattern, value = json.load(sys.stdin)
try:
    expression = re.compile(pattern)
except (re.error, RecursionError, OverflowError):
    sys.exit({_NO_EXPRESSION})
sys.exit(0 if expression.search(value) else {_NO_MATCH})
"""


def check_allowed(pattern: str, value: str) -> None:
    """Raises InvalidAllowedPatternException and ParameterPatternMismatchException."""
    try:
        result = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=json.dumps([pattern, value]).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ssm_error(
            "InvalidAllowedPatternException", f"Matching AllowedPattern took longer than {_SECONDS:.0f} seconds."
        ) from error
    if result.returncode == _NO_MATCH:
        raise ssm_error(
            "ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern"
        )
    if result.returncode != 0:
        raise ssm_error("InvalidAllowedPatternException", "AllowedPattern is not a valid regular expression.")
