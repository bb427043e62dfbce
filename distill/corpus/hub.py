"""Rows of a data set on the Hugging Face hub, where the hub can be reached."""

from __future__ import annotations

from typing import Any

from distill.console.errors import UserError

NAME = "hub"  # what --data says instead of a folder
PREFIX = "hub:"  # before the name of a data set


def load_rows(
    dataset: str, config: str | None, split: str
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """All rows of one split, and the names of the classes of its ``label``, if it has any.

    Raises:
        UserError: the `hub` extra is not installed, the hub cannot be reached and nothing is
            cached, or the split is empty.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise UserError(
            f"{dataset} is on the hub, which needs the package `datasets`: install the extra `hub`"
        ) from None
    place = " ".join(part for part in (dataset, config, split) if part)
    try:
        loaded = load_dataset(dataset, config, split=split)
    except Exception as error:  # datasets, the hub's client and httpx share no base class
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{place}: cannot be loaded from the hub ({reason}); name local data instead"
        ) from None
    if not len(loaded):
        raise UserError(f"{place}: has no rows")
    return list(loaded), tuple(getattr(loaded.features.get("label"), "names", None) or ())
