"""`--task embed` by the documented commands, with `sentence-transformers` as the witness."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from sklearn.decomposition import TruncatedSVD

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.init_student import main as init_student
from distill.models.embedder import load_embedder, principal_directions
from distill.tasks.own_rows import read_rows
from export.checkpoint.sentence_modules import read_modules

WORDS = ("bread", "mill", "stone", "water", "wheel", "flour", "house", "river")


@pytest.fixture(scope="module")
def teacher(small_teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `sentence-transformers` with random weights, pooled by its first token."""
    from sentence_transformers import models

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("embedder")
    encoder = models.Transformer(str(small_teacher))
    for weight in encoder.parameters():
        if weight.dim() > 1:
            weight.data.mul_(20)  # else all embeddings are nearly one
    modules = [encoder, models.Pooling(32, "cls"), models.Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(
        str(folder), create_model_card=False
    )
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs as in GLUE's STS-B: quotes are text."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [f'"the {a} is old\ta {b} stands\t{n % 6}.5' for n, (a, b) in enumerate(pairwise(WORDS))]
    path.write_text("\n".join(["sentence1\tsentence2\tscore", *rows]) + "\n", encoding="utf-8")
    return path


def student(teacher: Path, folder: Path, text: Path, width: int) -> Path:
    line = ["--teacher", str(teacher), "--layers", "2", "--width", str(width), "--text", str(text)]
    assert init_student([*line, "--out", str(folder)]) == 0
    return folder


def run(data: Path, pairs: Path, start: Path, output: Path, *options: str) -> int:
    line = ["--task", "embed", "--data", str(data), "--eval_data", str(pairs), "--model"]
    line += [str(start), "--max_steps", "3", "--learning_rate", "1e-3", "--save_steps", "2"]
    line += ["--logits_cache", str(output.parent / "logits"), "--report_to", "none"]
    line += ["--max_length", "64"]
    return finetune([*line, "--out", str(output), "--disable_tqdm", "true", "--json", *options])


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


def spearman(folder: Path, pairs: Path) -> float:
    rows = read_rows(pairs)
    model = SentenceTransformer(str(folder), device="cpu")
    first, second = (model.encode([row[f"sentence{n}"] for row in rows]) for n in (1, 2))
    return 100 * spearmanr((first * second).sum(1), [float(r["score"]) for r in rows]).statistic


def test_student_of_another_width_is_a_folder_that_the_library_and_export_read(
    teacher: Path, pairs: Path, text_file: Path, tmp_path: Path
) -> None:
    start = student(teacher, tmp_path / "start", text_file, 12)
    with_teacher = ["--teacher", str(teacher), "--allow_weak_teacher", "--baseline"]
    assert run(pairs, pairs, start, tmp_path / "run", *with_teacher) == 0
    for variant in ("distilled", "labels"):
        folder = tmp_path / "run" / f"{variant}-seed-42"
        found = metrics(folder)
        assert found["dev"]["spearman"] == pytest.approx(spearman(folder, pairs), abs=1e-3)
        assert found["intervals"]["spearman"]
        modules = read_modules(folder)
        assert (modules.pooling, modules.width(32), modules.normalize) == (("cls",), 12, True)
        assert load_embedder(folder).width == 12
    assert metrics(folder.parent / "distilled-seed-42")["teacher"]["spearman"] == pytest.approx(
        spearman(teacher, pairs), abs=1e-3
    )


def test_evaluate_scores_as_the_library_and_compares_two(
    teacher: Path, pairs: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = student(teacher, tmp_path / "start", text_file, 32)
    capsys.readouterr()
    line = [str(teacher), str(start), "--task", "embed", "--data", str(pairs), "--json"]
    line += ["--max_length", "64"]
    assert evaluate(line) == 0
    report = json.loads(capsys.readouterr().out)
    for name, folder in (("first", teacher), ("second", start)):
        assert report[name]["spearman"] == pytest.approx(spearman(folder, pairs), abs=1e-3)
    change = report["second"]["spearman"] - report["first"]["spearman"]
    assert report["difference"]["spearman"]["difference"] == pytest.approx(change, abs=1e-3)


def test_plain_text_brings_a_student_nearer_to_its_teacher(
    teacher: Path, pairs: Path, text_file: Path, tmp_path: Path
) -> None:
    start = student(teacher, tmp_path / "start", text_file, 32)
    options = ["--teacher", str(teacher), "--allow_weak_teacher", "--max_steps", "20"]
    options += ["--dropout", "0"]
    assert run(text_file, pairs, start, tmp_path / "run", *options) == 0
    texts = text_file.read_text(encoding="utf-8").splitlines()[:40]
    target = SentenceTransformer(str(teacher), device="cpu").encode(texts)
    before, after = (
        (SentenceTransformer(str(f), device="cpu").encode(texts) * target).sum(1).mean()
        for f in (start, tmp_path / "run")
    )
    assert after > before


def test_plain_text_needs_a_teacher(
    teacher: Path, pairs: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(text_file, pairs, teacher, tmp_path / "run") == 2
    assert "needs a --teacher" in capsys.readouterr().err


def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    teacher: Path, pairs: Path, tmp_path: Path
) -> None:
    assert run(pairs, pairs, teacher, tmp_path / "whole") == 0
    assert run(pairs, pairs, teacher, tmp_path / "parts") == 0
    for name in ("metrics.json", "model.safetensors"):
        (tmp_path / "parts" / name).unlink()
    for last in (tmp_path / "parts").glob("checkpoint-3"):
        last.rename(tmp_path / "gone")
    assert run(pairs, pairs, teacher, tmp_path / "parts") == 0
    whole, parts = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "parts"))
    assert whole == parts


