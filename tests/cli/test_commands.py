"""Mistakes on the command line end in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from typer.testing import CliRunner

from clary.base.errors import ConfigurationError
from clary.base.installation import ensure_installation
from clary.base.settings import load_settings
from clary.cli import client_files, env, main, serve
from clary.cli.doctor import CHECKS
from clary.cli.running import await_server


def command(*words: str) -> Any:
    return CliRunner().invoke(main.application(list(words)), list(words))


def test_the_version_can_be_asked() -> None:
    said = command("--version")
    assert (said.exit_code, said.output.split()[0]) == (0, "clary")


def test_regions_are_those_that_sdks_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(serve, "run", lambda settings: begun.append(settings.region) or 0)
    data = tmp_path / "data"
    unknown = command("serve", "--data", str(data), "--region", "mars-1").exception
    assert isinstance(unknown, ConfigurationError)
    assert "'mars-1' is no region" in str(unknown)
    assert command("serve", "--data", str(data), "--region", "eu-central-1").exit_code == 0
    assert begun == ["eu-central-1"]


def test_an_installation_stays_in_its_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "run", lambda _settings: 0)
    ensure_installation(load_settings({}, data=tmp_path, region="eu-west-1"))
    assert "eu-west-1 and stays there" in command("serve", "--data", str(tmp_path), "--region", "eu-west-2").output
    assert "stays there" not in command("serve", "--data", str(tmp_path), "--region", "eu-west-1").output


def test_a_server_that_was_never_started_is_told_from_a_slow_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"No server was started .* `clary serve --data "):
        await_server(load_settings({}, data=tmp_path), 0.0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), "clary: Read timeout"),
        (OSError(28, "No space left on device", "/data/x"), "clary: No space left on device: /data/x"),
    ],
)
def test_errors_of_clients_and_disks_are_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_arguments: list[str]) -> Any:
        raise error

    monkeypatch.setattr(main, "application", fail)
    with pytest.raises(SystemExit, match="1"):
        main.main()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(said)


def bad(data: Path, **changes: Path) -> list[str]:
    settings = load_settings({}, data=data, port=0, https_port=0, **changes)
    found = [check(settings) for check in CHECKS]
    return [finding.advice for finding in found if finding.good is False]


def test_doctor_sees_what_would_keep_a_server_from_starting(tmp_path: Path) -> None:
    assert bad(tmp_path / "new") == []
    (tmp_path / "file").write_text("")
    assert bad(tmp_path / "file" / "below") == [f"{tmp_path / 'file'} is not a folder."]
    assert bad(tmp_path / "new", environments=tmp_path / "file") == [f"{tmp_path / 'file'} is not a folder."]
    assert "holds other things" in bad(tmp_path)[0]
    damaged = tmp_path / "damaged"
    ensure_installation(load_settings({}, data=damaged))
    (damaged / "installation.json").write_text("{")
    assert "is damaged" in bad(damaged)[0]


def test_whatever_goes_wrong_leaves_no_shell_at_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(env, "await_server", lambda *_: None)
    monkeypatch.setattr(env, "shell_variables", full)
    said = command("env", "--data", str(tmp_path))
    assert isinstance(said.exception, OSError)
    assert said.stdout == "false\n"


def test_nor_does_a_mistyped_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["clary", "env", "--dta", "/srv"])
    with pytest.raises(SystemExit, match="2"):
        main.main()
    assert capsys.readouterr().out == "false\n"


def test_files_of_clients_are_written_once(tmp_path: Path) -> None:
    layout = load_settings({}, data=tmp_path).layout
    layout.tls.mkdir()
    (layout.tls / "ca.pem").write_text("authority")
    client_files.write_client_files(layout, "https://127.0.0.1:1")
    written = {path: path.stat().st_ino for path in layout.client.rglob("*.*")}
    client_files.write_client_files(layout, "https://127.0.0.1:1")
    assert {path: path.stat().st_ino for path in layout.client.rglob("*.*")} == written
    client_files.write_client_files(layout, "https://127.0.0.1:2")
    assert "127.0.0.1:2" in (layout.client / "models" / "endpoints.json").read_text()
