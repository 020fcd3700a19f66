"""Where packages come from: hands pip's configured indexes and wheel folders on, to uv and into jobs.

uv does not read pip's configuration, and a job sees neither the user's home nor variables. Without this module
a mirror that works for pip would silently not be used.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

_MACHINE_FILES = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
_OPTIONS = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "no-index")
_ALL_UV_INDEXES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")


def pip_options(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """pip's options about sources: configuration files first, PIP_* variables over them."""
    found: dict[str, str] = {}
    for file in _configuration_files(environment):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself complains about it, where the user sees it
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(
                    {name: parser.get(section, name) for name in _OPTIONS if parser.has_option(section, name)}
                )
    for name in _OPTIONS:
        value = environment.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            found[name] = value
    return {name: " ".join(value.split()) for name, value in found.items() if value.strip()}


def uv_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that make uv use pip's sources, as far as uv's own are not set."""
    options = pip_options(environment)
    variables: dict[str, str] = {}
    if not any(environment.get(name) for name in _ALL_UV_INDEXES):
        if "index-url" in options:
            variables["UV_DEFAULT_INDEX"] = options["index-url"]
        if "extra-index-url" in options:
            variables["UV_INDEX"] = options["extra-index-url"]
            # As pip does: the best version of all indexes. The locks' hashes keep strangers out.
            variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    if "find-links" in options and not environment.get("UV_FIND_LINKS"):
        variables["UV_FIND_LINKS"] = ",".join(options["find-links"].split())
    if "cert" in options and not environment.get("SSL_CERT_FILE"):
        variables["SSL_CERT_FILE"] = options["cert"]
    return variables


def job_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """PIP_* variables for jobs, so that `pip install` inside works as outside. Addresses with a password stay out."""
    variables = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    for name, value in pip_options(environment).items():
        kept = " ".join(item for item in value.split() if "@" not in urlsplit(item).netloc)
        if kept:
            variables[f"PIP_{name.upper().replace('-', '_')}"] = kept
    return variables


def local_folders(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Host folders among the sources, which jobs must be shown to be able to use them."""
    options = pip_options(environment)
    folders = set()
    for name in ("index-url", "extra-index-url", "find-links", "cert"):
        for item in options.get(name, "").split():
            path = _path_of(item)
            if path is not None and path.exists():
                # An index refers to files beside it.
                folders.add(path.parent if "index" in name else path)
    return tuple(sorted(folders))


def _path_of(item: str) -> Path | None:
    if item.startswith("file:"):
        return Path(unquote(urlsplit(item).path))
    return Path(item) if item.startswith("/") else None


def _configuration_files(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - never fails, unlike Path.home
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [*_MACHINE_FILES, home / ".pip/pip.conf", user / "pip/pip.conf"]
    return [*files, Path(sys.prefix) / "pip.conf", *([Path(named)] if named else [])]
