"""Heads that `distill.prune` silences: near the model before, at rest in training, left out by
`export`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForQuestionAnswering, BertConfig, BertModel

from distill.console.errors import UserError
from distill.families.table import family_of
from distill.prune import main as prune
from distill.students import pruned_latency
from distill.students.fewer_heads import (
    Heads,
    head_contributions,
    heads_of,
    silence,
)
from distill.students.fewer_units import feed_forwards, measure
from export.bundle.bundle_folder import open_bundle
from export.coreml import main as coreml
from export.encoder.layers import ChannelLayer, Layer
from tests.conftest import TEXTS
from tests.export.tiny_models import save_checkpoint

WIDTH, COUNT = 32, 4


def small_bert() -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=COUNT,
        intermediate_size=64, initializer_range=0.3, hidden_dropout_prob=0,
        attention_probs_dropout_prob=0,
    )  # fmt: skip
    return BertModel(config).eval()


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    ids = torch.randint(0, 50, (6, 12), generator=torch.Generator().manual_seed(seed))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@pytest.fixture
def measured() -> tuple[BertModel, list[Heads]]:
    model = small_bert()
    layers = heads_of(model, family_of("bert", "here"))
    measure(model, layers, [batch()])
    return model, layers


def states(model: torch.nn.Module, seed: int = 0) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(**batch(seed)).last_hidden_state
    return found


def test_contribution_is_the_mean_square_of_what_a_head_adds(
    measured: tuple[BertModel, list[Heads]],
) -> None:
    """Against the definition: each head's part of the layer's output, about its mean."""
    model, layers = measured
    seen: list[torch.Tensor] = []
    output = model.get_submodule(layers[0].watched)
    hook = output.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    states(model)
    hook.remove()
    values = seen[0].flatten(0, 1).view(-1, COUNT, WIDTH // COUNT)
    columns = output.weight.detach().view(WIDTH, COUNT, -1)
    added = torch.einsum("tha,wha->htw", values, columns).double()
    expected = (added - added.mean(1, keepdim=True)).square().sum(2).mean(1)
    torch.testing.assert_close(head_contributions(model, layers[0]), expected, rtol=1e-4, atol=0)


def test_heads_that_add_a_constant_are_silenced_without_a_trace(
    measured: tuple[BertModel, list[Heads]],
) -> None:
    model, _ = measured
    with torch.no_grad():  # values without weights: what they give is their bias, on any text
        for layer in model.encoder.layer:
            layer.attention.self.value.weight[:8] = 0
            layer.attention.self.value.bias[:8] = 1
    layers = heads_of(model, family_of("bert", "here"))
    measure(model, layers, [batch()])
    before = states(model, 1)
    for layer in layers:
        assert head_contributions(model, layer)[0] < 1e-6
        assert silence(model, layer, 3) == pytest.approx(1)
    torch.testing.assert_close(states(model, 1), before, rtol=1e-4, atol=1e-4)


def test_silenced_heads_stay_zero_in_training(measured: tuple[BertModel, list[Heads]]) -> None:
    model, layers = measured
    for layer in layers:
        silence(model, layer, 2)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=0.1, weight_decay=0.1)
    for seed in range(3):
        optimizer.zero_grad()
        model(**batch(seed)).last_hidden_state.square()[..., 0].mean().backward()
        optimizer.step()
    for layer in model.encoder.layer:
        own = layer.attention.self
        for reader in (own.query, own.key, own.value):
            assert not reader.weight[16:].any() and not reader.bias[16:].any()
            assert reader.weight[:16].all()
        assert not layer.attention.output.dense.weight[:, 16:].any()


@pytest.mark.slow
def test_heads_with_a_table_of_their_own_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint("mpnet", "qa", tmp_path / "start")
    line = ["--model", str(tmp_path / "start"), "--text", str(TEXTS / "passages.txt")]
    assert prune([*line, "--heads", "1", "--out", str(tmp_path / "out")]) == 2
    assert "heads of a mpnet cannot be cut" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_heads_that_are_zeros_already_do_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of four heads one is gone after the first cut: three are left to be cut."""
    save_checkpoint("bert", "qa", tmp_path / "start", hidden_size=32, num_attention_heads=4)
    line = ["--text", str(TEXTS / "passages.txt"), "--texts", "4", "--max-length", "32", "--json"]
    first = ["--model", str(tmp_path / "start"), "--out", str(tmp_path / "first"), *line]
    assert prune(["--heads", "3", *first]) == 0
    found = json.loads(capsys.readouterr().out)
    model = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "first")
    of_head = 3 * (8 * 32 + 8) + 32 * 8
    layers = model.config.num_hidden_layers
    stored = model.num_parameters() - layers * of_head
    assert found["weight_bytes"] == {"before": 2 * model.num_parameters(), "after": 2 * stored}
    again = ["--model", str(tmp_path / "first"), "--out", str(tmp_path / "second"), *line]
    assert prune(["--heads", "3", *again]) == 2
    assert "has 3 heads a layer; keep fewer of them" in capsys.readouterr().err
    assert prune(["--heads", "2", *again]) == 0
    heads = json.loads(capsys.readouterr().out)["attention"]["heads"]
    assert heads == {"before": 3, "after": 2}


