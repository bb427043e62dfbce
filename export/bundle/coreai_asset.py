"""PyTorch encoder -> Core AI asset (``.aimodel``, from iOS 27 on), by Apple's own packages.

`coreai-torch` converts what `torch.export` captures, `coreai-opt` stores the weights in fewer
bits, `coreai-core` writes the asset. One entry point per length, with the names that the functions
of the Core ML package have; the asset holds the weights of all of them once.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from distill.console.errors import UserError
from distill.models.stored_weights import INT4_BLOCK, SMALL
from export.bundle.quiet import quiet

if TYPE_CHECKING:
    import torch
    from coreai.authoring import AIProgram

    from export.encoder.task_model import TaskModel

MODULES = ("coreai", "coreai_torch", "coreai_opt")
INSTALL = "pip install --constraint constraints.txt '.[coreai]'"
PRECISIONS = ("float32", "float16")
"""What an asset computes in. Apple's runtime for Linux takes seconds an input in half precision."""
MINIMUM_SYSTEM = "iOS27"
SUFFIX = ".aimodel"
STREAMS = ("stdout", "stderr")
"""Where Apple's packages write their notes."""
HALF_BYTES = 2
Compress: TypeAlias = "Callable[[AIProgram, torch.nn.Module], AIProgram]"
"""A program in fewer bits, and the model that it was converted from."""
SMALLEST_BLOCK = 8
"""Weights that share a scale, at least: below that the scales outweigh what 4 bits save."""


def require_coreai() -> None:
    """
    Raises:
        UserError: a package of the extra is not installed; says how to install it.
    """
    absent = [name for name in MODULES if importlib.util.find_spec(name) is None]
    if absent:
        raise UserError(f"Core AI needs {', '.join(absent)}, not installed here: {INSTALL}")


def function_name(length: int) -> str:
    """The entry point for inputs of ``length`` tokens."""
    return f"length_{length}"


def _float32_outputs(model: TaskModel) -> torch.nn.Module:
    """The model with its outputs in single precision, as the Core ML package has them."""
    import torch

    class Float32Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(output.float() for output in self.model(*inputs))

    return Float32Outputs().eval()


def convert_to_coreai(
    model: TaskModel,
    inputs: Sequence[str],
    outputs: Sequence[str],
    lengths: Sequence[int],
    precision: str = "float32",
) -> AIProgram:
    """A ``coreai.authoring.AIProgram`` with int32 inputs of shape (1, length) and float32 outputs.

    Args:
        model: in evaluation mode; its weights become ``precision``, in place.
        precision: of weights and arithmetic, one of `PRECISIONS`.

    Raises:
        UserError: Apple's packages are not installed.
    """
    require_coreai()
    import torch

    wrapped = _float32_outputs(model.to(getattr(torch, precision)))
    with quiet(*STREAMS):
        from coreai_torch import TorchConverter, get_decomp_table

        converter = TorchConverter()
        for length in lengths:
            example = tuple(torch.ones((1, length), dtype=torch.int32) for _ in inputs)
            with torch.no_grad():
                exported = torch.export.export(wrapped, example)
            converter.add_exported_program(
                exported.run_decompositions(get_decomp_table()),
                input_names=list(inputs),
                output_names=list(outputs),
                entrypoint_name=function_name(length),
            )
        return converter.to_coreai()


def compress_asset(program: AIProgram, quantize: str, model: torch.nn.Module) -> AIProgram:
    """A copy of a program with its weights, embeddings included, in fewer bits.

    Args:
        model: what the program was converted from; a block of weights divides its widths.

    Raises:
        UserError: a quantization that Core AI's tools do not have, or a weight that they left as
            it was (which they only log).
    """
    if quantize not in ASSET_COMPRESSIONS:
        raise UserError(f"{quantize} is not for Core AI; {', '.join(ASSET_COMPRESSIONS)}")
    with quiet(*STREAMS), _left_out() as skipped:
        compressed = ASSET_COMPRESSIONS[quantize](program, model)
    if skipped:
        raise UserError(f"{quantize}: coreai-opt left {len(skipped)} weights: {skipped[0]}")
    return compressed


