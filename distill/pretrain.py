"""Distil a student from a teacher on text, with the triple loss of DistilBERT.

Example:

    python -m distill.pretrain --teacher minilm-mlm --layers 3 --text corpus/*.txt.gz \\
        --output_dir runs/student --max_steps 500

A run that was stopped goes on from its last complete checkpoint when it is started again. Without
--teacher, --student is trained as a masked language model alone, which is how a teacher gets the
MLM head that it lacks:

    python -m distill.pretrain --student minilm --text corpus/*.txt.gz --freeze_encoder \\
        --output_dir runs/minilm-mlm --max_steps 200
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from distill import DistillError
from distill.atomic import atomic_file
from distill.command import command

TRAINING_DEFAULTS = {
    "learning_rate": 5e-4,
    "adam_beta2": 0.98,
    "adam_epsilon": 1e-6,
    "max_grad_norm": 5.0,
    "warmup_steps": 0.05,
    "per_device_train_batch_size": 5,
    "gradient_accumulation_steps": 50,
    "train_sampling_strategy": "group_by_length",
}
"""The reference's, where they differ from those of TrainingArguments."""


@dataclass
class PretrainArguments:
    """Who learns from whom, on what, by which loss."""

    text: list[str] = field(metadata={"help": "files: .txt, .gz or .jsonl with a text field"})
    teacher: str | None = field(default=None, metadata={"help": "checkpoint directory or preset"})
    student: str | None = field(
        default=None, metadata={"help": "checkpoint to go on with; default: made from the teacher"}
    )
    layers: int = field(default=6, metadata={"help": "depth of a student made from the teacher"})
    choice: str = field(default="reference", metadata={"help": "which teacher layers it takes"})
    alpha_ce: float = field(default=5.0, metadata={"help": "weight of L_ce; 0 leaves it out"})
    alpha_mlm: float = field(default=2.0, metadata={"help": "weight of L_mlm"})
    alpha_cos: float = field(default=1.0, metadata={"help": "weight of L_cos"})
    temperature: float = field(default=2.0, metadata={"help": "of L_ce"})
    masked_only: bool = field(default=False, metadata={"help": "L_ce at masked positions only"})
    freeze_encoder: bool = field(default=False, metadata={"help": "train the MLM head alone"})
    sequence_length: int = field(default=512, metadata={"help": "longest sequence in tokens"})

    def __post_init__(self) -> None:
        if not (self.teacher or self.student):
            raise DistillError("give a --teacher, or a --student to train alone")
        if min(self.alpha_ce, self.alpha_mlm, self.alpha_cos) < 0 or self.temperature <= 0:
            raise DistillError("weights must not be negative, the temperature must be above 0")
        if self.alpha_ce == self.alpha_mlm == self.alpha_cos == 0:
            raise DistillError("every term of the loss has weight 0")


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    from transformers import HfArgumentParser, TrainingArguments

    parser = HfArgumentParser(
        (PretrainArguments, TrainingArguments),  # type: ignore[arg-type]
        description=__doc__,
    )
    parser.set_defaults(**TRAINING_DEFAULTS)
    given = list(argv) if argv is not None else sys.argv[1:]
    if len(given) == 1 and given[0].endswith((".json", ".yaml", ".yml")):
        parse = parser.parse_json_file if given[0].endswith(".json") else parser.parse_yaml_file
        arguments, training = parse(given[0])
    else:
        arguments, training = parser.parse_args_into_dataclasses(given)
    print(json.dumps(pretrain(arguments, training), indent=2))
    return 0


def pretrain(arguments: PretrainArguments, training: Any) -> dict[str, Any]:
    """Train in ``training.output_dir`` and write the student and ``metrics.json`` there."""
    from distill.checkpoints import claim_run, last_complete_checkpoint
    from distill.corpus import build_corpus, open_corpus, read_lines
    from distill.distiller import Distiller, DistillTrainer
    from distill.finetune import schedule
    from distill.finetune_squad import load_tokenizer, tokenizer_files
    from distill.losses import TripleWeights
    from distill.masking import MaskingCollator

    output = Path(training.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    claim_run(output, {**asdict(arguments), **schedule(training)})
    source, student, teacher = _models(arguments, training.seed)
    tokenizer = load_tokenizer(source)
    shards = output / "corpus"
    if not (shards / "corpus.json").is_file():
        lines = (line for name in arguments.text for line in read_lines(Path(name)))
        build_corpus(lines, tokenizer, shards, arguments.sequence_length)
    corpus = open_corpus(shards)
    special = [tokenizer.token_to_id(token) for token in _special(tokenizer)]
    weights = TripleWeights(
        arguments.alpha_ce if teacher else 0,
        arguments.alpha_mlm,
        arguments.alpha_cos if teacher else 0,
        arguments.temperature,
    )
    training.remove_unused_columns = False
    training.label_names = ["labels"]
    mask_id = tokenizer.token_to_id("[MASK]") or tokenizer.token_to_id("<mask>")
    trainer = DistillTrainer(
        model=Distiller(student, teacher, weights, arguments.masked_only),
        args=training,
        train_dataset=corpus,  # type: ignore[arg-type]
        data_collator=MaskingCollator(
            corpus.counts, mask_id, special, student.config.pad_token_id or 0
        ),
    )
    resume = last_complete_checkpoint(output)
    outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    trainer.save_model()
    tokenizer_files(source, output)
    report = {
        "sequences": len(corpus),
        "tokens": int(corpus.ends[-1]),
        "steps": outcome.global_step,
        "train_loss": outcome.training_loss,
        "seed": training.seed,
        "log": trainer.state.log_history,
    }
    with atomic_file(output / "metrics.json") as staged:
        staged.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return {key: value for key, value in report.items() if key != "log"}


def _special(tokenizer: Any) -> list[str]:
    names = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>", "<mask>")
    return [name for name in names if tokenizer.token_to_id(name) is not None]


def _models(arguments: PretrainArguments, seed: int) -> tuple[Path, Any, Any]:
    """The directory of the tokenizer, the student, and the teacher or None."""
    import torch
    from transformers import AutoModel, AutoModelForMaskedLM

    from distill.finetune import checkpoint_directory
    from distill.student import check_vocabularies, make_student

    torch.manual_seed(seed)
    teacher = teacher_directory = None
    if arguments.teacher:
        teacher_directory = checkpoint_directory(arguments.teacher)
        if arguments.alpha_ce and not _has_mlm_head(teacher_directory):
            raise DistillError(
                f"{arguments.teacher} has no MLM head for L_ce: train one with --student "
                f"{arguments.teacher} --freeze_encoder, or leave the term out with --alpha_ce 0"
            )
        kind = AutoModelForMaskedLM if arguments.alpha_ce else AutoModel
        teacher = kind.from_pretrained(teacher_directory)
    if arguments.student:
        directory = checkpoint_directory(arguments.student)
        student = AutoModelForMaskedLM.from_pretrained(directory)
        if teacher_directory:
            check_vocabularies(teacher_directory, directory)
    else:
        assert teacher_directory is not None
        directory = teacher_directory
        student = make_student(teacher, arguments.layers, arguments.choice, seed)
    if arguments.freeze_encoder:
        student.base_model.requires_grad_(False)
    return directory, student, teacher


def _has_mlm_head(directory: Path) -> bool:
    stored = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    return any("MaskedLM" in name for name in stored.get("architectures") or ())


if __name__ == "__main__":
    sys.exit(main())
