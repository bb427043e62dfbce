"""Golden files for the Swift tests, made by `tokenizers` and the project's own decoding.

    python ios_app/Tools/make_golden.py                           # the committed ones
    python ios_app/Tools/make_golden.py --out ios_app/build/golden --squad dev-v1.1.json.gz \\
        --tokenizer minilm

The committed set uses a small vocabulary made from the tests' own prose. The second, made when
the tests run, uses a real vocabulary, every Unicode scalar, and the questions and passages of
SQuAD; `swift test` reads it from the folder named by the variable QA_GOLDEN.

A set holds vocab.txt; for each variant of the normaliser tokenizer-<variant>.json (the first:
tokenizer.json) and texts-<variant>.jsonl, a line a text `{"text", "ids", "starts", "ends"}`,
offsets in Unicode scalars; and answers.jsonl, a line a question with the logits of its windows
and the answers decoded. The second set has model.json too, as it is exported; the committed one
tasks.jsonl and tasks-settings.json, which golden_tasks.py describes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from golden_tasks import SETTINGS, task_rows
from hard_texts import LINES, every_scalar, hard_texts, random_texts
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from distill.console.errors import command
from distill.tasks import squad

ROOT = Path(__file__).parent.parent
COMMITTED = ROOT / "Tests" / "TextModelsTests" / "Golden"
PROSE = ROOT.parent / "tests" / "texts"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VARIANTS: dict[str, dict[str, bool]] = {  # what differs from the tokenizer as it is
    "uncased": {},
    "cased": {"lowercase": False},
    "accents": {"strip_accents": False},
    "raw": {"clean_text": False, "handle_chinese_chars": False},
}


def small_vocabulary() -> dict[str, int]:
    """Frequent words, word ends and all characters of the tests' prose and the hard texts."""
    prose = (PROSE / "passages.txt").read_text(encoding="utf-8").lower()
    words = Counter(prose.split())
    ends = Counter(word[-size:] for word in words for size in (2, 3) if len(word) > size)
    normalizer = BertNormalizer()
    characters = sorted(set("".join(map(normalizer.normalize_str, hard_texts()))) - set(" \r"))
    common = sorted(word for word, count in words.items() if count > 2 and word.isalpha())
    endings = sorted(f"##{end}" for end, count in ends.items() if count > 4 and end.isalpha())
    inner = [f"##{c}" for c in characters[::2]]
    entries = [*SPECIAL, *characters, *inner, *common, *endings]
    return {token: number for number, token in enumerate(dict.fromkeys(entries))}


def small_tokenizer() -> dict[str, Any]:
    """The content of a tokenizer.json with the small vocabulary."""
    vocabulary = small_vocabulary()
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return dict(json.loads(tokenizer.to_str()))


def variant_of(content: dict[str, Any], variant: str) -> dict[str, Any]:
    """The content of a tokenizer.json with a variant of its normaliser."""
    return {**content, "normalizer": {**content["normalizer"], **VARIANTS[variant]}}


def tokenizer_of(content: dict[str, Any]) -> Tokenizer:
    """The tokenizer of the content of a tokenizer.json."""
    return Tokenizer.from_str(json.dumps(content))


