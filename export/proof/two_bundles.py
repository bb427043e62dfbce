"""Two bundles beside each other on the same data: a smaller one beside a larger, say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from export.bundle.bundle_folder import Bundle
from export.checkpoint.tokenizer_file import fingerprint
from export.proof.engines import open_engine
from export.proof.side_by_side import run_engine
from export.proof.workload import load_workload


def compare_bundles(
    first: Bundle,
    second: Bundle,
    data: Path | None = None,
    limit: int | None = None,
    *,
    engine: str | None = None,
    precision: str = "float16",
) -> dict[str, Any]:
    """The measures of both, as ``first_...`` and ``second_...``, ``agreement``, the share of equal
    decisions, and ``verdict``, a sentence.

    Raises:
        UserError: bundles for different tasks or with different tokenizers.
    """
    if first.task != second.task:
        raise UserError(f"the bundles are for different tasks: {first.task} and {second.task}")
    if _tokenizer(first) != _tokenizer(second):
        raise UserError("the bundles have different tokenizers; compare each with its checkpoint")
    report: dict[str, Any] = {}
    decisions, words = [], []
    for name, bundle in (("first", first), ("second", second)):
        workload = load_workload(bundle, data, limit)
        package = open_engine(bundle, engine, precision)
        outputs = run_engine(workload.inputs, bundle.task, package)
        measures = workload.measure(outputs)
        report["examples"] = workload.examples
        report |= {f"{name}_{key}": value for key, value in measures.items()}
        decisions.append(workload.decide(outputs))
        words.append(", ".join(f"{key} {value:.2f}" for key, value in measures.items()))
    same = [a == b for a, b in zip(*decisions, strict=True)]
    report["agreement"] = sum(same) / len(same)
    verdict = f"{report['agreement']:.1%} of the decisions of the two bundles are the same"
    if all(words):
        verdict += f"; {words[0]} and {words[1]}"
    return report | {"passed": True, "verdict": f"{verdict}."}


def _tokenizer(bundle: Bundle) -> str:
    """By its content: what model.json says of it differs between versions of the format."""
    return fingerprint(bundle.tokenizer.read_bytes(), version=1)
