"""How tables and pictures name a metric and write its value; JSON has the plain names and numbers.

Every metric of the kit is in percent (a correlation times 100, as GLUE counts it) but those below.
"""

from __future__ import annotations

from collections.abc import Sequence

TITLES = {
    "exact_match": "EM",
    "f1": "F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "entity_f1": "entity F1",
    "best_f1": "best F1",
    "best_f1_threshold": "threshold of the best F1",
    "mrr": "MRR",
    "ndcg": "nDCG",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "matthews": "Matthews",
}
NOT_IN_PERCENT = (
    *("loss", "distillation", "masked", "cosine", "relation", "perplexity"),  # of pre-training
    "best_f1_threshold",
)
COUNTS = ("total", "missing", "surplus", "tasks")


def metric_title(name: str) -> str:
    """The name of a metric in words: ``exact_match`` is EM, ``f1_of_LABEL`` F1 of LABEL."""
    first, _, rest = name.partition("_")
    if name in TITLES:
        return TITLES[name]
    return f"{TITLES.get(first, first)} {rest.replace('_', ' ')}".strip()


def title_and_unit(name: str) -> str:
    """As `metric_title`, with the unit: ``EM, %``."""
    return f"{metric_title(name)}{', %' * in_percent(name)}"


def in_percent(name: str) -> bool:
    """Whether the values of a metric are in percent."""
    return name not in (*NOT_IN_PERCENT, *COUNTS)


def value_words(name: str, value: float) -> str:
    """A value as a table shows it: 78.83%, 12.30 (a perplexity), 10,570 (a count)."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}{'%' * in_percent(name)}"


def with_interval(words: str, interval: Sequence[float] | None, signed: bool = False) -> str:
    """A value in words, and its interval in the same unit behind it: 78.83% (77.20 to 80.60)."""
    if interval is None:
        return words
    low, high = (format(end, "+.2f" if signed else ".2f") for end in interval)
    return f"{words} ({low} to {high})"


def difference_words(name: str, difference: float) -> str:
    """A difference of two values; of percentages it is in points."""
    return f"{difference:+.2f}{' points' * in_percent(name)}"
