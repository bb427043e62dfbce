"""Two bundles beside each other on the same data: a smaller one beside a larger, say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from distill.console.errors import UserError
from distill.console.tables import Pair
from distill.tasks.metric_words import metric_title, value_words
from distill.tasks.statistics import Difference
from export.bundle.bundle_folder import Bundle
from export.checkpoint.tokenizer_file import fingerprint
from export.proof.engines import open_engine
from export.proof.side_by_side import run_engine
from export.proof.workload import difference_rows, judge, load_workload


@dataclass(frozen=True)
class BundleComparison:
    """``agreement``, the share of equal decisions on ``examples``, and the task's measures of
    either bundle, with the ``differences`` second - first over the same examples. Two packages may
    differ: there is nothing to fail."""

    examples: int
    agreement: float
    first: dict[str, float]
    second: dict[str, float]
    differences: dict[str, Difference]
    passed: bool = True

    @property
    def verdict(self) -> str:
        """One sentence."""
        same = f"{self.agreement:.1%} of the decisions of the two bundles are the same"
        words = [
            ", ".join(
                f"{metric_title(key)} {value_words(key, value)}" for key, value in measures.items()
            )
            for measures in (self.first, self.second)
        ]
        return f"{same}; {words[0]} and {words[1]}." if all(words) else f"{same}."

    def as_json(self) -> dict[str, object]:
        return {
            "examples": self.examples,
            **{f"first_{key}": value for key, value in self.first.items()},
            **{f"second_{key}": value for key, value in self.second.items()},
            "differences": {name: asdict(found) for name, found in self.differences.items()},
            "agreement": self.agreement,
            "passed": self.passed,
            "verdict": self.verdict,
        }

    def rows(self) -> list[Pair]:
        """Rows of a table; the verdict stands below it."""
        rows = [("examples", str(self.examples))]
        for name, value in self.first.items():
            words = f"{value_words(name, value)} and {value_words(name, self.second[name])}"
            rows += [(metric_title(name), words), *difference_rows(name, self.differences)]
        return rows


def compare_bundles(
    first: Bundle,
    second: Bundle,
    data: Path | None = None,
    limit: int | None = None,
    *,
    engine: str | None = None,
    precision: str | None = None,
) -> BundleComparison:
    """Run both on the same data.

    Raises:
        UserError: bundles for different tasks or with different tokenizers.
    """
    if first.task != second.task:
        raise UserError(f"the bundles are for different tasks: {first.task} and {second.task}")
    if _tokenizer(first) != _tokenizer(second):
        raise UserError("the bundles have different tokenizers; compare each with its checkpoint")
    found = []
    for bundle in (first, second):
        workload = load_workload(bundle, data, limit)
        package = open_engine(bundle, engine, precision)
        found.append(run_engine(workload.inputs, bundle.task, package))
    judged = judge(workload, *found)
    return BundleComparison(
        workload.examples, judged.agreement, judged.reference, judged.package, judged.differences
    )


def _tokenizer(bundle: Bundle) -> str:
    """By its content: what model.json says of it differs between versions of the format."""
    return fingerprint(bundle.tokenizer_content, version=1)
