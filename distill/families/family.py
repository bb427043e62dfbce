"""What the kit must know of a model type: one record, and no second list of any of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from distill.console.errors import UserError

SIZES = MappingProxyType(
    {
        "layers": "num_hidden_layers",
        "width": "hidden_size",
        "heads": "num_attention_heads",
        "intermediate": "intermediate_size",
        "vocabulary": "vocab_size",
        "positions": "max_position_embeddings",
        "segments": "type_vocab_size",
        "embedding_width": "embedding_size",
        "activation": "hidden_act",
        "norm_eps": "layer_norm_eps",
    }
)
"""Our words -> BERT's keys in config.json."""
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
BERT_TOKENS = MappingProxyType(
    {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
)
ROBERTA_TOKENS = MappingProxyType(
    {"pad": "<pad>", "unk": "<unk>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
)

POOLER = "pooler"
BIASES = MappingProxyType({"norm_bias": True, "head_bias": True, "decoder_bias": True})
"""Whether norms, the transform of a head and the output layer of a masked language model have a
bias, where the record does not say otherwise."""
HEADS_OF_OTHERS = MappingProxyType({"rank": "classify"})


@dataclass(frozen=True)
class Head:
    """A head: which kind of module it is and what the checkpoint calls its parts.

    ``kind`` is a name of `export.encoder.heads.HEADS`. ``parts``: our part -> the checkpoint's
    module. ``activation`` between dense layers, or our word for the key of the configuration that
    names it; None: that of the layers. ``tied``: a tensor that a checkpoint may leave out -> the
    tensor that stands for it.
    """

    kind: str
    parts: Mapping[str, str]
    activation: str | None = None
    tied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A model type of `transformers`.

    ``prefix`` stands before the names of the encoder's weights in a model with a head.
    ``config_keys``: our words -> keys of config.json; ``defaults``: what holds without a key.
    ``embeddings`` and ``layer_parts``: our part -> the checkpoint's module, the latter below
    ``layer`` and the layer's number; ``repeated_parts`` are several, numbered within a layer.
    ``heads`` by task. ``padding_position``: None where
    positions count from 0; else they count from one after this id, and "pad" is the
    configuration's own pad id. ``tokens``: the usual special tokens. ``pair_separators``: how many
    separators stand between two texts. ``layouts``: what `export.encoder` can lay it out as.
    ``supported``: our word -> the values that the kit knows how to compute; others are refused.
    ``variants``: our word -> value -> heads that replace the record's own for that value.
    """

    model_type: str
    prefix: str
    heads: Mapping[str, Head]
    embeddings: Mapping[str, str]
    layer: str
    layer_parts: Mapping[str, str]
    repeated_parts: Mapping[str, str] = field(default_factory=dict)
    encoder: str = "bert"
    config_keys: Mapping[str, str] = field(default_factory=lambda: SIZES)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    dropouts: tuple[str, ...] = DROPOUTS
    padding_position: int | str | None = None
    tokens: Mapping[str, str] = field(default_factory=lambda: BERT_TOKENS)
    pair_separators: int = 1
    tokenizers: tuple[str, ...] = ("wordpiece",)
    layouts: tuple[str, ...] = ("standard", "ane")
    supported: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    variants: Mapping[str, Mapping[Any, Mapping[str, Head]]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    """Modules of a checkpoint that no task of the kit uses: pre-training heads."""

    def of(self, config: Mapping[str, object]) -> Family:
        """The record for one configuration: with the heads of its `variants`."""
        heads = dict(self.heads)
        for word, by_value in self.variants.items():
            heads |= by_value.get(self.setting(config, word), {})
        return replace(self, heads=heads, variants={})

    @property
    def head_modules(self) -> frozenset[str]:
        """The first names of all modules beside or above the encoder, with the pooler: another task
        may have left them in a checkpoint."""
        changed = [head for by_value in self.variants.values() for head in by_value.values()]
        heads = [head for each in (self.heads, *changed) for head in each.values()]
        names = {name for head in heads for name in (*head.parts.values(), *head.tied)}
        inside = {name.partition(".")[0] for name in (*self.embeddings.values(), self.layer)}
        firsts = {name.partition(".")[0] for name in (*names, *self.ignored, POOLER)}
        return frozenset(firsts - inside)

    @property
    def gives_layers(self) -> bool:
        """Whether a student, which is a DistilBERT, can be made of its layers: they are BERT's."""
        return self.encoder == "bert"

    @property
    def has_plain_vocabulary_head(self) -> bool:
        """Whether the head for masked text ends in one matrix, which the triple loss needs."""
        head = self.head("mlm")
        return head is not None and head.kind == "vocabulary"

    @property
    def gives_units(self) -> bool:
        """Whether its feed-forward layers can be made narrower: two plain matrices each."""
        return {"up", "down"} <= self.layer_parts.keys()

    @property
    def gives_heads(self) -> bool:
        """Whether its attention heads can be told apart, and none has a table of its own."""
        parts = {"query", "key", "value", "output"}
        return self.encoder == "bert" and parts <= self.layer_parts.keys()

    def head(self, task: str) -> Head | None:
        """The head of a task; ranking has that of a classifier. None: the task has no weights."""
        return self.heads.get(HEADS_OF_OTHERS.get(task, task))

    def part(self, part: str) -> str:
        """What the checkpoint calls a part of a layer.

        Raises:
            UserError: the layers have no such module: it is joined with another.
        """
        if part not in self.layer_parts:
            raise UserError(f"a {self.model_type} has no module for {part} alone in its layers")
        return self.layer_parts[part]

    def setting(self, config: Mapping[str, object], word: str) -> Any:
        """A value of config.json by our word for it, or its default.

        Raises:
            KeyError: the configuration does not have it, and there is no default.
        """
        key = self.config_keys.get(word)
        if key is not None and config.get(key) is not None:
            return config[key]
        for defaults in (self.defaults, BIASES):
            if word in defaults:
                return defaults[word]
        raise KeyError(key or word)

    def activation_of(self, head: Head, config: Mapping[str, object]) -> str:
        """The name of the activation between the dense layers of a head."""
        word = head.activation or "activation"
        return str(self.setting(config, word)) if word in self.config_keys else word

    def position_offset(self, config: Mapping[str, object]) -> int:
        """Rows of the position table before that of the first token."""
        if self.padding_position is None:
            return 0
        if self.padding_position == "pad":
            return int(self.setting(config, "pad")) + 1
        return int(self.padding_position) + 1

    def longest(self, config: Mapping[str, object]) -> int:
        """Tokens that the longest input has."""
        return int(self.setting(config, "positions")) - self.position_offset(config)