def save_asset(program: AIProgram, path: Path, metadata: Mapping[str, str]) -> None:
    """Write an asset; ``metadata`` has ``author``, ``license``, ``description`` and own keys."""
    with quiet(*STREAMS):
        from coreai.runtime import AIModelAssetMetadata

        stored = AIModelAssetMetadata()
        own = dict(metadata)
        stored.author, stored.license = own.pop("author"), own.pop("license")
        stored.model_description = own.pop("description")
        for key, value in own.items():
            stored.set_custom(key, value)
        program.save_asset(path, metadata=stored)


def operations_of(path: Path) -> dict[str, int]:
    """How many operations of each kind an asset holds over all entry points, most first."""
    with quiet(*STREAMS):
        from coreai.authoring import AIModelAsset

        summary: Any = AIModelAsset.load(path).summary()
    counts = dict(summary.operation_distribution)
    counts.pop("constant", None)
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _as_it_is(program: AIProgram, model: torch.nn.Module) -> AIProgram:
    return program


def _int8(program: AIProgram, model: torch.nn.Module) -> AIProgram:
    from coreai_opt.coreai_utils import DType, quantize_weights

    compressed: AIProgram = quantize_weights(program, DType.INT8, weight_num_threshold=SMALL)
    return compressed


def _int4(program: AIProgram, model: torch.nn.Module) -> AIProgram:
    """In blocks that divide every width: `coreai-opt` skips a weight that they do not divide. Its
    scales are as wide as the float weights, so in single precision twice as many weights share one,
    and the asset is as large as the Core ML package."""
    from coreai_opt.coreai_utils import CompressionGranularity, DType, quantize_weights

    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    width = math.gcd(*(weight.shape[1] for weight in matrices))
    largest = INT4_BLOCK * matrices[0].element_size() // HALF_BYTES
    block = max(size for size in range(1, largest + 1) if width % size == 0)
    if block < SMALLEST_BLOCK:
        raise UserError(
            f"int4 needs widths with a common divisor from {SMALLEST_BLOCK} to {largest}; "
            "int8 or lut4 take any"
        )
    compressed: AIProgram = quantize_weights(
        program,
        DType.INT4,
        granularity=CompressionGranularity.PER_BLOCK,
        block_size=block,
        weight_num_threshold=SMALL,
    )
    return compressed


def _palette(bits: int) -> Compress:
    """One palette a matrix and one scale a row: groups of rows would have to divide the vocabulary.

    The fast mode of `coreai-opt` 0.4 is left out: it rounds ``weight * 10000`` in half precision,
    where a weight above 6.5 overflows, and the model then gives NaN.
    """

    def palettize(program: AIProgram, model: torch.nn.Module) -> AIProgram:
        from coreai_opt.coreai_utils import CompressionGranularity, palettize_weights

        compressed: AIProgram = palettize_weights(
            program,
            None,
            n_bits=bits,
            granularity=CompressionGranularity.PER_TENSOR,
            enable_per_channel_scale=True,
            enable_fast_kmeans_mode=False,
            num_kmeans_workers=1,
            weight_num_threshold=SMALL,
        )
        return compressed

    return palettize


ASSET_COMPRESSIONS: dict[str, Compress] = {
    "none": _as_it_is,
    "int8": _int8,
    "int4": _int4,
    "lut8": _palette(8),
    "lut6": _palette(6),
    "lut4": _palette(4),
}
"""By the names of `export.bundle.compress.COMPRESSIONS`, whose tolerances hold here too."""


@contextmanager
def _left_out() -> Iterator[list[str]]:
    """What `coreai-opt` says of weights that it skips."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("coreai_opt")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
