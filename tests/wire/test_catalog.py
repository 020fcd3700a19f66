from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.loaders import Loader

from clary.wire.catalog import Catalog
from clary.wire.facts import FACTS, SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_the_index_says_what_the_models_say(catalog: Catalog, name: str) -> None:
    metadata, facts = catalog.service(name).metadata, FACTS[name]
    assert facts.signing_name == catalog.service(name).signing_name
    assert facts.protocols == tuple(metadata.get("protocols", [metadata["protocol"]]))
    if not facts.protocols[0].startswith("rest-"):
        assert facts.target_prefix == metadata.get("targetPrefix", "")
    if "query" in facts.protocols:
        assert facts.version == metadata["apiVersion"]


def test_models_load_when_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    original = Loader.load_service_model

    def load(self: Loader, name: str, kind: str) -> object:
        loaded.append(name)
        return original(self, name, kind)

    monkeypatch.setattr(Loader, "load_service_model", load)
    catalog = Catalog()
    assert loaded == []
    assert catalog.service("sts") is catalog.service("sts")
    assert loaded == ["sts"]


def test_an_unknown_service_is_a_key_error(catalog: Catalog) -> None:
    with pytest.raises(KeyError):
        catalog.service("dynamodb")
    assert Catalog(["s3"]).services == ("s3",)
    with pytest.raises(KeyError):
        Catalog(["s3"]).service("sts")


def test_models_of_the_users_home_are_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert Catalog()._loader.search_paths == [Loader.BUILTIN_DATA_PATH]


def test_signatures_are_verified_without_botocore() -> None:
    """Doors stay small: what they import for signatures must not bring the models' library."""
    program = "import sys, clary.wire.sigv4, clary.wire.chunked; print([m for m in sys.modules if 'botocore' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
