"""One catalog and router for the whole folder: loading models is the slow part."""

from __future__ import annotations

import pytest

from clary.wire.catalog import Catalog
from clary.wire.routing import Router


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture(scope="session")
def router(catalog: Catalog) -> Router:
    return Router(catalog)
