"""Parts of training jobs that need no job."""

from __future__ import annotations

import pytest

from clary.engine.training_jobs import _source_archive


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        ('"s3://bucket/key.tar.gz"', "s3://bucket/key.tar.gz"),
        ("s3://bucket/key.tar.gz", "s3://bucket/key.tar.gz"),
        ('"/opt/ml/code"', None),
        ("7", None),
        ("[" * 2500, None),
    ],
)
def test_where_the_source_of_a_script_lies(value: str | None, found: str | None) -> None:
    assert _source_archive({} if value is None else {"sagemaker_submit_directory": value}) == found
