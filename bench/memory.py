"""Peak memory of one model in one runtime, in a process of its own.

python -m bench.memory onnxruntime distilbert 128
"""

from __future__ import annotations

import resource
import subprocess
import sys

MB = 1e6


def peak_memory(runtime: str, model: str, length: int, threads: int) -> float | None:
    """Peak resident MB of loading the model and two inferences; None where the process failed."""
    command = [sys.executable, "-m", "bench.memory", runtime, model, str(length), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return float(done.stdout.split()[-1])
    except (IndexError, ValueError):
        return None


def main() -> int:
    from bench.runtimes import load_runtime, open_model
    from bench.workloads import load_workloads

    runtime, model, length, threads = sys.argv[1:]
    (workload,) = load_workloads(f"fixed:{length}", None)
    predict = load_runtime(runtime, open_model(model), {int(length)}, int(threads))
    for _ in range(2):
        predict(workload.inputs[0])
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB)
    return 0


if __name__ == "__main__":
    sys.exit(main())
