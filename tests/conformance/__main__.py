"""Run coremltools' own tests of its operations in the simulator, and write the table.

python -m tests.conformance                 # all of them; export/simulator/README.md
python -m tests.conformance --tenths 0      # a fixed tenth, printed only
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
SUITE = "coremltools.converters.mil.mil.ops.tests"
START, END = "<!-- conformance -->", "<!-- /conformance -->"
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
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        return merged(list(pool.map(lambda part: _run(Path(folder), part), parts)))


def merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The results of several parts of the suite as one."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    causes: Counter[str] = Counter()
    for part in parts:
        causes.update(part["causes"])
        for name, counts in part["files"].items():
            outcomes[name].update(counts)
    files = {name: dict(outcomes[name]) for name in sorted(outcomes)}
    return {"files": files, "causes": dict(causes.most_common())}


def _run(folder: Path, part: str) -> dict[str, Any]:
    """The results of a part of the suite, run in a process of its own."""
    results, log = (folder / f"{part.replace('/', '-')}.{end}" for end in ("json", "log"))
    command = [sys.executable, "-m", "pytest", "--pyargs", SUITE, "-q", "--no-header"]
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
        "| test file | run | passed | failed | skipped | reached a prediction | of them passed |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    total = [0] * 6
    for name, counts in results["files"].items():
        passed, failed, skipped = (counts.get(k, 0) for k in ("passed", "failed", "skipped"))
        good, bad = counts.get("reached_passed", 0), counts.get("reached_failed", 0)
        row = [passed + failed, passed, failed, skipped, good + bad, good]
        total = [a + b for a, b in zip(total, row, strict=True)]
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
    lines.append("| **all** | " + " | ".join(map(str, total)) + " |")
    lines += ["", f"Of the tests that reach a prediction {passed_share(results):.1%} pass.", ""]
    causes = list(results["causes"].items())
    lines += ["Failures by cause:", ""]
    lines += [f"- {count} x `{cause.replace('`', '')}`" for cause, count in causes[:CAUSES_SHOWN]]
    if len(causes) > CAUSES_SHOWN:
        rest = sum(count for _, count in causes[CAUSES_SHOWN:])
        lines.append(f"- {rest} of other causes")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tenths", type=_tenths, default=ALL, help="by hash, such as 0,5; default: all ten"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--write", action="store_true", help="write the table of a share too")
    arguments = parser.parse_args()
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
    page = README.read_text(encoding="utf-8")
    before, after = page.split(START)[0], page.split(END)[1]
    note = "`python -m tests.conformance`, the whole suite:"
    if tuple(tenths) != ALL:
        numbers = ",".join(map(str, tenths))
        note = (
            f"`python -m tests.conformance --tenths {numbers} --write`, {len(tenths)} of 10 tests, "
            "chosen by the hash of their names:"
        )
    text = f"{before}{START}\n{note}\n\n{table(results)}\n{END}{after}"
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
