"""`bench.compare --quality`: the quality of bundles beside their size and latency."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from bench.compare import main
from bench.measuring import quality
from bench.measuring.quality import Quality
from bench.reporting.comparison import Comparison
from bench.reporting.trade_plot import trade_png
from distill.tasks.statistics import of_means
from export.coreml import main as export
from tests.export.tiny_models import save_checkpoint

QUICK = ["--seconds", "0.05", "--threads", "1", "--no-memory", "--workload", "fixed:16"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny embedder in half precision and in 4 bits, the folder it is from, and pairs."""
    folder = tmp_path_factory.mktemp("bundles")
    save_checkpoint("distilbert", "embed", folder / "model")
    for quantize in ("none", "int4"):
        line = ["--model", str(folder / "model"), "--task", "embed", "--quantize", quantize]
        line += ["--lengths", "32", "--out", str(folder / quantize), "--no-verify"]
        assert export(line) == 0
    words = ("bread", "mill", "stone", "water", "wheel", "flour", "house", "river")
    rows = [f"the {a} is old\tthe {b}\t{n % 6}" for n, a in enumerate(words) for b in words]
    (folder / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *rows]) + "\n")
    return {path.stem: path for path in folder.iterdir()}


@pytest.mark.slow
def test_quality_stands_beside_size_and_latency(
    bundles: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(bundles["none"]), str(bundles["int4"]), "--quality", str(bundles["pairs"])]
    files = {name: tmp_path / name for name in ("found.json", "trade.png", "page.html")}
    outputs = ["--save-json", str(files["found.json"]), "--plot", str(files["trade.png"])]
    assert main([*given, *outputs, "--html", str(files["page.html"]), *QUICK]) == 0
    found = json.loads(files["found.json"].read_text())
    assert [row["model"] for row in found["rows"]] == ["none", "int4"]
    first, second = found["quality"]
    # An independent witness of the first, which is in half precision.
    pairs = [line.split("\t") for line in bundles["pairs"].read_text().splitlines()[1:]]
    model = SentenceTransformer(str(bundles["model"]), device="cpu")
    one, other = (
        model.encode([pair[n] for pair in pairs], normalize_embeddings=True) for n in (0, 1)
    )
    scores = [float(pair[2]) for pair in pairs]
    expected = 100 * spearmanr((one * other).sum(1), scores).statistic
    assert first["value"] == pytest.approx(expected, abs=1.0)
    assert first["interval"][0] < first["value"] < first["interval"][1]
    assert first["difference"] is None
    assert second["difference"] == pytest.approx(second["value"] - first["value"])
    low, high = second["difference_interval"]
    assert low <= high and high - low < first["interval"][1] - first["interval"][0]
    printed = capsys.readouterr().out
    assert "Quality on 64 examples" in printed and "Spearman" in printed
    assert files["trade.png"].read_bytes().startswith(b"\x89PNG")
    page = files["page.html"].read_text()
    assert "Size and latency against quality" in page and "Quality on 64 examples" in page


def test_examples_of_one_cluster_have_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([[100.0], [50.0], [0.0], [25.0], [43.75]])

    def measured(clusters: list[int]) -> list[Quality]:
        statistics = of_means(rows, ("f1",), np.array(clusters))
        record = SimpleNamespace(
            grouped=False,
            read=lambda path: [*range(40)],
            workload=lambda examples, _: SimpleNamespace(
                inputs=[],
                examples=len(taken.append(examples) or examples),
                measure=lambda _: {"f1": 43.75},
                statistics=lambda _: statistics,
            ),
        )
        bundle = SimpleNamespace(record=record, task="qa", reading=lambda: None)
        models: Any = [SimpleNamespace(name=name, bundle=bundle) for name in ("one", "other")]
        return list(quality.measure_quality(models, Path("data"), 4))

    taken: list[list[int]] = []
    monkeypatch.setattr(quality, "check_quality", lambda models, data: None)
    monkeypatch.setattr(quality, "run_engine", lambda *_: [])
    monkeypatch.setattr(quality, "open_engine", lambda bundle: None)
    first, second = measured([0, 0, 0, 0, 0])
    assert first.interval is None and second.difference_interval is None
    assert second.difference == 0.0
    assert taken[0] == taken[1] and taken[0][-1] - taken[0][0] >= 30  # spread over the data
    first, _ = measured([0, 1, 2, 3, 4])
    assert first.interval is not None and first.interval[0] < 43.75 < first.interval[1]


def test_quality_that_cannot_be_measured_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("sentence1\tsentence2\tscore\na\tb\t1\n")
    assert main(["qa-mini", "--quality", str(pairs), *QUICK]) == 2
    error = capsys.readouterr().err
    assert "--quality is for exported bundles, and qa-mini is not one" in error
    assert error.count("\n") == 1


def test_picture_has_a_panel_for_size_and_each_latency(
    result: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = tuple(
        Quality(row.model, "f1", value, (value - 2, value + 2), 100)
        for row, value in zip(result.measured.rows, (88.0, 86.9), strict=True)
    )
    drawn: list[Any] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (drawn.append(self), save(self, *a, **k))
    )
    assert trade_png(replace(result, quality=points)).startswith(b"\x89PNG")
    size, latency = drawn[0].axes
    assert size.get_xlabel() == "size, MB" and size.get_ylabel() == "F1, %"
    assert latency.get_xlabel() == "median latency, ms (onnxruntime, fixed:128)"
    places = [[tuple(c[0].get_xydata()[0]) for c in axes.containers] for axes in (size, latency)]
    assert places == [[(436.0, 88.0), (265.0, 86.9)], [(100.0, 88.0), (50.0, 86.9)]]
    assert [text.get_text() for text in drawn[0].legends[0].texts] == ["bert", "<b>&student"]