def text_rows(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One golden row a text."""
    for text, encoding in zip(
        texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True
    ):
        starts, ends = zip(*encoding.offsets, strict=True) if encoding.offsets else ((), ())
        yield {"text": text, "ids": encoding.ids, "starts": starts, "ends": ends}


def answer_rows(
    tokenizer: Tokenizer, examples: Iterable[squad.Example], seed: int = 0
) -> Iterator[dict[str, Any]]:
    """One golden row an example: its windows, random logits with ties, and what Python decodes."""
    source = np.random.default_rng(seed)
    for number, example in enumerate(examples):
        settings = [(384, 128, 64, 20, 30), (64, 16, 12, 5, 8), (96, 200, 64, 3, 30)][number % 3]
        length, stride, question_length, n_best, answer_length = settings
        features = squad.make_features([example], tokenizer, length, stride, question_length)
        step = 0.5 if number % 2 else 2.0**-12
        start, end = (
            [
                np.float32(np.round(source.normal(0, 4, len(f.input_ids)) / step) * step)
                for f in features
            ]
            for _ in range(2)
        )
        null = number % 5 == 4
        answers = squad.decode(
            [example], features, start, end, n_best, answer_length, allow_null=null
        )[example.id]
        yield {
            "question": example.question,
            "passage": example.context,
            "max_length": length,
            "doc_stride": stride,
            "max_question_length": question_length,
            "n_best": n_best,
            "max_answer_length": answer_length,
            "allow_null": null,
            "features": [
                {"input_ids": f.input_ids, "token_type_ids": f.token_type_ids, "first": f.first}
                for f in features
            ],
            "start": [row.tolist() for row in start],
            "end": [row.tolist() for row in end],
            "answers": [
                {
                    "text": a.text,
                    "start": a.start,
                    "end": a.end,
                    "score": a.score,
                    "probability": a.probability,
                }
                for a in answers
            ],
        }


def own_examples() -> list[squad.Example]:
    """Questions on the tests' own prose, and on hard text."""
    passages = (PROSE / "passages.txt").read_text(encoding="utf-8").split("\n\n")
    rows = [line.split("\t") for line in (PROSE / "questions.tsv").read_text("utf-8").splitlines()]
    examples = [squad.Example(str(i), q, passages[int(p)], ()) for i, (p, q, _) in enumerate(rows)]
    hard = [text for text in hard_texts() if text.strip()]
    awkward = [squad.Example(f"hard{i}", hard[i], hard[-i - 1], ()) for i in range(12)]
    empty = squad.Example("empty", "Is there anything?", " \u200b", ())
    return [*examples[:9], *awkward, empty]


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """JSON, a line a row, in ASCII: no editor or version control changes it."""
    path.write_text(
        "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows), encoding="ascii"
    )


def write_set(
    out: Path,
    content: dict[str, Any],
    texts: dict[str, list[str]],
    examples: Sequence[squad.Example],
) -> None:
    """Write the files of a golden set; the vocabulary is left out of a tokenizer.json, which is
    where the app does not read it."""
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = content["model"]["vocab"]
    by_id = sorted(vocabulary, key=vocabulary.__getitem__)
    (out / "vocab.txt").write_text("".join(f"{token}\n" for token in by_id), encoding="utf-8")
    for variant in VARIANTS:
        settings = variant_of(content, variant)
        write_rows(
            out / f"texts-{variant}.jsonl", text_rows(tokenizer_of(settings), texts[variant])
        )
        settings["model"] = {**settings["model"], "vocab": {}}
        suffix = "" if variant == "uncased" else f"-{variant}"
        (out / f"tokenizer{suffix}.json").write_text(
            json.dumps(settings, indent=1) + "\n", encoding="ascii"
        )
    write_rows(out / "answers.jsonl", answer_rows(tokenizer_of(content), examples))


def write_real_set(out: Path, name: str, squad_file: Path | None) -> None:
    """The set with a checkpoint's own tokenizer.json, and model.json as it is exported."""
    from export.bundle.bundle_folder import SETTINGS
    from export.bundle.model_json import settings_of
    from export.checkpoint.reading import load_checkpoint
    from export.checkpoint.tokenizer_file import read_tokenizer

    checkpoint = load_checkpoint(name)
    content = read_tokenizer(checkpoint)
    texts = [*hard_texts(), *LINES, *random_texts(3000), *every_scalar()]
    sets = {variant: list(texts) for variant in VARIANTS}
    examples = own_examples()
    if squad_file is not None:
        loaded = squad.load_examples(squad_file)
        sets["uncased"] += [e.question for e in loaded]
        sets["uncased"] += list(dict.fromkeys(e.context for e in loaded))
        examples += loaded[::50]
    write_set(out, content, sets, examples)
    settings = settings_of(
        checkpoint,
        "qa",
        (128, 256, 384),
        quantize="int8",
        layout="ane",
        target="iOS18",
        shapes="functions",
    )
    (out / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_committed_set(out: Path) -> None:
    """The set of the small vocabulary, and the tasks' rows."""
    texts = hard_texts()
    few = {variant: texts[: 34 if variant != "uncased" else None] for variant in VARIANTS}
    write_set(out, small_tokenizer(), few, own_examples())
    write_rows(out / "tasks-settings.json", [SETTINGS])
    write_rows(out / "tasks.jsonl", task_rows(tokenizer_of(small_tokenizer())))


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the set that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Golden files for the Swift tests.")
    parser.add_argument("--out", type=Path, default=COMMITTED)
    parser.add_argument("--tokenizer", help="a preset or checkpoint: all scalars, random texts")
    parser.add_argument("--squad", type=Path, help="a SQuAD file: its questions and passages")
    arguments = parser.parse_args(argv)
    if arguments.tokenizer is not None:
        write_real_set(arguments.out, arguments.tokenizer, arguments.squad)
    else:
        write_committed_set(arguments.out)
    print(f"golden files are in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
