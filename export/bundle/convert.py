"""PyTorch encoder -> Core ML program, in half precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from export.bundle.quiet import quiet
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import TaskModel, input_names
from export.tasks.table import task_named

if TYPE_CHECKING:
    from coremltools import EnumeratedShapes, Shape
    from coremltools.models import MLModel


def convert(
    model: TaskModel,
    checkpoint: Checkpoint,
    task: str,
    lengths: Sequence[int],
    target: str,
    shapes: str,
) -> MLModel:
    """A ``coremltools`` MLModel (ML Program, float16) with int32 inputs of shape (1, length).

    Args:
        shapes: of `export.bundle.functions.SHAPES`. For ``functions`` the length is a range, which
            `export.bundle.functions.split_into_functions` makes static once weights are compressed.
    """
    with quiet(), _positions(model, checkpoint, max(lengths)):
        import coremltools as ct

        names = input_names(checkpoint.config, task)
        example = tuple(torch.ones((1, max(lengths)), dtype=torch.int32) for _ in names)
        with torch.no_grad():
            traced = torch.jit.trace(model, example, check_trace=False)
        shape = _shape(lengths, shapes)
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


def _shape(lengths: Sequence[int], shapes: str) -> tuple[int, int] | Shape | EnumeratedShapes:
    import coremltools as ct

    if shapes == "fixed":
        return (1, lengths[0])
    if shapes == "enumerated":
        every = [(1, length) for length in lengths]
        return ct.EnumeratedShapes(shapes=every, default=every[-1])
    return ct.Shape((1, ct.RangeDim(min(lengths), max(lengths), default=max(lengths))))


@contextmanager
def _positions(model: TaskModel, checkpoint: Checkpoint, longest: int) -> Iterator[None]:
    """The tables of positions without the rows that no input of ``longest`` tokens reads, for a
    while. Rows before the first position (RoBERTa has two) are kept."""
    encoder = model.encoder
    buffers = {name: encoder.get_buffer(name) for name in encoder.by_position}
    for name, rows in buffers.items():
        setattr(encoder, name, rows[:longest])
    tables = [table for name, table in encoder.named_children() if name == "position_embeddings"]
    weights = [table.get_parameter("weight") for table in tables]
    for table, whole in zip(tables, weights, strict=True):
        first = whole.shape[0] - checkpoint.config.positions
        table.weight = torch.nn.Parameter(whole[: longest + first].detach(), requires_grad=False)
    try:
        yield
    finally:
        for name, rows in buffers.items():
            setattr(encoder, name, rows)
        for table, whole in zip(tables, weights, strict=True):
            table.weight = whole
