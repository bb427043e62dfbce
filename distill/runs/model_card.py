"""A model card made from a run: what the model is, what it learnt from, how, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.tasks.metric_words import metric_title, value_words

TERMS = (
    ("alpha_ce", "L_ce"),
    ("alpha_mlm", "L_mlm"),
    ("alpha_cos", "L_cos"),
    ("alpha_rel", "L_rel"),
)


def model_card(report: dict[str, Any]) -> str:
    """The README.md of a model that `distill.training.pretraining_run` trained, from its report."""
    settings, training, student = report["settings"], report["training"], report["student"]
    distilled = settings["teacher"] is not None
    head = ["---", "library_name: transformers", "pipeline_tag: fill-mask", "tags:"]
    head += ["- distillation", "- distilbert"] if distilled else ["- masked-language-model"]
    head += ["---", "", f"# {_title(settings, student)}", ""]
    return "\n".join(
        [*head, *_model(settings, student), *_data(report), *_how(settings, training)]
    ) + ("\n" + "\n".join(_results(report)) + "\n")


def student_card(teacher: str, layers: int, choice: str, seed: int, parameters: int) -> str:
    """The card of a student that is not trained yet."""
    settings = {"teacher": teacher, "student": None, "choice": choice}
    student = {"layers": layers, "parameters": parameters}
    head = ["---", "library_name: transformers", "tags:", "- distilbert", "---", ""]
    note = f"Not trained yet: made by `python -m distill.init_student`, seed {seed}."
    lines = [f"# {_title(settings, student)}", "", *_model(settings, student), note]
    return "\n".join([*head, *lines]) + "\n"


def _title(settings: dict[str, Any], student: dict[str, Any]) -> str:
    source = settings["teacher"] or settings["student"]
    name = str(source).rstrip("/").split("/")[-1]
    return f"{student['layers']}-layer student of {name}" if settings["teacher"] else name


def _model(settings: dict[str, Any], student: dict[str, Any]) -> list[str]:
    size = f"{student['layers']} layers, {student['parameters']:,} parameters."
    if settings["teacher"] is None:
        return [f"A masked language model: {size}", ""]
    start = settings["student"] or f"the teacher's layers (choice: {settings['choice']})"
    return [
        f"A DistilBERT (arXiv 1910.01108): {size} Teacher: `{settings['teacher']}`. It started from"
        f" {start}.",
        "",
    ]


def _data(report: dict[str, Any]) -> list[str]:
    corpus, note = report["corpus"], report["settings"]["data_note"]
    names = ", ".join(f"`{source['name']}`" for source in corpus["sources"])
    return [
        "## Data",
        "",
        f"{corpus['sequences']:,} sequences, {corpus['tokens']:,} tokens, from {names}; "
        f"{corpus['dropped']:,} dropped (short or mostly unknown words), "
        f"{report['held_out_sequences']:,} held out for evaluation.",
        *([note] if note else ["Licences of the text: not stated by the run."]),
        "",
    ]


def _how(settings: dict[str, Any], training: dict[str, Any]) -> list[str]:
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


def _results(report: dict[str, Any]) -> list[str]:
    lines = ["## Results", ""]
    lines.append(
        f"{report['steps']:,} steps, {report['tokens_seen']:,} tokens; mean training loss "
        f"{report['train_loss']:.4f}."
    )
    if "best" in report:
        lines.append(best_step_in_words(report["best"]))
    if report["evaluation"]:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in report["evaluation"].items())
        lines.append(f"On the held-out sequences: {shown}.")
    return lines


def best_step_in_words(best: Mapping[str, Any]) -> str:
    """A sentence about the step that was kept."""
    early = ", where training stopped early" if best["stopped_early"] else ""
    reached = f"{metric_title(best['metric'])} {value_words(best['metric'], best['value'])}"
    return (
        f"Step {best['step']} of {best['steps']}{early} is kept, the best of "
        f"{best['evaluations']} evaluations: {reached} on {best['rows']} rows "
        f"{best['rows_from']}, which are not those of the result."
    )
