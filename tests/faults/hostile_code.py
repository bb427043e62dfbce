"""Checkpoints with code of their own, in every way that a library knows; each command that opens a
folder, also run within it, leaves the code alone."""

from __future__ import annotations

import importlib
import io
import json
import os
import pickle
import random
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

CODE = "import pathlib\npathlib.Path({place!r}).touch()\nclass Evil:\n    pass\n"
CLASSES = ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoModelForMaskedLM")
SENTENCES = "sentence_transformers.models."
SMALL = (
    "--max_steps",
    "1",
    "--gradient_accumulation_steps",
    "1",
    "--use_cpu",
    "--report_to",
    "none",
)
STEP = ("--sequence_length", "16", *SMALL)
SHORT = ("--max_length", "16", *SMALL)
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("export.coreml", "--model", "M", *rest) for rest in ((), ("--task", "embed"))),
    ("export.coreml", "--model", "M", "--random-weights"),
    ("export.onnx", "--model", "M", "--task", "classify"),
    ("export.verify", "B", "--against", "M"),
    ("bench.cost", "M", "--length", "16", "--peak", "100", "--bandwidth", "10"),
    ("bench.compare", "M", "--runtime", "torch", "--workload", "fixed:16", "--seconds", "0.1"),
    ("distill.evaluate", "--task", "sst2", "--model", "M", "--data", "glue", "--max_length", "16"),
    ("distill.finetune", "--task", "sst2", "--model", "M", "--data", "glue", *SHORT),
    ("distill.finetune", "--task", "stsb", "--model", "M", "--teacher", "M", *SHORT),
    ("distill.finetune", "--task", "embed", "--model", "M", "--data", "pairs.tsv", *SHORT),
    ("distill.init_student", "--teacher", "M", "--layers", "1"),
    ("distill.prepare", "--model", "M", "--text", "text.txt", "--sequence_length", "16"),
    ("distill.prune", "--model", "M", "--text", "text.txt", "--units", "8"),
    ("distill.trim_vocabulary", "--model", "M", "--text", "text.txt", "--keep", "50"),
    ("distill.average", "--models", "M", "M"),
    ("distill.ship", "--model", "M", "--card", "text.txt"),
    ("distill.adapt_mlm", "--model", "M", "--text", "text.txt", "--frozen_steps", "1", *STEP),
    ("distill.pretrain", "--teacher", "M", "--layers", "3", "--text", "text.txt", *STEP),
)
"""M: the checkpoint, B: a bundle made of it before. Where it takes one, --out is added."""
WITHOUT_OUT = ("export.verify", "bench.cost", "bench.compare", "distill.evaluate")


class _Payload:
    def __init__(self, place: Path) -> None:
        self.place = str(place)

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (CODE.format(place=self.place),))


def _changed(path: Path, **entries: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(content | entries), encoding="utf-8")


def _auto_map(model: Path, place: Path) -> None:
    mapped = dict.fromkeys(CLASSES, "evil.Evil")
    _changed(model / "config.json", auto_map=mapped, model_type="evil")


def _auto_map_of_a_known_type(model: Path, place: Path) -> None:
    _changed(model / "config.json", auto_map=dict.fromkeys(CLASSES, "evil.Evil"))


