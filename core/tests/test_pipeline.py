"""Batches are masked side by side, and leave in their order."""

import gc
import threading
import time
import weakref

import pyarrow as pa
import pytest

from maskline._pipeline import in_order


def batch(number: int, width: int = 1) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": [number], "wide": [b"x" * width]})


class Source:
    """Gives batches, and remembers how many were asked for."""

    def __init__(self, count: int, width: int = 1) -> None:
        self.count, self.width, self.given = count, width, 0

    def __iter__(self):
        for number in range(self.count):
            self.given += 1
            yield batch(number, self.width)


class Action:
    """Takes some time for a batch, and remembers who did."""

    def __init__(self, seconds: float, fails_at: int = -1) -> None:
        self.seconds, self.fails_at = seconds, fails_at
        self.threads: set[str] = set()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, each: pa.RecordBatch) -> int:
        number = each.column("n")[0].as_py()
        with self.lock:
            self.threads.add(threading.current_thread().name)
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds * (1 + number % 3))
        with self.lock:
            self.running -= 1
        if number == self.fails_at:
            raise ValueError(number)
        return number


@pytest.mark.parametrize("count", [0, 1, 2, 40])
@pytest.mark.parametrize("seconds", [0.0, 0.003])
def test_results_come_in_the_order_of_the_batches(count, seconds):
    assert list(in_order(Source(count), Action(seconds))) == list(range(count))


def test_the_first_result_comes_before_a_second_batch_is_asked_for():
    source = Source(10)

    assert next(in_order(source, Action(0.01))) == 0
    assert source.given == 1


def test_quick_work_stays_in_the_thread_of_the_caller():
    action = Action(0.0)

    list(in_order(Source(20), action))

    assert action.threads == {threading.current_thread().name}


def test_slow_work_is_done_side_by_side():
    action = Action(0.01)

    list(in_order(Source(20), action))

    assert action.most > 1
    assert len(action.threads) > 1


def test_no_more_is_fetched_than_the_workers_can_take():
    source = Source(1000)
    results = in_order(source, Action(0.01))

    for _ in range(5):
        next(results)

    assert source.given < 5 + 2 * 4 + 2
    results.close()


def test_large_batches_wait_for_each_other():
    source = Source(100, width=40 * 1024 * 1024)
    results = in_order(source, Action(0.01))

    next(results), next(results)

    assert source.given <= 4
    results.close()


def test_an_error_comes_in_its_place_and_ends_the_work():
    results = in_order(Source(100), Action(0.005, fails_at=7))

    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="7"):
        next(results)
    assert list(results) == []
    assert not [each for each in threading.enumerate() if each.name.startswith("maskline-mask")]


def test_whoever_leaves_early_leaves_no_thread_and_no_batch():
    gc.disable()
    try:
        kept = []

        def action(each: pa.RecordBatch) -> int:
            kept.append(weakref.ref(each))
            time.sleep(0.005)
            return 1

        results = in_order(Source(100), action)
        for _ in range(4):
            next(results)
        results.close()

        assert not [each for each in threading.enumerate() if each.name.startswith("maskline-mask")]
        assert len(kept) < 100
        assert not [ref for ref in kept if ref() is not None]
    finally:
        gc.enable()
