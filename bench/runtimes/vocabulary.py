"""How many ids an own file takes: a cased BERT has fewer than an uncased one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.console.errors import UserError

IDS = "input_ids"
PASSES_IDS_ON = ("Cast", "Identity", "Clip", "Reshape", "Flatten")
TABLE_INPUT = {"Gather": (0, 1), "EmbedLayerNormalization": (2, 0)}
"""By operation, which of its inputs is the table and which the ids."""


def onnx_vocabulary(path: Path) -> int | None:
    """Rows of the table that an ONNX file reads ``input_ids`` from; None where there is none.

    Raises:
        UserError: a file that cannot be read.
    """
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf's own types
        raise UserError(f"{path}: not an ONNX file ({' '.join(str(error).split())})") from None
    ids = {IDS}
    rows = {tensor.name: tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 2}
    for node in graph.node:
        if node.op_type in PASSES_IDS_ON and node.input[0] in ids:
            ids |= set(node.output)
        elif node.op_type == "DequantizeLinear" and node.input[0] in rows:
            rows[node.output[0]] = rows[node.input[0]]
        elif node.op_type in TABLE_INPUT and (size := _size(node, ids, rows)):
            return size
    return None


def _size(node: Any, ids: set[str], rows: dict[str, int]) -> int | None:
    table, index = TABLE_INPUT[node.op_type]
    return rows.get(node.input[table]) if node.input[index] in ids else None
