"""Attack the kit for as long as one likes, and print the table of what was tried.

python -m tests.faults --rounds 100 --kills 10
"""

from __future__ import annotations

import argparse
import contextlib
import io
import signal
import sys
import tempfile
from pathlib import Path

from transformers.utils import logging

from tests.faults.attacks import ATTACKS, FAST, attack_once


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="attacks of each fast kind")
    parser.add_argument("--kills", type=int, default=5, help="of each kind that needs a process")
    parser.add_argument("--seed", type=int, default=0, help="of the first attack")
    parser.add_argument("--only", default="", help="the attack of this name, or those that hold it")
    options = parser.parse_args()
    chosen = [attack for attack in ATTACKS if attack.name == options.only]
    chosen = chosen or [attack for attack in ATTACKS if options.only in attack.name]
    if not chosen:
        parser.error(f"no attack has {options.only!r} in its name")
    # A shell that runs this in the background has it, and what it starts, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    print("| attack | tried | fine | failed |\n| --- | --- | --- | --- |")
    failures = []
    with tempfile.TemporaryDirectory() as temporary:
        for number, attack in enumerate(chosen):
            prepared = Path(temporary) / str(number)
            tried = options.rounds if attack in FAST else options.kills
            if not tried:
                continue
            attack.prepare(prepared)
            failed = 0
            for seed in range(options.seed, options.seed + tried):
                with contextlib.redirect_stderr(io.StringIO()):
                    problem = attack_once(attack, prepared, Path(temporary) / "attacked", seed)
                if problem:
                    failed += 1
                    failures.append(repeated_by(attack.name, seed, problem))
                    print(failures[-1], file=sys.stderr, flush=True)
            print(f"| {attack.name} | {tried} | {tried - failed} | {failed} |", flush=True)
    if failures:
        print("\n".join(["", "Failed:", *failures]))
    return 1 if failures else 0


def repeated_by(name: str, seed: int, problem: str) -> str:
    """What went wrong, whole, below the command that does it again."""
    kind = "--kills" if name not in [attack.name for attack in FAST] else "--rounds"
    command = f"python -m tests.faults --only {name!r} --seed {seed} {kind} 1"
    return "\n    ".join([command, *problem.splitlines()])


if __name__ == "__main__":
    raise SystemExit(main())