def test_principal_directions_are_those_of_truncated_svd() -> None:
    embeddings = np.random.default_rng(0).normal(size=(50, 8)) * np.arange(1, 9)
    expected = TruncatedSVD(3, algorithm="arpack").fit(embeddings).components_
    found = principal_directions(torch.from_numpy(embeddings), 3).numpy()
    np.testing.assert_allclose(np.abs(found @ expected.T), np.eye(3), atol=1e-5)


def test_init_student_refuses_too_few_texts_and_writes_nothing(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--teacher", str(teacher), "--layers", "2", "--width", "12"]
    assert init_student([*line, "--out", str(tmp_path / "start")]) == 2
    assert "name more with --text" in capsys.readouterr().err
    assert not (tmp_path / "start").exists()


def test_best_step_of_an_embedder_is_kept(
    teacher: Path, pairs: Path, text_file: Path, tmp_path: Path
) -> None:
    """The pairs that choose are those of a file of their own; the library scores what is kept."""
    start = student(teacher, tmp_path / "start", text_file, 12)
    line = ["--eval_strategy", "steps", "--eval_steps", "1", "--load_best_model_at_end", "True"]
    line += ["--validation_data", str(pairs), "--learning_rate", "0.02"]
    assert run(pairs, pairs, start, tmp_path / "run", *line) == 0
    best = metrics(tmp_path / "run")["best"]
    assert best["metric"] == "spearman" and best["evaluations"] == 3
    assert best["value"] == pytest.approx(spearman(tmp_path / "run", pairs), abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {"linear.weight": w * float("nan")}, "start: 2.linear.weight is not finite"),
        (lambda w: {"module.linear.weight": w}, 'in state_dict: "linear.weight"'),
        (lambda w: {"linear.weight": w, "other": w.clone()}, 'in state_dict: "other"'),
    ],
)
def test_projection_with_other_weights_is_named(
    change: Any,
    message: str,
    teacher: Path,
    pairs: Path,
    text_file: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    start = student(teacher, tmp_path / "start", text_file, 8)
    weights = start / "2_Dense" / "model.safetensors"
    save_file(change(load_file(weights)["linear.weight"]), weights)
    capsys.readouterr()
    assert run(pairs, pairs, start, tmp_path / "run") == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert evaluate(["--task", "embed", "--model", str(start), "--data", str(pairs)]) == 2
