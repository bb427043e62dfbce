"""Checkpoints of every model type: a few thousand random weights and a tokenizer of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from distill.families.family import BERT_TOKENS, ROBERTA_TOKENS
from distill.families.table import FAMILIES
from export.tasks.samples import QUESTIONS, SINGLE
from export.tasks.table import TASKS

SIZES = {
    "layers": 3,
    "width": 16,
    "heads": 4,
    "intermediate": 24,
    "vocabulary": 60,
    "positions": 160,
    "embedding_width": 8,
    "window": 10,
    "inner_width": 8,
}
NEEDED: dict[str, dict[str, Any]] = {
    "modernbert": {"pad_token_id": 1},
    "mobilebert": {"initializer_range": 0.15},  # no norm keeps its states small
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": ["c2p", "p2c"],
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "type_vocab_size": 2,
    },
}
"""Settings without which `transformers` makes no small model, or none that the kit knows."""
LABELS = {"qa": 2, "rank": 1}
TEXTS = [text for pair in QUESTIONS for text in pair] + list(SINGLE)


def small_model(name: str, task: str, settings: dict[str, Any]) -> Any:
    """A model of `transformers` whose random weights differ in every bias and norm too."""
    keys = FAMILIES[name].config_keys
    sizes = {keys[word]: size for word, size in SIZES.items() if word in keys}
    drawn = {"initializer_range": 0.3, "num_labels": LABELS.get(task, 3)}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        name, **{**sizes, **drawn, **NEEDED.get(name, {}), **settings}
    )
    model = getattr(transformers, TASKS[task].auto_class).from_config(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model


def save_checkpoint(
    name: str, task: str, folder: Path, unused: Sequence[str] = (), **settings: Any
) -> Any:
    """Write model and tokenizer as `transformers` writes them; returns the model. ``unused``
    entries of the vocabulary are in no text."""
    tokenizer = tokenizer_of(name, unused)
    tokenizer.save_pretrained(folder)
    known = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    model = small_model(name, task, {**known, **settings})
    model.save_pretrained(folder)
    return model


def tokenizer_of(name: str, unused: Sequence[str] = ()) -> Any:
    """A tokenizer of the class that `transformers` has for a model type; it spells by letter."""
    (kind,), tokens = FAMILIES[name].tokenizers, FAMILIES[name].tokens
    special = [tokens[each] for each in ("cls", "pad", "sep", "unk", "mask")]
    return TOKENIZERS[kind](name, special, unused)


def _wordpiece(name: str, special: Sequence[str], unused: Sequence[str]) -> Any:
    letters = sorted({letter for text in TEXTS for letter in text.lower() if letter.strip()})
    names = [*special, *letters, *(f"##{letter}" for letter in letters), *unused]
    kind = transformers.MPNetTokenizer if name == "mpnet" else transformers.BertTokenizer
    return kind(vocab={token: index for index, token in enumerate(names)})


UNIGRAM = {
    "deberta-v2": (transformers.DebertaV2Tokenizer, ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")),
    "albert": (transformers.AlbertTokenizer, ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")),
    "xlm-roberta": (
        transformers.XLMRobertaTokenizer,
        ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
    ),
    "camembert": (
        transformers.CamembertTokenizer,
        ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"),
    ),
}
"""The class, and the order of special tokens that it counts on."""


def _unigram(name: str, special: Sequence[str], unused: Sequence[str]) -> Any:
    kind, first = UNIGRAM[name]
    letters = sorted({letter for text in TEXTS for letter in text if letter.strip()})
    scores = {0.0: first, -3.0: ["▁", *letters], -99.0: unused}
    return kind(vocab=[(each, score) for score, names in scores.items() for each in names])


def _bpe(name: str, special: Sequence[str], unused: Sequence[str]) -> Any:
    names = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *unused]
    vocabulary = {token: index for index, token in enumerate(names)}
    if special[0] == ROBERTA_TOKENS["cls"]:
        return transformers.RobertaTokenizer(vocab=vocabulary, merges=[])
    return _plain_bpe(vocabulary)


def _plain_bpe(vocabulary: dict[str, int]) -> Any:
    """Without a class of its own, as ModernBERT's is."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    cls, sep = BERT_TOKENS["cls"], BERT_TOKENS["sep"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(token, vocabulary[token]) for token in (cls, sep)],
    )
    named = {f"{key}_token": token for key, token in BERT_TOKENS.items()}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


TOKENIZERS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}
