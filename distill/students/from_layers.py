"""A student made from a teacher's layers (arXiv 1910.01108, section 3).

The student is a standard Hugging Face DistilBERT: the teacher's width, half its depth (or any),
its embeddings, some of its layers, and its MLM head where it has one. A teacher with segments
always sees segment 0, so its vector is folded into the position table: the student then starts from
the teacher's own embedding function.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from distill.console.errors import UserError
from distill.families.distilbert import DISTILBERT
from distill.families.family import Family
from distill.families.table import family_of
from distill.models.tokenizer import PROBE

if TYPE_CHECKING:
    from transformers import (
        DistilBertConfig,
        DistilBertForMaskedLM,
        PretrainedConfig,
        PreTrainedModel,
    )

REFERENCE = {(12, 6): (0, 2, 4, 7, 9, 11)}
CHOICES = ("reference", "even", "first", "last", "random")


def choose_layers(choice: str | Sequence[int], teacher: int, student: int) -> tuple[int, ...]:
    """Which teacher layers the student takes, in order.

    Args:
        choice: ``reference`` (0, 2, 4, 7, 9, 11 of 12, else every other layer), ``even`` (spaced
            from the first to the last), ``first``, ``last``, ``random`` (none is copied), or the
            layers themselves, each as often as it is named. A student deeper than its teacher has
            neighbours that start alike, by ``reference``, ``even`` or a list.

    Raises:
        UserError: the teacher has no such layers, or fewer than the student is to have.
    """
    if student < 1 or (student > teacher and choice in ("first", "last")):
        raise UserError(f"a student of {student} layers cannot be made from {teacher} ({choice})")
    if not isinstance(choice, str):
        layers = tuple(choice)
        if len(layers) != student or not all(0 <= layer < teacher for layer in layers):
            raise UserError(
                f"layers {layers} cannot be taken (expected {student} of the teacher's {teacher})"
            )
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
    teacher: PreTrainedModel,
    layers: int,
    choice: str | Sequence[int] = "reference",
    seed: int = 0,
) -> DistilBertForMaskedLM:
    """A `DistilBertForMaskedLM` made from a `transformers` teacher (BERT, RoBERTa, DistilBERT).

    Args:
        teacher: a model with an encoder of BERT's names; its MLM head is copied if it has one.
        layers: depth of the student.
        choice: as for `choose_layers`; ``random`` draws every weight from ``seed``.

    Raises:
        UserError: a teacher of another family, or layers that the teacher does not have.
    """
    from transformers import DistilBertForMaskedLM

    config = teacher.config
    family = family_of(config.model_type, "the teacher")
    _check_family(family, config)
    prefix = family.prefix
    stored = {name.removeprefix(prefix): value for name, value in teacher.state_dict().items()}
    chosen = choose_layers(choice, config.num_hidden_layers, layers)
    torch.manual_seed(seed)
    student = DistilBertForMaskedLM(_student_config(family, config, layers))
    if chosen:
        state = student.state_dict()
        for name, tensor in _translated(stored, chosen, family, config).items():
            if state[name].shape != tensor.shape:
                raise UserError(f"the teacher's {name} is {tuple(tensor.shape)}")
            state[name] = tensor
        student.load_state_dict(state)
        student.tie_weights()
    return student


def _check_family(family: Family, config: PretrainedConfig) -> None:
    """Raises:
    UserError: the teacher's layers are not those of BERT, which DistilBERT's are."""
    if not family.gives_layers:
        raise UserError(f"a student cannot be made from the layers of a {family.model_type}")
    if getattr(config, "embedding_size", config.hidden_size) != config.hidden_size:
        raise UserError(
            f"a student cannot be made from this teacher: its embeddings are "
            f"{config.embedding_size} wide, its layers {config.hidden_size}"
        )


def _student_config(family: Family, config: PretrainedConfig, layers: int) -> DistilBertConfig:
    from transformers import DistilBertConfig

    stored = config.to_dict()
    return DistilBertConfig(
        vocab_size=config.vocab_size,
        max_position_embeddings=family.longest(stored),
        n_layers=layers,
        n_heads=config.num_attention_heads,
        dim=config.hidden_size,
        hidden_dim=family.setting(stored, "intermediate"),
        activation=family.setting(stored, "activation"),
        pad_token_id=config.pad_token_id,
        sinusoidal_pos_embds=False,
        tie_word_embeddings=True,
    )


def _translated(
    stored: dict[str, torch.Tensor], chosen: Sequence[int], family: Family, config: PretrainedConfig
) -> dict[str, torch.Tensor]:
    """The student's weights by its names."""
    teacher_names, student_names = family.embeddings, DISTILBERT.embeddings
    words = stored[f"{teacher_names['word_embeddings']}.weight"]
    # The student counts positions from 0, whatever its teacher does.
    positions = stored[f"{teacher_names['position_embeddings']}.weight"]
    positions = positions[family.position_offset(config.to_dict()) :]
    if "token_type_embeddings" in teacher_names:
        positions = positions + stored[f"{teacher_names['token_type_embeddings']}.weight"][0]
    inside = DISTILBERT.prefix
    state = {
        f"{inside}{student_names['word_embeddings']}.weight": words,
        f"{inside}{student_names['position_embeddings']}.weight": positions,
        "vocab_projector.weight": words,
    }
    modules = {teacher_names["embedding_norm"]: f"{inside}{student_names['embedding_norm']}"}
    for index, layer in enumerate(chosen):
        for part, name in family.layer_parts.items():
            modules[f"{family.layer}.{layer}.{name}"] = (
                f"{inside}{DISTILBERT.layer}.{index}.{DISTILBERT.layer_parts[part]}"
            )
    for part in ("transform", "norm"):
        name = family.heads["mlm"].parts[part]
        if f"{name}.weight" in stored:
            modules[name] = DISTILBERT.heads["mlm"].parts[part]
    for name, student_name in modules.items():
        for kind in ("weight", "bias"):
            state[f"{student_name}.{kind}"] = stored[f"{name}.{kind}"]
    bias = f"{family.heads['mlm'].parts['dense']}.bias"
    bias = family.heads["mlm"].tied.get(bias, bias)
    if bias in stored:
        state["vocab_projector.bias"] = stored[bias]
    return state