@pytest.mark.slow
def test_prune_cuts_heads_and_units_of_a_checkpoint_that_exports(tmp_path: Path) -> None:
    """By the commands: `transformers` loads the result, and a package has what is left."""
    from export.proof.read_back import stored_matrices

    save_checkpoint("bert", "qa", tmp_path / "start", hidden_size=128, num_hidden_layers=2)
    line = ["--model", str(tmp_path / "start"), "--text", str(TEXTS / "passages.txt")]
    line += ["--texts", "4", "--max-length", "32", "--out", str(tmp_path / "pruned")]
    assert prune(["--heads", "3", "--units", "20", *line]) == 0
    model, loading = AutoModelForQuestionAnswering.from_pretrained(
        tmp_path / "pruned", output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["mismatched_keys"]
    layers = model.bert.encoder.layer
    values = [layer.attention.self.value.weight.view(4, -1) for layer in layers]
    heads = [int(each.any(1).sum()) for each in values]
    assert heads == [3, 3] and layers[0].intermediate.dense.out_features == 20
    export = ["--model", str(tmp_path / "pruned"), "--quantize", "int8", "--lengths", "32"]
    assert coreml([*export, "--out", str(tmp_path / "bundle")]) == 0
    package = open_bundle(tmp_path / "bundle").package
    shapes = [tuple(each.values.shape) for each in stored_matrices(package)]
    assert shapes.count((96, 128)) == 2 * 3 and shapes.count((128, 96)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--heads", "12"], "has 12 heads a layer; keep fewer"),
        (["--heads", "0"], "--heads must be at least 1"),
        (["--latency", "1.5"], "--latency must be between 0 and 1"),
        (["--latency", "0.5", "--units", "9"], "name one of --units, --parameters and --latency"),
    ],
)
def test_heads_and_times_that_cannot_be_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--model", "qa-mini", "--text", str(TEXTS / "passages.txt")]
    assert prune([*line, *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_latency_keeps_the_most_units_within_the_share(
    measured: tuple[BertModel, list[Heads]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that counts units: 512 of them, half of the time is theirs."""
    config = BertConfig(vocab_size=50, hidden_size=WIDTH, num_hidden_layers=1,
                        num_attention_heads=COUNT, intermediate_size=512)  # fmt: skip
    model = BertModel(config).eval()
    layers = feed_forwards(model, "intermediate.dense", "output.dense")
    measure(model, layers, [batch()])

    def share(_: BertModel, smaller: BertModel, inputs: object) -> float:
        return 0.5 + 0.5 * smaller.encoder.layer[0].intermediate.dense.out_features / 512

    monkeypatch.setattr(pruned_latency, "time_share", share)
    assert pruned_latency.units_in_time(model, layers, 512, 0.8, batch()) == (288, 0.78125)
    assert model.encoder.layer[0].intermediate.dense.out_features == 512
    with pytest.raises(UserError, match=r"a text still takes 0\.53 of the time"):
        pruned_latency.units_in_time(model, layers, 512, 0.51, batch())


@pytest.mark.parametrize("kind", [Layer, ChannelLayer])
def test_export_leaves_idle_heads_out_and_computes_the_same(kind: type[Layer]) -> None:
    torch.manual_seed(0)
    sizes = {"heads": COUNT, "width": WIDTH, "intermediate": 64}
    layer = kind(SimpleNamespace(**sizes, layer_norm_eps=1e-5, activation="gelu"))  # type: ignore[arg-type]
    with torch.no_grad():
        for values in (layer.value.weight, layer.value.bias):
            values[8:16] = values[24:] = 0
        hidden = torch.randn(1, 5, WIDTH)
        mask = torch.zeros(1, 1, 1, 5)
        if kind is ChannelLayer:
            hidden, mask = hidden.transpose(1, 2)[:, :, None], torch.zeros(1, 5, 1, 1)
        before = layer(hidden, mask)
        layer.leave_out_idle_heads()
        assert layer.heads == 2 and layer.query.weight.shape == (16, WIDTH)
        torch.testing.assert_close(layer(hidden, mask), before)
        layer.leave_out_idle_heads()
        assert layer.heads == 2
