"""Every command of the README and of the pages, in order, as typed, in an empty folder with small
data made for it: `make docs`. Trainings of hours are cut short by options of their own."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import TEXTS
from tests.docs.commands import ROOT, shown_commands
from tests.docs.running import MINUTES, run_in_order
from tests.docs.small_data import (
    texts,
    write_entities,
    write_pairs,
    write_ranking,
    write_reviews,
)

README = shown_commands(Path("README.md"))
DATA = shown_commands(Path("docs/data.md"))
REPORTS = shown_commands(Path("docs/reports.md"))
CORE_AI = shown_commands(Path("docs/coreai.md"))
DISTILL = shown_commands(Path("distill/README.md"), until="- **Text**")
STEP = ("--max_steps", "1", "--save_strategy", "no", "--report_to", "none")
SMALL = ("--gradient_accumulation_steps", "1", "--sequence_length", "64")
WEAK = ("--allow_weak_teacher", "True")
SHORTER = {
    "distill.adapt_mlm": (*STEP, *SMALL, "--frozen_steps", "1"),
    "distill.pretrain": (*STEP, *SMALL),
    "distill.finetune": (*STEP, *WEAK, "--seeds", "1"),
}
ROW = re.compile(r"^│ (\S[^│]*?) *│", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, squad_file: Path, minilm_directory: Path
) -> Path:
    """An empty folder but for the data files that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    write_reviews(folder / "reviews.csv")
    passages = (TEXTS / "passages.txt").read_text(encoding="utf-8")
    (folder / "passage.txt").write_text(passages, encoding="utf-8")
    sentences = [line for line in passages.replace(". ", ".\n").splitlines() if line.strip()]
    (folder / "sentences.txt").write_text("\n".join(sentences), encoding="utf-8")
    (folder / "STS-B").mkdir()
    names = (
        *("index", "genre", "filename", "year", "old_index", "source1", "source2"),
        *("sentence1", "sentence2", "score"),
    )
    pairs = pairwise(sentences)
    lines = ["\t".join(names)] + [
        "\t".join([str(i), *["-"] * 6, *(s.replace("\t", " ") for s in pair), str(i % 6)])
        for i, pair in enumerate(pairs)
    ]
    (folder / "STS-B" / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with gzip.open(folder / "dev-v1.1.json.gz", "wt", encoding="utf-8") as packed:
        json.dump(json.loads(squad_file.read_text(encoding="utf-8")), packed)
    return folder


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(README))
def test_commands_of_the_readme_work_as_typed(folder: Path) -> None:
    printed = run_in_order(README, folder)
    shown = ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    export = next(text for line, text in printed.items() if "export.coreml --model qa-mini" in line)
    rows = [re.sub(r"transformers .*", "transformers", name) for name in ROW.findall(export)]
    shown = [re.sub(r"transformers .*", "transformers", name) for name in shown]
    assert rows and shown[: len(rows)] == rows


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(DATA))
def test_commands_of_the_page_on_data_work_as_typed(tmp_path: Path, minilm_directory: Path) -> None:
    (tmp_path / "sentences.txt").write_text("\n".join(texts()) + "\n", encoding="utf-8")
    write_pairs(tmp_path / "pairs.tsv")
    write_ranking(tmp_path / "ranking.csv")
    for name in ("reviews.csv", "reviews-test.csv"):
        write_reviews(tmp_path / name)
    for name in ("entities.conll", "entities-test.conll"):
        write_entities(tmp_path / name)
    run_in_order(DATA, tmp_path)


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(REPORTS))
def test_commands_of_the_page_on_reports_work_as_typed(
    tmp_path: Path, minilm_directory: Path
) -> None:
    run_in_order(REPORTS, tmp_path)
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    pages = {"verify.html", "lint.html", "compare.html"}
    assert written == {*pages, "verify.json", "compare.json", "operations.png", "compare.png"}


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(CORE_AI))
@pytest.mark.skipif(find_spec("coreai_torch") is None, reason="needs the extra coreai")
def test_commands_of_the_page_on_core_ai_work_as_typed(folder: Path, tmp_path: Path) -> None:
    for name in ("dev-v1.1.json.gz", "passage.txt"):
        shutil.copy(folder / name, tmp_path)
    run_in_order(CORE_AI, tmp_path)


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(DISTILL))
def test_commands_of_the_page_on_distillation_work(tmp_path: Path, minilm_directory: Path) -> None:
    """A step of each training; ``runs/start`` is made by a command of the page on data."""
    (tmp_path / "corpus").mkdir()
    text = "\n".join(f"{one} {other}" for one, other in pairwise(texts()))
    (tmp_path / "corpus" / "texts.txt.gz").write_bytes(gzip.compress(text.encode()))
    write_pairs(tmp_path / "pairs.tsv")
    write_ranking(tmp_path / "ranking.csv")
    for name in ("train", "test"):
        write_reviews(tmp_path / f"{name}.csv")
        write_entities(tmp_path / f"{name}.conll")
    data = tmp_path / "data" / "glue" / "SST-2"
    data.mkdir(parents=True)
    lines = [f"{text}\t{i % 2}" for i, text in enumerate(texts()[:40])]
    for name in ("train", "dev"):
        (data / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *lines]) + "\n")
    start = "python -m distill.init_student --teacher minilm --layers 3 --out runs/start"
    run_in_order([start, *DISTILL], tmp_path, SHORTER, tmp_path / "data")
