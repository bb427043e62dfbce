"""Activations in 8 bits: their ranges come from the simulator, where `coremltools` needs a Mac.

`coremltools.optimize.coreml.linear_quantize_activations` runs the model on sample data to see
between which values each activation moves. It asks Core ML for that, and so works on a Mac only;
and (version 9.0, `ModelDebugger.record_intermediate_output`) it keeps the range of the last sample
alone. Here the simulator runs the model, all samples count, and `coremltools` does the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from tqdm import tqdm

from distill.console.errors import UserError
from distill.console.text_lines import read_lines
from distill.tasks import glue, squad
from distill.tasks.spaced_items import spaced
from export.bundle.model_json import DOC_STRIDE, MAX_QUESTION_LENGTH
from export.bundle.quiet import quiet
from export.simulator import Simulator
from export.simulator.program import load_program
from export.tasks.model_inputs import Inputs, bucket, encode, padded
from export.tasks.table import task_named

if TYPE_CHECKING:
    from coremltools.models import MLModel
    from tokenizers import Tokenizer

    from export.simulator.mil import Operation


MATRIX_OPERATIONS = ("linear", "conv")
"""What the Neural Engine multiplies in 8 bits; norms, softmax and sums stay in half precision."""
SAMPLES = 128
RESULTS_PASS = "compression::insert_suffix_quantize_dequantize_pair"
"""`coremltools` would quantize the results of products too: sums of a residual stream with its
outliers. An 8-bit product needs 8-bit inputs alone, so that pass is left out."""

Ranges = dict[str, dict[str, float]]


def calibration_inputs(
    path: Path, tokenizer: Tokenizer, task: str, lengths: Sequence[int], limit: int = SAMPLES
) -> list[Inputs]:
    """Up to ``limit`` inputs, spread evenly over a file, plain or gzipped: text, one input a line,
    a tab between the two texts of a pair; for questions SQuAD JSON too, for embeddings an STS-B
    TSV.

    Raises:
        UserError: no such file, no text file or no text in it, or a data set that is not in its
            format.
    """
    record = task_named(task)
    if record.windows and ".json" in path.suffixes:
        examples = spaced(squad.load_examples(path), limit)
        features = squad.make_features(
            examples, tokenizer, max(lengths), DOC_STRIDE, MAX_QUESTION_LENGTH
        )
        return [
            padded(f.input_ids, f.token_type_ids, bucket(len(f.input_ids), lengths))
            for f in spaced(features, limit)
        ]
    if record.of_sentences and not record.pairs and ".tsv" in path.suffixes:
        rows = glue.read_examples(glue.TASKS["stsb"], path)
        lines = [text for row in rows for text in (row.sentence1, row.sentence2) if text]
    else:
        lines = list(read_lines(path))
    if not lines:
        raise UserError(f"{path}: no text to calibrate on")
    return encode(tokenizer, [_texts(line, task) for line in spaced(lines, limit)], lengths)


def _texts(line: str, task: str) -> tuple[str, str | None]:
    first, tab, second = line.partition("\t")
    return (first, second) if tab and task_named(task).pairs else (line, None)


def matrix_products(model: MLModel) -> list[Operation]:
    """The operations of a ``coremltools`` MLModel whose activations are quantized."""
    operations = load_program(model).function.operations
    return [op for op in operations if op.op_type in MATRIX_OPERATIONS]


def activation_ranges(model: MLModel, samples: Iterable[Inputs]) -> Ranges:
    """Least and greatest value (``rmin``, ``rmax``) that the input of each matrix product takes
    over all samples, by its name in the program, run in the simulator.

    Args:
        model: a ``coremltools`` MLModel with float weights.
        samples: inputs as ``predict`` takes them; inputs of other models are left out.

    Raises:
        UserError: no samples, or an activation that is not finite.
    """
    watched = {op.x.name for op in matrix_products(model)}
    simulator = Simulator(model, watch=watched)
    ranges: Ranges = {}
    for sample in tqdm(samples, desc="calibrate", unit="input", leave=False):
        outputs = simulator.predict({name: sample[name] for name in simulator.input_shapes})
        for name in watched:
            least, greatest = float(outputs[name].min()), float(outputs[name].max())
            if not math.isfinite(least) or not math.isfinite(greatest):
                raise UserError(f"{name}: not finite in half precision; it cannot be calibrated")
            known = ranges.setdefault(name, {"rmin": least, "rmax": greatest})
            known["rmin"] = min(known["rmin"], least)
            known["rmax"] = max(known["rmax"], greatest)
    if not ranges:
        raise UserError("no samples to calibrate on")
    return ranges


def quantize_activations(
    model: MLModel, samples: Iterable[Inputs], skip: Sequence[str] = ()
) -> MLModel:
    """A copy of a float Core ML model whose matrix products take 8-bit activations, with a zero
    point: what comes from a GELU is hardly ever below zero, and symmetric about it half of the
    levels would be for nothing (Nagel et al., arXiv 2106.08295). Every value of the samples is
    within the range: a BERT needs the few that lie far out (Bondarenko et al., arXiv 2109.12948).
    Results of products stay in half precision.

    Args:
        skip: parts of weight names; products with such a weight stay as they are.

    Raises:
        UserError: as `activation_ranges`.
    """
    ranges = activation_ranges(model, samples)
    with quiet():
        import coremltools.optimize.coreml as cto
        from coremltools.optimize.coreml import _post_training_quantization as quantization

        by_name = {
            op.name: None
            if any(part in op.weight.name for part in skip)
            else cto.OpLinearQuantizerConfig(mode=_mode(**ranges[op.x.name]))
            for op in matrix_products(model)
        }
        config = cto.OptimizationConfig(op_name_configs=by_name)
        with (
            mock.patch.object(
                quantization, "_get_activation_calibration_stats", return_value=ranges
            ),
            mock.patch.object(type(quantization.PASS_REGISTRY[RESULTS_PASS]), "apply"),
        ):
            return cto.linear_quantize_activations(model, config, [])


def _mode(rmin: float, rmax: float) -> str:
    """`coremltools` computes a zero point in half precision, which holds 128 times a value below
    512 only, and no step of a range of nothing."""
    return "linear" if 1e-4 < max(-rmin, rmax) < 511 else "linear_symmetric"
