"""Encoder and head of a checkpoint, written to be converted: plain PyTorch, static control flow.

They compute what the models of `transformers` and `sentence-transformers` compute, from the same
weights, without code that `coremltools` cannot trace.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from distill.console.errors import UserError
from distill.families.family import Family, Head
from export.checkpoint.random_weights import draw_weights
from export.checkpoint.reading import Checkpoint, EncoderConfig
from export.checkpoint.weight_files import wrapped, wrapper_of
from export.encoder.albert import AlbertEncoder
from export.encoder.bert import Encoder
from export.encoder.deberta import DebertaEncoder
from export.encoder.heads import HEADS, HiddenStates, SentenceEmbedding
from export.encoder.mobilebert import MobileBertEncoder
from export.encoder.modernbert import ModernBertEncoder
from export.encoder.mpnet import MPNetEncoder
from export.tasks.model_inputs import INPUTS
from export.tasks.table import task_named

LAYOUTS = ("standard", "ane")
ENCODERS: dict[str, type[Encoder]] = {
    "bert": Encoder,
    "mpnet": MPNetEncoder,
    "albert": AlbertEncoder,
    "modernbert": ModernBertEncoder,
    "deberta": DebertaEncoder,
    "mobilebert": MobileBertEncoder,
}
"""By the name that a family's record gives."""
VOCABULARY = ("vocabulary", "split_vocabulary")
LISTED = 3


def input_names(config: EncoderConfig, task: str) -> tuple[str, ...]:
    """Model inputs in order; segments only where the architecture tells two apart and the task may
    use two (a sentence embedding has one)."""
    return INPUTS if config.segments > 1 and task_named(task).pairs else INPUTS[:2]


