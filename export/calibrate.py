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
from typing import Any
from unittest import mock

from tqdm import tqdm

from distill import glue, squad
from export import ExportError
from export.package import DOC_STRIDE, MAX_QUESTION_LENGTH
from export.quiet import quiet
from export.simulator import Simulator
from export.simulator.program import load_program
from export.text import Inputs, bucket, encode, padded

MATRIX_OPERATIONS = ("linear", "conv")
"""What the Neural Engine multiplies in 8 bits; norms, softmax and sums stay in half precision."""
SAMPLES = 128

Ranges = dict[str, dict[str, float]]


def calibration_inputs(
    path: Path, tokenizer: Any, task: str, lengths: Sequence[int], limit: int = SAMPLES
) -> list[Inputs]:
    """Up to ``limit`` inputs, spread evenly over a file: SQuAD JSON for ``qa``; for other tasks
    plain text, one a line, or for ``embed`` an STS-B TSV.

    Raises:
        ExportError: the file cannot be read, or holds no text.
        DistillError: a data set that is not in its format.
    """
    if task == "qa":
        examples = _spread(squad.load_examples(path), limit)
        features = squad.make_features(
            examples, tokenizer, max(lengths), DOC_STRIDE, MAX_QUESTION_LENGTH
        )
        return [
            padded(f.input_ids, f.token_type_ids, bucket(len(f.input_ids), lengths))
            for f in _spread(features, limit)
        ]
    if task == "embed" and ".tsv" in path.suffixes:
        rows = glue.read_examples(glue.TASKS["stsb"], path)
        texts = [text for row in rows for text in (row.sentence1, row.sentence2) if text]
    else:
        texts = _lines(path)
    return encode(tokenizer, [(text, None) for text in _spread(texts, limit)], lengths)


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ExportError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except FileNotFoundError:
        raise ExportError(f"{path}: no such file") from None
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    if not lines:
        raise ExportError(f"{path}: no text to calibrate on")
    return lines


def _spread(items: Sequence[Any], limit: int) -> list[Any]:
    step = max(len(items) / limit, 1)
    return [items[int(index * step)] for index in range(min(limit, len(items)))]


def activation_ranges(model: Any, samples: Iterable[Inputs]) -> Ranges:
    """Least and greatest value (``rmin``, ``rmax``) that each activation around a matrix product
    takes over all samples, by its name in the program, run in the simulator.

    Args:
        model: a ``coremltools`` MLModel with float weights.
        samples: inputs as ``predict`` takes them; inputs of other models are left out.

    Raises:
        ExportError: no samples, or an activation that is not finite.
    """
    function = load_program(model).mil.functions["main"]
    watched = {
        var.name
        for op in function.operations
        if op.op_type in MATRIX_OPERATIONS
        for var in (op.x, *op.outputs)
    }
    simulator = Simulator(model, watch=watched)
    ranges: Ranges = {}
    for sample in tqdm(samples, desc="calibrate", unit="input", leave=False):
        outputs = simulator.predict({name: sample[name] for name in simulator.input_shapes})
        for name in watched:
            least, greatest = float(outputs[name].min()), float(outputs[name].max())
            if not math.isfinite(least) or not math.isfinite(greatest):
                raise ExportError(f"{name}: not finite in half precision; it cannot be calibrated")
            known = ranges.setdefault(name, {"rmin": least, "rmax": greatest})
            known["rmin"] = min(known["rmin"], least)
            known["rmax"] = max(known["rmax"], greatest)
    if not ranges:
        raise ExportError("no samples to calibrate on")
    return ranges


def quantize_activations(model: Any, samples: Iterable[Inputs], skip: Sequence[str] = ()) -> Any:
    """A copy of a float Core ML model whose matrix products take and give 8-bit activations.

    Args:
        skip: names of operations that stay in half precision.

    Raises:
        ExportError: as `activation_ranges`.
    """
    ranges = activation_ranges(model, samples)
    with quiet():
        import coremltools.optimize.coreml as cto
        from coremltools.optimize.coreml import _post_training_quantization as quantization

        settings = cto.OpLinearQuantizerConfig(mode="linear_symmetric")
        config = cto.OptimizationConfig(
            op_type_configs=dict.fromkeys(MATRIX_OPERATIONS, settings),
            op_name_configs=dict.fromkeys(skip),
        )
        name = "_get_activation_calibration_stats"
        with mock.patch.object(quantization, name, return_value=ranges):
            return cto.linear_quantize_activations(model, config, [])
