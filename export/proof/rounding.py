"""The error of PyTorch itself at the precision of a package: the yardstick of the gate.

For half precision the witness runs in half precision; for weights in fewer bits its weights are
rounded to as many, evenly and with a random shift of the grid, a few times over, since one draw may
by chance leave a single logit where it was. Where each weight has its own bits, so it has here. The
gate adds what half precision is off by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import nn

from distill.models.stored_weights import SMALL
from export.bundle.compress import COMPRESSIONS
from export.bundle.mixed_bits import HALF
from export.proof.witness import Witness
from export.tasks.model_inputs import Inputs
from export.tasks.task import Outputs

DRAWS = 3


def rounded_outputs(
    witness: Witness,
    quantize: str,
    inputs: Sequence[Inputs],
    formats: Mapping[str, str] | None = None,
) -> list[list[Outputs]]:
    """Outputs of the witness at a package's precision, in the order of ``inputs``: one list for
    each draw of the rounding.

    Args:
        formats: of mixed bits: tensor of the checkpoint -> its quantization.
    """
    compression = COMPRESSIONS[quantize]
    if compression.kind == "float":
        rounded = iter([witness.changed(lambda model: model.half())])
    else:
        activations = compression.activations < 16
        rounded = rounded_witnesses(witness, compression.bits, activations, formats)
    return [[each.predict(given) for given in inputs] for each in rounded]


def rounded_witnesses(
    witness: Witness, bits: int, activations: bool, formats: Mapping[str, str] | None = None
) -> Iterator[Witness]:
    """The witness with weights of ``bits``, for each draw of the rounding.

    Args:
        activations: round what goes into linear layers to 8 bits, too.
        formats: of mixed bits: tensor of the checkpoint -> its quantization.
    """
    for seed in range(DRAWS):
        rounded = witness.changed(partial(_round, bits=bits, seed=seed, formats=formats))
        yield rounded.changed(_round_activations) if activations else rounded


def half_outputs(witness: Witness, quantize: str, inputs: Sequence[Inputs]) -> list[Outputs]:
    """Outputs of the witness in half precision, with the activations of a quantization."""

    def change(model: nn.Module) -> None:
        model.half()
        if COMPRESSIONS[quantize].activations < 16:
            _round_activations(model)

    half = witness.changed(change)
    return [half.predict(each) for each in inputs]


@torch.no_grad()
def _round(
    model: nn.Module, bits: int, seed: int, formats: Mapping[str, str] | None = None
) -> None:
    """Round matrices, row by row, to the nearest of 2^bits - 1 even steps, shifted at random; with
    ``formats`` each to its own bits, and those that are not in it not at all."""
    generator = torch.Generator().manual_seed(seed)
    seen: set[int] = set()
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 or parameter.numel() < SMALL or parameter.data_ptr() in seen:
            continue
        seen.add(parameter.data_ptr())
        if formats is not None:
            own = next((q for part, q in formats.items() if f".{name}".endswith(f".{part}")), HALF)
            if own == HALF:
                continue
            bits = COMPRESSIONS[own].bits
        most = 2 ** (bits - 1) - 1
        scale = parameter.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / most
        shift = torch.rand(scale.shape, generator=generator) - 0.5
        steps = torch.round(parameter / scale + shift).clamp(-most - 1, most)
        parameter.copy_((steps - shift) * scale)


def _round_activations(model: nn.Module) -> None:
    """Round what goes into each linear layer to 8 bits of its own range."""

    def rounded(module: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        first, *rest = given
        scale = first.abs().amax().clamp_min(1e-12) / 127
        return (torch.round(first / scale) * scale, *rest)

    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_pre_hook(rounded)