class TaskModel(nn.Module):
    """Encoder and head; positional inputs as `input_names`, outputs as the task's record."""

    def __init__(self, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        """Outputs of the task for ids, mask (1 for a token) and segments, each (batch, length)."""
        hidden = self.encoder(input_ids, attention_mask, token_type_ids)
        outputs: tuple[torch.Tensor, ...] = self.head(hidden, attention_mask)
        return outputs


def build_encoder(checkpoint: Checkpoint, task: str, layout: str = "standard") -> TaskModel:
    """The model of a checkpoint for a task, in evaluation mode.

    Raises:
        UserError: a task or layout that is unknown or that the model type does not have; a
            checkpoint made for another task; labels that are not as many as the head's rows; a
            weight that is missing, that nothing uses, whose shape is not what the configuration
            says, or that is not finite.
    """
    config, family = checkpoint.config, checkpoint.config.family
    _check(checkpoint, task, layout)
    weights = checkpoint.weights
    if weights is None:
        weights = draw_weights(config, task_named(task), checkpoint.seed)
    segments = "token_type_ids" in input_names(config, task)
    # Stored weights take the place of tensors that hold nothing: no second copy of them, and a
    # shape that disagrees is found before memory is taken for it.
    with torch.device("meta"):
        encoder = ENCODERS[family.encoder](config, layout, segments)
        model = TaskModel(encoder, _head(checkpoint, task, weights))
    names = weight_names(config, task)
    tied = _tied(config, family.head(task), weights)
    used = _fill(model, checkpoint.name, weights, names, tied)
    _check_unused(checkpoint.name, family, weights, used)
    return model.eval().requires_grad_(False)


def _check(checkpoint: Checkpoint, task: str, layout: str) -> None:
    record, family, name = task_named(task), checkpoint.config.family, checkpoint.name
    if layout not in LAYOUTS:
        raise UserError(f"unknown layout {layout!r} (expected {', '.join(LAYOUTS)})")
    if layout not in family.layouts:
        raise UserError(
            f"{name}: layout {layout} is not supported for {family.model_type} "
            f"(expected {', '.join(family.layouts)})"
        )
    if family.head(task) is None:
        return
    made_for = checkpoint.config.architectures
    trained = [each for each in made_for if "For" in each and not each.endswith("ForPreTraining")]
    if trained and not any(each.endswith(record.architecture) for each in trained):
        raise UserError(
            f"{name}: is a {trained[0]}, not made for the task {task} (…{record.architecture})"
        )


def _head(checkpoint: Checkpoint, task: str, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    config = checkpoint.config
    head = config.family.head(task)
    if head is None:
        if "hidden" in task_named(task).outputs[0]:
            return HiddenStates()
        return SentenceEmbedding(checkpoint.modules)
    if head.kind in VOCABULARY:
        return HEADS[head.kind](config, head, config.vocabulary)
    weight = weights.get(f"{head.parts['dense']}.weight")
    rows = int(weight.shape[0]) if weight is not None and weight.ndim == 2 else len(config.labels)
    if head.kind == "span":
        rows = 2
    elif task_named(task).labelled and rows != len(config.labels):
        raise UserError(
            f"{checkpoint.name}: the head has {rows} rows, but config.json names "
            f"{len(config.labels)} labels (id2label)"
        )
    needed = task_named(task).rows
    if needed is not None and rows != needed:
        raise UserError(
            f"{checkpoint.name}: its head has {rows} outputs; the task {task} needs {needed}"
        )
    return HEADS[head.kind](config, head, rows)


def weight_names(config: EncoderConfig, task: str) -> dict[str, str]:
    """Our module names -> the checkpoint's module names."""
    family = config.family
    names = {f"encoder.{ours}": theirs for ours, theirs in family.embeddings.items()}
    encoder = ENCODERS[family.encoder]
    for index, prefix in enumerate(encoder.layer_names(config)):
        for ours, theirs in encoder.part_names(config).items():
            names[f"encoder.layers.{index}.{ours}"] = f"{prefix}.{theirs}"
    head = family.head(task)
    return names | {f"head.{ours}": theirs for ours, theirs in (head.parts if head else {}).items()}


def _tied(
    config: EncoderConfig, head: Head | None, weights: Mapping[str, torch.Tensor]
) -> dict[str, str]:
    """Tensors that another stands for, as `transformers` ties them: not where both are stored and
    differ; where the configuration does not tie them, only what is missing."""
    tied = dict(head.tied) if head else {}
    if config.stored.get("tie_word_embeddings") is False:
        return {name: source for name, source in tied.items() if name not in weights}
    return {
        name: source
        for name, source in tied.items()
        if source in weights and (name not in weights or weights[name].equal(weights[source]))
    }


def _fill(
    model: nn.Module,
    name: str,
    weights: Mapping[str, torch.Tensor],
    names: Mapping[str, str],
    tied: Mapping[str, str],
) -> set[str]:
    """Put stored tensors into a model; returns the names of those it used."""
    state, missing = {}, []
    parameters = {ours: value for ours, value in model.named_parameters() if value.is_meta}
    for ours, parameter in parameters.items():
        module, _, kind = ours.rpartition(".")
        theirs = f"{names[module]}.{kind}"
        theirs = tied.get(theirs, theirs)
        tensor = weights.get(theirs)
        if tensor is None:
            missing.append(theirs)
            continue
        if tensor.shape != parameter.shape:
            raise UserError(
                f"{name}: {theirs} is {tuple(tensor.shape)}, but config.json says "
                f"{tuple(parameter.shape)}"
            )
        if not tensor.isfinite().all():
            raise UserError(f"{name}: {theirs} holds values that are not finite")
        state[ours] = tensor
    if missing:
        raise UserError(_missing(name, missing, weights))
    model.load_state_dict(state, strict=False, assign=True)
    return {tied.get(full, full) for full in _full_names(parameters, names)} | {*tied}


def _full_names(parameters: Mapping[str, torch.Tensor], names: Mapping[str, str]) -> list[str]:
    parts = (ours.rpartition(".") for ours in parameters)
    return [f"{names[module]}.{kind}" for module, _, kind in parts]


def _missing(name: str, missing: list[str], weights: Mapping[str, torch.Tensor]) -> str:
    wrapper = wrapper_of(weights, missing[0])
    if wrapper:
        return wrapped(name, wrapper)
    return f"{name}: the checkpoint has no {_listed(missing)}; is it made for this task?"


def _check_unused(
    name: str, family: Family, weights: Mapping[str, torch.Tensor], used: set[str]
) -> None:
    """Raises:
    UserError: a tensor that is not used by this model or by a head of another task.
    """
    parts = {part for head in family.heads.values() for part in head.parts.values()}
    known = {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")} | used
    known |= {source for head in family.heads.values() for source in head.tied.values()}
    stray = [
        tensor
        for tensor in weights
        if tensor not in known and not any(tensor.startswith(f"{p}.") for p in family.ignored)
    ]
    if stray:
        wrapper = wrapper_of(weights, next(iter(used), ""))
        raise UserError(
            f"{name}: no module of a {family.model_type} uses {_listed(stray)}"
            + (f" ({wrapper}… is the prefix of a wrapped model)" if wrapper else "")
        )


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + rest
