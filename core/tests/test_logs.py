import io
import logging
import sys
from collections.abc import Iterator
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskline
from maskline.logs import UNSCRUBBED, ScrubFilter, scrub, scrub_event

EMAIL, SSN, CARD, KEY = "kim@example.org", "078-05-1120", "4111111111111111", "AKIAIOSFODNN7EXAMPLE"
SECRETS = (EMAIL, SSN, CARD, KEY)


class Sly:
    """What shows a value only when somebody asks how it looks."""

    def __repr__(self) -> str:
        return f"<Sly {EMAIL}>"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError(EMAIL)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(stream: io.StringIO) -> Iterator[logging.Logger]:
    handler = logging.StreamHandler(stream)
    handler.addFilter(ScrubFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(extra)s %(threadName)s",
                                           defaults={"extra": "-"}))  # fmt: skip
    logger = logging.getLogger("maskline.tests.logs")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def fail_with(value: str, cause: str = "") -> None:
    raise ValueError(value) from (KeyError(cause) if cause else None)


def assert_clean(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def test_scrub_names_what_it_took_out() -> None:
    text = scrub(f"{EMAIL} paid with {CARD}, SSN {SSN}, key {KEY}")

    assert text == "[EMAIL_ADDRESS] paid with [CREDIT_CARD], SSN [US_SSN], key [AWS_ACCESS_KEY]"
    assert scrub(text) == text
    assert maskline.scrub is scrub


def test_scrub_leaves_other_text_as_it_is() -> None:
    for text in ("", "42 rows in 3.5 s", "Zoë 😀", "[EMAIL_ADDRESS]", "2026-03-01T12:00:00Z\n\0"):
        assert scrub(text) == text


def test_scrub_takes_text_with_half_characters() -> None:
    assert scrub(f"\ud800 {EMAIL}") == "? [EMAIL_ADDRESS]"


@settings(max_examples=100, deadline=None)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_text_around_it_hides_an_address(before: str, after: str) -> None:
    assert EMAIL not in scrub(f"{before} {EMAIL} {after}")


def test_the_message_and_its_arguments_are_scrubbed(
    logger: logging.Logger, stream: io.StringIO
) -> None:
    logger.info("%s and %d and %r", EMAIL, int(CARD), Sly())
    logger.info("half of it is here: kim@%s", "example.org")

    assert stream.getvalue().splitlines()[0] == (
        "INFO [EMAIL_ADDRESS] and [CREDIT_CARD] and <Sly [EMAIL_ADDRESS]> - MainThread"
    )
    assert_clean(stream.getvalue())


def test_tracebacks_and_stacks_are_scrubbed(logger: logging.Logger, stream: io.StringIO) -> None:
    try:
        fail_with(EMAIL, SSN)
    except ValueError:
        logger.exception("it failed", stack_info=True)
    shown = stream.getvalue()

    assert "ValueError: [EMAIL_ADDRESS]" in shown
    assert "KeyError: '[US_SSN]'" in shown
    assert "Stack (most recent call last)" in shown
    assert_clean(shown)


def test_extras_are_scrubbed_however_deep(logger: logging.Logger, stream: io.StringIO) -> None:
    extra = {
        EMAIL: [SSN, (int(CARD), 7, None, True)],
        "proxy": MappingProxyType({"a": {KEY}}),
        "sly": Sly(),
        "bytes": EMAIL.encode(),
    }

    logger.info("hello", extra={"extra": extra})

    assert "'[EMAIL_ADDRESS]': ['[US_SSN]', ('[CREDIT_CARD]', 7, None, True)]" in stream.getvalue()
    assert_clean(stream.getvalue())


def test_a_record_that_cannot_be_scrubbed_says_nothing(
    logger: logging.Logger, stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    endless: list[object] = [EMAIL]
    endless.append(endless)

    logger.info("%d", EMAIL)
    logger.info("x", extra={"extra": Broken()})
    logger.info("x", extra={"extra": endless})
    logger.warning(Broken())

    assert stream.getvalue().count(UNSCRUBBED) == 4
    assert "WARNING" in stream.getvalue()
    assert_clean(stream.getvalue() + capsys.readouterr().err)


def test_no_attribute_of_a_record_keeps_a_value() -> None:
    try:
        fail_with(EMAIL)
    except ValueError:
        record = logging.LogRecord("n", 20, __file__, 1, "%s", (SSN,), sys.exc_info(), "f", CARD)
    record.threadName = EMAIL

    assert ScrubFilter().filter(record)
    assert_clean(repr(record.__dict__))
    assert record.getMessage() == "[US_SSN]"
    assert record.exc_info is None
    assert "[EMAIL_ADDRESS]" in str(record.exc_text)


def test_an_event_of_structlog_is_scrubbed_and_not_changed() -> None:
    event = {"event": f"hello {EMAIL}", "count": 3, "at": 1.5, CARD: [SSN], "user": Sly()}
    before = dict(event)

    scrubbed = scrub_event(None, "info", event)

    assert event == before
    assert scrubbed == {
        "event": "hello [EMAIL_ADDRESS]",
        "count": 3,
        "at": 1.5,
        "[CREDIT_CARD]": ["[US_SSN]"],
        "user": "<Sly [EMAIL_ADDRESS]>",
    }


def test_an_exception_of_structlog_becomes_its_scrubbed_text() -> None:
    try:
        fail_with(EMAIL)
    except ValueError as exc:
        given = [True, exc, sys.exc_info()]
        shown = [scrub_event(None, "error", {"event": "x", "exc_info": one}) for one in given]
    without = [scrub_event(None, "error", {"event": "x", "exc_info": one}) for one in (None, True)]

    assert all(one["exception"].endswith("ValueError: [EMAIL_ADDRESS]") for one in shown)
    assert without == [{"event": "x"}, {"event": "x"}]


def test_an_event_that_cannot_be_scrubbed_says_nothing() -> None:
    assert scrub_event(None, "info", {"event": EMAIL, "x": Broken()}) == {"event": UNSCRUBBED}
