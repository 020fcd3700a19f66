"""Settings are read from CLARY_* variables, and nonsense is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.base.errors import ConfigurationError
from clary.base.settings import Settings, load_settings


def test_a_child_process_gets_the_same_settings() -> None:
    settings = load_settings({"CLARY_CAPACITY": "strict", "CLARY_DOORS": "7", "CLARY_RETRY_INVOCATIONS": "0"})
    assert (settings.capacity, settings.doors, settings.retry_invocations) == ("strict", 7, False)
    assert load_settings(settings.to_environment()) == settings
    assert load_settings({}).capacity == Settings().capacity == "fit"


@pytest.mark.parametrize(
    ("name", "value"),
    [("DOORS", "many"), ("CAPACITY", "loose"), ("RETRY_INVOCATIONS", "maybe"), ("LOG_LEVEL", "loud")],
)
def test_nonsense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"CLARY_{name}="):
        load_settings({f"CLARY_{name}": value})


@pytest.mark.parametrize(("port", "option"), [(-1, "port"), (65536, "https_port")])
def test_ports_are_ports(port: int, option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{port} is no port: --{option.replace('_', '-')} "):
        load_settings({}, **{option: port})


def test_commands_are_told_the_folder_as_a_shell_reads_it() -> None:
    assert load_settings({}).data_option == ""
    assert load_settings({}, data=Path("/srv/two words")).data_option == " --data '/srv/two words'"
