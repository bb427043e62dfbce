"""`--task rank` by the documented commands: scikit-learn has the metrics, `CrossEncoder` the
scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from scipy.stats import spearmanr
from sentence_transformers import CrossEncoder
from sklearn.metrics import ndcg_score

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.tasks.glue import GlueExample
from distill.tasks.own_rows import read_rows
from distill.tasks.rank import ranking
from export.checkpoint.cross_encoder import is_cross_encoder, score_activation

QUERIES = ("bread", "mill", "stone", "river", "wheel")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rank") / "pairs.csv"
    rows = [
        f"where is the {query},the {other} is here,{int(query == other)}"
        for query in QUERIES
        for other in QUERIES
    ]
    path.write_text("\n".join(["query,passage,label", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def start(small_teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights so large that no two scores are nearly one, whose order rounding would decide."""
    folder = tmp_path_factory.mktemp("start") / "model"
    shutil.copytree(small_teacher, folder)
    weights = load_file(folder / "model.safetensors")
    large = {name: 20 * w if w.dim() > 1 else w for name, w in weights.items()}
    save_file(large, folder / "model.safetensors", {"format": "pt"})
    return folder


def run(data: Path, model: Path, output: Path, *options: str) -> int:
    line = ["--task", "rank", "--data", str(data), "--eval_data", str(data), "--model", str(model)]
    line += ["--max_length", "64", "--max_steps", "3", "--learning_rate", "1e-3"]
    line += ["--save_strategy", "no", "--report_to", "none", "--disable_tqdm", "true"]
    line += ["--logits_cache", str(output.parent / "logits"), "--out", str(output)]
    return finetune([*line, "--json", *options])


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


def witness(folder: Path, data: Path) -> tuple[float, float]:
    """nDCG and MRR in percent by the scores of `CrossEncoder`."""
    rows = read_rows(data)
    model = CrossEncoder(str(folder), device="cpu", max_length=64)
    scores = model.predict([(row["query"], row["passage"]) for row in rows])
    assert ((scores > 0) & (scores < 1)).all()
    tables = np.array([float(row["label"]) for row in rows]).reshape(5, 5), scores.reshape(5, 5)
    ranks = [1 + int((s > s[t.argmax()]).sum()) for t, s in zip(*tables, strict=True)]
    return 100 * ndcg_score(*tables, k=10), 100 * float(np.mean(1 / np.array(ranks)))


def test_rank_scores_and_folder_are_those_of_the_libraries(
    data: Path, start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, start, tmp_path / "teacher") == 0
    options = ["--teacher", str(tmp_path / "teacher"), "--allow_weak_teacher", "--baseline"]
    assert run(data, start, tmp_path / "run", *options) == 0
    folders = [tmp_path / "run" / f"{name}-seed-42" for name in ("labels", "distilled")]
    for folder in folders:
        ndcg, mrr = witness(folder, data)
        assert metrics(folder)["dev"]["ndcg"] == pytest.approx(ndcg, abs=1e-3)
        assert metrics(folder)["dev"]["mrr"] == pytest.approx(mrr, abs=1e-3)
        config = json.loads((folder / "config.json").read_text())
        assert is_cross_encoder(folder, config)
        assert score_activation(folder, config, 1, "model") == "sigmoid"
    capsys.readouterr()
    line = [*map(str, folders), "--task", "rank", "--data", str(data), "--max_length", "64"]
    assert evaluate([*line, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["second"]["ndcg"] == pytest.approx(witness(folders[1], data)[0], abs=1e-3)
    assert report["difference"]["ndcg"]["interval"]


def test_ranking_by_graded_labels_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    truth, answers = chance.integers(0, 4, (6, 15)).astype(float), chance.normal(size=(6, 15))
    pairs = [GlueExample(f"query {n // 15}", "passage", 0.0) for n in range(90)]
    statistics = ranking(pairs, truth.ravel(), answers.ravel())
    found = statistics.whole()
    assert found["ndcg"] == pytest.approx(100 * ndcg_score(truth, answers, k=10))


def test_ranking_of_single_pairs_is_a_correlation() -> None:
    chance = np.random.default_rng(0)
    truth, answers = chance.normal(size=20), chance.normal(size=20)
    pairs = [GlueExample(f"query {n}", "passage", 0.0) for n in range(20)]
    statistics = ranking(pairs, truth, answers)
    found = statistics.whole()
    expected = 100 * spearmanr(truth, answers).statistic
    assert found["score"] == found["spearman"] == pytest.approx(expected)
