"""A BERT-family encoder written to be converted: plain PyTorch, static control flow.

It computes what `transformers`' BertModel and DistilBertModel compute, from the same weights,
without code that `coremltools` cannot trace.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.reading import Checkpoint, EncoderConfig, check_pooling
from export.encoder.layers import MASKED, ChannelLayer, Layer
from export.tasks.names import INPUTS, TASKS
from export.tasks.table import task_named

LAYOUTS = ("standard", "ane")
INITIALIZER_RANGE = 0.02

BERT_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}
DISTILBERT_LAYER = {
    "query": "attention.q_lin",
    "key": "attention.k_lin",
    "value": "attention.v_lin",
    "output": "attention.out_lin",
    "attention_norm": "sa_layer_norm",
    "up": "ffn.lin1",
    "down": "ffn.lin2",
    "output_norm": "output_layer_norm",
}
BERT_HEADS = {
    "qa": {"head.dense": "qa_outputs"},
    "classify": {"head.pooler": "pooler.dense", "head.dense": "classifier"},
    "mlm": {
        "head.transform": "cls.predictions.transform.dense",
        "head.norm": "cls.predictions.transform.LayerNorm",
        "head.dense": "cls.predictions.decoder",
    },
    "embed": {},
    "tokens": {"head.dense": "classifier"},
    "rank": {"head.pooler": "pooler.dense", "head.dense": "classifier"},
    "features": {},
}
DISTILBERT_HEADS = {
    "qa": {"head.dense": "qa_outputs"},
    "classify": {"head.pooler": "pre_classifier", "head.dense": "classifier"},
    "mlm": {
        "head.transform": "vocab_transform",
        "head.norm": "vocab_layer_norm",
        "head.dense": "vocab_projector",
    },
    "embed": {},
    "tokens": {"head.dense": "classifier"},
    "rank": {"head.pooler": "pre_classifier", "head.dense": "classifier"},
    "features": {},
}
TIED = {
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
    "vocab_projector.weight": "embeddings.word_embeddings.weight",
}


def input_names(config: EncoderConfig, task: str) -> tuple[str, ...]:
    """Model inputs in order; segments only where the architecture has them and the task may use
    two (a sentence embedding has one)."""
    return INPUTS if config.segments and task_named(task).pairs else INPUTS[:2]


class Encoder(nn.Module):
    """Embeddings and layers in one layout; `forward` returns (batch, length, width)."""

    def __init__(self, config: EncoderConfig, layout: str, segments: bool) -> None:
        super().__init__()
        self.channels_first = layout == "ane"
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        if config.segments:
            self.token_type_embeddings = nn.Embedding(config.segments, config.width)
        self.one_segment = bool(config.segments) and not segments
        self.embedding_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        layer = ChannelLayer if self.channels_first else Layer
        self.layers = nn.ModuleList(layer(config) for _ in range(config.layers))

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        hidden = self.word_embeddings(input_ids)
        hidden = hidden + self.position_embeddings.weight[: input_ids.shape[1]]
        if token_type_ids is not None:
            hidden = hidden + self.token_type_embeddings(token_type_ids)
        elif self.one_segment:
            hidden = hidden + self.token_type_embeddings.weight[0]
        hidden = self.embedding_norm(hidden)
        if not self.channels_first:
            mask = self._additive(attention_mask[:, None, None, :], hidden.dtype)
            for layer in self.layers:
                hidden = layer(hidden, mask)
            return hidden
        mask = self._additive(attention_mask[:, :, None, None], hidden.dtype)
        hidden = hidden.transpose(1, 2).unsqueeze(2)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden.squeeze(2).transpose(1, 2)

    @staticmethod
    def _additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """0 for a token, `MASKED` for padding; in these steps ONNX Runtime knows it as a mask."""
        return (1.0 - mask.to(dtype)) * MASKED


class QuestionAnswering(nn.Module):
    """Start and end logits, each (batch, length)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, 2)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits = self.dense(hidden)
        return logits[:, :, 0], logits[:, :, 1]


class Classification(nn.Module):
    """Class logits (batch, classes) from the first token."""

    def __init__(self, config: EncoderConfig, classes: int) -> None:
        super().__init__()
        self.pooler = nn.Linear(config.width, config.width)
        self.dense = nn.Linear(config.width, classes)
        self.activation = torch.tanh if config.model_type == "bert" else F.relu

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.dense(self.activation(self.pooler(hidden[:, 0]))),)


class TokenClassification(nn.Module):
    """Label logits (batch, length, labels)."""

    def __init__(self, config: EncoderConfig, classes: int) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, classes)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.dense(hidden),)


class HiddenStates(nn.Module):
    """The hidden states themselves (batch, length, width)."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (hidden,)


class MaskedLanguageModel(nn.Module):
    """Vocabulary logits (batch, length, vocabulary)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.transform = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.dense = nn.Linear(config.width, config.vocabulary)
        self.activation = F.gelu if config.activation == "gelu" else F.relu

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.dense(self.norm(self.activation(self.transform(hidden)))),)


