"""Every place in the source at which a process can be made to die is one at which a test makes it die.

The tests named here fail when nobody passes one of their points; this one fails when a point is in nobody's list.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

from tests.chaos import test_control, test_crash_points, test_events, test_pipelines, test_tuning
from tests.runtimes import test_collecting, test_environments, test_layers, test_process, test_uploads
from tests.services.s3 import test_crashes

SOURCE = Path(__file__).resolve().parent.parent / "src" / "clary"
STRUCK = {
    *test_crash_points.JOB,
    *test_crash_points.ENDPOINT,
    *test_control.RESTART,
    *test_events.POINTS,
    *test_pipelines.POINTS,
    *test_tuning.POINTS,
    *test_crashes.POINTS,
    *test_crashes.BEFORE_COMMIT,
    *test_uploads.POINTS,
    *test_process.LAUNCHING,
    *test_process.ENDING,
    *test_environments.POINTS,
    *test_collecting.POINTS,
    *test_layers.POINTS,
}


def names_of(node: ast.expr) -> set[str]:
    """All texts that an expression may become; `*` stands for what only a run can tell."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.IfExp):
        return names_of(node.body) | names_of(node.orelse)
    if isinstance(node, ast.FormattedValue):
        return names_of(node.value)
    if isinstance(node, ast.JoinedStr):
        texts = {""}
        for part in node.values:
            texts = {text + name for text in texts for name in names_of(part)}
        return texts
    return {"*"}


def points_in_the_source() -> set[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crash_here":
                found |= names_of(node.args[0])
    return found


def test_every_crash_point_is_struck_by_a_test() -> None:
    points = points_in_the_source()
    assert len(points) > 40
    assert [point for point in sorted(points) if not any(fnmatchcase(name, point) for name in STRUCK)] == []


def test_no_test_strikes_where_there_is_no_point() -> None:
    points = points_in_the_source()
    assert [name for name in sorted(STRUCK) if not any(fnmatchcase(name, point) for point in points)] == []
