"""Every line of a recipe is one that its command takes: the script runs, its trainings do not."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.adapt_mlm import MlmSettings
from distill.average import AverageArguments
from distill.cloze import ClozeArguments
from distill.console.options import parse
from distill.evaluate import EvaluateArguments
from distill.finetune import FinetuneArguments
from distill.training.pretraining_run import ReferenceTraining
from distill.training.processes import SharedTraining
from distill.training.settings import PretrainSettings

ROOT = Path(__file__).parents[2]
OPTIONS: dict[str, tuple[Any, ...]] = {
    "distill.finetune": (FinetuneArguments, SharedTraining),
    "distill.pretrain": (PretrainSettings, ReferenceTraining),
    "distill.adapt_mlm": (MlmSettings, ReferenceTraining),
    "distill.average": (AverageArguments,),
    "distill.cloze": (ClozeArguments,),
    "distill.evaluate": (EvaluateArguments,),
}
RECORDER = """#!/bin/sh
[ "$1" = - ] && exec "$REAL" "$@"
exec "$REAL" -S -c 'import json, sys
print(json.dumps(sys.argv[2:]), file=open(sys.argv[1], "a"))' \\
  "$RECORD" "$@"
"""


@pytest.mark.parametrize(("recipe", "trainings"), [("qa_mini", 7)])
def test_every_line_of_a_recipe_is_a_command(recipe: str, trainings: int, tmp_path: Path) -> None:
    record, python = tmp_path / "record", tmp_path / "python"
    python.write_text(RECORDER)
    python.chmod(0o755)
    for name in ("wikitext-2/valid", "wikitext-2/test", "wikisplit/sentences", "books/nonfiction"):
        path = tmp_path / f"{name}.txt.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(b"A sentence .\n"))
    questions = tmp_path / "questions.json.gz"
    questions.write_bytes(gzip.compress(json.dumps({"data": [{"title": "new_wiki/1"}]}).encode()))
    named = {"CORPUS": tmp_path, "QUESTIONS": questions, "DEV": questions, "MPNET": tmp_path}
    named |= {"PYTHON": python, "REAL": sys.executable, "RECORD": record}
    subprocess.run(
        ["bash", str(ROOT / "distill" / "recipes" / f"{recipe}.sh"), str(tmp_path / "runs")],
        env={**os.environ, **{name: str(value) for name, value in named.items()}},
        check=True,
        cwd=tmp_path,
    )
    modules: list[str] = []
    for text in record.read_text().splitlines():
        words = json.loads(text)
        at = next(i for i, word in enumerate(words) if word.startswith("distill."))
        modules.append(words[at])
        if kinds := OPTIONS.get(words[at]):
            parse(words[at + 1 :], *kinds)
    assert modules.count("distill.finetune") == trainings
