"""What a library prints in the block is dropped; what others print at that time is not."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings

import pytest

from export.bundle.quiet import quiet
from export.proof.coreai_runtime import _announcement_dropped


def test_quiet_drops_what_its_own_thread_writes(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("a bar 100%", file=sys.stderr)
        print("on the other stream")
        logging.getLogger("coremltools").warning("Torch version 9 has not been tested")
        assert not sys.stderr.isatty()
    print("after", file=sys.stderr)
    printed = capsys.readouterr()
    assert printed.err == "after\n" and printed.out == "on the other stream\n"
    with quiet("stdout", "stderr"):
        print("dropped")
        sys.stderr.write("ERROR - it does not convert\n")
    assert capsys.readouterr() == ("", "ERROR - it does not convert\n")


def test_quiet_keeps_what_other_threads_write(capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty threads print while others come and go in quiet blocks."""
    began, went_on = threading.Event(), threading.Event()

    def work(number: int) -> None:
        began.wait()
        for turn in range(50):
            with quiet("stdout", "stderr"):
                print("noise", file=sys.stderr)
                print("noise")
            sys.stderr.write(f"{number}.{turn}\n")

    def hold() -> None:
        with quiet():
            began.set()
            went_on.wait()

    before = sys.stderr
    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    holder = threading.Thread(target=hold)
    for thread in (*threads, holder):
        thread.start()
    for thread in threads:
        thread.join()
    went_on.set()
    holder.join()
    printed = capsys.readouterr()
    lines = {f"{number}.{turn}" for number in range(20) for turn in range(50)}
    assert set(printed.err.split()) == lines and printed.out == ""
    assert sys.stderr is before


def test_quiet_leaves_the_filters_of_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    filters, level = list(warnings.filters), logging.getLogger("coremltools").level
    with quiet():
        assert list(warnings.filters) == filters
    assert list(warnings.filters) == filters
    assert logging.getLogger("coremltools").level == level


def test_quiet_stream_that_a_logger_keeps_writes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        handler = logging.StreamHandler()  # as a library makes one when it is imported
        handler.emit(logging.makeLogRecord({"msg": "inside"}))
    handler.emit(logging.makeLogRecord({"msg": "outside"}))
    with quiet():
        handler.emit(logging.makeLogRecord({"msg": "inside again"}))
    assert capsys.readouterr().err == "outside\n"


def test_announcement_of_apples_runtime_is_dropped_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with _announcement_dropped():
        os.write(2, b"ODIE [default]: Loading function 'length_16'\n")
        os.write(2, b"a message of another thread\n")
        os.write(2, b"without an end")
    assert capfd.readouterr().err == "a message of another thread\nwithout an end"
