"""A smaller, averaged or shipped folder of `sentence-transformers` pools and projects as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, models

from distill.average import main as average
from distill.prune import main as prune
from distill.ship import main as ship
from distill.trim_vocabulary import main as trim
from tests.conftest import TEXTS
from tests.export.tiny_models import save_checkpoint

PASSAGES = TEXTS / "passages.txt"
SENTENCES = ["a mill stands by the river", "bread"]
WEIGHTS = "model.safetensors"


@pytest.fixture
def embedder(tmp_path: Path) -> Path:
    """Pooled by the first token, then projected to 5 numbers of length 1; 40 tokens at most."""
    save_checkpoint("bert", "features", tmp_path / "encoder")
    torch.manual_seed(0)
    encoder = models.Transformer(str(tmp_path / "encoder"), max_seq_length=40)
    width = encoder.get_embedding_dimension()
    parts = [
        *(encoder, models.Pooling(width, pooling_mode="cls")),
        *(models.Dense(width, 5), models.Normalize()),
    ]
    folder = tmp_path / "embedder"
    SentenceTransformer(modules=parts, device="cpu").save_pretrained(
        str(folder), create_model_card=False
    )
    return folder


def modules(folder: Path) -> list[str]:
    library = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert library.max_seq_length == 40
    assert library.encode(SENTENCES).shape == (2, 5)
    assert library[1].pooling_mode == "cls" or library[1].pooling_mode_cls_token
    return [type(module).__name__ for module in library]


def test_pruned_embedder_pools_as_before(embedder: Path, tmp_path: Path) -> None:
    line = ["--model", str(embedder), "--text", str(PASSAGES), "--texts", "4"]
    line += ["--max-length", "32", "--units", "20", "--out", str(tmp_path / "out")]
    assert prune(line) == 0
    assert modules(tmp_path / "out") == ["Transformer", "Pooling", "Dense", "Normalize"]


def test_trimmed_embedder_gives_the_same_embeddings_of_what_it_kept(
    embedder: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("\n".join(SENTENCES))
    line = ["--model", str(embedder), "--text", str(tmp_path / "text.txt"), "--keep", "1"]
    content = json.loads((embedder / "tokenizer.json").read_text())
    content["model"]["vocab"]["longer"] = len(content["model"]["vocab"])  # an entry to cut
    assert trim([*line, "--out", str(tmp_path / "none")]) == 2, "single letters all stay"
    encoder = tmp_path / "larger"
    shutil.copytree(embedder, encoder)
    (encoder / "tokenizer.json").write_text(json.dumps(content))
    weights = load_file(encoder / WEIGHTS)
    (name,) = [each for each in weights if "word_embeddings" in each]
    weights[name] = torch.cat([weights[name], weights[name][:1]])
    save_file(weights, encoder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((encoder / "config.json").read_text())
    config["vocab_size"] += 1
    (encoder / "config.json").write_text(json.dumps(config))
    line[1] = str(encoder)
    assert trim([*line, "--out", str(tmp_path / "out")]) == 0
    assert modules(tmp_path / "out") == ["Transformer", "Pooling", "Dense", "Normalize"]
    before, after = (
        SentenceTransformer(str(folder), device="cpu").encode(SENTENCES)
        for folder in (embedder, tmp_path / "out")
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_mean_of_embedders_has_the_mean_of_their_projections(
    embedder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(embedder, other)
    weights = load_file(other / "2_Dense" / WEIGHTS)
    save_file({name: 3 * each for name, each in weights.items()}, other / "2_Dense" / WEIGHTS)
    assert average(["--models", str(embedder), str(other), "--out", str(tmp_path / "mean")]) == 0
    assert modules(tmp_path / "mean") == ["Transformer", "Pooling", "Dense", "Normalize"]
    for name, mean in load_file(tmp_path / "mean" / "2_Dense" / WEIGHTS).items():
        torch.testing.assert_close(mean, 2 * weights[name])


def test_mean_of_embedders_that_pool_in_other_ways_is_refused(
    embedder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(embedder, other)
    path = other / "1_Pooling" / "config.json"
    path.write_text(path.read_text().replace("cls", "mean"))
    assert average(["--models", str(embedder), str(other), "--out", str(tmp_path / "mean")]) == 2
    assert "a mean needs checkpoints of one configuration" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


def test_shipped_embedder_pools_as_before_and_may_be_shipped_again(
    embedder: Path, tmp_path: Path
) -> None:
    (tmp_path / "card.md").write_text("# tiny\n")
    line = ["--model", str(embedder), "--card", str(tmp_path / "card.md")]
    for _ in range(2):
        assert ship([*line, "--out", str(tmp_path / "out")]) == 0
        assert modules(tmp_path / "out") == ["Transformer", "Pooling", "Dense", "Normalize"]


@pytest.mark.parametrize("own", ["2_Dense/notes.txt", "1_notes/config.json", "empty/"])
def test_shipping_over_something_else_is_refused(
    own: str, embedder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "card.md").write_text("# tiny\n")
    line = ["--model", str(embedder), "--card", str(tmp_path / "card.md")]
    assert ship([*line, "--out", str(tmp_path / "out")]) == 0
    place = tmp_path / "out" / own
    place.parent.mkdir(exist_ok=True)
    place.mkdir() if own.endswith("/") else place.write_text("mine")
    assert ship([*line, "--out", str(tmp_path / "out")]) == 2
    assert "something other than a shipped model" in capsys.readouterr().err
    assert place.exists()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "1_Words", "type": "sentence_transformers.models.WordWeights"}, "WordWeights"),
        ({"path": "../secret", "type": "sentence_transformers.models.Dense"}, "not the name of"),
        ({"path": "1_Pooling"}, "damaged, not a list of modules"),
    ],
)
def test_modules_that_are_not_understood_are_refused(
    entry: dict[str, str],
    message: str,
    embedder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (embedder / "modules.json").write_text(json.dumps([entry]))
    line = ["--model", str(embedder), "--text", str(PASSAGES), "--texts", "4"]
    assert prune([*line, "--units", "20", "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
