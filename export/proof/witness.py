"""The witness: the library that made a checkpoint, run on the same text and the same ids.

Never the kit's own reader on both sides: what a reader misunderstands, it misunderstands twice.
"""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.cross_encoder import ACTIVATIONS
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.library_models import (
    draw_model,
    load_model,
    load_sentence_model,
    load_tokenizer,
)
from export.tasks.model_inputs import INPUTS, Inputs, Text
from export.tasks.table import task_named
from export.tasks.task import AnyTask, Outputs

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers.utils import ModelOutput


OWN_ENCODER = "the kit's own encoder alone"
Encode = Callable[[str, str | None], list[int]]


@dataclass(frozen=True)
class Witness:
    """The library's model. ``name`` says which library; ``encode`` gives its ids for a text or a
    pair, None where there is nothing to compare with; ``activation`` is what it does to its scores,
    None where it does not say; ``unread`` are stored weights that the task has no use for;
    ``labels``: its names for the rows of logits, nothing where the rows have none."""

    name: str
    task_name: str
    model: nn.Module
    encode: Encode | None
    activation: str | None = None
    unread: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def task(self) -> AnyTask:
        """The record of its task."""
        return task_named(self.task_name)

    @torch.inference_mode()
    def predict(self, data: Inputs) -> Outputs:
        """Outputs as float32 for inputs of shape (1, length)."""
        values = self.model({name: torch.from_numpy(data[name]).long() for name in INPUTS})
        named = zip(self.task.outputs, values, strict=True)
        return {name: value.float().numpy() for name, value in named}

    def changed(self, change: Callable[[nn.Module], object]) -> Witness:
        """A witness with a changed copy of the model."""
        model = copy.deepcopy(self.model)
        change(model)
        return replace(self, model=model)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raises:
        UserError: model.json has another activation than the library's (a softmax over classes is
            for reading alone), or other labels.
        """
        labels = tuple(settings.get("labels", ()))
        if self.labels and labels and labels != self.labels:
            raise UserError(
                f"the bundle's labels are {', '.join(labels)}, those of {self.name} are "
                f"{', '.join(self.labels)}"
            )
        stated = settings.get("activation")
        known = {self.activation, stated} <= set(ACTIVATIONS.values())
        if known and stated != self.activation:
            raise UserError(
                f"the bundle's scores go through {stated}, those of {self.name} through "
                f"{self.activation}"
            )

    def check_ids(self, texts: Sequence[Text], tokenizer: Tokenizer) -> int:
        """Compare a bundle's tokenizer with the library's; returns how many texts were compared.

        Raises:
            UserError: a text is read as other ids.
        """
        if self.encode is None:
            return 0
        for first, second in dict.fromkeys(texts):
            expected = self.encode(first, second)
            found = tokenizer.encode(first, second).ids
            if found != expected:
                at = next(
                    (i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b),
                    min(len(found), len(expected)),
                )
                raise UserError(
                    f"the bundle's tokenizer reads {first[:40]!r} in {len(found)} tokens, "
                    f"{self.name} in {len(expected)}; the first difference is at token {at}: "
                    f"{found[at : at + 1]} and {expected[at : at + 1]}"
                )
        return len(texts)


def load_witness(checkpoint: Checkpoint, task: str) -> tuple[Witness, Checkpoint]:
    """The library's model of a checkpoint with every key accounted for, and the checkpoint; one
    without weights gets those that `transformers` draws. Where the library is not installed the
    witness is the kit's own encoder, and its name says so.

    Raises:
        UserError: the library cannot load the folder, or the folder lacks a weight for the task.
    """
    if checkpoint.random_weights:
        model = draw_model(checkpoint, task)
        prefix, state = checkpoint.config.family.prefix, model.state_dict()
        weights = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        checkpoint = replace(checkpoint, weights=weights)
        encode = _encode_of(checkpoint.tokenizer_directory)
        witness = Witness(_version("transformers"), task, OutputsOf(model, task), encode)
        return witness, checkpoint
    if checkpoint.directory is None:
        return _own_encoder(checkpoint, task), checkpoint
    kind = _sentence_class(checkpoint, task)
    if kind is None:
        model, unread = load_model(checkpoint, task)
        encode = _encode_of(checkpoint.tokenizer_directory)
        name, labels = _version("transformers"), _labels_of(model, task)
        outputs = OutputsOf(model, task)
        return Witness(name, task, outputs, encode, unread=unread, labels=labels), checkpoint
    if importlib.util.find_spec("sentence_transformers") is None:
        return _own_encoder(checkpoint, task), checkpoint
    return _sentence_witness(kind, checkpoint, task), checkpoint


def _labels_of(model: Any, task: str) -> tuple[str, ...]:
    """The library's names for the rows of a classifier's logits."""
    if not task_named(task).labelled:
        return ()
    return tuple(str(label) for _, label in sorted(model.config.id2label.items()))


def _version(library: str) -> str:
    return f"{library} {importlib.metadata.version(library)}"


class OutputsOf(nn.Module):
    """A model of `transformers` that takes what it knows of the inputs and gives a tuple in the
    order of the task's outputs."""

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task
        segments = getattr(getattr(model, "config", None), "type_vocab_size", 0)
        self.names = INPUTS if segments and segments > 1 else INPUTS[:2]

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Outputs in the task's order for inputs by name, each (batch, length)."""
        given = {name: inputs[name] for name in self.names}
        return read_outputs(self.task, self.model(**given), inputs["attention_mask"])