def load_teacher(directory: Path, needs_head: bool = False) -> PreTrainedModel:
    """A teacher through the auto classes of `transformers`, with its MLM head if it has one.

    Raises:
        UserError: it is not a masked language model, or needs an MLM head and has none.
    """
    from transformers import AutoModel, AutoModelForMaskedLM

    from distill.models.loading import load_reporting

    teacher, drawn = load_reporting(AutoModelForMaskedLM, directory, role=" as a teacher")
    if not drawn:
        return teacher
    if needs_head:
        raise UserError(
            f"{directory} has no MLM head, which L_ce needs: adapt one with python -m "
            f"distill.adapt_mlm --model {directory}, or leave the term out with "
            "--alpha_ce 0"
        )
    return load_reporting(AutoModel, directory, role=" as a teacher")[0]


def one_vocabulary(teacher: Path, student: Path) -> bool:
    """Whether two tokenizers give the same pieces the same numbers, and read a text alike: one that
    lower-cases asks a teacher that does not for other words."""
    from distill.models.loading import load_auto_tokenizer

    one, other = (load_auto_tokenizer(path) for path in (teacher, student))
    return bool(
        one.get_vocab() == other.get_vocab() and one.tokenize(PROBE) == other.tokenize(PROBE)
    )


def check_vocabularies(teacher: Path, student: Path) -> None:
    """Raises:
    UserError: the two tokenizers do not share one vocabulary.
    """
    if not one_vocabulary(teacher, student):
        raise UserError(
            f"the tokenizers of {teacher} and {student} differ: in pre-training a student learns "
            "from a teacher of its own vocabulary; in fine-tuning another vocabulary is allowed"
        )
