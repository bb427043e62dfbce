"""One run of pre-training distillation: its Trainer, its result, and what is written at the end."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.errors import UserError
from distill.console.tables import say
from distill.corpus.corpus_folder import prepare_corpus
from distill.corpus.length_batches import Sequences
from distill.losses.triple import TripleWeights
from distill.models.fingerprint import checkpoint_digest, contents
from distill.models.tokenizer import load_tokenizer
from distill.runs.pretraining_result import PretrainingResult, StudentSize
from distill.runs.run_folder import (
    claim_run,
    clear_run,
    finished_run,
    last_complete_checkpoint,
    locked,
)
from distill.runs.run_outputs import disk_problems, write_run
from distill.training.best_step import EvaluatedTraining, best_step, evaluate_steps
from distill.training.distill_trainer import DistillTrainer, compiling
from distill.training.distiller import Distiller
from distill.training.precision import precision_in_words
from distill.training.pretraining_inputs import collator, halves, models, split
from distill.training.settings import (
    PRETRAIN_SCHEDULE,
    PretrainSettings,
    check_training,
    evaluates,
    schedule,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class ReferenceTraining(EvaluatedTraining):
    """`TrainingArguments` with the reference's settings (see `distill.training.settings`)."""

    learning_rate: float = field(
        default=5e-4, metadata={"help": "highest learning rate, after the warm-up"}
    )
    adam_beta2: float = field(default=0.98, metadata={"help": "beta2 of AdamW"})
    adam_epsilon: float = field(default=1e-6, metadata={"help": "epsilon of AdamW"})
    max_grad_norm: float = field(
        default=5.0, metadata={"help": "norm that gradients are clipped to"}
    )
    warmup_steps: float = field(
        default=0.05, metadata={"help": "steps of the warm-up, or their share if below 1"}
    )
    per_device_train_batch_size: int = field(default=5, metadata={"help": "sequences in a batch"})
    gradient_accumulation_steps: int = field(default=50, metadata={"help": "batches in a step"})
    report_to: None | str | list[str] = field(  # noqa: RUF036 - the order HfArgumentParser reads
        default="tensorboard", metadata={"help": "where logs go, besides metrics.json"}
    )
    precision: str | None = field(
        default="auto",
        metadata={
            "help": "precision of the arithmetic: auto (bf16 where a GPU has it), float32 or bf16"
        },
    )

    def __post_init__(self) -> None:
        # `Distiller.compile` takes the place of `transformers`' own, of the whole step at once.
        backend, mode = self.torch_compile_backend, self.torch_compile_mode
        self.compilation = None
        if self.torch_compile or backend or mode:
            self.compilation = {"backend": backend or "inductor", "mode": mode}
        self.torch_compile, self.torch_compile_backend, self.torch_compile_mode = False, None, None
        if self.early_stopping_patience or self.load_best_model_at_end:
            self.metric_for_best_model = self.metric_for_best_model or "loss"
            self.greater_is_better = False  # as of every figure here
        self.include_num_input_tokens_seen = "non_padding"  # for tokens/s
        self.remove_unused_columns = False
        self.label_names = ["labels"]
        try:
            super().__post_init__()
        except ValueError as error:
            raise UserError(str(error)) from None


def pretrain(settings: PretrainSettings, training: ReferenceTraining) -> PretrainingResult:
    """Train in ``training.output_dir``, or go on from its last complete checkpoint; a run that has
    come to its end is not run again.

    Writes the student (a Hugging Face directory with tokenizer and model card) and
    ``metrics.json`` there, which has the result, too.

    Raises:
        UserError: a teacher that cannot teach this student or loss, unusable text, a folder
            that holds another run, memory or disk that is too small.
    """
    _check(settings, training)
    output = Path(training.output_dir or "")
    with locked(output):
        with training.main_process_first(local=False, desc="clear"):
            if settings.force and training.process_index == 0:
                clear_run(output, identity(settings, training))
        if not settings.force:
            record = identity(settings, training)
            done = finished_run(output, record, PretrainingResult.from_json)
            if done:
                return done
        return _train(settings, training, output)


