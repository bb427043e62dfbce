"""Run coremltools' own tests of its operations in the simulator, and write the table.

python -m tests.conformance                 # all of them; export/simulator/README.md
python -m tests.conformance --tenths 0      # a fixed tenth, printed only
python -m tests.conformance --others 50     # a fixed fiftieth of the other suites
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
README = ROOT / "export" / "simulator" / "README.md"
SUITE = ("coremltools.converters.mil.mil.ops.tests",)
OTHERS = (
    "coremltools.converters.mil.frontend.torch",
    "coremltools.converters.mil.mil.passes.tests",
    "coremltools.converters.mil.mil.tests",
    "coremltools.converters.mil.backend.mil",
    "coremltools.test.optimize.coreml",
    "coremltools.test.ml_program",
)
"""Suites that ask for predictions of the torch frontend, passes, programs and quantization, to
which the simulator was not built."""
START, END = "<!-- conformance -->", "<!-- /conformance -->"
OTHERS_START, OTHERS_END = "<!-- other suites -->", "<!-- /other suites -->"
CAUSES_SHOWN = 40
ALL = tuple(range(10))
SECONDS_A_TEST = 300  # a test takes less than one; a machine may be busy


def run(tenths: Sequence[int] = ALL, workers: int = 2) -> dict[str, Any]:
    """Results by test file, and the causes of failure with their number; of the tests whose hash
    ends in one of ``tenths``.

    Raises:
        RuntimeError: a run that ended before it had results; the message ends as its output does.
    """
    parts = [f"{worker}/{workers}" for worker in range(workers)]
    if set(tenths) != set(ALL):
        step = len(ALL)
        parts = [f"{t + step * w}/{step * workers}" for t in tenths for w in range(workers)]
    return _of_parts(SUITE, parts, workers)


def run_others(share: int, workers: int = 2) -> dict[str, Any]:
    """One of ``share`` parts of the other suites, chosen by hash; as `run`."""
    parts = [f"{worker * share}/{workers * share}" for worker in range(workers)]
    return _of_parts(OTHERS, parts, workers)


def _of_parts(suites: Sequence[str], parts: Sequence[str], workers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        return merged(list(pool.map(lambda part: _run(Path(folder), suites, part), parts)))


def merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The results of several parts of the suite as one."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    causes: Counter[str] = Counter()
    errors: dict[str, Any] = {}
    for part in parts:
        for name, error in part["errors"].items():
            errors[name] = max(errors.get(name, error), error)
        causes.update(part["causes"])
        for name, counts in part["files"].items():
            outcomes[name].update(counts)
    files = {name: dict(outcomes[name]) for name in sorted(outcomes)}
    return {"files": files, "causes": dict(causes.most_common()), "errors": errors}


def _run(folder: Path, suites: Sequence[str], part: str) -> dict[str, Any]:
    """The results of a part of the suite, run in a process of its own."""
    results, log = (folder / f"{part.replace('/', '-')}.{end}" for end in ("json", "log"))
    command = [sys.executable, "-m", "pytest", "--pyargs", *suites, "-q", "--no-header"]
    command += ["--continue-on-collection-errors", "--runxfail"]
    command += ["-p", "tests.conformance.plugin", "-p", "no:cacheprovider", "--tb=no"]
    command += ["--rootdir", str(folder), "-c", os.devnull, "-W", "ignore"]
    command += ["--part", part, "--results", str(results), "--timeout", str(SECONDS_A_TEST)]
    # The models of the suite are tiny: threads cost more than they give.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    if not results.is_file():
        raise RuntimeError(f"no results of the suite:\n{log.read_text()[-2000:]}")
    return dict(json.loads(results.read_text(encoding="utf-8")))


def passed_share(results: dict[str, Any]) -> float:
    """Share of the tests that asked for a prediction which passed."""
    files = results["files"].values()
    passed = sum(counts.get("reached_passed", 0) for counts in files)
    return passed / max(passed + sum(counts.get("reached_failed", 0) for counts in files), 1)


def table(results: dict[str, Any]) -> str:
    lines = [
        "| test file | run | passed | failed | skipped | reached a prediction | of them passed "
        "| largest error |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    total = [0] * 6
    for name, counts in results["files"].items():
        passed, failed, skipped = (counts.get(k, 0) for k in ("passed", "failed", "skipped"))
        good, bad = counts.get("reached_passed", 0), counts.get("reached_failed", 0)
        row = [passed + failed, passed, failed, skipped, good + bad, good]
        total = [a + b for a, b in zip(total, row, strict=True)]
        error = results["errors"].get(name)
        shown = f"{error[0]:.1e}" if error else ""
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + f" | {shown} |")
    lines.append("| **all** | " + " | ".join(map(str, total)) + f" | {_worst(results)[0]:.1e} |")
    error, test = _worst(results)
    lines += [
        "",
        f"Of the tests that reach a prediction {passed_share(results):.1%} pass; the largest error "
        f"of those is {error:.1e}, in `{test}` (greatest difference over the greatest expected "
        "value, or over 1).",
        "",
    ]
    causes = list(results["causes"].items())
    if causes:
        lines += ["Failures by cause:", ""]
    lines += [f"- {count} x `{cause.replace('`', '')}`" for cause, count in causes[:CAUSES_SHOWN]]
    if len(causes) > CAUSES_SHOWN:
        rest = sum(count for _, count in causes[CAUSES_SHOWN:])
        lines.append(f"- {rest} of other causes")
    return "\n".join(lines)


def _worst(results: dict[str, Any]) -> tuple[float, str]:
    """The largest error of a test that passed, and the test."""
    error, test = max(results["errors"].values(), default=(0.0, ""))
    return float(error), str(test)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tenths", type=_tenths, default=ALL, help="by hash, such as 0,5; default: all ten"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--write", action="store_true", help="write the table of a share too")
    parser.add_argument(
        "--others", type=int, metavar="N", help="run one N-th of coremltools' other suites instead"
    )
    arguments = parser.parse_args()
    if arguments.others is not None:
        results = run_others(arguments.others, arguments.workers)
        print(table(results))
        if arguments.write:
            write_others(results, arguments.others)
        return 0
    results = run(arguments.tenths, arguments.workers)
    print(table(results))
    if arguments.tenths == ALL or arguments.write:
        write(results, arguments.tenths)
    return 0


def _tenths(text: str) -> tuple[int, ...]:
    tenths = tuple(sorted({int(part) for part in text.split(",")}))
    if not set(tenths) <= set(ALL):
        raise argparse.ArgumentTypeError(f"{text!r}: tenths are numbers from 0 to 9")
    return tenths


def write(results: dict[str, Any], tenths: Sequence[int] = ALL) -> None:
    """Put the table of a share of the suite into the simulator's README."""
    note = "`python -m tests.conformance`, the whole suite:"
    if tuple(tenths) != ALL:
        numbers = ",".join(map(str, tenths))
        note = (
            f"`python -m tests.conformance --tenths {numbers} --write`, {len(tenths)} of 10 tests, "
            "chosen by the hash of their names:"
        )
    _replace(START, END, note, results)


def write_others(results: dict[str, Any], share: int) -> None:
    """Put the table of a share of the other suites into the simulator's README."""
    note = f"`python -m tests.conformance --others {share} --write`, one test of {share} by hash:"
    _replace(OTHERS_START, OTHERS_END, note, results)


def _replace(start: str, end: str, note: str, results: dict[str, Any]) -> None:
    page = README.read_text(encoding="utf-8")
    before, after = page.split(start)[0], page.split(end)[1]
    text = f"{before}{start}\n{note}\n\n{table(results)}\n{end}{after}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
