"""Tokenizers of the kinds that the Swift package serves, in the form that `transformers` writes.

No hub is needed: byte-level BPE is trained with `tokenizers`; Unigram with SentencePiece and its
own table of characters (nmt_nfkc), or with `tokenizers` and a small table.
"""

from __future__ import annotations

import base64
import json
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charsmap import charsmap
from hard_texts import SPOKEN
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AlbertTokenizer, DebertaV2Tokenizer, RobertaTokenizer, XLMRobertaTokenizer

Content = dict[str, Any]
FLAGGED = [  # every flag of an added token, alone and with others
    AddedToken("one", single_word=True, normalized=False),
    AddedToken("<l>", lstrip=True, normalized=False, special=True),
    AddedToken("<r>", rstrip=True, normalized=False),
    AddedToken("<lr>", lstrip=True, rstrip=True, normalized=True),
    AddedToken("Caf\u00e9", normalized=True),
    AddedToken("two words", single_word=True, normalized=True),
    AddedToken("   ", normalized=False),
    AddedToken("\u200d", normalized=False),
]
FLAG_TEXTS = [
    "one stone one. none one_ \u00e9one one",
    "a <l>  <l> b<l>c \t<r> \n <r>d <lr>  <lr>   e",
    "CAF\u00c9 caf\u00e9 Cafe\u0301s Caf\u00e9",
    "two words, two  words, twotwo words two wordss",
    "a   b    c     d <r>   e      <l>   <l>",
    "\U0001f469\u200d\U0001f469 a\u200db",
]


@dataclass(frozen=True)
class Trained:
    """What is trained on texts: of byte-level BPE the vocabulary and merges, of Unigram the pieces
    with their scores, the first of which is `<unk>`, and the table of characters."""

    vocabulary: dict[str, int]
    merges: list[tuple[str, str]]
    pieces: list[tuple[str, float]]
    table: bytes


def train(texts: Sequence[str], size: int, sentencepiece: bool) -> Trained:
    """Train both models, Unigram by SentencePiece or by `tokenizers`."""
    unigram = _sentencepiece(texts, size) if sentencepiece else _unigram(texts, size)
    return Trained(*_byte_pairs(texts, size), *unigram)


def _byte_pairs(texts: Sequence[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def _unigram(texts: Sequence[str], size: int) -> tuple[list[tuple[str, float]], bytes]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in pieces], small_charsmap()


def _sentencepiece(texts: Sequence[str], size: int) -> tuple[list[tuple[str, float]], bytes]:
    import sentencepiece
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_prefix=f"{folder}/model", vocab_size=size,
            bos_id=-1, eos_id=-1, hard_vocab_limit=False, minloglevel=2, num_threads=1,
        )  # fmt: skip
        proto = ModelProto.FromString(Path(folder, "model.model").read_bytes())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    return pieces, proto.normalizer_spec.precompiled_charsmap


def small_charsmap() -> bytes:
    """Compatibility forms of the hard texts' characters, some clusters, and what is removed."""
    characters = sorted(set("".join(SPOKEN)) - set("\0"))
    forms = {c.encode(): unicodedata.normalize("NFKC", c) for c in characters}
    clusters = ["e\u0301", "A\u030a", "i\u0308", "\u30ab\u3099"]
    forms |= {text.encode(): unicodedata.normalize("NFKC", text) for text in clusters}
    kept = {key: form for key, form in forms.items() if form != key.decode() and b"\0" not in key}
    return charsmap(kept | {c.encode(): "" for c in "\x01\x02\u200b\u200d\ufeff"} | {b"\t": " "})


def _content(made: Any) -> Content:
    content: Content = json.loads(made.backend_tokenizer.to_str())
    content["padding"] = content["truncation"] = None
    return content


