"""What all engines share: how a query runs, and how it ends."""

import contextlib
import gc
import hashlib
import os
import signal
import socket
import sqlite3
import threading
import time
import weakref

import pyarrow as pa
import pytest

from maskline.errors import QueryCancelledError, QueryFailedError
from maskline.sources._signals import interruptible
from maskline.sources._streams import QueryStream, Running

CANARY = "canary-7391"
SECONDS = 5.0


def busy():
    """Stay in a library for some tenths of a second, in which no handler of a signal runs."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000)


class Counting(QueryStream):
    """Gives batches of one column, and tells how many it was asked for."""

    def __init__(self, running, *, batches, width=1, hangs_at=None):
        super().__init__(running)
        self.batches = batches
        self.width = width
        self.hangs_at = hangs_at
        self.fetched = 0
        self.released = 0
        self.threads = set()
        self.is_interrupted = threading.Event()
        self.is_hanging = threading.Event()

    def _start(self):
        self.threads.add(threading.current_thread())
        return pa.schema([("a", pa.binary())])

    def _fetch(self):
        self.threads.add(threading.current_thread())
        if self.fetched == self.hangs_at:
            self.is_hanging.set()
            busy()
            assert self.is_interrupted.wait(SECONDS)
            raise ValueError(CANARY)
        if self.fetched == self.batches:
            return None
        self.fetched += 1
        return pa.RecordBatch.from_pydict({"a": [b"x" * self.width]}, schema=self.schema)

    def _interrupt(self):
        self.is_interrupted.set()

    def _release(self):
        self.released += 1

    def _explain(self, error):
        return QueryFailedError(type(error).__name__)


def settled(stream):
    """Return how many batches were fetched, once their number no longer changes."""
    before = -1
    while before != stream.fetched:
        before = stream.fetched
        time.sleep(0.1)
    return before


def elsewhere(action):
    """Run something in another thread."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def running():
    running = Running()
    yield running
    running.close()


def test_nothing_is_fetched_before_somebody_reads(running):
    stream = Counting(running, batches=3)

    stream.start()

    assert settled(stream) == 0
    assert stream.schema == pa.schema([("a", pa.binary())])


def test_a_query_fetches_no_more_than_its_reader_asks_for(running):
    stream = Counting(running, batches=100)
    stream.start()

    next(iter(stream))

    assert settled(stream) == 1
    assert stream.threads == {threading.current_thread()}


def test_all_batches_come_and_then_the_query_is_freed(running):
    stream = Counting(running, batches=20)
    stream.start()

    assert stream.read_all().num_rows == 20
    assert stream.released == 1
    assert not stream.is_interrupted.is_set()
    assert list(stream) == []


def test_leaving_early_stops_the_query(running):
    stream = Counting(running, batches=100)
    stream.start()
    next(iter(stream))

    stream.close()
    stream.close()

    fetched = settled(stream)
    assert fetched < 100
    assert stream.released == 1


def test_a_closed_query_gives_nothing_that_was_fetched_before(running):
    stream = Counting(running, batches=100)
    stream.start()
    batches = iter(stream)
    next(batches)
    settled(stream)

    elsewhere(stream.close)

    with pytest.raises(QueryCancelledError):
        next(batches)


def test_a_query_that_another_thread_closes_ends_for_its_reader(running):
    stream = Counting(running, batches=100, hangs_at=0)
    stream.start()

    def close():
        assert stream.is_hanging.wait(SECONDS)
        stream.close()

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises((QueryCancelledError, QueryFailedError)) as caught:
        next(iter(stream))

    thread.join(SECONDS)
    assert CANARY not in str(caught.value)
    assert stream.released == 1


def test_an_error_comes_after_what_was_fetched_before(running):
    stream = Counting(running, batches=100, hangs_at=2)
    stream.is_interrupted.set()
    stream.start()
    batches = iter(stream)

    assert [next(batches).num_rows, next(batches).num_rows] == [1, 1]
    with pytest.raises(QueryFailedError, match="ValueError") as caught:
        next(batches)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert stream.released == 1


