from __future__ import annotations

import time

import numpy as np
import pytest

from bench.measuring.timing import Clock, Contender, Times, ratio

INPUTS = [{"input_ids": np.zeros((1, length), np.int64)} for length in (8, 4, 6)]


def test_contenders_take_turns_on_the_same_inputs() -> None:
    seen: list[tuple[str, int]] = []

    def contender(name: str) -> Contender:
        return Contender(lambda i: seen.append((name, i["input_ids"].shape[1])), INPUTS)

    clock = Clock([contender("a"), contender("b")])
    for _ in range(4):
        clock.turn()
    assert seen == [(name, length) for length in (8, 4, 6, 8) for name in "ab"]
    assert [len(times.singles) for times in clock.times()] == [4, 4]


def test_warm_up_shows_the_longest_and_the_shortest_and_counts_nothing() -> None:
    seen: list[int] = []
    clock = Clock([Contender(lambda i: seen.append(i["input_ids"].shape[1]), INPUTS)])
    clock.warm_up()
    assert set(seen) == {8, 4}
    assert clock.times()[0].singles.size == 0


def test_a_turn_that_is_interrupted_does_not_count() -> None:
    calls = iter([None, None, None, KeyboardInterrupt])

    def second(_: object) -> None:
        if next(calls) is not None:
            raise KeyboardInterrupt

    clock = Clock([Contender(lambda i: None, INPUTS), Contender(second, INPUTS)])
    with pytest.raises(KeyboardInterrupt):
        clock.run(60, 100, lambda share: None)
    first, other = clock.times()
    assert len(first.singles) == len(other.singles) == 3


def test_a_run_takes_the_least_turns_and_says_how_far_it_is() -> None:
    shares: list[float] = []
    clock = Clock([Contender(lambda i: None, INPUTS)])
    clock.run(1e-6, 7, shares.append)
    assert len(clock.times()[0].singles) == 7
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_times_are_those_of_the_prediction() -> None:
    clock = Clock([Contender(lambda i: time.sleep(0.02), INPUTS)])
    clock.turn()
    assert 20 <= clock.times()[0].percentile(50) < 2000  # a busy machine sleeps longer


def test_a_pass_is_the_sum_of_each_inputs_median() -> None:
    singles = np.array([1.0, 2.0, 3.0, 1.2, 2.2, 9.0, 5.0])
    assert Times(singles, 3).pass_seconds == pytest.approx(1.1 + 2.1 + 6.0)
    assert Times(singles[:2], 3).pass_seconds is None


def test_the_interval_covers_a_known_ratio() -> None:
    """Over many draws, a 95% interval misses the true value about one time in twenty."""
    rng = np.random.default_rng(7)
    missed = 0
    for _ in range(60):
        drift = rng.uniform(0.5, 2.0, 80)
        noise = rng.lognormal(0, 0.1, (2, 80))
        value, low, high = ratio(1.63 * drift * noise[0], drift * noise[1], "total")
        assert low is not None and high is not None
        assert low <= value <= high
        missed += not low <= 1.63 <= high
    assert missed <= 10


def test_pairing_takes_the_drift_out() -> None:
    drift = np.linspace(1, 3, 100)
    widths = []
    for paired in (True, False):
        _, low, high = ratio(2 * drift, drift, "total", paired)
        assert low is not None and high is not None
        widths.append(high - low)
    assert widths[0] < 1e-9 < widths[1]


def test_the_median_is_not_moved_by_a_stall() -> None:
    steady, stalled = np.full(50, 2.0), np.full(50, 1.0)
    stalled[3] = 500
    assert ratio(steady, stalled)[0] == 2
    assert ratio(steady, stalled, "total")[0] < 1


def test_one_time_gives_no_interval() -> None:
    assert ratio(np.array([2.0]), np.array([1.0])) == (2.0, None, None)
