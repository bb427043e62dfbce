"""`distill.prune` and its parts: a plain checkpoint, near the one it was cut from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForQuestionAnswering, AutoTokenizer

from distill.evaluate import main as evaluate
from distill.models.presets import preset_directory
from distill.prune import main
from distill.students.fewer_units import contributions, cut, feed_forwards, measure
from tests.conftest import TEXTS

PASSAGES = TEXTS / "passages.txt"


def qa_mini() -> Path:
    directory = preset_directory("qa-mini")
    assert directory is not None
    return directory


def last_states(model: torch.nn.Module, text: str) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(qa_mini())
    with torch.inference_mode():
        states: torch.Tensor = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
    return states


def test_pruned_checkpoint_loads_with_fewer_units(tmp_path: Path) -> None:
    arguments = ["--model", "qa-mini", "--text", str(PASSAGES), "--units", "1152"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "config.json").read_text())["hidden_dim"] == 1152
    model, loading = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not loading["missing_keys"] and not loading["mismatched_keys"]
    assert model.transformer.layer[0].ffn.lin1.out_features == 1152


def measured(passages: list[str]) -> tuple[torch.nn.Module, list]:  # type: ignore[type-arg]
    model = AutoModel.from_pretrained(qa_mini()).float().eval()
    layers = feed_forwards(model, "ffn.lin1", "ffn.lin2")
    tokenizer = AutoTokenizer.from_pretrained(qa_mini())
    batch = dict(tokenizer(passages[:4], padding=True, return_tensors="pt"))
    measure(model, layers, [batch])
    return model, layers


def test_contribution_is_rms_activation_times_row_length(passages: list[str]) -> None:
    """Against the definition, written out for one layer on the same tokens."""
    model, layers = measured(passages)
    tokenizer = AutoTokenizer.from_pretrained(qa_mini())
    seen: list[torch.Tensor] = []
    last = model.get_submodule(layers[0].down)
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0]))
    for text in passages[:4]:
        last_states(model, text)
    hook.remove()
    values = torch.cat(seen).double()
    assert layers[0].tokens == len(values) == sum(len(tokenizer(t).input_ids) for t in passages[:4])
    expected = values.square().mean(0).sqrt() * last.weight.double().norm(dim=0)
    torch.testing.assert_close(contributions(model, layers[0]), expected, rtol=1e-4, atol=1e-6)


def test_units_that_write_nothing_are_cut_without_a_trace(passages: list[str]) -> None:
    model, layers = measured(passages)
    with torch.no_grad():
        for layer in layers:
            model.get_submodule(layer.down).weight[:, 100:300] = 0
    before = last_states(model, passages[5])
    assert cut(model, layers, 1336) == pytest.approx([1] * len(layers))
    torch.testing.assert_close(last_states(model, passages[5]), before, rtol=1e-4, atol=1e-4)


def test_measured_choice_is_nearer_than_its_opposite(passages: list[str]) -> None:
    """The 384 units of least contribution are missed less than the 384 of most."""
    reference = AutoModel.from_pretrained(qa_mini()).float().eval()
    before = last_states(reference, passages[5])
    distances = []
    for sign in (1, -1):
        model, layers = measured(passages)
        for layer in layers:
            layer.squares = layer.squares**sign
            down = model.get_submodule(layer.down).weight
            if sign < 0:  # contributions become their inverse, so the order is turned round
                layer.squares /= down.detach().double().norm(dim=0) ** 4
        cut(model, layers, 1152)
        distances.append(float((last_states(model, passages[5]) - before).norm()))
    assert distances[0] < distances[1] / 2


def test_a_size_is_kept_as_nearly_as_steps_of_units_allow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((qa_mini() / "config.json").read_text())
    whole = AutoModelForQuestionAnswering.from_pretrained(qa_mini()).num_parameters()
    target = whole - whole // 10
    line = ["--model", "qa-mini", "--text", str(PASSAGES), "--texts", "2", "--max-length", "32"]
    line += ["--parameters", str(target), "--out", str(tmp_path / "out"), "--json"]
    assert main(line) == 0
    pruned = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "out")
    step = 32 * config["n_layers"] * (2 * config["dim"] + 1)
    assert target - step < pruned.num_parameters() <= target
    assert pruned.config.hidden_dim % 32 == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["parameters"] == {"before": whole, "after": pruned.num_parameters()}
    units = {"before": config["hidden_dim"], "after": pruned.config.hidden_dim}
    assert printed["feed_forward"]["units"] == units and printed["attention"] is None
    assert len(printed["feed_forward"]["kept"]) == config["n_layers"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name one of --units, --parameters and --latency"),
        (["--units", "9", "--parameters", "9"], "name one of --units, --parameters and --latency"),
        (["--parameters", "1000"], "with 32 units a layer the model still has"),
        (["--parameters", "999999999"], "must be below the"),
        (["--latency", "0.5", "--max-length", "2000"], "takes inputs of at most 512 tokens"),
        (["--units", "9", "--max-length", "2"], "--max-length must be at least 8"),
        (["--units", "9", "--task", "squad"], "say how --data is scored"),
        (["--units", "9", "--data", "a.json", "--limit", "0"], "--limit must be at least 1"),
    ],
)
def test_sizes_that_cannot_be_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--model", "qa-mini", "--text", str(PASSAGES), "--out", str(tmp_path / "out")]
    assert main([*line, *options]) == 2
    assert message in capsys.readouterr().err


def test_scores_stand_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `distill.evaluate` gives them for the two checkpoints, of which the times are measured."""
    data = tmp_path / "dev.json"
    passages = PASSAGES.read_text(encoding="utf-8").split("\n\n")[:6]
    rows = [
        {"context": text, "qas": [{"id": str(n), "question": "What?", "answers": [
            {"text": text.split()[0], "answer_start": 0}]}]}
        for n, text in enumerate(map(str.strip, passages))
    ]  # fmt: skip
    data.write_text(json.dumps({"data": [{"title": str(n), "paragraphs": [row]} for n, row in
                                         enumerate(rows)]}))  # fmt: skip
    line = ["--model", "qa-mini", "--text", str(PASSAGES), "--texts", "2", "--max-length", "32"]
    line += ["--units", "1024", "--data", str(data), "--limit", "5", "--out", str(tmp_path / "out")]
    assert main([*line, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    models = ["qa-mini", str(tmp_path / "out"), "--data", str(data), "--limit", "5", "--json"]
    assert evaluate(models) == 0
    assert printed["metric"] == "f1" and printed["quality"] == json.loads(capsys.readouterr().out)
    assert printed["quality"]["first"]["total"] == 5
    assert printed["weight_bytes"]["after"] == 2 * printed["parameters"]["after"]
    assert all(time > 0 for time in printed["milliseconds"])


@pytest.mark.parametrize(
    ("units", "message"), [("0", "must be at least 1"), ("1536", "has 1536 units a layer")]
)
def test_wrong_units_are_one_line(
    units: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "qa-mini", "--text", str(PASSAGES), "--units", units]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
