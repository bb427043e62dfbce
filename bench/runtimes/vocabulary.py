"""How many ids an own file takes: a cased BERT has fewer than an uncased one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.runtimes.onnx_file import read_onnx

IDS = "input_ids"
PASSES_IDS_ON = ("Cast", "Identity", "Clip", "Reshape", "Flatten")
TABLE_INPUT = {"Gather": (0, 1), "EmbedLayerNormalization": (2, 0)}
"""By operation, which of its inputs is the table and which the ids."""


def onnx_vocabulary(path: Path) -> int | None:
    """Rows of the table that an ONNX file reads ``input_ids`` from; None where there is none.

    Raises:
        UserError: as `read_onnx`.
    """
    graph = read_onnx(path).graph
    ids = {IDS}
    tables = [tensor for tensor in graph.initializer if len(tensor.dims) == 2]
    rows = {table.name: table.dims[0] for table in tables if table.dims[0] > 0}
    for node in graph.node:
        first = node.input[0] if node.input else ""
        if node.op_type in PASSES_IDS_ON and first in ids:
            ids |= set(node.output)
        elif node.op_type == "DequantizeLinear" and first in rows:
            rows |= dict.fromkeys(node.output, rows[first])
        elif node.op_type in TABLE_INPUT and (size := _size(node, ids, rows)):
            return size
    return None


def _size(node: Any, ids: set[str], rows: dict[str, int]) -> int | None:
    table, index = TABLE_INPUT[node.op_type]
    if len(node.input) <= max(table, index):
        return None
    return rows.get(node.input[table]) if node.input[index] in ids else None
