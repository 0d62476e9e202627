"""What the tests of several modules need."""

import pytest

from maskline.model import AccessEvent, Outcome, Principal


@pytest.fixture
def event() -> AccessEvent:
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.000001Z",
        outcome=Outcome.ANSWERED,
        principal=Principal(kind="human", id="ada"),
        purpose="",
        source="shop",
        namespace="duckdb",
        dialect="duckdb",
        sql="SELECT ?",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
    )
