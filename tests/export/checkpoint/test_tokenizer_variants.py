"""tokenizer.json and tokenizer_config.json that disagree, or as other tools write them: the bundle
reads what `transformers` reads, or the folder is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, DistilBertConfig, DistilBertForSequenceClassification

from distill.console.errors import UserError
from export.checkpoint.reading import load_checkpoint
from export.checkpoint.tokenizer_file import lower_case, read_tokenizer

TEXT = "The Ferry crossed Zürich, isn't it? 東京 "
Content = dict[str, Any]


@pytest.fixture(scope="module")
def whole_vocabulary(minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with all of MiniLM's vocabulary: words with accents, and Chinese characters."""
    directory = tmp_path_factory.mktemp("whole")
    config = DistilBertConfig(dim=16, n_layers=1, n_heads=2, hidden_dim=16)
    DistilBertForSequenceClassification(config).save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(minilm_directory / name, directory)
    return directory


@pytest.fixture
def folder(whole_vocabulary: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole_vocabulary, tmp_path / "model"))


def change(folder: Path, name: str, edit: Callable[[Content], None]) -> None:
    path = folder / name
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def agrees(folder: Path) -> tuple[list[str], Content]:
    """The tokens of the bundle, which are those of `transformers`."""
    content = read_tokenizer(load_checkpoint(str(folder)))
    coded = Tokenizer.from_str(json.dumps(content)).encode(TEXT)
    assert coded.ids == AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
    return coded.tokens, content


@pytest.mark.parametrize(
    ("entries", "expected", "unexpected"),
    [
        ({"do_lower_case": False}, "[UNK]", "ferry"),
        ({"do_lower_case": True, "strip_accents": False}, "ferry", "zurich"),
        ({"do_lower_case": True, "strip_accents": True}, "zurich", "Ferry"),
        ({"do_lower_case": True, "tokenize_chinese_chars": True}, "京", "Ferry"),
        ({"do_lower_case": True, "tokenize_chinese_chars": False}, "##京", "京"),
        ({"do_lower_case": False, "strip_accents": True}, "[UNK]", "zurich"),
    ],
    ids=str,
)
def test_tokenizer_config_wins_as_in_transformers(
    entries: Content, expected: str, unexpected: str, folder: Path
) -> None:
    entries = {"tokenizer_class": "BertTokenizer", **entries}
    change(folder, "tokenizer_config.json", lambda content: content.update(entries))
    tokens, content = agrees(folder)
    assert expected in tokens and unexpected not in tokens
    assert lower_case(content) == entries["do_lower_case"]


def no_post_processor(content: Content) -> None:
    content["post_processor"] = None


def as_the_tutorial_has_it(content: Content) -> None:
    steps = [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]
    content["normalizer"] = {"type": "Sequence", "normalizers": steps}
    content["pre_tokenizer"] = {"type": "Whitespace"}


def added_word(content: Content) -> None:
    """At an id of its own: the next after the vocabulary's last word of use."""
    flags = {"single_word": True, "lstrip": False, "rstrip": False, "normalized": True}
    word = {"id": content["model"]["vocab"]["ferry"], "content": "ferry", "special": False}
    content["added_tokens"].append({**word, **flags})


def padded_and_cut(content: Content) -> None:
    content["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }


@pytest.mark.parametrize(
    "edit", [no_post_processor, as_the_tutorial_has_it, added_word, padded_and_cut]
)
def test_other_forms_of_tokenizer_json_are_read_as_transformers_reads_them(
    edit: Callable[[Content], None], folder: Path
) -> None:
    change(folder, "tokenizer.json", edit)
    tokens, _ = agrees(folder)
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert "ferry" in tokens


def test_added_word_at_the_id_of_another_is_refused(folder: Path) -> None:
    def edit(content: Content) -> None:
        added_word(content)
        content["added_tokens"][-1]["id"] = 1

    change(folder, "tokenizer.json", edit)
    with pytest.raises(UserError, match="ferry has the id 1, but transformers reads"):
        read_tokenizer(load_checkpoint(str(folder)))


@pytest.mark.parametrize("name", ["BertJapaneseTokenizer", "CanineTokenizer"])
def test_class_without_a_fast_form_is_refused_by_name(name: str, folder: Path) -> None:
    change(folder, "tokenizer_config.json", lambda content: content.update(tokenizer_class=name))
    with pytest.raises(UserError, match=f"a {name} has no fast form"):
        read_tokenizer(load_checkpoint(str(folder)))
