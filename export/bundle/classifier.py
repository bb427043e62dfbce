"""Core ML's own form of a classifier: the best label as a string, and a probability by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from distill.console.errors import UserError
from export.bundle.quiet import quiet
from export.tasks.table import task_named

if TYPE_CHECKING:
    from coremltools.models import MLModel

LABEL, PROBABILITIES = "classLabel", "classLabel_probs"
"""What `coremltools` and Create ML call these outputs; they come beside the logits."""
WORDS = {LABEL: "the most probable label", PROBABILITIES: "the probability of each label"}
LARGEST_DIFFERENCE = 2e-3
"""Of a probability: it is made of logits that are rounded to half precision on the way out."""


def check_classifier(settings: Mapping[str, Any]) -> None:
    """Check that Core ML can hold the model as a classifier; ``settings``: content of a model.json.

    Raises:
        UserError: the task gives no single label, two labels have one name, or a package of
            several functions.
    """
    labels, name = list(settings["labels"]), settings["name"]
    if not task_named(settings["task"]).one_label or settings["activation"] != "softmax":
        kind = settings["problem_type"] or f"the task {settings['task']}"
        raise UserError(f"{name}: --classifier is for one label out of several, not for {kind}")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise UserError(f"{name}: --classifier needs labels that differ; {twice!r} is there twice")
    if settings["functions"]:
        raise UserError(
            "--classifier: coremltools writes no classifier with several functions; name one "
            "length in --lengths, or --shapes enumerated"
        )


def as_classifier(model: MLModel, labels: Sequence[str]) -> MLModel:
    """A model whose outputs are a label, its probabilities and ``logits``.

    Args:
        model: a ``coremltools`` MLModel of one function with the output ``logits`` (1, classes).
        labels: in the order of the classes.
    """
    program = model._mil_program
    block = program.functions["main"]
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil import Builder as mb
        from coremltools.converters.mil.mil.scope import ScopeInfo, ScopeSource

        from export.bundle.ml_program import model_of

        # Every operation of a program from PyTorch must name the module that it belongs to.
        places = (ScopeSource.TORCHSCRIPT_MODULE_TYPE, ScopeSource.TORCHSCRIPT_MODULE_NAME)
        scopes = [ScopeInfo(source=place, data=["classifier"]) for place in places]
        with mb.scope(*scopes), block:
            chances = mb.softmax(x=block.outputs[0], axis=-1, name="probabilities")
        block.set_outputs([*block.outputs, chances])
        block.set_output_types(None)
        result = model_of(
            program,
            model,
            classifier_config=ct.ClassifierConfig(
                list(labels),
                predicted_feature_name=LABEL,
                predicted_probabilities_output=chances.name,
            ),
        )
    # A program does not say which shapes its inputs may have; only the description does.
    description = result._spec.description
    del description.input[:]
    description.input.extend(model.get_spec().description.input)
    return result


def check_outputs(found: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Compare the label and the probabilities of a package with its logits.

    Raises:
        UserError: they say something else, or the package does not give them.
    """
    logits = np.asarray(found.get("logits", ()), np.float64)
    if not {LABEL, PROBABILITIES} <= {*found} or logits.shape != (1, len(labels)):
        raise UserError(
            "model.json says that the package is a classifier of its labels, and it gives "
            f"{', '.join(found)}"
        )
    shifted = np.exp(logits[0] - logits.max())
    expected = dict(zip(labels, shifted / shifted.sum(), strict=True))
    chances = found[PROBABILITIES]
    differs = (
        {*chances} != {*expected}
        or found[LABEL] not in expected
        or any(
            abs(chances[label] - chance) > LARGEST_DIFFERENCE for label, chance in expected.items()
        )
    )
    if differs or expected[found[LABEL]] < max(expected.values()) - LARGEST_DIFFERENCE:
        raise UserError(
            f"the package's label is {found[LABEL]!r}, its logits say "
            f"{max(expected, key=lambda label: expected[label])!r}: its classes are not those of "
            "model.json"
        )
