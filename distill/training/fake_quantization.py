"""Training that is aware of a quantization: matrices are rounded as a package will store them, and
gradients pass through the rounding (Jacob et al., arXiv 1712.05877).

The layers and the rounding are `torchao`'s; the scale is that of `coremltools`, which writes the
package. Nothing is added to the model's weights, so that its checkpoints are plain ones.
"""

from __future__ import annotations

import torch
from torch import nn
from torchao.quantization.qat import (
    FakeQuantizedLinear,
    IntxFakeQuantizeConfig,
    IntxFakeQuantizer,
)
from torchao.quantization.quant_primitives import MappingType, choose_qparams_affine

from distill.models.stored_weights import EVEN_STEPS, SMALL, EvenSteps


class StoredRows(IntxFakeQuantizer):  # type: ignore[misc]
    """Rounds weights of shape (..., ``size``) to the ``steps`` of a package."""

    def __init__(self, steps: EvenSteps, size: int) -> None:
        kind = torch.int4 if steps.greatest < 8 else torch.int8  # type: ignore[attr-defined]
        self.steps, shared = steps, steps.shared_by(size)
        super().__init__(IntxFakeQuantizeConfig(kind, group_size=shared, is_dynamic=False))

    def forward(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights, in their shape, as a package would hold them."""
        rows = weights.reshape(-1, weights.shape[-1])
        # torchao's own scale is for -8 to 7 and -128 to 127; coremltools stores -7 to 7.
        self.scale, self.zero_point = choose_qparams_affine(
            rows.detach().float(),
            MappingType.SYMMETRIC,
            (1, self.config.group_size),
            torch.int8,
            -self.steps.greatest,
            self.steps.greatest,
        )
        rounded: torch.Tensor = super().forward(rows)
        return rounded.view_as(weights)


class WholeInput(IntxFakeQuantizer):  # type: ignore[misc]
    """Rounds the input of a matrix product to 256 steps between its least and its greatest value,
    as `export.bundle.calibrate` has them; here those of the batch."""

    def __init__(self) -> None:
        super().__init__(IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The values, in their shape, on the steps."""
        rounded: torch.Tensor = super().forward(values.reshape(1, -1))
        return rounded.view_as(values)


class FakeQuantization:
    """Rounds a model's matrices and tables in every forward pass, until `remove`.

    They are those that `export` stores in fewer bits: every linear layer and embedding of more
    than `SMALL` elements.

    Args:
        quantize: one of `EVEN_STEPS`.
    """

    def __init__(self, model: nn.Module, quantize: str) -> None:
        steps = EVEN_STEPS[quantize]
        self._handles = []
        self._replaced: list[tuple[nn.Module, str]] = []
        for parent in list(model.modules()):
            for name, module in list(parent.named_children()):
                if type(module) is nn.Embedding and module.weight.numel() > SMALL:
                    # The rows that are read alone: no scale is of more than a row.
                    rows = StoredRows(steps, module.embedding_dim)
                    hook = module.register_forward_hook(lambda _, __, read, rows=rows: rows(read))
                    self._handles.append(hook)
                elif type(module) is nn.Linear and module.weight.numel() > SMALL:
                    rounded = FakeQuantizedLinear.from_linear(module)
                    rounded.weight_fake_quantizer = StoredRows(steps, module.in_features)
                    if steps.activations:
                        rounded.activation_fake_quantizer = WholeInput()
                    setattr(parent, name, rounded)
                    self._replaced.append((parent, name))

    def __len__(self) -> int:
        """How many matrices and tables are rounded."""
        return len(self._handles) + len(self._replaced)

    def remove(self) -> None:
        """Leave the model with plain layers and the weights that it has now."""
        for handle in self._handles:
            handle.remove()
        for parent, name in self._replaced:
            setattr(parent, name, getattr(parent, name).to_linear())
        self._handles, self._replaced = [], []