def test_ctrl_c_stops_the_query_before_it_is_freed(running):
    stream = Counting(running, batches=100, hangs_at=0)
    stream.start()
    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()

    with pytest.raises(KeyboardInterrupt):
        next(iter(stream))

    assert stream.is_interrupted.is_set()
    assert stream.released == 1


def test_ctrl_c_is_heard_again_after_a_library_has_failed():
    endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"
    with contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False)) as link:
        for _ in range(3):
            threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
            late = threading.Timer(SECONDS, link.interrupt)
            late.start()
            began = time.monotonic()

            with pytest.raises(KeyboardInterrupt):
                interruptible(lambda: link.execute(endless).fetchall(), link.interrupt)

            late.cancel()
            assert time.monotonic() - began < SECONDS - 1


def test_a_handler_that_goes_on_finds_the_query_stopped(running):
    stream = Counting(running, batches=100, hangs_at=0)
    stream.start()
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    threading.Timer(0.1, signal.raise_signal, [signal.SIGTERM]).start()
    try:
        with pytest.raises(QueryFailedError):
            next(iter(stream))
    finally:
        signal.signal(signal.SIGTERM, before)

    assert came == [signal.SIGTERM]
    assert stream.released == 1


def test_a_signal_that_means_something_else_leaves_the_query_alone(running):
    stream = Counting(running, batches=100, hangs_at=0)
    stream.start()
    came = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    threading.Timer(0.1, signal.raise_signal, [signal.SIGUSR1]).start()
    threading.Timer(0.4, stream.is_interrupted.set).start()
    try:
        began = time.monotonic()
        with pytest.raises(QueryFailedError):
            next(iter(stream))
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert came == [signal.SIGUSR1]
    assert time.monotonic() - began > 0.3


def test_signals_still_reach_whoever_else_waits_for_them(running):
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    reader.settimeout(SECONDS)
    before = signal.set_wakeup_fd(writer.fileno())
    try:
        stream = Counting(running, batches=100, hangs_at=0)
        stream.start()
        threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            next(iter(stream))

        assert reader.recv(1) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(before) == writer.fileno()
    finally:
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()


def test_a_call_within_a_call_ends_with_the_outer_one():
    interrupted = threading.Event()

    def outer():
        interruptible(lambda: None, lambda: None)
        busy()
        assert interrupted.wait(SECONDS)

    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        interruptible(outer, interrupted.set)

    assert interrupted.is_set()


def test_a_forked_child_can_be_interrupted_too(running):
    next(iter(started := Counting(running, batches=3)), None)
    del started
    child = os.fork()
    if not child:
        code = 1
        try:
            stream = Counting(Running(), batches=3, hangs_at=0)
            stream.start()
            threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
            next(iter(stream))
        except KeyboardInterrupt:
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert ended == (child, 0)


def test_what_one_thread_starts_another_may_read(running):
    by_main, by_other = Counting(running, batches=3), Counting(running, batches=3)
    by_main.start()
    elsewhere(by_other.start)
    found = []

    elsewhere(lambda: found.extend(by_main))

    assert len(found) == len(list(by_other)) == 3


def test_what_another_thread_starts_runs_there(running):
    stream = Counting(running, batches=3)
    names = []

    def read():
        stream.start()
        names.append(threading.current_thread())
        list(stream)

    elsewhere(read)

    assert list(stream.threads) == names


@pytest.mark.parametrize("taken", [1, 5])
def test_a_query_that_ended_does_not_wait_for_the_garbage_collector(running, taken):
    gc.disable()
    try:
        stream = Counting(running, batches=3)
        stream.start()
        for _, _ in zip(range(taken), stream, strict=False):
            pass
        stream.close()
        known = weakref.ref(stream)
        del stream

        assert known() is None
    finally:
        gc.enable()


def test_a_cancelled_query_is_not_asked_again(running):
    stream = Counting(running, batches=3)
    raised = []

    def read():
        stream.start()
        stream.cancel()
        try:
            next(iter(stream))
        except QueryCancelledError as exc:
            raised.append(exc.message)

    elsewhere(read)

    assert len(raised) == 1
    assert stream.fetched == 0
