"""The Trainer of `transformers` made exact: an order that follows from seed and epoch alone, steps
in which every row counts once, checkpoints that are known to be whole, and an end at its last step.

So a resumed run, or one of several processes, trains on the batches of an uninterrupted one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerState
from transformers.trainer_utils import TrainOutput

from distill.console.errors import UserError
from distill.corpus.length_batches import FILLER, LengthBatches
from distill.runs.whole_checkpoints import damage, drop_older, newest_first, seal

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainingArguments

    from distill.corpus.length_batches import Row
    from distill.tasks.task import Batch

STATE_FILE = "trainer_state.json"


class ExactTrainer(Trainer):
    """A Trainer on a dataset with ``lengths`` and the keys of `LengthBatches`."""

    keep_last = True
    """Whether an epoch trains on all of its rows, the last batch and the last step being smaller,
    or on a whole number of steps."""

    loss_is_of_step = False
    """Whether `compute_loss` gives a batch's part of its step's loss, not the mean over the batch.
    The Trainer divides by a number of batches, which is set here: its own option for this,
    ``loss_is_scaled_for_ga``, is not in every version."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.train_batches = LengthBatches(
            self.train_dataset.lengths,  # type: ignore[union-attr]
            self.args.train_batch_size,
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
            self.args.gradient_accumulation_steps * self.args.world_size,
            keep_last=self.keep_last and not self.args.dataloader_drop_last,
            processes=self.args.world_size,
        )
        self.add_callback(EpochOrder(self.train_batches))
        # The losses are means over a batch; `training_step` weighs them.
        self.model_accepts_loss_kwargs = False

    def train(  # type: ignore[override]
        self, resume_from_checkpoint: str | None = None, *_: object, **__: object
    ) -> TrainOutput:
        """As the Trainer, but ``training_loss`` is the mean over all processes, and over the steps
        before a resume too, as far as they were logged; and a run that has taken its last step
        takes no other one.

        Raises:
            UserError: a loss, or a weight at the end, is not finite.
        """
        resumed = 0
        if resume_from_checkpoint:
            resumed = int(Path(resume_from_checkpoint).name.split("-")[1])
        if resume_from_checkpoint and _has_ended(Path(resume_from_checkpoint)):
            outcome = self._at_its_end(str(resume_from_checkpoint))
        else:
            outcome = super().train(resume_from_checkpoint)
            self._check_weights()
        here = torch.tensor(float(self._total_loss_scalar), device=self.args.device)
        total, before = float(self.accelerator.reduce(here, "mean")), 0
        for row in self.state.log_history:
            if "loss" in row and row["step"] <= resumed:
                total += row["loss"] * (row["step"] - before)
                before = int(row["step"])
        steps = before + outcome.global_step - resumed
        return outcome._replace(training_loss=total / max(steps, 1))

    def _at_its_end(self, checkpoint: str) -> TrainOutput:
        """The state and weights of a run that was stopped after its last step."""
        self.state = TrainerState.load_from_json(str(Path(checkpoint) / STATE_FILE))
        self._load_from_checkpoint(checkpoint)
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint:
            self._load_best_model()
        self._total_loss_scalar = 0.0
        return TrainOutput(self.state.global_step, 0.0, {"train_runtime": 0.0})

    def _load_best_model(self) -> None:
        """The weights of the best step, from its checkpoint in the folder as it is called now.

        Raises:
            UserError: that checkpoint is damaged or gone.
        """
        best = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.best_global_step}"
        if problem := damage(best):
            raise UserError(f"{best}: the best step cannot be loaded, {problem}; run it again")
        self.state.best_model_checkpoint = str(best)
        self._load_from_checkpoint(str(best))

    def _get_num_items_in_batch(
        self, batch_samples: list[Batch], device: torch.device
    ) -> torch.Tensor:
        """Rows of a whole step: all of its batches, in all processes."""
        rows = torch.tensor(sum(map(_rows, batch_samples)), device=device)
        total: torch.Tensor = self.accelerator.reduce(rows, "sum")
        return total

    def training_step(
        self, model: nn.Module, inputs: Batch, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Each batch counts in its step by its rows, so that a step of several batches is that of
        one batch with all rows.

        Raises:
            UserError: the loss is not finite.
        """
        if num_items_in_batch is not None:
            batches = 1.0
            if not self.loss_is_of_step:
                own = _rows(inputs) * self.args.world_size
                batches = float(num_items_in_batch) / own if own else math.inf
            self.current_gradient_accumulation_steps = batches  # type: ignore[assignment]
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not math.isfinite(float(loss)):
            raise UserError(self._not_finite(f"the loss is {float(loss)}"))
        return loss

    def _check_weights(self) -> None:
        for name, weight in self.model.named_parameters():  # type: ignore[union-attr]
            if not bool(torch.isfinite(weight).all()):
                raise UserError(self._not_finite(f"{name} holds values that are not finite"))

    def _not_finite(self, what: str) -> str:
        kept = newest_first(Path(str(self.args.output_dir)))
        last = f"; the last checkpoint is {kept[0]}" if kept else ""
        return f"step {self.state.global_step + 1}: {what}: lower --learning_rate{last}"

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        """Older checkpoints are removed only when this one is known to be whole."""
        self._check_weights()
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            run = Path(str(self.args.output_dir))
            newest = run / f"checkpoint-{self.state.global_step}"
            seal(newest)
            drop_older(run, newest, limit, self.state.best_model_checkpoint)

    def get_train_dataloader(self) -> DataLoader[Row]:
        """The training rows in `train_batches`."""
        assert isinstance(self.train_dataset, Dataset)
        return self.loader(self.train_dataset, self.train_batches)

    def loader(self, rows: Dataset[object], batches: LengthBatches) -> DataLoader[Row]:
        """The batches of a dataset, shared out to the processes."""
        loader = DataLoader(
            rows,
            batch_sampler=batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
        )
        prepared: DataLoader[Row] = self.accelerator.prepare(loader)
        return prepared


def _rows(batch: Batch) -> int:
    """How many rows of a batch count."""
    return int((batch["index"] != FILLER).sum())


def _has_ended(checkpoint: Path) -> bool:
    """Whether a checkpoint is that of a run's last step, also one that was stopped early."""
    state = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {}).get("args", {})
    return bool(control.get("should_training_stop")) or state["global_step"] >= state["max_steps"]


class EpochOrder(TrainerCallback):
    """Tells the batches their epoch: every process of every epoch, also when it resumes within
    one (Accelerate tells a batch sampler of its own only)."""

    def __init__(self, batches: LengthBatches) -> None:
        self.batches = batches

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Called by the Trainer: tell the batches which epoch begins."""
        self.batches.set_epoch(int((state.epoch or 0) + 1e-6))
