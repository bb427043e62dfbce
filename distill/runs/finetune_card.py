"""The model card of a fine-tuned model, from its run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from distill.runs.finetune_result import FinetuneResult, QuantizedScores
from distill.tasks.metric_words import metric_title, value_words
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask

if TYPE_CHECKING:
    from transformers import TrainingArguments

SHOWN = ("learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
         "gradient_accumulation_steps", "seed")  # fmt: skip
MATCHED = ("hidden_weight", "attention_weight", "relation_weight")


class LossSettings(Protocol):
    """What decides the loss, as `distill.training.teacher_choice.Distillation` has it."""

    alpha: float
    temperature: float
    hidden_weight: float
    attention_weight: float | None
    relation_weight: float


def quantized_in_words(metric: str, quantized: QuantizedScores) -> str:
    """Sentences that say how the weights were rounded, and what the model scores with them so."""
    value = value_words(metric, quantized.metrics[metric])
    return (
        f"Its weights were rounded while training, as {quantized.weights} packages store them; "
        f"rounded like that, its {metric_title(metric)} is {value}. The weights in this folder are "
        "not rounded."
    )


def finetune_card(
    task: AnyTask,
    directories: tuple[Path, Path | None],
    options: TaskOptions,
    settings: LossSettings,
    training: TrainingArguments,
    data: AnyData,
    result: FinetuneResult,
) -> str:
    """The README.md of a model that `distill.training.finetuning.finetune` trained."""
    start, teacher = directories
    tags = ["- distillation"] if teacher else []
    head = ["---", "library_name: transformers", "tags:", f"- {task.name}", *tags, "---", ""]
    lines = [f"# {start.name} on {task.name}", "", f"It started from `{start.name}`."]
    if teacher:
        terms = [f"weight {settings.alpha:g} in the loss", f"temperature {settings.temperature:g}"]
        for name in MATCHED:
            if weight := getattr(settings, name):
                terms.append(f"{name.replace('_', ' ')} {weight:g}")
        lines.append(f"Teacher: `{teacher.name}`, {', '.join(terms)}.")
    counts = ", ".join(f"{name} {value}" for name, value in data.counts.items())
    lines += ["", "## Data", "", f"{counts}; at most {options.max_length} tokens."]
    if data.labels and data.labels.names:
        problem = f" ({data.labels.problem_type})" if data.labels.problem_type else ""
        lines += ["", f"Labels{problem}, in order:"]
        lines += [f"{number}. {name}" for number, name in enumerate(data.labels.names)]
    lines += ["", "## Training", "", "| setting | value |", "|---|---|"]
    lines += [f"| {name} | {getattr(training, name)} |" for name in SHOWN]
    if result.best:
        lines += ["", result.best.in_words()]
    if result.quantized:
        lines += ["", quantized_in_words(task.metric, result.quantized)]
    lines += ["", "## Results", "", f"Main metric: {task.metric_in_words(data.labels)}."]
    lines += ["", "| metric | value | 95% interval |", "|---|---|---|"]
    for name, value in result.metrics.items():
        interval = result.intervals.get(name)
        shown = f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
        lines.append(f"| {metric_title(name)} | {value_words(name, value)} | {shown} |")
    return "\n".join([*head, *lines]) + "\n"
