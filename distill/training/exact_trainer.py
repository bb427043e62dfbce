"""The Trainer of `transformers` with an order that follows from seed and epoch alone, so that a
resumed run, or one of several processes, trains on the batches of an uninterrupted one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import TrainOutput

from distill.corpus.length_batches import LengthBatches


class ExactTrainer(Trainer):
    """A Trainer on a dataset with ``lengths`` and the keys of `LengthBatches`."""

    keep_last = True
    """Whether an epoch trains on all of its rows, the last batch and the last step being smaller,
    or on a whole number of steps."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.train_batches = LengthBatches(
            self.train_dataset.lengths,  # type: ignore[union-attr]
            self.args.train_batch_size,
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
            self.args.gradient_accumulation_steps * self.args.world_size,
            keep_last=self.keep_last and not self.args.dataloader_drop_last,
        )
        self.add_callback(EpochOrder(self.train_batches))
        # The losses are means over a batch, so accumulated batches are still to be averaged.
        self.model_accepts_loss_kwargs = False

    def train(self, resume_from_checkpoint: Any = None, *_: Any, **__: Any) -> TrainOutput:
        """As the Trainer, but ``training_loss`` is the mean over all processes, and over the steps
        before a resume too, as far as they were logged."""
        outcome = super().train(resume_from_checkpoint)
        resumed = 0
        if resume_from_checkpoint:
            resumed = int(Path(resume_from_checkpoint).name.split("-")[1])
        here = torch.tensor(self._total_loss_scalar, device=self.args.device)
        total, before = float(self.accelerator.reduce(here, "mean")), 0
        for row in self.state.log_history:
            if "loss" in row and row["step"] <= resumed:
                total += row["loss"] * (row["step"] - before)
                before = int(row["step"])
        steps = before + outcome.global_step - resumed
        return outcome._replace(training_loss=total / max(steps, 1))

    def get_train_dataloader(self) -> DataLoader[Any]:
        return self.loader(self.train_dataset, self.train_batches)

    def loader(self, rows: Any, batches: LengthBatches) -> DataLoader[Any]:
        """The batches of a dataset, shared out to the processes."""
        loader = DataLoader(
            rows,
            batch_sampler=batches,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared


class EpochOrder(TrainerCallback):
    """Tells the batches their epoch: every process of every epoch, also when it resumes within
    one (Accelerate tells a batch sampler of its own only)."""

    def __init__(self, batches: LengthBatches) -> None:
        self.batches = batches

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.batches.set_epoch(int((state.epoch or 0) + 1e-6))
