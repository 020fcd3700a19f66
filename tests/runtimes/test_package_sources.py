"""pip's configuration on its way to uv and into jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.runtimes import package_sources


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user whose pip is configured in a file; files of the machine do not count."""
    configuration = tmp_path / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        "[global]\nextra-index-url =\n    https://mirror.test/simple\n    https://user:word@private.test/simple\n"
        f"find-links = {tmp_path}/wheels\ntimeout = 5\n[install]\ncert = /etc/ca.pem\n"
    )
    monkeypatch.setattr(package_sources.sys, "prefix", str(tmp_path / "nowhere"))
    monkeypatch.setattr(package_sources, "_MACHINE_FILES", ())
    return {"HOME": str(tmp_path)}


def test_uv_is_told(home: dict[str, str]) -> None:
    assert package_sources.uv_variables(home) == {
        "UV_INDEX": "https://mirror.test/simple https://user:word@private.test/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{home['HOME']}/wheels",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }


def test_uvs_own_settings_stay(home: dict[str, str]) -> None:
    own = {"UV_EXTRA_INDEX_URL": "https://own.test/simple", "UV_FIND_LINKS": "/own", "SSL_CERT_FILE": "/own.pem"}
    assert package_sources.uv_variables({**home, **own}) == {}


def test_variables_win_over_files(home: dict[str, str]) -> None:
    options = package_sources.pip_options({**home, "PIP_INDEX_URL": "https://i.test", "PIP_FIND_LINKS": "/a /b"})
    assert options["index-url"] == "https://i.test"
    assert options["find-links"] == "/a /b"
    variables = package_sources.uv_variables({**home, "PIP_INDEX_URL": "https://i.test", "PIP_FIND_LINKS": "/a /b"})
    assert variables["UV_DEFAULT_INDEX"] == "https://i.test"
    assert variables["UV_FIND_LINKS"] == "/a,/b"


def test_jobs_get_no_passwords(home: dict[str, str]) -> None:
    variables = package_sources.job_variables(home)
    assert variables["PIP_EXTRA_INDEX_URL"] == "https://mirror.test/simple"
    assert variables["PIP_FIND_LINKS"] == f"{home['HOME']}/wheels"


def test_local_folders_are_shown_to_jobs(home: dict[str, str], tmp_path: Path) -> None:
    assert package_sources.local_folders(home) == ()
    (tmp_path / "wheels").mkdir()
    (tmp_path / "index" / "simple").mkdir(parents=True)
    found = package_sources.local_folders({**home, "PIP_INDEX_URL": f"file://{tmp_path}/index/simple"})
    assert found == (tmp_path / "index", tmp_path / "wheels")


def test_no_configuration_and_a_broken_one(home: dict[str, str], tmp_path: Path) -> None:
    assert package_sources.uv_variables({**home, "PIP_CONFIG_FILE": "/dev/null"}) == {}
    (tmp_path / ".config" / "pip" / "pip.conf").write_bytes(b"\xff[nonsense\n=")
    assert package_sources.uv_variables(home) == {}
