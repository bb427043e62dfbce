"""The witness: the library that made a checkpoint, run on the same text and the same ids.

Never the kit's own reader on both sides: what a reader misunderstands, it misunderstands twice.
"""

from __future__ import annotations

import copy
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from distill.console.errors import UserError
from distill.console.progress import quiet
from distill.models.presets import PRESETS
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.tasks.model_inputs import INPUTS, Inputs, Text
from export.tasks.table import task_named, tasks_of
from export.tasks.task import Outputs

OWN_ENCODER = "the kit's own encoder alone"
BROKEN = (ValueError, RuntimeError, OSError, LookupError, TypeError, ImportError, AttributeError)
Encode = Callable[[str, str | None], list[int]]


class Witness:
    """The library's model. ``name`` says which library; ``encode`` gives its ids for a text or a
    pair, None where there is nothing to compare with."""

    def __init__(self, name: str, task: str, model: nn.Module, encode: Encode | None) -> None:
        self.name, self.task, self.model, self.encode = name, task_named(task), model, encode

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
        return Witness(self.name, self.task.name, model, self.encode)

    def check_ids(self, texts: Sequence[Text], tokenizer: Any) -> int:
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
    directory = checkpoint.directory
    if directory is not None and not checkpoint.random_weights:
        if task == "embed" and (directory / "modules.json").is_file():
            if importlib.util.find_spec("sentence_transformers") is None:
                return _own_encoder(checkpoint, task), checkpoint
            return _sentence_transformer(directory), checkpoint
        model = _loaded(directory, checkpoint.name, task)
    elif checkpoint.random_weights:
        model = _drawn(checkpoint, task)
        prefix = checkpoint.config.family.prefix
        state = model.state_dict()
        weights = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        checkpoint = replace(checkpoint, weights=weights)
    else:
        return _own_encoder(checkpoint, task), checkpoint
    encode = _transformers_encode(checkpoint.tokenizer_directory)
    return Witness(_version("transformers"), task, OutputsOf(model, task), encode), checkpoint


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
        given = {name: inputs[name] for name in self.names}
        return READERS[self.task](self.model(**given), inputs["attention_mask"])


def _mean_of_tokens(output: Any, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What a folder without modules.json means: the mean over the tokens, of length 1."""
    hidden = output.last_hidden_state
    weights = mask[:, :, None].to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return (nn.functional.normalize(mean, dim=1),)


READERS: dict[str, Callable[[Any, torch.Tensor], tuple[torch.Tensor, ...]]] = {
    "qa": lambda output, _: (output.start_logits, output.end_logits),
    "classify": lambda output, _: (output.logits,),
    "tokens": lambda output, _: (output.logits,),
    "rank": lambda output, _: (output.logits,),
    "mlm": lambda output, _: (output.logits,),
    "embed": _mean_of_tokens,
    "features": lambda output, _: (output.last_hidden_state,),
}


def _loaded(directory: Path, name: str, task: str) -> nn.Module:
    import transformers

    auto = getattr(transformers, task_named(task).auto_class)
    try:
        with quiet():
            model, info = auto.from_pretrained(
                directory,
                output_loading_info=True,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # they are reported below, by name
                dtype=torch.float32,
            )
    except BROKEN as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{name}: transformers cannot load it ({reason})") from None
    # A pooler that the task does not read may be missing.
    unread = ("pooler",) if task in UNPOOLED else ()
    missing = [key for key in info["missing_keys"] if not any(part in key for part in unread)]
    if missing:
        raise UserError(f"{name}: the checkpoint has no {min(missing)}; is it made for {task}?")
    for key, stored, expected in info.get("mismatched_keys", ()):
        raise UserError(f"{name}: {key} is {tuple(stored)}, but config.json says {tuple(expected)}")
    named = tasks_of(model.config.architectures or [])
    if named and task not in named and task not in UNPOOLED and "embed" not in named:
        raise UserError(
            f"{name}: made for {named[0]} ({model.config.architectures[0]}), not for {task}"
        )
    return _evaluated(model)


UNPOOLED = ("embed", "features")


def _drawn(checkpoint: Checkpoint, task: str) -> nn.Module:
    """A model with the weights that `transformers` draws from the checkpoint's seed."""
    import transformers

    if checkpoint.directory is None:
        stored = dict(PRESETS[checkpoint.name].config)
        config = transformers.AutoConfig.for_model(stored.pop("model_type"), **stored)
    else:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(
                checkpoint.directory, trust_remote_code=False
            )
    if task == "rank":
        config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(checkpoint.seed)
        auto = getattr(transformers, task_named(task).auto_class)
        return _evaluated(auto.from_config(config, trust_remote_code=False, dtype=torch.float32))


def _evaluated(model: Any) -> nn.Module:
    evaluated: nn.Module = model.eval().requires_grad_(False)
    return evaluated


def _transformers_encode(directory: Path | None) -> Encode | None:
    if directory is None:
        return None
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                directory, trust_remote_code=False, local_files_only=True
            )
    except BROKEN as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{directory}: transformers has no tokenizer for it ({reason})") from None

    def encode(first: str, second: str | None) -> list[int]:
        return list(tokenizer(first, second, truncation=False, verbose=False)["input_ids"])

    return encode


class SentenceOutputs(nn.Module):
    """A model of `sentence-transformers` as a task's model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        given = {name: inputs[name] for name in INPUTS[:2]}
        return (self.model(given)["sentence_embedding"],)


def _sentence_transformer(directory: Path) -> Witness:
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            model = SentenceTransformer(
                str(directory), device="cpu", trust_remote_code=False, local_files_only=True
            )
    except BROKEN as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{directory}: sentence-transformers cannot load it ({reason})") from None
    evaluated = _evaluated(model.float())
    encode = _transformers_encode(directory)
    name = _version("sentence-transformers")
    return Witness(name, "embed", SentenceOutputs(evaluated), encode)


class OwnModel(nn.Module):
    """The kit's own encoder as a task's model."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        outputs: tuple[torch.Tensor, ...] = self.model(*(inputs[name] for name in self.names))
        return outputs


def _own_encoder(checkpoint: Checkpoint, task: str) -> Witness:
    model = build_encoder(checkpoint, task)
    names = input_names(checkpoint.config, task)
    return Witness(OWN_ENCODER, task, OwnModel(model, names), None)
