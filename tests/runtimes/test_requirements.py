"""Which requirements.txt are plain enough to be installed ahead."""

from __future__ import annotations

import time

import pytest

from clary.runtimes.requirements import LONGEST, plain_lines, tell_sources


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("lightgbm", "lightgbm\n"),
        ("# mine\n\nseaborn==0.13.2  # plots\r\n  pandas >= 2, < 3\n", "seaborn==0.13.2\npandas >= 2, < 3\n"),
        ("a.b_c-d[x,y-z]~=1.4", "a.b_c-d[x,y-z]~=1.4\n"),
        ("x (>=1.0,!=1.3.*)", "x (>=1.0,!=1.3.*)\n"),
        ("tomli; python_version < \"3.11\" and (sys_platform == 'linux')", None),
        ("torch==2.13.0+cpu\nx===1!2.0", "torch==2.13.0+cpu\nx===1!2.0\n"),
    ],
)
def test_names_and_versions_are_plain(text: str, lines: str | None) -> None:
    assert plain_lines(text.encode()) == (lines or f"{text}\n")


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "-c constraints.txt",
        "-e .",
        "--index-url https://example.com/simple",
        "--extra-index-url=https://example.com/simple",
        "-f wheels",
        "--no-index",
        "--pre",
        "a==1 --hash=sha256:00",
        "a==1 \\",
        "a  # joined with the next line \\\nb",
        "a @ https://example.com/a.whl",
        "a@file:///etc",
        "https://example.com/a.whl",
        "git+https://example.com/a",
        ".",
        "./a",
        "/tmp/a",
        "a/b",
        "a-1.0-py3-none-any.whl",
        "a.tar.gz",
        "${A}",
        "a==${V}",
        "a; extra == '$(id)'",
        "a b",
        "näme",
        "a\0",
        "a" * 600,
    ],
)
def test_everything_else_is_the_jobs_own(line: str) -> None:
    assert plain_lines(f"numpy\n{line}\n".encode()) is None


def test_nothing_and_too_much_are_not_plain() -> None:
    assert plain_lines(b"") is plain_lines(b"# nothing\n\n") is None
    assert plain_lines(b"a\n" * 300) is not None
    assert plain_lines(b"a\n" * 301) is None
    assert plain_lines(b"a" + b"\n" * LONGEST) is None
    assert plain_lines(b"\xff\xfea") is None


def test_hostile_lines_take_no_time() -> None:
    begun = time.process_time()
    for line in (
        "a" + " " * 30_000 + "/",
        "a" * 30_000 + "/",
        "a[" + "b," * 14_000 + "/",
        "a" + ">=1," * 7_000 + "/",
    ):
        assert plain_lines(line.encode()) is None
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "name",
    [
        *("PIP_INDEX_URL", "PIP_CONSTRAINT", "UV_INDEX", "https_proxy", "NO_PROXY", "CA_REPOSITORY_ARN", "NETRC"),
        *("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
    ],
)
def test_variables_that_lead_elsewhere(name: str) -> None:
    assert tell_sources({"A": "1", name: "x"})
    assert not tell_sources({"A": "1", "PIPELINE": "x", "AWS_REGION": "r", "MY_PIP_X": "y"})