class SentenceEmbedding(nn.Module):
    """Mean over the attended positions, of length 1: (batch, width).

    The sum is scaled before it is taken, so that half precision does not overflow on long texts.
    """

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        weights = mask.to(hidden.dtype)
        weights = weights / weights.sum(dim=1, keepdim=True)
        mean = (hidden * weights[:, :, None]).sum(dim=1)
        return (mean / torch.sqrt((mean * mean).sum(dim=1, keepdim=True)),)


class TaskModel(nn.Module):
    """Encoder and head; positional inputs as `input_names`, outputs as `OUTPUTS`."""

    def __init__(self, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        hidden = self.encoder(input_ids, attention_mask, token_type_ids)
        outputs: tuple[torch.Tensor, ...] = self.head(hidden, attention_mask)
        return outputs


def build_encoder(checkpoint: Checkpoint, task: str, layout: str = "standard") -> TaskModel:
    """The model of a checkpoint for a task, in evaluation mode.

    Raises:
        UserError: unknown task or layout, sentences that are embedded otherwise than by the
            mean, a weight that is missing (a checkpoint without the task's head), whose shape is
            not what the configuration says, or that is not finite.
    """
    if task not in TASKS or layout not in LAYOUTS:
        raise UserError(f"unknown task {task!r} or layout {layout!r}")
    if task == "embed":
        check_pooling(checkpoint)
    config = checkpoint.config
    classes = _classes(checkpoint)
    make_head = {
        "qa": lambda: QuestionAnswering(config),
        "classify": lambda: Classification(config, classes),
        "mlm": lambda: MaskedLanguageModel(config),
        "embed": SentenceEmbedding,
        "tokens": lambda: TokenClassification(config, classes),
        "rank": lambda: Classification(config, 1),
        "features": HiddenStates,
    }
    segments = "token_type_ids" in input_names(config, task)
    stored = checkpoint.weights is not None
    # Stored weights take the place of tensors that hold nothing: no second copy of them, and a
    # shape that disagrees is found before memory is taken for it.
    with torch.device("meta" if stored else "cpu"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(checkpoint.seed)
        model = TaskModel(Encoder(config, layout, segments), make_head[task]())
        if not stored:
            _draw(model)
    if checkpoint.weights is not None:
        _fill(model, checkpoint.name, checkpoint.weights, weight_names(config, task))
    return model.eval().requires_grad_(False)


def weight_names(config: EncoderConfig, task: str) -> dict[str, str]:
    """Our module names -> the checkpoint's module names."""
    bert = config.model_type == "bert"
    names = {
        "encoder.word_embeddings": "embeddings.word_embeddings",
        "encoder.position_embeddings": "embeddings.position_embeddings",
        "encoder.embedding_norm": "embeddings.LayerNorm",
    }
    if config.segments:
        names["encoder.token_type_embeddings"] = "embeddings.token_type_embeddings"
    prefix, parts = (
        ("encoder.layer", BERT_LAYER) if bert else ("transformer.layer", DISTILBERT_LAYER)
    )
    for index in range(config.layers):
        for ours, theirs in parts.items():
            names[f"encoder.layers.{index}.{ours}"] = f"{prefix}.{index}.{theirs}"
    return names | (BERT_HEADS if bert else DISTILBERT_HEADS)[task]


def _classes(checkpoint: Checkpoint) -> int:
    weight = (checkpoint.weights or {}).get("classifier.weight")
    if weight is not None and weight.ndim == 2:
        return int(weight.shape[0])
    return max(len(checkpoint.config.labels), 2)


def _fill(
    model: nn.Module, name: str, weights: Mapping[str, torch.Tensor], names: dict[str, str]
) -> None:
    state = {}
    for ours, parameter in model.state_dict().items():
        module, _, kind = ours.rpartition(".")
        theirs = f"{names[module]}.{kind}"
        tensor = weights.get(theirs, weights.get(TIED.get(theirs, "")))
        if tensor is None:
            raise UserError(f"{name}: the checkpoint has no {theirs}; is it made for this task?")
        if tensor.shape != parameter.shape:
            raise UserError(
                f"{name}: {theirs} is {tuple(tensor.shape)}, but config.json says "
                f"{tuple(parameter.shape)}"
            )
        if not tensor.isfinite().all():
            raise UserError(f"{name}: {theirs} holds values that are not finite")
        state[ours] = tensor
    model.load_state_dict(state, assign=True)


def _draw(model: TaskModel) -> None:
    """Initialise as BERT does: normal weights, zero biases, the output layer of a masked language
    model tied to the embedding (arXiv 1810.04805, reference code)."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=INITIALIZER_RANGE)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    if isinstance(model.head, MaskedLanguageModel):
        model.head.dense.weight = model.encoder.word_embeddings.weight
