"""The Trainer of `transformers`, fitted to a `Distiller`: batches by length, checkpoints of the
student alone, the terms of the loss in the logs, and the longest batch tried first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from distill.console.errors import UserError
from distill.console.progress import ReadableProgress, show_progress
from distill.corpus.length_batches import LengthBatches, Sequences
from distill.losses.triple import IGNORED
from distill.training.exact_trainer import ExactTrainer

if TYPE_CHECKING:
    from accelerate import Accelerator
    from transformers import TrainerControl, TrainerState, TrainingArguments
    from transformers.trainer_utils import EvalLoopOutput, TrainOutput

    from distill.corpus.length_batches import Row
    from distill.tasks.task import Batch
    from distill.training.distiller import Distiller

PERPLEXITY_CAP = 80.0


class DistillTrainer(ExactTrainer):
    """A Trainer of a `Distiller` on `Sequences`.

    Raises:
        UserError: fewer batches than processes.
    """

    keep_last = False
    loss_is_of_step = True  # by `compute_loss`, each term by its positions

    def __init__(self, *arguments: object, **keywords: object) -> None:
        super().__init__(*arguments, **keywords)
        if self.train_batches.count < self.args.world_size:
            raise UserError(
                f"{len(self.train_batches.lengths)} sequences are too few batches for "
                f"{self.args.world_size} processes: lower --per_device_train_batch_size"
            )
        self._means = self._no_terms()
        self.tokens_before = 0
        show_progress(self, TokensProgress())
        self.add_callback(LongestBatchFirst(self))

    def get_eval_dataloader(self, eval_dataset: object = None) -> DataLoader[Row]:
        """The same batches with the same masks at every evaluation."""
        rows = eval_dataset if isinstance(eval_dataset, Sequences) else self.eval_dataset
        size = self.args.eval_batch_size
        assert isinstance(rows, Sequences)
        processes = self.args.world_size
        return self.loader(rows, LengthBatches(rows.lengths, size, 0, 1, True, processes))

    def compute_loss(  # type: ignore[override]
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, Batch]:
        """The part of the step's loss that this batch has: every position of a step counts once,
        in however many batches and processes it is."""
        positions = _positions(inputs)
        shares = None
        if num_items_in_batch is not None:
            own = positions * self.args.world_size
            shares = (own / num_items_in_batch.to(own.device).clamp_min(1)).tolist()
        terms = model(**inputs, shares=shares)
        self._means.add(terms, *positions.tolist())
        return (terms["loss"], terms) if return_outputs else terms["loss"]

    def _get_num_items_in_batch(
        self, batch_samples: list[Batch], device: torch.device
    ) -> torch.Tensor:
        """Attended and masked positions of a whole step: all of its batches, in all processes."""
        counts = torch.stack([_positions(batch).to(device) for batch in batch_samples]).sum(0)
        total: torch.Tensor = self.accelerator.reduce(counts, "sum")
        return total

    def prediction_step(
        self, model: nn.Module, inputs: Batch, *_: object, **__: object
    ) -> tuple[torch.Tensor, None, None]:
        """The loss alone; its terms are gathered for `evaluation_loop`, each weighed by its
        positions."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            terms = model(**inputs)
        self._held_out.add(terms, *_positions(inputs).tolist())
        return terms["loss"].detach(), None, None

    def evaluation_loop(self, *arguments: Any, **keywords: Any) -> EvalLoopOutput:
        """The mean of every term, their weighted sum, and the perplexity of the masked language
        model. Every position counts once, as in a step."""
        self._held_out = self._no_terms()
        outcome = super().evaluation_loop(*arguments, **keywords)
        prefix = keywords.get("metric_key_prefix", "eval")
        terms = self._held_out.take(self.accelerator)
        terms["loss"] = self._distiller.weighted(terms)
        metrics = {f"{prefix}_{name}": value for name, value in terms.items()}
        metrics[f"{prefix}_perplexity"] = math.exp(min(terms["masked"], PERPLEXITY_CAP))
        return outcome._replace(metrics={**(outcome.metrics or {}), **metrics})

    def tokens_per_second(self, outcome: TrainOutput) -> float:
        """Tokens without padding since this process began, in the time that `train` took; 0 where
        the run was at its end before."""
        seconds = outcome.metrics["train_runtime"] or float("inf")
        return float((self.state.num_input_tokens_seen - self.tokens_before) / seconds)

    def log(self, logs: dict[str, float], *arguments: Any, **keywords: Any) -> None:
        """Log with the mean of each loss term since the last time."""
        if "loss" in logs:
            means = self._means.take(self.accelerator)
            logs |= {f"loss_{name}": value for name, value in means.items()}
        super().log(logs, *arguments, **keywords)

    @property
    def _distiller(self) -> Distiller:
        distiller: Distiller = self.accelerator.unwrap_model(self.model)
        return distiller

    def _no_terms(self) -> Means:
        return Means(self._distiller.of_masked)

    def _save(self, output_dir: str | None = None, state_dict: object = None) -> None:
        if self.args.should_save:
            directory = output_dir or str(self.args.output_dir)
            self._distiller.student.save_pretrained(directory)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        student = self.accelerator.unwrap_model(model or self.model).student
        loaded = type(student).from_pretrained(
            Path(resume_from_checkpoint), trust_remote_code=False
        )
        student.load_state_dict(loaded.state_dict())


