"""The contenders of a comparison, by what their users call them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.runtimes.vocabulary import onnx_vocabulary
from distill.console.errors import UserError
from distill.models.presets import PRESETS, VOCABULARY_SIZE, preset_directory
from export.tasks.table import ENCODER_ALONE

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.checkpoint.reading import Checkpoint

ELMO = "elmo"
TASK = ENCODER_ALONE
"""Every model is measured as an encoder: a head of a few thousand weights costs nothing."""
METRICS = ("f1", "score", "accuracy", "spearman", "pearson", "matthews")
"""What `distill.finetune` writes into metrics.json, the one to show first."""


@dataclass(frozen=True)
class Model:
    """A checkpoint, ELMo, an ``.onnx`` file, a Core ML package or a Core AI asset.

    ``source`` is what was named: a preset, a directory, a hub id or a file.
    """

    name: str
    source: str
    kind: str
    checkpoint: Checkpoint | None = None
    bundle: Bundle | None = None

    @property
    def random_weights(self) -> bool:
        """Whether its weights mean nothing: they were drawn, here or when a bundle was exported."""
        if self.bundle is not None:
            return bool(self.bundle.settings.get("random_weights", False))
        return self.kind == ELMO or (self.checkpoint is not None and self.checkpoint.random_weights)

    @property
    def parameters(self) -> int | None:
        """Of the encoder; None for a file, whose weights may be stored in any way."""
        if self.kind == ELMO:
            from bench.runtimes.elmo import parameter_count

            return parameter_count()
        if self.checkpoint is None:
            return None
        from bench.runtimes.arithmetic import encoder_parts, totals

        return round(totals(encoder_parts(self.checkpoint.config, 1), "float32")[1])

    @property
    def longest(self) -> int | None:
        """Tokens it takes at most; None where that is not known."""
        if self.bundle is not None:
            return max(self.bundle.lengths)
        return self.checkpoint.config.positions if self.checkpoint is not None else None

    def require_length(self, length: int) -> None:
        """
        Raises:
            UserError: fewer tokens than two, or more than the model takes.
        """
        if length < 2 or (self.longest is not None and length > self.longest):
            most = "at least 2" if self.longest is None else f"between 2 and {self.longest}"
            raise UserError(f"length {length} is not {most} of {self.name}")

    @cached_property
    def vocabulary(self) -> int:
        """The number of ids it takes; BERT's where a file does not show it.

        Raises:
            UserError: an ONNX file that cannot be read.
        """
        if self.checkpoint is not None:
            return self.checkpoint.config.vocabulary
        if self.bundle is not None:
            return int(self.bundle.reading.tokenizer.get_vocab_size())
        stored = onnx_vocabulary(Path(self.source)) if self.kind == "onnx" else None
        return stored or VOCABULARY_SIZE

    @property
    def accuracy(self) -> tuple[str, float] | None:
        """(metric, percent) of a checkpoint that was fine-tuned here; None where not known."""
        directory = self.checkpoint.directory if self.checkpoint else None
        return known_accuracy(directory) if directory else None


def open_models(names: Sequence[str]) -> list[Model]:
    """All models, told apart by name even where their folders are called the same.

    Raises:
        UserError: as `open_model`.
    """
    models = [open_model(name) for name in names]
    counts = Counter(model.name for model in models)
    models = [
        replace(model, name=model.source) if counts[model.name] > 1 else model for model in models
    ]
    seen: Counter[str] = Counter()
    for index, model in enumerate(models):
        seen[model.name] += 1
        if seen[model.name] > 1:
            models[index] = replace(model, name=f"{model.name} ({seen[model.name]})")
    return models


def open_model(name: str) -> Model:
    """A preset (random weights where it has none on this machine), a checkpoint, or a model file.

    Raises:
        UserError: nothing of that name, or a checkpoint or package that is broken.
    """
    path = Path(name)
    if name == ELMO:
        return Model(name, name, ELMO)
    if name not in PRESETS and not path.exists() and not _hub_id(name):
        known = ", ".join([*PRESETS, ELMO])
        raise UserError(
            f"unknown model {name!r} (expected one of {known}; a checkpoint folder, a bundle, or "
            "a file .onnx, .mlpackage or .aimodel that exists)"
        )
    if path.suffix == ".onnx":
        return Model(path.stem, name, "onnx")
    if path.suffix in (".mlpackage", ".aimodel") or (path / "model.json").is_file():
        from export.bundle.bundle_folder import open_bundle
        from export.proof.engines import format_of

        bundle = open_bundle(path)
        kind = "package" if format_of(bundle) == "coreml" else "asset"
        return Model(bundle.directory.name, name, kind, bundle=bundle)
    from export.checkpoint.reading import load_checkpoint

    random = name in PRESETS and preset_directory(name) is None
    checkpoint = load_checkpoint(name, random_weights=random)
    return Model(checkpoint.name, name, "checkpoint", checkpoint)


def known_accuracy(directory: Path) -> tuple[str, float] | None:
    """The evaluation that `distill.finetune` left in a checkpoint's ``metrics.json``."""
    from distill.tasks.evaluation import evaluation_name

    try:
        stored = json.loads((directory / "metrics.json").read_text(encoding="utf-8"))
        found = dict(stored.get(evaluation_name(stored), {}))
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    name = next((name for name in METRICS if name in found), None)
    return (name, float(found[name])) if name else None


def _hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/")) and not name.endswith("/")
