"""PyTorch encoder -> Core ML program, in half precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from export.bundle.quiet import quiet
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import TaskModel, input_names
from export.tasks.table import task_named


def convert(
    model: TaskModel, checkpoint: Checkpoint, task: str, lengths: Sequence[int], target: str
) -> Any:
    """A ``coremltools`` MLModel (ML Program, float16) with int32 inputs of shape (1, length).

    One length gives a fixed shape. Several are enumerated from iOS18 on; Core ML before it takes
    no more than one enumerated input, so there they are a range.
    """
    with quiet():
        import coremltools as ct

        names = input_names(checkpoint.config, task)
        example = tuple(torch.ones((1, max(lengths)), dtype=torch.int32) for _ in names)
        with torch.no_grad():
            traced = torch.jit.trace(model, example, check_trace=False)
        shape = _shape(lengths, target)
        return ct.convert(
            traced,
            inputs=[ct.TensorType(name=name, shape=shape, dtype=np.int32) for name in names],
            outputs=[
                ct.TensorType(name=name, dtype=np.float32) for name in task_named(task).outputs
            ],
            minimum_deployment_target=getattr(ct.target, target),
            compute_precision=ct.precision.FLOAT16,
            convert_to="mlprogram",
            skip_model_load=True,
        )


def _shape(lengths: Sequence[int], target: str) -> Any:
    import coremltools as ct

    if len(lengths) == 1:
        return (1, lengths[0])
    if target == "iOS18":
        shapes = [(1, length) for length in lengths]
        return ct.EnumeratedShapes(shapes=shapes, default=shapes[-1])
    return ct.Shape((1, ct.RangeDim(min(lengths), max(lengths), default=max(lengths))))
