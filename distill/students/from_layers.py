"""A student made from a teacher's layers (arXiv 1910.01108, section 3).

The student is a standard Hugging Face DistilBERT: the teacher's width, half its depth (or any),
its embeddings, some of its layers, and its MLM head where it has one. The teacher always sees
segment 0, so its vector is folded into the position table: the student then starts from the
teacher's own embedding function.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from distill.console.errors import UserError

REFERENCE = {(12, 6): (0, 2, 4, 7, 9, 11)}
CHOICES = ("reference", "even", "first", "last", "random")

_LAYER = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
_FIRST = "encoder.layer.0.attention.self.query.weight"
_MLM = {
    "cls.predictions.transform.dense": "vocab_transform",
    "cls.predictions.transform.LayerNorm": "vocab_layer_norm",
    "lm_head.dense": "vocab_transform",
    "lm_head.layer_norm": "vocab_layer_norm",
}


def choose_layers(choice: str | Sequence[int], teacher: int, student: int) -> tuple[int, ...]:
    """Which teacher layers the student takes, in order.

    Args:
        choice: ``reference`` (0, 2, 4, 7, 9, 11 of 12, else every other layer), ``even`` (spaced
            from the first to the last), ``first``, ``last``, ``random`` (none is copied), or the
            layers themselves.

    Raises:
        UserError: the teacher has no such layers, or fewer than the student is to have.
    """
    if not 1 <= student <= teacher:
        raise UserError(f"a student of {student} layers cannot be made from {teacher}")
    if not isinstance(choice, str):
        layers = tuple(choice)
        if len(layers) != student or not all(0 <= layer < teacher for layer in layers):
            raise UserError(f"layers {layers} are not {student} of the teacher's {teacher}")
        return layers
    if choice == "reference":
        every = tuple(i * teacher // student for i in range(student))
        return REFERENCE.get((teacher, student), every)
    if choice == "even":
        step = (teacher - 1) / max(student - 1, 1)
        return tuple(round(i * step) for i in range(student))
    if choice == "first":
        return tuple(range(student))
    if choice == "last":
        return tuple(range(teacher - student, teacher))
    if choice == "random":
        return ()
    raise UserError(f"unknown choice of layers {choice!r}; {', '.join(CHOICES)} or a list")


def make_student(
    teacher: Any, layers: int, choice: str | Sequence[int] = "reference", seed: int = 0
) -> Any:
    """A `DistilBertForMaskedLM` made from a `transformers` teacher (BERT or RoBERTa family).

    Args:
        teacher: a model with an encoder of BERT's names; its MLM head is copied if it has one.
        layers: depth of the student.
        choice: as for `choose_layers`; ``random`` draws every weight from ``seed``.

    Raises:
        UserError: a teacher of another family, or layers that it has not.
    """
    from transformers import DistilBertForMaskedLM

    config = teacher.config
    stored = _plain(teacher.state_dict())
    chosen = choose_layers(choice, config.num_hidden_layers, layers)
    torch.manual_seed(seed)
    student = DistilBertForMaskedLM(_student_config(config, layers))
    if chosen:
        state = student.state_dict()
        for name, tensor in _translated(stored, chosen, config).items():
            if state[name].shape != tensor.shape:
                raise UserError(f"the teacher's {name} is {tuple(tensor.shape)}")
            state[name] = tensor
        student.load_state_dict(state)
        student.tie_weights()
    return student


def _student_config(config: Any, layers: int) -> Any:
    from transformers import DistilBertConfig

    return DistilBertConfig(
        vocab_size=config.vocab_size,
        max_position_embeddings=config.max_position_embeddings - _position_offset(config),
        n_layers=layers,
        n_heads=config.num_attention_heads,
        dim=config.hidden_size,
        hidden_dim=config.intermediate_size,
        activation=config.hidden_act,
        pad_token_id=config.pad_token_id,
        sinusoidal_pos_embds=False,
        tie_word_embeddings=True,
    )


def _position_offset(config: Any) -> int:
    """RoBERTa counts positions from the padding id + 1; DistilBERT from 0."""
    return config.pad_token_id + 1 if "roberta" in config.model_type else 0


def _plain(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in ("bert.", "roberta.", ""):
        if f"{prefix}{_FIRST}" in state:
            return {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    raise UserError("the teacher is no BERT or RoBERTa: its layers are not called as theirs")


def _translated(
    stored: dict[str, torch.Tensor], chosen: Sequence[int], config: Any
) -> dict[str, torch.Tensor]:
    """The student's weights by its names."""
    positions = stored["embeddings.position_embeddings.weight"][_position_offset(config) :]
    state = {
        "distilbert.embeddings.word_embeddings.weight": stored["embeddings.word_embeddings.weight"],
        "distilbert.embeddings.position_embeddings.weight": positions
        + stored["embeddings.token_type_embeddings.weight"][0],
    }
    parts = {"embeddings.LayerNorm": "distilbert.embeddings.LayerNorm"}
    for index, layer in enumerate(chosen):
        for theirs, ours in _LAYER.items():
            parts[f"encoder.layer.{layer}.{theirs}"] = (
                f"distilbert.transformer.layer.{index}.{ours}"
            )
    parts |= {theirs: ours for theirs, ours in _MLM.items() if f"{theirs}.weight" in stored}
    for theirs, ours in parts.items():
        for kind in ("weight", "bias"):
            state[f"{ours}.{kind}"] = stored[f"{theirs}.{kind}"]
    for bias in ("cls.predictions.bias", "lm_head.bias"):
        if bias in stored:
            state["vocab_projector.bias"] = stored[bias]
    state["vocab_projector.weight"] = stored["embeddings.word_embeddings.weight"]
    return state


def load_teacher(directory: Path, needs_head: bool = False) -> Any:
    """A teacher through the auto classes of `transformers`, with its MLM head if it has one.

    Raises:
        UserError: it is no masked language model, or needs an MLM head and has none.
    """
    from transformers import AutoModel, AutoModelForMaskedLM

    from distill.models.loading import load_reporting

    teacher, drawn = load_reporting(AutoModelForMaskedLM, directory, role=" as a teacher")
    if not drawn:
        return teacher
    if needs_head:
        raise UserError(
            f"{directory} has no MLM head, which L_ce needs: adapt one with python -m "
            f"distill.finetune --task mlm --model {directory}, or leave the term out with "
            "--alpha_ce 0"
        )
    return load_reporting(AutoModel, directory, role=" as a teacher")[0]


def check_vocabularies(teacher: Path, student: Path) -> None:
    """Raises:
    UserError: the two tokenizers do not share one vocabulary.
    """
    from distill.models.loading import load_auto_tokenizer

    theirs, ours = (load_auto_tokenizer(path).get_vocab() for path in (teacher, student))
    if theirs != ours:
        raise UserError(
            f"the vocabularies of {teacher} ({len(theirs)} entries) and {student} ({len(ours)}) "
            "differ: a student learns from a teacher of its own vocabulary"
        )