def roberta(trained: Trained, prefix: bool = False) -> Content:
    return _content(
        RobertaTokenizer(
            vocab=trained.vocabulary,
            merges=trained.merges,
            add_prefix_space=prefix,
            mask_token=AddedToken("<mask>", lstrip=True, special=True),
        )
    )


def roberta_prefix(trained: Trained) -> Content:
    """With a blank before the first word, and merges as older files have them."""
    content = roberta(trained, prefix=True)
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    return content


def modernbert(trained: Trained) -> Content:
    """As ModernBERT's file: NFC, a template, runs of blanks as added tokens."""
    tokenizer = Tokenizer(models.BPE(trained.vocabulary, trained.merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_tokens(["|||IP_ADDRESS|||", "<|padding|>"])
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    content: Content = json.loads(tokenizer.to_str())
    content["post_processor"] = _template(content, "[CLS]", "[SEP]", second_type=1)
    return content


def xlm_roberta(trained: Trained) -> Content:
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return _content(
        XLMRobertaTokenizer(
            vocab=[*special, *trained.pieces[1:], ("<mask>", 0.0)],
            _spm_precompiled_charsmap=trained.table,
            mask_token=AddedToken("<mask>", lstrip=True, special=True),
        )
    )


def xlm_roberta_old(trained: Trained) -> Content:
    """As files of older versions: Metaspace alone, without a scheme; one piece for each text."""
    content = xlm_roberta(trained)
    content["pre_tokenizer"] = {
        "type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True, "str_rep": "\u2581",
        "split": False, "prepend_scheme": "first",
    }  # fmt: skip
    return content


def albert(trained: Trained) -> Content:
    special = [("<pad>", 0.0), ("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[MASK]", 0.0)]
    return _content(
        AlbertTokenizer(
            vocab=[*special, *trained.pieces[1:]], _spm_precompiled_charsmap=trained.table
        )
    )


def deberta(trained: Trained) -> Content:
    special = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)]
    return _content(
        DebertaV2Tokenizer(
            vocab=[*special, *trained.pieces[1:], ("[MASK]", 0.0)], split_by_punct=True
        )
    )


def deberta_old(trained: Trained) -> Content:
    """As the converter of older versions writes DeBERTa's: the table of characters, runs of blanks
    by a regular expression, lower case, a word from the begin only."""
    content = deberta(trained)
    table = base64.b64encode(trained.table).decode()
    content["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Lowercase"},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Precompiled", "precompiled_charsmap": table},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ],
    }
    content["pre_tokenizer"] = {
        "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True
    }  # fmt: skip
    return content


def flags(make: Callable[[Trained], Content]) -> Callable[[Trained], Content]:
    """A kind with added tokens that have each flag."""

    def made(trained: Trained) -> Content:
        tokenizer = Tokenizer.from_str(json.dumps(make(trained)))
        tokenizer.add_tokens(FLAGGED)
        return dict(json.loads(tokenizer.to_str()))

    return made


def _template(content: Content, start: str, end: str, second_type: int) -> Content:
    ids = {token["content"]: token["id"] for token in content["added_tokens"]}
    special = {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in (start, end)}
    place = {
        t: [{"SpecialToken": {"id": t, "type_id": n}} for n in (0, second_type)] for t in special
    }
    first = {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": second_type}}
    single = [place[start][0], first, place[end][0]]
    pair = [*single, second, place[end][1]]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


KINDS: dict[str, Callable[[Trained], Content]] = {
    "roberta": roberta,
    "roberta-prefix": roberta_prefix,
    "roberta-flags": flags(roberta),
    "modernbert": modernbert,
    "xlm-roberta": xlm_roberta,
    "xlm-roberta-old": xlm_roberta_old,
    "albert": albert,
    "albert-flags": flags(albert),
    "deberta-v2": deberta,
    "deberta-v2-old": deberta_old,
}


def kinds(trained: Trained) -> dict[str, Content]:
    """The content of a tokenizer.json of each kind."""
    return {name: make(trained) for name, make in KINDS.items()}