def _positions(batch: Batch) -> torch.Tensor:
    """How many positions of a batch are attended, and how many are masked; floats, (2,). None
    counts where none is masked: that is a filler."""
    masked = (batch["labels"] != IGNORED).sum()
    attended = batch["attention_mask"].sum() * (masked > 0)
    return torch.stack([attended, masked]).double()


class Means:
    """Weighted means of the terms of the loss, over batches and processes; those ``of_masked``
    count by the masked positions."""

    def __init__(self, of_masked: frozenset[str]) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._of_masked = of_masked

    def add(self, terms: dict[str, torch.Tensor], attended: float, masked: float) -> None:
        """Add the terms of a batch, each a scalar, by name; `loss` is their sum and left out.

        Args:
            attended: how many positions the terms count by.
            masked: likewise, those that count by the masked positions.
        """
        for name, value in terms.items():
            weight = masked if name in self._of_masked else attended
            added = torch.stack([value.detach().float(), torch.ones_like(value.detach())]) * weight
            if name != "loss":
                self._sums[name] = self._sums[name] + added if name in self._sums else added

    def take(self, accelerator: Accelerator) -> dict[str, float]:
        """The means of all processes, by name; what was added is forgotten."""
        sums, self._sums = self._sums, {}
        totals = {name: accelerator.reduce(sums[name], "sum").tolist() for name in sorted(sums)}
        return {name: total / max(weight, 1e-9) for name, (total, weight) in totals.items()}


class LongestBatchFirst(TrainerCallback):
    """Runs the longest batch before the first step, so that memory runs out at once or never."""

    def __init__(self, trainer: DistillTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """
        Raises:
            UserError: the batch does not fit in memory, or cannot be compiled.
        """
        trainer = self.trainer
        trainer.tokens_before = state.num_input_tokens_seen
        rows: Any = trainer.train_dataset
        keys = trainer.train_batches.longest()
        try:
            with torch.random.fork_rng():
                self._run(trainer.data_collator([rows[key] for key in keys]))
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if compiling(error):
                raise UserError(
                    f"torch.compile failed ({str(error).strip().splitlines()[0]}); leave out "
                    "--torch_compile, or install what it needs, such as a C++ compiler"
                ) from None
            if not _out_of_memory(error):
                raise
            raise UserError(
                f"the longest batch, {len(keys)} sequences of up to {int(rows.lengths.max())} "
                "tokens, does not fit in memory: lower --per_device_train_batch_size (and raise "
                "--gradient_accumulation_steps), --loss_positions or --sequence_length"
            ) from None

    def _run(self, batch: Batch) -> None:
        trainer = self.trainer
        model = trainer.model_wrapped
        model.train()
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        # AdamW's two moments do not exist yet.
        moments = torch.empty(2 * trained, device=trainer.args.device) if _on_device() else None
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(model, trainer._prepare_inputs(batch))
        trainer.accelerator.backward(loss)
        model.zero_grad(set_to_none=True)
        trainer._means = trainer._no_terms()
        del moments


def compiling(error: BaseException) -> bool:
    """Whether ``torch.compile`` raised it."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def _on_device() -> bool:
    return torch.cuda.is_available()


def _out_of_memory(error: BaseException) -> bool:
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in text


class TokensProgress(ReadableProgress):
    """The bar, whose time left tqdm knows, with tokens per second beside it."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **keywords: object,
    ) -> None:
        """Called by the Trainer: begin the bar where a resumed run was."""
        super().on_train_begin(args, state, control, **keywords)  # type: ignore[no-untyped-call]
        self._first = state.num_input_tokens_seen
        self.current_step = state.global_step
        if self.training_bar is not None:
            self.training_bar.update(state.global_step)
            self.training_bar.initial = state.global_step

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **keywords: object,
    ) -> None:
        """Called by the Trainer: show tokens per second, without padding, beside the bar."""
        super().on_step_end(args, state, control, **keywords)  # type: ignore[no-untyped-call]
        if self.training_bar is not None:
            seconds = self.training_bar.format_dict["elapsed"] or 1e-9
            rate = (state.num_input_tokens_seen - self._first) / seconds
            self.training_bar.set_postfix_str(f"{rate:,.0f} tokens/s", refresh=False)
