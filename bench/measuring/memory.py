"""Peak memory of one model in one runtime, in a process of its own.

`peak_memory` starts ``python -m bench.measuring.memory`` with a prepared file, so that the
process holds what a user of that file holds: the interpreter, the runtime, the model, one
inference.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.runtimes.registry import Prepared, load

MB = 1e6
KIB = 1024
TIMEOUT = 300
INFERENCES = 2


def peak_memory(prepared: Prepared, length: int, threads: int, vocabulary: int) -> float | None:
    """Peak resident memory in MB; None where the process failed or was killed."""
    workload = {"length": length, "threads": threads, "vocabulary": vocabulary}
    arguments = json.dumps({**prepared.plain(), **workload})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.measuring.memory", arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT,
        )
        return float(done.stdout.split()[-1])
    except (subprocess.SubprocessError, IndexError, ValueError):
        return None


def resident_peak() -> float:
    """The most memory in MB that this process had resident."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        import resource

        # on a Mac in bytes; Linux's own ru_maxrss is that of the parent when that was larger
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * KIB / MB


def main(argv: Sequence[str] | None = None) -> int:
    settings = json.loads((sys.argv[1:] if argv is None else argv)[0])
    length, threads = settings.pop("length"), settings.pop("threads")
    from bench.runtimes.workloads import Source, load_workloads

    source = Source(vocabulary=settings.pop("vocabulary"))
    (workload,) = load_workloads(f"fixed:{length}", source)
    predict = load(Prepared(**settings), threads)
    for _ in range(INFERENCES):
        predict(workload.inputs[0])
    print(resident_peak())
    return 0


if __name__ == "__main__":
    sys.exit(main())
