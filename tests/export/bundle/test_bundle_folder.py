"""What stands beside the package, and how a bundle is opened."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from distill.console.errors import UserError
from export import coreml, onnx
from export.bundle.bundle_folder import (
    Bundle,
    licence,
    open_bundle,
    write_tokenizer,
)
from export.checkpoint.reading import load_checkpoint
from export.checkpoint.tokenizer_file import file_content, fingerprint, lower_case, read_tokenizer
from export.proof.package_runners import PackageEngine
from export.proof.predictor import Predictor
from export.proof.proven_bundle import BundleOptions, export_bundle
from tests.export.conftest import ENTRIES

SETTINGS = {
    "format_version": 1,
    "package": "model.mlpackage",
    "task": "qa",
    "lengths": [16],
    "inputs": ["input_ids", "attention_mask"],
    "max_question_length": 8,
    "doc_stride": 4,
    "max_answer_length": 5,
    "quantization": "none",
}


def change_tokenizer(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_vocabulary_alone_gives_the_same_tokens(broken: Path, passages: list[str]) -> None:
    """Checkpoints of BERT's time have no tokenizer.json."""
    expected = read_tokenizer(load_checkpoint(str(broken)))
    (broken / "tokenizer.json").unlink()
    found = read_tokenizer(load_checkpoint(str(broken)))
    assert lower_case(found)
    pair = (passages[0], "Caf\u00e9, \u6771\u4eac [MASK] unaffable!")
    first, second = (
        Tokenizer.from_str(json.dumps(content)).encode(*pair) for content in (expected, found)
    )
    assert (first.ids, first.type_ids) == (second.ids, second.type_ids)
    assert first.offsets == second.offsets


def test_an_entry_with_a_line_break_is_in_tokenizer_json_alone(
    broken: Path, tmp_path: Path
) -> None:
    def broken_in_two(content: dict[str, Any]) -> None:
        vocabulary = content["model"]["vocab"]
        vocabulary["two\nlines"] = vocabulary.pop(list(vocabulary)[-1])

    change_tokenizer(broken, broken_in_two)
    (broken / "vocab.txt").unlink(missing_ok=True)
    out = tmp_path / "written"
    out.mkdir()
    write_tokenizer(load_checkpoint(str(broken)), out)
    assert [file.name for file in out.iterdir()] == ["tokenizer.json"]
    assert "two\nlines" in Tokenizer.from_file(str(out / "tokenizer.json")).get_vocab()


def test_a_cased_vocabulary_stays_cased(broken: Path) -> None:
    (broken / "tokenizer.json").unlink()
    (broken / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert not lower_case(read_tokenizer(load_checkpoint(str(broken))))


def test_a_vocabulary_alone_keeps_the_accents_it_was_made_with(broken: Path) -> None:
    """German models lower-case and keep their umlauts."""
    (broken / "tokenizer.json").unlink()
    settings = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}
    (broken / "tokenizer_config.json").write_text(json.dumps(settings))
    normalizer = read_tokenizer(load_checkpoint(str(broken)))["normalizer"]
    assert (normalizer["strip_accents"], normalizer["handle_chinese_chars"]) == (False, False)


def without_separator(content: dict[str, Any]) -> None:
    del content["model"]["vocab"]["[SEP]"]
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] != "[SEP]"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["model"].update(type="BPE"), "a BPE tokenizer"),
        (lambda content: content["model"].pop("vocab"), "no usable tokenizer"),
        (without_separator, r"no \[SEP\]"),
        (lambda content: content["model"]["vocab"].update(ferry=99999), "tokenizer of another"),
        (lambda content: content["model"]["vocab"].update(zzzz=ENTRIES), "tokenizer of another"),
    ],
)
def test_tokenizers_that_do_not_fit(
    change: Callable[[dict[str, Any]], object], message: str, broken: Path
) -> None:
    change_tokenizer(broken, change)
    with pytest.raises(UserError, match=message):
        read_tokenizer(load_checkpoint(str(broken)))


def refuse_to_trace(*_: object, **__: object) -> None:
    raise AssertionError("the model was built for nothing")