def read_outputs(task: str, output: ModelOutput, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What a model of `transformers` gives for a task, in the order of the task's outputs, which it
    calls the same. It has no embedding of a sentence: that is, as a folder without modules.json
    means it, the mean over the tokens, of length 1."""
    names = task_named(task).outputs
    if all(name in output for name in names):
        return tuple(output[name] for name in names)
    hidden = output["last_hidden_state"]
    weights = mask[:, :, None].to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return (nn.functional.normalize(mean, dim=1),)


SENTENCE_OUTPUTS = {"SentenceTransformer": "sentence_embedding", "CrossEncoder": "scores"}
"""What a class of `sentence-transformers` calls its output, before an activation."""


class SentenceOutputs(nn.Module):
    """A model of `sentence-transformers` as a task's model."""

    def __init__(self, model: nn.Module, output: str, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.output, self.names = model, output, names

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Outputs in the task's order for inputs by name, each (batch, length)."""
        values = self.model({name: inputs[name] for name in self.names})[self.output]
        return (values[:, None] if values.ndim == 1 else values,)


def _sentence_class(checkpoint: Checkpoint, task: str) -> str | None:
    """The class of `sentence-transformers` that the folder and the task mean, if any."""
    root = checkpoint.root or checkpoint.directory
    if checkpoint.cross_encoder:
        of_pairs = task_named(task).auto_class == task_named("rank").auto_class
        return "CrossEncoder" if of_pairs else None
    modules = root is not None and (root / "modules.json").is_file()
    record = task_named(task)
    one_text = record.of_sentences and not record.pairs
    return "SentenceTransformer" if one_text and modules else None


def _sentence_witness(kind: str, checkpoint: Checkpoint, task: str) -> Witness:
    _, unread = load_model(checkpoint, task)  # this library does not say what is missing
    root = checkpoint.root or checkpoint.directory
    assert root is not None
    model = load_sentence_model(kind, root)
    activation = getattr(model, "activation_fn", None)
    segments = checkpoint.config.segments > 1 and task_named(task).pairs
    outputs = SentenceOutputs(model, SENTENCE_OUTPUTS[kind], INPUTS if segments else INPUTS[:2])
    return Witness(
        _version("sentence-transformers"),
        task,
        outputs,
        _encode_of(checkpoint.tokenizer_directory),
        ACTIVATIONS.get(type(activation).__name__),
        unread,
        _labels_of(model, task),
    )


def _encode_of(directory: Path | None) -> Encode | None:
    if directory is None:
        return None
    tokenizer = load_tokenizer(directory)

    def encode(first: str, second: str | None) -> list[int]:
        return list(tokenizer(first, second, truncation=False, verbose=False)["input_ids"])

    return encode


class OwnModel(nn.Module):
    """The kit's own encoder as a task's model."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Outputs in the task's order for inputs by name, each (batch, length)."""
        outputs: tuple[torch.Tensor, ...] = self.model(*(inputs[name] for name in self.names))
        return outputs


def _own_encoder(checkpoint: Checkpoint, task: str) -> Witness:
    model = build_encoder(checkpoint, task)
    names = input_names(checkpoint.config, task)
    return Witness(OWN_ENCODER, task, OwnModel(model, names), None)
