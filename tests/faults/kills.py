"""Commands killed, kill -9, after some processor time or before a change of a file: what they were
to write is whole or not there, nothing that stood there is lost, and the same command ends well."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

from tests.faults.bundles import answered
from tests.faults.processes import Stop, killed_at_change, measured, run

TEXT = "a few words to learn pieces of, and some more of them\n"
EXPORTS = {
    "export.coreml": ["--lengths", "16,32", "--no-verify"],
    "export.onnx": ["--no-verify"],
    "export.coreai": ["--lengths", "16,32", "--no-verify"],
}
WITHOUT_EXTRAS = ("export.coreml", "export.onnx")
FIRST = 0.1
"""Part of a command's time before which it has done nothing."""
_MEASURED: dict[str, tuple[float, int]] = {}
"""Seconds of the processor, and changes of files, of a whole run of each command."""


def corpus_to_kill(folder: Path) -> None:
    from tests.faults.attacks import tiny_checkpoint

    tiny_checkpoint(folder / "model")
    (folder / "text.txt").write_text(TEXT * 60_000)


def killed_tokenization(folder: Path, draw: random.Random) -> str | None:
    """There is a whole corpus or none."""
    out = folder / "corpus"
    command = [sys.executable, "-m", "distill.prepare", "--model", str(folder / "model")]
    command += ["--text", str(folder / "text.txt"), "--corpus_dir", str(out)]
    command += ["--sequence_length", "32"]
    _kill(command, folder, draw)
    if out.exists() and not (out / "corpus.json").is_file():
        return "half a corpus"
    return _again(command, folder)


def killed_export(folder: Path, draw: random.Random) -> str | None:
    """There is a whole export or none; where one stood before, a whole one."""
    return _killed(draw.choice(WITHOUT_EXTRAS), folder, draw)


def killed_asset(folder: Path, draw: random.Random) -> str | None:
    """As `killed_export`; Apple's runtime gives the answer that the bundle of Core ML gave, and an
    asset joins that bundle where it stands."""
    return _killed("export.coreai", folder, draw)


def _killed(name: str, folder: Path, draw: random.Random) -> str | None:
    replaces = draw.randrange(2)
    out = folder / ("bundle" if name != "export.onnx" and replaces else "out")
    command = [sys.executable, "-m", name, "--model", str(folder / "model"), "--task", "classify"]
    command += [*EXPORTS[name], "--force", "--out", str(out)]
    _kill(command, folder, draw)
    if replaces and name != "export.onnx" and not out.exists():
        return "the bundle that stood there is gone"
    if out.exists() and (problem := _not_whole(out, folder)):
        return f"{name}: {problem}"
    return _again(command, folder) or _not_whole(out, folder)


def _not_whole(out: Path, folder: Path) -> str | None:
    if out.is_dir():
        status, printed, error = answered(out)
        expected = (folder / "answer.txt").read_text(encoding="utf-8")
        return None if status == 0 and printed == expected else f"it answers {printed} {error}"
    import onnx

    onnx.checker.check_model(str(out))
    return None


def training_to_kill(folder: Path) -> None:
    """A classifier, its rows, and what a training that nobody stops makes of them."""
    from tests.faults.attacks import tiny_checkpoint

    tiny_checkpoint(folder / "model")
    rows = [
        f"{'some' if n % 2 else 'a few'} words {n},{'yes' if n % 2 else 'no'}" for n in range(40)
    ]
    (folder / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    whole = run(_training(folder, "whole"))
    assert whole.returncode == 0, whole.stderr


def killed_training(folder: Path, draw: random.Random) -> str | None:
    """The same command goes on to the same weights, bit for bit."""
    command = _training(folder, "run")
    _kill(command, folder, draw)
    if problem := _again(command, folder):
        return problem
    found, expected = (
        (folder / name / "model.safetensors").read_bytes() for name in ("run", "whole")
    )
    return None if found == expected else "other weights"


def _training(folder: Path, name: str) -> list[str]:
    command = [sys.executable, "-m", "distill.finetune", "--task", "classify", "--use_cpu"]
    command += ["--data", str(folder / "rows.csv"), "--model", str(folder / "model")]
    command += ["--max_length", "16", "--max_steps", "12", "--save_steps", "3"]
    command += ["--report_to", "none", "--out", str(folder / name)]
    return command


def _kill(command: list[str], folder: Path, draw: random.Random) -> None:
    """Kill a command at any moment of the time that it takes, or of the changes that it makes."""
    name = command[2]
    if name not in _MEASURED:
        place = folder.parent / f"{folder.name}-measured"
        shutil.copytree(folder, place)
        there = [word.replace(str(folder), str(place)) for word in command]
        _MEASURED[name] = measured(there, place)
        shutil.rmtree(place)
    seconds, changes = _MEASURED[name]
    if draw.randrange(2):
        run(command, stop=Stop(draw.uniform(FIRST * seconds, seconds)))
    else:
        run(killed_at_change(command, draw.randint(1, changes), folder))


def _again(command: list[str], folder: Path) -> str | None:
    """What went wrong when the command ran to its end, or what it left beside its result."""
    again = run(command)
    found = [path.name for path in folder.rglob("*.staged-*")]
    if again.returncode == 0 and not found:
        return None
    return f"again: status {again.returncode}, left {found}, {again.stderr}"