@pytest.mark.parametrize("main", [coreml.main, onnx.main])
def test_a_tokenizer_of_unknown_parts_is_refused_first(
    main: Callable[[list[str]], int],
    broken: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change_tokenizer(broken, lambda content: content.update(normalizer={"type": "Nope"}))
    for module in ("proven_bundle", "proven_onnx"):
        monkeypatch.setattr(f"export.proof.{module}.build_encoder", refuse_to_trace)
    assert main(["--model", str(broken), "--out", str(tmp_path / "out")]) == 2
    assert "broken: no usable tokenizer" in capsys.readouterr().err


def test_the_licence_is_that_of_the_model_card(broken: Path) -> None:
    assert licence(load_checkpoint(str(broken))).startswith("not stated")
    (broken / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Card\n")
    assert licence(load_checkpoint(str(broken))) == "apache-2.0"
    (broken / "README.md").write_text('---\nlicense: "mit"\n---\n')
    assert licence(load_checkpoint(str(broken))) == "mit"


def test_a_bundle_opens_by_folder_and_by_package(tmp_path: Path) -> None:
    bundle = tmp_path / "named.mlpackage"
    (bundle / "model.mlpackage").mkdir(parents=True)
    (bundle / "model.json").write_text(json.dumps(SETTINGS))
    for path in (bundle, bundle / "model.mlpackage"):
        assert open_bundle(path).package == bundle / "model.mlpackage"


@pytest.mark.parametrize("content", ["[]", "{}", "{", "7", '"words"', "[" * 100_000])
def test_a_broken_bundle_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(UserError, match="broken"):
        open_bundle(tmp_path)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_needed(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.mlpackage").mkdir()
    rest = {key: value for key, value in SETTINGS.items() if key != name}
    (tmp_path / "model.json").write_text(json.dumps(rest))
    with pytest.raises(UserError, match=f"no '{name}'"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format_version", 3),
        ("task", "foo"),
        ("task", ["qa"]),
        ("quantization", "int2"),
        ("inputs", []),
        ("inputs", "input_ids"),
        ("inputs", ["input_ids", "positions"]),
        ("inputs", [{}]),
        ("lengths", []),
        ("lengths", 16),
        ("lengths", [16, 0]),
        ("lengths", ["16"]),
        ("lengths", [10**12]),
        ("doc_stride", 0),
        ("doc_stride", -8),
        ("doc_stride", True),
        ("max_question_length", 1.5),
        ("max_answer_length", None),
        ("package", 3),
        ("format_version", True),
        ("pair_separators", 1.0),
        ("hidden_size", 10**400),
        ("source", []),
        ("labels", "yes"),
        ("labels", [1, None]),
        ("special_ids", {"pad": True}),
        ("special_ids", {"pad": "x"}),
        ("special_ids", {"pad": 2**63}),
        ("special_ids", [0]),
        ("formats", ["coreml"]),
        ("formats", {"coreml": {"file": 1}}),
        ("normalize", "no"),
        ("pooling", "mean"),
        ("no_answer_threshold", 10**400),
        ("no_answer_threshold", float("nan")),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(
    name: str, value: object, tmp_path: Path
) -> None:
    (tmp_path / "model.mlpackage").mkdir()
    (tmp_path / "model.json").write_text(json.dumps(SETTINGS | {name: value}))
    with pytest.raises(UserError, match="broken") as refused:
        open_bundle(tmp_path)
    assert "\n" not in str(refused.value)


def test_settings_of_another_package_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Embeds:
        def predict(self, data: dict[str, Any]) -> dict[str, Any]:
            return {"embedding": [[1.0]]}

    monkeypatch.setattr("export.proof.package_runners.simulator", lambda *_: lambda _: Embeds())
    engine = PackageEngine(Bundle(tmp_path, tmp_path / "model.mlpackage", SETTINGS))
    with pytest.raises(UserError, match="gives embedding, not start_logits, end_logits"):
        engine.predict({"input_ids": np.zeros((1, 16)), "attention_mask": np.zeros((1, 16))})


def test_tokenizer_json_is_the_file_that_was_written(broken: Path, tmp_path: Path) -> None:
    """The phone checks the bytes of the file, without reading them as JSON."""
    content = read_tokenizer(load_checkpoint(str(broken)))
    write_tokenizer(load_checkpoint(str(broken)), tmp_path)
    (tmp_path / "model.mlpackage").mkdir()
    file = tmp_path / "tokenizer.json"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    of_content = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    stored = {"format_version": 2, "tokenizer_sha256": digest}
    (tmp_path / "model.json").write_text(json.dumps(SETTINGS | stored))
    assert open_bundle(tmp_path).reading.tokenizer.token_to_id("[SEP]")
    assert fingerprint(file_content(content), 2) == digest
    assert fingerprint(file_content(content), 1) == of_content
    file.write_text(json.dumps(content, indent=1))
    with pytest.raises(UserError, match="not the file that the model was exported with"):
        _ = open_bundle(tmp_path).reading
    stored = {"format_version": 1, "tokenizer_sha256": of_content}
    (tmp_path / "model.json").write_text(json.dumps(SETTINGS | stored))
    assert open_bundle(tmp_path).reading.tokenizer.token_to_id("[SEP]")


@pytest.mark.slow
def test_tokenizer_json_is_read_once_in_an_export_and_once_in_a_prediction(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Python's own record of the files that it opens."""
    source, out = checkpoint_directory("distilbert", "classify"), tmp_path / "out"
    read: list[Path] | None = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and read is not None and arguments[1] == "r":
            read.append(Path(str(arguments[0])))

    sys.addaudithook(note)  # it stays; without a list it does nothing
    try:
        export_bundle(load_checkpoint(str(source)), BundleOptions("classify"), out)
        staged = [path for path in read if path.name == "tokenizer.json" and source != path.parent]
        assert len(staged) == 1
        read.clear()
        Predictor(out).predict("a")
        assert read.count(out / "tokenizer.json") == 1
    finally:
        read = None
