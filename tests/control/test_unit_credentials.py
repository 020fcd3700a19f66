"""Credentials of units: fresh ones in time, for nobody but the unit that runs, with its role's rights alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ContainerProvider

from clary.access import callers
from clary.access.sessions import ExpiredToken, open_session
from clary.access.unit_tokens import mint_unit_token
from clary.base.installation import Installation
from clary.base.snapshots import Access, PrincipalPolicies
from clary.control.internal import InternalPaths
from clary.store import resources, work
from clary.store.blobs import Blobs
from clary.store.database import Database
from clary.store.resources import Resource
from clary.wire.http import RequestHead

ACCOUNT, REGION, KEY = "111122223333", "us-east-1", "00" * 32
BEGIN = datetime(2026, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/of-job"
ADDRESS = "http://127.0.0.1/clary/credentials"


@dataclass
class House:
    """InternalPaths over a real database, at a time that stands still; also the fetcher of botocore's provider."""

    database: Database
    blobs: Blobs
    time: datetime = BEGIN
    living: set[str] = field(default_factory=set)
    token: str = ""

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - BEGIN).total_seconds()

    def add(self, kind: str, name: str, status: str = "", **document: Any) -> Resource:
        arn = ROLE if kind == "iam-role" else f"arn:{kind}/{name}"
        with self.database.write() as tx:
            row = resources.create(
                tx,
                account=ACCOUNT,
                region=REGION,
                kind=kind,
                name=name,
                arn=arn,
                document=document,
                status=status,
                now=self.time,
            )
            work.enqueue(tx, row, self.time)
        return row

    def job(self, name: str) -> str:
        """A running job's unit."""
        unit = f"t{self.add('training-job', name, 'InProgress').id}-algo-1"
        self.living.add(unit)
        return unit

    def ask(self, token: str) -> tuple[int, dict[str, str]]:
        installation = Installation(ACCOUNT, REGION, "AKIAIOSFODNN7EXAMPLE", "secret", KEY)
        paths = InternalPaths(self.database, self.blobs, installation, self, self.living.__contains__, HOUR)
        answer = paths.hand_out(RequestHead("GET", "/clary/credentials", "", {"authorization": token}))
        return answer.status, json.loads(answer.body)

    def retrieve_full_uri(self, full_url: str, headers: dict[str, str] | None = None) -> dict[str, str]:
        assert (full_url, (headers or {})["Authorization"]) == (ADDRESS, self.token)
        status, document = self.ask(self.token)
        assert status == 200, document
        return document


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = Database(tmp_path / "clary.db")
    made = House(database, Blobs(tmp_path / "blobs"))
    made.add("iam-role", "of-job", RoleId="AROA1")
    yield made
    database.close()


def token_of(unit: str, role_id: str = "AROA1") -> str:
    return mint_unit_token(KEY, unit, ROLE, role_id)


def test_botocore_renews_them_before_they_end(house: House) -> None:
    house.token = token_of(house.job("a"))
    variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": ADDRESS, "AWS_CONTAINER_AUTHORIZATION_TOKEN": house.token}
    credentials = ContainerProvider(environ=variables, fetcher=house).load()
    credentials._time_fetcher = house.now
    seen = []
    for _ in range(20):  # every ten minutes
        frozen = credentials.get_frozen_credentials()
        session = open_session(KEY, frozen.access_key, frozen.token, house.time)
        assert session.principal.role_arn == ROLE
        assert session.expires_at - house.time >= timedelta(minutes=10)
        seen.append((frozen, house.time))
        house.time += timedelta(minutes=10)
    assert 4 <= len({frozen for frozen, _ in seen}) < 10
    first = seen[0][0]
    with pytest.raises(ExpiredToken):
        open_session(KEY, first.access_key, first.token, BEGIN + HOUR)


def test_rights_are_those_of_the_role_and_no_more(house: House) -> None:
    _, answer = house.ask(token_of(house.job("a")))
    allowed = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    access = Access(1, {}, {ROLE: PrincipalPolicies(ROLE, ACCOUNT, "AROA1", policies=(allowed,))})
    caller = callers.identify(access, KEY, answer["AccessKeyId"], answer["Token"], house.time)
    assert caller.principal.role_arn == ROLE
    assert list(caller.policies.identity) == [allowed]


def test_a_token_is_worth_nothing_once_its_unit_has_ended(house: House) -> None:
    unit = house.job("a")
    other = house.job("b")
    assert house.ask(token_of(unit))[0] == 200
    house.living.discard(unit)
    status, answer = house.ask(token_of(unit))
    assert (status, "does not run any more" in answer["message"]) == (403, True)
    assert house.ask(token_of(other))[0] == 200, "the other job is not concerned"


def test_a_job_that_has_ended_gets_none_even_if_something_of_it_still_runs(house: House) -> None:
    unit = house.job("a")
    with house.database.write() as tx:
        row = resources.find_by_arn(tx, "arn:training-job/a")
        assert row is not None
        resources.save(tx, row, status="Stopped", document=row.document, now=house.time)
    assert house.ask(token_of(unit))[0] == 403


def test_tokens_are_of_one_unit_and_one_role(house: House) -> None:
    unit, other = house.job("a"), house.job("b")
    payload, _, signature = token_of(unit).partition(".")
    foreign = token_of(other).partition(".")[0]
    for token in ("", payload, f"{foreign}.{signature}", mint_unit_token("11" * 32, unit, ROLE, "AROA1")):
        assert house.ask(token)[0] == 403
    status, answer = house.ask(token_of(unit, role_id="AROA0"))
    assert (status, "does not exist any more" in answer["message"]) == (403, True), "of a role that was made anew"


def test_processes_of_functions_have_them_as_long_as_they_run(house: House) -> None:
    unit = f"f{house.add('lambda-function', 'f').id}-abc-def"
    house.living.add(unit)
    assert house.ask(token_of(unit))[0] == 200
    house.living.discard(unit)
    assert house.ask(token_of(unit))[0] == 403


def test_replicas_that_were_replaced_get_none(house: House) -> None:
    replica = {"generation": 1, "variant": "v", "index": 0, "attempt": 2, "since": 0.0, "ready": True}
    row = house.add("endpoint", "e", "InService", fleet=[replica])
    old, new = (f"e{row.id}-g1-v-0-a{attempt}" for attempt in (1, 2))
    house.living |= {old, new}
    assert [house.ask(token_of(unit))[0] for unit in (old, new)] == [403, 200]
