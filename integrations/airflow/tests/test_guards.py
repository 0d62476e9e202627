import datetime as dt
import pkgutil
from collections import namedtuple
from typing import Any

import pytest

from maskline_airflow.logging_config import LOGGING_CONFIG, ScrubbingTaskLog


class Remote:
    """A remote log that keeps what it is given."""

    processors = (lambda logger, name, event: {**event, "seen": event["event"]},)

    def __init__(self) -> None:
        self.uploaded: list[object] = []

    def upload(self, path: object, ti: object = None) -> None:
        self.uploaded.append(path)

    def read(self, relative_path: str, ti: object) -> object:
        return [relative_path], None


def test_records_are_scrubbed_before_the_remote_log_sees_them(canaries: Any) -> None:
    event: Any = {"event": f"user {canaries[0]}", "timestamp": "2026-01-01T00:00:00Z", "n": 3}
    for processor in ScrubbingTaskLog(Remote()).processors:
        event = processor(None, "info", event)

    assert event["event"] == event["seen"] == "user [EMAIL_ADDRESS]"
    assert (event["timestamp"], event["n"]) == ("2026-01-01T00:00:00Z", 3)


def test_remote_log_is_used_where_there_is_one() -> None:
    remote = Remote()
    log, nowhere = ScrubbingTaskLog(remote), ScrubbingTaskLog()
    log.upload("a.log")
    nowhere.upload("a.log")

    assert remote.uploaded == ["a.log"]
    assert log.read("a.log", None) == (["a.log"], None)
    assert nowhere.read("a.log", None) == ([], None)


def test_airflow_finds_the_processor() -> None:
    from airflow.sdk._shared.logging.remote import discover_remote_log_handler

    path = "maskline_airflow.logging_config.LOGGING_CONFIG"
    found, _ = discover_remote_log_handler(path, path, pkgutil.resolve_name)

    assert isinstance(found, ScrubbingTaskLog)
    assert LOGGING_CONFIG["version"] == 1


def test_xcom_texts_are_scrubbed_wherever_they_stand(canaries: Any) -> None:
    from maskline_airflow.xcom import scrubbed

    point = namedtuple("point", "x y")(canaries[0], 1)  # noqa: PYI024
    value = {canaries[0]: [(1, "123-45-6789"), {canaries[0]}, point, dt.date(2026, 1, 1)]}
    [(key, [row, group, pair, day])] = scrubbed(value).items()

    assert key == "[EMAIL_ADDRESS]"
    assert row == (1, "[US_SSN]")
    assert group == {"[EMAIL_ADDRESS]"}
    assert (pair.x, pair.y) == ("[EMAIL_ADDRESS]", 1)
    assert day == dt.date(2026, 1, 1)


@pytest.mark.parametrize("inner", ["", "airflow.sdk.bases.xcom.BaseXCom"])
def test_xcom_backend_scrubs_and_hands_on(
    canaries: Any, inner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maskline_airflow.xcom import ScrubbingXComBackend

    monkeypatch.setenv("AIRFLOW__MASKLINE__XCOM_BACKEND", inner)
    stored = ScrubbingXComBackend.serialize_value([canaries[0]], key="k")

    assert canaries[0] not in str(stored)
    assert "[EMAIL_ADDRESS]" in str(stored)
