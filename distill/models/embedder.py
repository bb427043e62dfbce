"""An encoder with the modules that `sentence-transformers` puts after it, as one model to train."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel

from distill.console.atomic import atomic_files
from distill.console.errors import UserError
from distill.models.loading import check_finite, configuration, load_weights, readable
from distill.models.tokenizer import RIGHT

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class SentenceEmbeddings:
    """``embedding``, (texts, width). A dataclass: `DistributedDataParallel` finds no tensors in
    objects of other classes, and takes all weights to be unused."""

    embedding: torch.Tensor


class Embedder(nn.Module):
    """``sentences``: a `SentenceTransformer` whose first module is the encoder."""

    def __init__(self, sentences: SentenceTransformer, directory: Path) -> None:
        super().__init__()
        self.sentences = sentences
        self.name_or_path = str(directory)

    @property
    def base_model(self) -> PreTrainedModel:
        """The encoder, a model of `transformers`."""
        encoder = self.sentences[0].model
        assert isinstance(encoder, PreTrainedModel)
        return encoder

    @property
    def config(self) -> PretrainedConfig:
        """The configuration of the encoder."""
        return self.base_model.config

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return int(self.sentences.get_embedding_dimension() or 0)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> SentenceEmbeddings:
        """Of ids and mask of shape (texts, length)."""
        segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.base_model(
            input_ids=input_ids, attention_mask=attention_mask, **segments
        ).last_hidden_state
        features = {"token_embeddings": states, "attention_mask": attention_mask}
        for module in list(self.sentences)[1:]:
            features = module(features)
        return SentenceEmbeddings(features["sentence_embedding"])

    def save(self, output: Path) -> None:
        """Write a folder of `sentence-transformers`; other files in ``output`` stay."""
        output.mkdir(parents=True, exist_ok=True)
        with atomic_files(output) as staged:
            self.sentences.save_pretrained(str(staged), create_model_card=False)


Model = PreTrainedModel | Embedder
"""What a task trains."""


def load_embedder(directory: Path, dropout: float | None = None) -> Embedder:
    """The embedder in a folder: by its modules.json, or else the mean of the last hidden states
    at length 1. Every weight of the encoder is accounted for.

    Raises:
        UserError: the package `sentence-transformers` is missing, the folder cannot be loaded, or
            its first modules are not an encoder and a pooling.
    """
    library = _library()
    encoder = load_weights(AutoModel, directory, config=configuration(directory, dropout))
    with readable(directory, " as sentence embeddings"):
        modules = [library.Transformer(str(directory))]
        if (directory / "modules.json").is_file():
            sentences = library.SentenceTransformer(
                str(directory), device="cpu", local_files_only=True, trust_remote_code=False
            )
            modules = list(sentences)
        else:
            modules += [library.Pooling(encoder.config.hidden_size, "mean"), library.Normalize()]
            sentences = library.SentenceTransformer(modules=modules, device="cpu")
    names = [type(module).__name__ for module in modules]
    if names[:2] != ["Transformer", "Pooling"]:
        raise UserError(
            f"{directory}: modules {', '.join(names)} are not supported (expected Transformer, "
            "Pooling, ...)"
        )
    sentences[0].model = encoder
    sentences[0].tokenizer.padding_side = RIGHT
    check_finite(sentences.named_parameters(), directory)
    return Embedder(sentences, directory)


def modules_of(source: Embedder, model: Embedder) -> Embedder:
    """``model`` with what follows the encoder of ``source``; changed in place."""
    modules = [model.sentences[0], *list(source.sentences)[1:]]
    model.sentences = _library().SentenceTransformer(modules=modules, device="cpu")
    return model


def with_directions(model: Embedder, directions: torch.Tensor) -> Embedder:
    """The model with its embeddings projected onto ``directions``, (new width, width), then at
    length 1; changed in place."""
    library = _library()
    dense = library.Dense(
        directions.shape[1], directions.shape[0], bias=False, activation_function=nn.Identity(),
        init_weight=directions.to(next(model.parameters()).dtype),
    )  # fmt: skip
    kept = [m for m in model.sentences if type(m).__name__ != "Normalize"]
    modules = [*kept, dense, library.Normalize()]
    model.sentences = library.SentenceTransformer(modules=modules, device="cpu")
    return model


def principal_directions(embeddings: torch.Tensor, width: int) -> torch.Tensor:
    """The ``width`` directions, (width, former width), that keep most of the dot products of
    embeddings of shape (texts, former width): right singular vectors, without centring.

    Raises:
        UserError: there are fewer texts, or fewer dimensions, than directions.
    """
    if width > min(embeddings.shape):
        raise UserError(
            f"{width} directions cannot be found in {embeddings.shape[0]} embeddings of width "
            f"{embeddings.shape[1]}: give more texts, or a smaller width"
        )
    directions: torch.Tensor = torch.linalg.svd(embeddings.double(), full_matrices=False).Vh
    return directions[:width].float()


def _library() -> SimpleNamespace:
    try:
        from sentence_transformers import SentenceTransformer

        parts = import_module("sentence_transformers.models")
    except ImportError:
        raise UserError(
            "sentence embeddings need the package sentence-transformers: install the extra "
            "`sentences`"
        ) from None
    names = ("Transformer", "Pooling", "Dense", "Normalize")
    return SimpleNamespace(
        SentenceTransformer=SentenceTransformer, **{name: getattr(parts, name) for name in names}
    )
