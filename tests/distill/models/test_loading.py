"""Models are loaded with the head of the task; what cannot be loaded is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForQuestionAnswering,
)

from distill.console.errors import UserError
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.loading import configuration, load_auto_tokenizer, load_weights
from distill.students.from_layers import load_teacher
from distill.tasks.batches import Collator, predict
from distill.tasks.squad import Feature
from distill.tasks.table import TASKS
from distill.training.teacher import CachedTeacher, LiveTeacher

SQUAD = TASKS["squad"]


def load(task: str, directory: Path, trained: bool = False) -> Any:
    """A model with the head of a task."""
    return TASKS[task].load(directory, getattr(TASKS[task], "labels", None), trained=trained)


def load_squad(directory: Path, trained: bool = False) -> Any:
    return load("squad", directory, trained)


SMALL = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}


@pytest.fixture
def mnli(tmp_path: Path) -> Path:
    """A BERT with the three outputs of MNLI."""
    torch.manual_seed(0)
    config = BertConfig(**SMALL, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "mnli")
    return tmp_path / "mnli"


def test_another_tasks_head_is_drawn_anew(mnli: Path) -> None:
    before = BertForSequenceClassification.from_pretrained(mnli)
    for name, outputs in (("rte", 2), ("stsb", 1)):
        model = load(name, mnli)
        assert model.config.num_labels == model.classifier.out_features == outputs
        expected = before.bert.state_dict()
        assert all(torch.equal(expected[n], t) for n, t in model.bert.state_dict().items())
    assert load_squad(mnli).qa_outputs.out_features == 2
    with pytest.raises(UserError, match="its head has 3 outputs, rte has 2"):
        load("rte", mnli, trained=True)


def test_an_encoder_that_does_not_fit_is_not_drawn_anew(mnli: Path) -> None:
    path = mnli / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "intermediate_size": 48}))
    with pytest.raises(
        UserError, match=r"intermediate.dense.bias has the shape \(64,\), which does not"
    ):
        load("rte", mnli)


def test_damaged_weights_are_one_line(mnli: Path) -> None:
    weights = mnli / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    for opened in (
        lambda: load("mnli", mnli, trained=True),
        lambda: load_squad(mnli),
        lambda: load_teacher(mnli),
    ):
        with pytest.raises(UserError, match="mnli: cannot be loaded") as raised:
            opened()
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("dropout", [-0.1, 1, 10])
def test_dropout_that_is_not_a_probability_is_refused(dropout: float, mnli: Path) -> None:
    with pytest.raises(UserError, match="--dropout must be at least 0 and below 1"):
        configuration(mnli, dropout)
    assert configuration(mnli, 0.5).hidden_dropout_prob == 0.5


def test_a_roberta_takes_no_second_segment(tmp_path: Path) -> None:
    config = RobertaConfig(**SMALL | {"max_position_embeddings": 42}, type_vocab_size=1)
    model = RobertaForQuestionAnswering(config).eval()
    model.save_pretrained(tmp_path / "roberta")
    features = [Feature(0, [0, 7, 2, 8, 9, 2], [0, 0, 0, 1, 1, 1], 3, [(0, 1), (1, 2)])]
    (logits,) = predict(SQUAD, model, features, None)
    assert logits.shape == (2, 6)
    batch = Collator(SQUAD, None, model)([{"index": 0, "feature": features[0]}])
    weights = tmp_path / "roberta"
    cached = CachedTeacher(SQUAD, model, weights, features, None, tmp_path / "cache")
    for teacher in (LiveTeacher(SQUAD, model, features, None), cached):
        found = teacher(batch).logits[0, 0]
        torch.testing.assert_close(found, torch.from_numpy(logits[0]), atol=2e-3, rtol=0)


def changed(directory: Path, change: Any, **config: Any) -> Path:
    """A checkpoint whose weights went through ``change``, and whose config.json says otherwise."""
    weights = directory / "model.safetensors"
    save_file(change(load_file(weights)), weights, metadata={"format": "pt"})
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return directory


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (lambda w: {f"module.{k}": v for k, v in w.items()}, {}, "has the unknown module.bert"),
        (
            lambda w: {k: v for k, v in w.items() if "layer.0.output" not in k},
            {},
            "has no bert.encoder.layer.0.output.LayerNorm.bias",
        ),
        (dict, {"num_hidden_layers": 2}, "has no bert.encoder.layer.1.*and 12 more"),
        (dict, {"num_hidden_layers": 0}, "has the unknown bert.encoder.layer.0"),
        (lambda w: {**w, "adapter.weight": torch.ones(2)}, {}, "unknown adapter.weight"),
        (
            lambda w: {k: v for k, v in w.items() if k != "classifier.bias"},
            {},
            "has no classifier.bias",
        ),
    ],
)
def test_every_weight_is_accounted_for(change: Any, config: Any, message: str, mnli: Path) -> None:
    changed(mnli, change, **config)
    with pytest.raises(UserError, match=message):
        load("mnli", mnli, trained=True)
    if message != "has no classifier.bias":
        for opened in (load_squad, load_teacher):
            with pytest.raises(UserError, match=message):
                opened(mnli)


def test_a_head_is_drawn_for_training_alone_and_said(mnli: Path, capsys: Any) -> None:
    load_squad(mnli)
    assert "no trained qa_outputs for this task, drawn at random" in capsys.readouterr().err
    with pytest.raises(UserError, match="has no question-answering head"):
        load_squad(mnli, trained=True)


def test_a_checkpoint_with_code_of_its_own_runs_none_of_it(mnli: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (mnli / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    (mnli / "own.py").write_text(
        f"open({str(ran)!r}, 'w')\nclass Model: pass\nclass Config: pass\n"
    )
    own = {"AutoConfig": "own.Config", "AutoModel": "own.Model", "AutoTokenizer": ["own.Model"] * 2}
    changed(mnli, dict, auto_map=own, model_type="own")
    (mnli / "tokenizer_config.json").write_text(json.dumps({"auto_map": own}))
    for opened in (configuration, load_auto_tokenizer, load_squad, load_teacher):
        with pytest.raises(UserError, match="cannot be loaded"):
            opened(mnli)
    assert not ran.exists()


def test_one_resolver_for_presets_folders_and_hub_ids(mnli: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(mnli))
    assert checkpoint_directory("someone/some-model") == mnli == checkpoint_directory(str(mnli))
    assert (checkpoint_directory("qa-mini") / "model.safetensors").is_file()

    def away(*_: object, **__: object) -> str:
        raise ConnectionError("several\nlines")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    with pytest.raises(UserError, match=r"the hub did not give one \(ConnectionError\)"):
        checkpoint_directory("someone/some-model")


def test_drawn_head_holds_nothing_that_was_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`transformers` does not set the bias of data2vec's head for masked text."""
    from tests.export.tiny_models import save_checkpoint

    folder, empty = tmp_path / "data2vec", torch.empty_like
    save_checkpoint("data2vec-text", "features", folder)

    def garbage(*arguments: Any, **options: Any) -> torch.Tensor:
        values = empty(*arguments, **options)
        return values.fill_(1e35) if values.is_floating_point() else values

    monkeypatch.setattr(torch, "empty_like", garbage)
    model = load_weights(AutoModelForMaskedLM, folder)
    assert not model.lm_head.decoder.bias.any()
    assert all(weight.abs().max() < 1e3 for weight in model.parameters())
