"""The code of functions by link: exactly one archive, for ten minutes, for nobody who changes the link."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clary.access.code_links import code_link
from clary.store import contents, objects
from clary.store.blobs import Extent
from clary.store.database import Transaction
from tests.control.in_process import ENDPOINT, Control, control_in
from tests.services.s3.client import spool

KEY = "00" * 32
ARCHIVE = b"PK of a function"


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    with control_in(tmp_path_factory.mktemp("control")) as found:
        yield found


@pytest.fixture
def content(control: Control) -> str:
    extents = objects.adopt(control.blobs, spool(control.blobs, ARCHIVE))
    with control.database.write() as tx:
        added = contents.add(tx, extents)
    assert added is not None
    return added


def test_a_link_leads_to_the_archive(control: Control, content: str) -> None:
    answer = control.send("GET", code_link(KEY, ENDPOINT, content, datetime.now(UTC)))
    assert (answer.status, answer.body) == (200, ARCHIVE)
    assert answer.headers["content-type"] == "application/zip"


def test_archives_are_looked_for_off_the_event_loop(
    control: Control, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    look = contents.extents

    def seen(tx: Transaction, name: str) -> list[Extent]:
        threads.append(threading.current_thread())
        return look(tx, name)

    monkeypatch.setattr(contents, "extents", seen)
    assert control.send("GET", code_link(KEY, ENDPOINT, content, datetime.now(UTC))).status == 200
    assert threads
    assert threading.current_thread() not in threads


def test_a_link_that_was_changed_or_is_old_opens_nothing(control: Control, content: str) -> None:
    now = datetime.now(UTC)
    link = code_link(KEY, ENDPOINT, content, now)
    old = code_link(KEY, ENDPOINT, content, now - timedelta(minutes=11))
    changed = [
        link.replace(content, "another"),
        link.replace("until=", "until=9"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        code_link("11" * 32, ENDPOINT, content, now),
        old,
        f"{ENDPOINT}/clary/code",
        f"{ENDPOINT}/clary/code?until=x&content=%FF&signature=%FF",
        f"{ENDPOINT}/clary/code?" + "a=b&" * 50,
    ]
    assert {control.send("GET", each).status for each in changed} == {403}


def test_code_that_was_replaced_is_gone(control: Control, content: str) -> None:
    link = code_link(KEY, ENDPOINT, content, datetime.now(UTC))
    with control.database.write() as tx:
        garbage = contents.release(tx, [content])
    control.blobs.delete(garbage)
    assert control.send("GET", link).status == 404