def _tokenizer(model: Path, place: Path) -> None:
    mapped = {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    _changed(model / "tokenizer_config.json", auto_map=mapped, tokenizer_class="Evil")


def _tokenizer_alone(model: Path, place: Path) -> None:
    for path in model.iterdir():
        if not path.name.startswith("tokenizer") and path.name != "evil.py":
            path.unlink()
    _tokenizer(model, place)


def _modules(kinds: tuple[str, ...]) -> Callable[[Path, Path], None]:
    def change(model: Path, place: Path) -> None:
        entries = [
            {"idx": n, "name": str(n), "path": "" if n == 0 else f"{n}_Module", "type": kind}
            for n, kind in enumerate(kinds)
        ]
        for entry in entries[1:]:
            folder = model / entry["path"]
            folder.mkdir()
            settings = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
            settings |= {"in_features": 16, "out_features": 16, "activation_function": "evil.Evil"}
            (folder / "config.json").write_text(json.dumps(settings))
            (folder / "evil.py").write_text((model / "evil.py").read_text())
        (model / "modules.json").write_text(json.dumps(entries))

    return change


def _settings_of_the_encoder(model: Path, place: Path) -> None:
    trusted = {"trust_remote_code": True}
    _modules((f"{SENTENCES}Transformer", f"{SENTENCES}Pooling"))(model, place)
    names = ("model_args", "config_args", "tokenizer_args", "processing_kwargs", "model_kwargs")
    _changed(model / "sentence_bert_config.json", **dict.fromkeys(names, trusted))
    _auto_map(model, place)


def _score_activation(model: Path, place: Path) -> None:
    _changed(model / "config.json", sbert_ce_default_activation_function="evil.Evil")
    _changed(model / "config.json", sentence_transformers={"activation_fn": "evil.Evil"})


def _pickled(name: str) -> Callable[[Path, Path], None]:
    def change(model: Path, place: Path) -> None:
        (model / name).write_bytes(pickle.dumps({"a": _Payload(place)}))
        (model / "model.safetensors").unlink()

    return change


def _adapter(model: Path, place: Path) -> None:
    mapping = {"base_model_class": "Evil", "parent_library": "evil"}
    _changed(model / "adapter_config.json", auto_mapping=mapping, peft_type="LORA")


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "auto_map": _auto_map,
    "auto_map of a known type": _auto_map_of_a_known_type,
    "tokenizer": _tokenizer,
    "tokenizer alone": _tokenizer_alone,
    "first module": _modules(("evil.Evil",)),
    "later module": _modules((f"{SENTENCES}Transformer", f"{SENTENCES}Pooling", "evil.Evil")),
    "hidden module": _modules((f"{SENTENCES}Transformer", "sentence_transformers.evil.Evil")),
    "activation": _modules((f"{SENTENCES}Transformer", f"{SENTENCES}Pooling", f"{SENTENCES}Dense")),
    "settings of the encoder": _settings_of_the_encoder,
    "activation of a score": _score_activation,
    "pickled weights": _pickled("pytorch_model.bin"),
    "adapter": _adapter,
}


def checkpoint_and_data(folder: Path) -> None:
    """A classifier, a bundle of it, a text and rows of two GLUE tasks."""
    from tests.faults.bundles import tiny_bundle

    tiny_bundle(folder)
    (folder / "text.txt").write_text("a few words to learn, and some more of them\n" * 200)
    (folder / "pairs.tsv").write_text("score\tsentence1\tsentence2\n" + "2.5\ta few\tmore\n" * 60)
    rows = {
        "SST-2": "sentence\tlabel\n" + "a few words\t1\nsome more\t0\n" * 9,
        "STS-B": "score\tsentence1\tsentence2\n" + "2.5\ta few words\tsome more\n" * 9,
    }
    for name, text in rows.items():
        (folder / "glue" / name).mkdir(parents=True)
        for split in ("train", "dev"):
            (folder / "glue" / name / f"{split}.tsv").write_text(text)


def hostile_code(folder: Path, draw: random.Random) -> str | None:
    """Open a checkpoint with code of one kind by one command: the code does not run."""
    return opened(folder, draw.choice(sorted(KINDS)), draw.choice(COMMANDS), draw.randrange(2) == 1)


def opened(folder: Path, kind: str, line: tuple[str, ...], within: bool) -> str | None:
    """What went wrong when a command opened the checkpoint; ``within``: run in its folder."""
    model, place = folder / "model", folder / "executed"
    (model / "evil.py").write_text(CODE.format(place=str(place)))
    KINDS[kind](model, place)
    named = {"M": "." if within else str(model), "B": str(folder / "bundle")}
    named |= {name: str(folder / name) for name in ("text.txt", "pairs.tsv", "glue")}
    words = [named.get(word, word) for word in line[1:]]
    if line[0] not in WITHOUT_OUT:
        words += ["--out", str(folder / "out")]
    if "--data" not in words and "stsb" in words:
        words += ["--data", named["glue"]]
    status, error = _asked(line[0], words, model if within else folder)
    if place.exists():
        return f"{kind}, {line[:3]}: the code was run"
    if status not in (0, 1, 2) or "y/N" in error:
        return f"{kind}, {line[:3]}: {status} {error[-200:]}"
    return None


def _asked(name: str, words: list[str], folder: Path) -> tuple[object, str]:
    """Run a command in a folder, from which modules are imported, too; it is answered yes."""
    before, answers = Path.cwd(), sys.stdin
    error = io.StringIO()
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    sys.stdin = io.StringIO("y\n" * 100)
    try:
        with redirect_stdout(error), redirect_stderr(error):
            status: object = importlib.import_module(name).main(words)
    except Exception as bug:
        status = f"{type(bug).__name__}: {bug}"
    finally:
        sys.stdin = answers
        os.chdir(before)
        sys.path.remove(str(folder))
        sys.modules.pop("evil", None)
    return status, error.getvalue()
