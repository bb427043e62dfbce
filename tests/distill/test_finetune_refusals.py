"""What fine-tuning and scoring refuse, each in one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import DistilBertConfig, DistilBertForQuestionAnswering

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.models.presets import VOCABULARY_SIZE
from tests.distill import one_step


@pytest.fixture
def models(minilm_directory: Path, tmp_path: Path) -> dict[str, Path]:
    """A student of width 32 with 2 heads, a wider teacher, one with more heads, and one with
    64 positions."""
    shapes = {
        "student": (32, 2, 512),
        "wider": (48, 2, 512),
        "more-heads": (32, 4, 512),
        "short": (32, 2, 64),
    }
    for name, (width, heads, positions) in shapes.items():
        config = DistilBertConfig(
            vocab_size=VOCABULARY_SIZE,
            dim=width,
            n_layers=1,
            n_heads=heads,
            hidden_dim=64,
            max_position_embeddings=positions,
        )
        DistilBertForQuestionAnswering(config).save_pretrained(tmp_path / name)
        tokenizer = (minilm_directory / "tokenizer.json").read_bytes()
        (tmp_path / name / "tokenizer.json").write_bytes(tokenizer)
    return {name: tmp_path / name for name in shapes}


@pytest.fixture
def train_file(tmp_path: Path) -> Path:
    """Twelve questions; the answer of the last stands elsewhere than it says."""
    articles = []
    for number in range(12):
        at = 7 if number < 11 else 3
        answers = [{"text": "blue", "answer_start": at}]
        question = {"id": str(number), "question": "Which colour?", "answers": answers}
        context = f"Red or blue, said number {number}."
        articles.append(
            {"title": f"t{number}", "paragraphs": [{"context": context, "qas": [question]}]}
        )
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": articles}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on_mismatch", "refuse"], "1 answers are not found at their answer_start"),
        (["--on_mismatch", "repair"], "--on_mismatch is skip or refuse, not repair"),
        (["--teacher", "wider", "--hidden_weight", "1"], "equal hidden_size; the student's is 32"),
        (["--teacher", "more-heads", "--attention_weight", "1"], "equal num_attention_heads"),
        (["--task", "sst2"], "is not an option of sst2: it takes --data FOLDER"),
        (["--max_length", "600"], "takes inputs of at most 512 tokens, not 600"),
        (["--teacher", "short"], "short takes inputs of at most 64 tokens, not 384"),
        (["--dropout", "10"], "--dropout must be at least 0 and below 1, not 10"),
        (["--max_length", "4"], "--max_length must be at least 8"),
        (["--per_device_train_batch_size", "0"], "must be at least 1, not 0"),
        (["--colour", "red"], "unknown option --colour"),
    ],
)
def test_data_that_cannot_be_trained_on_is_one_line(
    arguments: list[str],
    message: str,
    models: dict[str, Path],
    train_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(models[a]) if a in models else a for a in arguments]
    status = finetune(
        [
            *("--task", "squad", "--model", str(models["student"])),
            *("--train_file", str(train_file), "--output_dir", str(tmp_path / "run")),
            *("--held_out", "0.5", "--max_steps", "1", "--report_to", "none"),
            *("--disable_tqdm", "true", "--allow_weak_teacher", *given),
        ]
    )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert (status, error.startswith("error: "), message in error) == (2, True, True), error


def test_text_of_unknown_words_trains_nothing(
    pair: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("text,label\n" + "".join(f"東京 大阪 {n},{n % 2}\n" for n in range(8)))
    assert one_step.run(pair, table, tmp_path / "run") == 2
    assert "tokens of the training data are unknown to its tokenizer" in capsys.readouterr().err


def test_checkpoint_without_tokenizer_has_no_score(
    pair: dict[str, Path], table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in pair["teacher"].glob("tokenizer*"):
        path.unlink()
    line = ["--task", "classify", "--model", str(pair["teacher"]), "--data", str(table)]
    assert evaluate(line) == 2
    assert "has no tokenizer" in capsys.readouterr().err


def test_rows_that_are_trained_on_and_scored_on_are_counted(
    pair: dict[str, Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert one_step.run(pair, table, tmp_path / "run") == 0
    said = "8 of the rows to score on are among the training rows too"
    assert said in capsys.readouterr().err


def test_run_goes_on_only_with_all_that_decides_its_outcome(
    pair: dict[str, Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert one_step.run(pair, table, output) == 0
    for option, value in (("neftune_noise_alpha", "5"), ("dataloader_drop_last", "true")):
        assert one_step.run(pair, table, output, f"--{option}", value) == 2
        assert f"holds a run with {option} = " in capsys.readouterr().err
    for model, name in (("student", "tokenizer_config.json"), ("teacher", "1_Pooling/config.json")):
        assert one_step.run(pair, table, output) == 0
        capsys.readouterr()
        changed = pair[model] / name
        before = changed.read_text() if changed.exists() else None
        changed.parent.mkdir(exist_ok=True)
        changed.write_text(json.dumps({"model_max_length": 64}))
        assert one_step.run(pair, table, output) == 2
        assert f"holds a run with content of {pair[model]} = " in capsys.readouterr().err
        if before is not None:
            changed.write_text(before)


@pytest.mark.parametrize(
    "option", ["learning_rate", "weight_decay", "temperature", "hidden_weight", "relation_weight"]
)
def test_settings_that_are_not_finite_are_refused(
    option: str,
    pair: dict[str, Path],
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A weight of nan was no weight: the term was left out without a word."""
    for value in ("nan", "inf", "-1"):
        assert one_step.run(pair, table, tmp_path / "run", f"--{option}", value) == 2
        assert f"error: --{option} must be " in capsys.readouterr().err
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_teacher_whose_outputs_do_not_fit_is_refused(
    checkpoints: dict[str, Path],
    squad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They became infinite in half precision, and the message blamed the learning rate."""
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(checkpoints["squad"])
    model.qa_outputs.weight.data.mul_(1e9)
    model.save_pretrained(tmp_path / "large")
    tokenizer = (checkpoints["squad"] / "tokenizer.json").read_bytes()
    (tmp_path / "large" / "tokenizer.json").write_bytes(tokenizer)
    line = ["--task", "squad", "--train_file", str(squad_file), "--held_out", "0.3"]
    line += ["--model", str(checkpoints["squad"]), "--teacher", str(tmp_path / "large")]
    line += ["--max_length", "64", "--doc_stride", "24", "--allow_weak_teacher", "--max_steps", "1"]
    line += ["--report_to", "none", "--out", str(tmp_path / "run"), "--disable_tqdm", "true"]
    assert finetune(line) == 2
    said = capsys.readouterr().err
    assert "large: its outputs are not finite, or too large for float16" in said
