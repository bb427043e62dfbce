"""A model card made from a run: what the model is, what it learnt from, how, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distill.runs.pretraining_result import PretrainingResult

TERMS = (
    ("alpha_ce", "L_ce"),
    ("alpha_mlm", "L_mlm"),
    ("alpha_cos", "L_cos"),
    ("alpha_rel", "L_rel"),
)


def model_card(result: PretrainingResult) -> str:
    """The README.md of a model that `distill.training.pretraining_run` trained."""
    settings, size = result.settings, (result.student.layers, result.student.parameters)
    distilled = settings["teacher"] is not None
    head = ["---", "library_name: transformers", "pipeline_tag: fill-mask", "tags:"]
    head += ["- distillation", "- distilbert"] if distilled else ["- masked-language-model"]
    head += ["---", "", f"# {_title(settings, size[0])}", ""]
    lines = [*head, *_model(settings, *size), *_data(result), *_how(settings, result.training)]
    return "\n".join([*lines, *_results(result)]) + "\n"


def student_card(teacher: str, layers: int, choice: str, seed: int, parameters: int) -> str:
    """The card of a student that is not trained yet."""
    settings = {"teacher": teacher, "student": None, "choice": choice}
    head = ["---", "library_name: transformers", "tags:", "- distilbert", "---", ""]
    note = f"Not trained yet: made by `python -m distill.init_student`, seed {seed}."
    lines = [f"# {_title(settings, layers)}", "", *_model(settings, layers, parameters), note]
    return "\n".join([*head, *lines]) + "\n"


def _title(settings: Mapping[str, object], layers: int) -> str:
    source = settings["teacher"] or settings["student"]
    name = str(source).rstrip("/").split("/")[-1]
    return f"{layers}-layer student of {name}" if settings["teacher"] else name


def _model(settings: Mapping[str, object], layers: int, parameters: int) -> list[str]:
    size = f"{layers} layers, {parameters:,} parameters."
    if settings["teacher"] is None:
        return [f"A masked language model: {size}", ""]
    start = settings["student"] or f"the teacher's layers (choice: {settings['choice']})"
    return [
        f"A DistilBERT (arXiv 1910.01108): {size} Teacher: `{settings['teacher']}`. It started from"
        f" {start}.",
        "",
    ]


def _data(result: PretrainingResult) -> list[str]:
    corpus, note = result.corpus, result.settings["data_note"]
    names = ", ".join(f"`{source['name']}`" for source in corpus["sources"])
    return [
        "## Data",
        "",
        f"{corpus['sequences']:,} sequences, {corpus['tokens']:,} tokens, from {names}; "
        f"{corpus['dropped']:,} dropped (short or mostly unknown words), "
        f"{result.held_out_sequences:,} held out for evaluation.",
        *([note] if note else ["Licences of the text: not stated by the run."]),
        "",
    ]


def _how(settings: Mapping[str, object], training: Mapping[str, object]) -> list[str]:
    distilled = settings["teacher"] is not None
    used = [(k, n) for k, n in TERMS if settings.get(k) and (distilled or k == "alpha_mlm")]
    loss = " + ".join(f"{settings[key]:g} {name}" for key, name in used)
    where = "masked positions" if settings["masked_only"] else "all attended positions"
    rows = [f"| {name} | {value} |" for name, value in training.items() if value is not None]
    return [
        "## Training",
        "",
        f"Loss: {loss}"
        + (f"; temperature {settings['temperature']:g}, {where}." if distilled else "."),
        "",
        "| setting | value |",
        "|---|---|",
        f"| sequence_length | {settings['sequence_length']} |",
        *rows,
        "",
    ]


def _results(result: PretrainingResult) -> list[str]:
    lines = ["## Results", ""]
    lines.append(
        f"{result.steps:,} steps, {result.tokens_seen:,} tokens; mean training loss "
        f"{result.train_loss:.4f}."
    )
    if result.best:
        lines.append(result.best.in_words())
    if result.evaluation:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in result.evaluation.items())
        lines.append(f"On the held-out sequences: {shown}.")
    return lines
