"""What a fine-tuning is asked for: model, task, teacher, loss, and how often to run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from distill.console.errors import UserError
from distill.console.options import JsonOptions
from distill.models.stored_weights import EVEN_STEPS
from distill.tasks.options import TaskOptions
from distill.tasks.table import TASKS, USUAL, task_named

if TYPE_CHECKING:
    from distill.training.teacher_choice import Distillation

WEIGHTS = ("hidden_weight", "attention_weight", "relation_weight", "relation_heads")
OF_A_TEACHER = ("alpha", "temperature", *WEIGHTS, "unlabelled")


@dataclass(kw_only=True)
class FinetuneArguments(TaskOptions, JsonOptions):
    """What to fine-tune, on what, and from which teacher."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset to start from"})
    task: str = field(default=USUAL, metadata={"help": f"one of {', '.join(TASKS)}"})
    teacher: str | None = field(
        default=None, metadata={"help": "fine-tuned checkpoint to distil from (the second stage)"}
    )
    dropout: float | None = field(
        default=None, metadata={"help": "dropout to train with; default: that of the checkpoint"}
    )
    alpha: float | None = field(
        default=None, metadata={"help": "share of the teacher in the loss; default: 0.5"}
    )
    temperature: float | None = field(
        default=None, metadata={"help": "temperature of the teacher's distribution; default: 2"}
    )
    hidden_weight: float | None = field(
        default=None,
        metadata={"help": "weight of matching hidden states layer by layer; default: 0"},
    )
    attention_weight: float | None = field(
        default=None,
        metadata={"help": "squad: weight of matching what the heads attend to; default: 0"},
    )
    relation_weight: float | None = field(
        default=None,
        metadata={
            "help": "weight of matching MiniLMv2's relations, for models of any width; default: 0"
        },
    )
    relation_heads: int | None = field(
        default=None,
        metadata={"help": "heads of the relations; default: as many as the student has"},
    )
    unlabelled: str | None = field(
        default=None,
        metadata={"help": "with --teacher: rows like those of the training data, without labels; "
                  "the teacher alone teaches them"},
    )  # fmt: skip
    validation_share: float | None = field(
        default=None,
        metadata={"help": "with --eval_strategy: share of the training rows that choose the best "
                  "step; default: 0.1"},
    )  # fmt: skip
    validation_data: str | None = field(
        default=None, metadata={"help": "with --eval_strategy: these rows choose the best step"}
    )
    quantization_aware: str | None = field(
        default=None,
        metadata={"help": f"{', '.join(EVEN_STEPS)}: round the weights while training, as "
                  "export.coreml --quantize will store them"},
    )  # fmt: skip
    logits_cache: str = field(
        default="runs/logits", metadata={"help": "folder to keep the teacher's logits in"}
    )
    allow_weak_teacher: bool = field(
        default=False, metadata={"help": "distil also from a teacher that scores badly"}
    )
    seeds: int = field(
        default=1,
        metadata={"help": "number of runs, with --seed and the seeds after it; medians count"},
    )
    baseline: bool = field(
        default=False, metadata={"help": "repeat every run without the teacher, to compare"}
    )
    force: bool = field(
        default=False, metadata={"help": "start anew where a run was finished or stopped"}
    )

    def __post_init__(self) -> None:
        task = task_named(self.task)
        self.task = task.name
        task.complete(self)
        if self.seeds < 1:
            raise UserError(f"--seeds must be at least 1, not {self.seeds}")
        if self.baseline and not self.teacher:
            raise UserError(
                "--baseline compares with a run without a teacher, so it needs --teacher"
            )
        if self.attention_weight and not task.matches_attention:
            raise UserError(f"--attention_weight is for SQuAD, not {self.task}")
        if not task.matches_layers and (self.hidden_weight or self.relation_weight):
            raise UserError(f"--hidden_weight and --relation_weight are not for {self.task}")
        if self.validation_share is not None and not 0 < self.validation_share < 1:
            raise UserError(
                f"--validation_share must be between 0 and 1, not {self.validation_share}"
            )
        if self.validation_share is not None and self.validation_data:
            raise UserError("give --validation_share or --validation_data, not both")
        if self.quantization_aware not in (None, *EVEN_STEPS):
            raise UserError(
                f"--quantization_aware {self.quantization_aware} is not supported (expected "
                f"{', '.join(EVEN_STEPS)})"
            )
        self._check_loss()

    def _check_loss(self) -> None:
        alpha = 0.5 if self.alpha is None else self.alpha
        if not 0 <= alpha <= 1:
            raise UserError(f"--alpha must be between 0 and 1, not {self.alpha}")
        if self.temperature is not None and not 0 < self.temperature < math.inf:
            raise UserError(f"--temperature must be above 0, not {self.temperature}")
        for name in WEIGHTS:
            weight = getattr(self, name) or 0
            if not 0 <= weight < math.inf:
                raise UserError(f"--{name} must be 0 or more, not {weight}")
        if self.relation_heads and not self.relation_weight:
            raise UserError("--relation_heads needs a --relation_weight")
        named = [name for name in OF_A_TEACHER if getattr(self, name) is not None]
        if named and not self.teacher:
            raise UserError(f"--{named[0]} needs a --teacher")

    def distillation(self) -> Distillation:
        """The settings of the loss, with the reference's where none is named."""
        from distill.training.teacher_choice import Distillation

        names = {described.name for described in fields(Distillation)}
        named = {name: getattr(self, name) for name in names}
        return Distillation(**{name: v for name, v in named.items() if v is not None})