def _train(
    settings: PretrainSettings, training: ReferenceTraining, output: Path
) -> PretrainingResult:
    """One run, from reading its text to writing its folder."""
    source, student, teacher = models(settings, training.seed)
    tokenizer = load_tokenizer(source)
    with training.main_process_first(local=False, desc="corpus"):
        output.mkdir(parents=True, exist_ok=True)
        claim_run(output, identity(settings, training))
        shards = Path(settings.corpus_dir) if settings.corpus_dir else output / "corpus"
        corpus = prepare_corpus(settings.text, tokenizer, shards, settings.sequence_length)
    rows, held_out = split(corpus, settings.held_out)
    choosing = held_out
    if held_out and training.load_best_model_at_end:
        choosing, held_out = halves(corpus, held_out)
    trainer = DistillTrainer(
        model=_distiller(settings, training, student, teacher),
        args=training,
        train_dataset=rows,
        eval_dataset=choosing,
        data_collator=collator(corpus, tokenizer, student.config.pad_token_id or 0, training.seed),
    )
    if evaluates(training):
        evaluate_steps(trainer)
    resume = last_complete_checkpoint(output)
    if training.process_index == 0:
        say(precision_in_words(training))
    began = time.perf_counter()
    with disk_problems(output):
        outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    best = None
    if choosing and training.load_best_model_at_end:
        best = best_step(trainer, len(choosing), "held out")
    result = PretrainingResult(
        settings=asdict(settings),
        training=schedule(training, PRETRAIN_SCHEDULE),
        student=StudentSize(student.num_parameters(), student.config.num_hidden_layers),
        corpus={k: v for k, v in corpus.description.items() if k != "dtype"},
        held_out_sequences=len(held_out) if held_out else 0,
        padding=trainer.train_batches.padding(),
        steps=outcome.global_step,
        stopped_early=outcome.global_step < trainer.state.max_steps,
        resumed_from=int(resume.name.split("-")[1]) if resume else None,
        tokens_seen=trainer.state.num_input_tokens_seen,
        seconds=round(time.perf_counter() - began, 2),
        tokens_per_second=round(trainer.tokens_per_second(outcome), 1),
        train_loss=outcome.training_loss,
        evaluation=_evaluation(trainer, held_out) if held_out else None,
        best=best,
        processes=training.world_size,
        seed=training.seed,
    )
    if trainer.is_world_process_zero():
        with disk_problems(output):
            write_run(output, student, source, result, trainer.state.log_history)
    trainer.accelerator.wait_for_everyone()
    return result


def _distiller(
    settings: PretrainSettings,
    training: ReferenceTraining,
    student: PreTrainedModel,
    teacher: PreTrainedModel | None,
) -> Distiller:
    """Student and teacher with their loss, compiled where `TrainingArguments` ask for it."""
    weights = (settings.alpha_ce, settings.alpha_mlm, settings.alpha_cos, settings.temperature)
    distiller = Distiller(
        student,
        teacher,
        TripleWeights(*weights),
        settings.masked_only,
        settings.loss_positions or None,
        settings.alpha_rel,
        settings.relation_heads,
    )
    if training.compilation:
        try:
            distiller.compile(**training.compilation)
        except RuntimeError as error:
            if not compiling(error):
                raise
            raise UserError(f"--torch_compile_backend: {error}") from None
    return distiller


def _check(settings: PretrainSettings, training: ReferenceTraining) -> None:
    check_training(training)
    if training.n_gpu > 1:
        raise UserError(
            f"one process sees {training.n_gpu} GPUs: start one for each, with torchrun "
            f"--nproc_per_node {training.n_gpu} -m distill.pretrain, or set CUDA_VISIBLE_DEVICES"
        )
    if evaluates(training) and not settings.held_out:
        raise UserError("evaluation needs sequences of its own: set --held_out, such as 0.01")


def identity(settings: PretrainSettings, training: ReferenceTraining) -> dict[str, object]:
    """What a run must agree on to go on: all that decides its outcome."""
    free = ("corpus_dir", "data_note", "loss_positions", "force", "json", "save_json")
    decided = {k: v for k, v in asdict(settings).items() if k not in free}
    decided |= contents(settings.text)
    output = Path(training.output_dir or "")
    for name in filter(None, (settings.teacher, settings.student)):
        if output not in Path(name).parents:  # the first phase of `adapt_mlm` has its own record
            decided[f"content of {name}"] = checkpoint_digest(name)
    return decided | schedule(training, PRETRAIN_SCHEDULE)


def _evaluation(trainer: DistillTrainer, rows: Sequences) -> dict[str, float]:
    metrics = trainer.evaluate(rows)
    if not math.isfinite(metrics["eval_loss"]):
        raise UserError(f"the held-out loss is {metrics['eval_loss']}: lower --learning_rate")
    names = [n for n in metrics if not n.endswith(("_second", "_runtime", "epoch", "_seen"))]
    return {name.removeprefix("eval_"): metrics[name] for name in names}
