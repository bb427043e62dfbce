"""An ONNX file from elsewhere, before ONNX Runtime has it: that it can be read at all, its size,
and whether it may run without an end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.errors import UserError

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST = 2**31
"""Bytes of a file: protobuf reads no more. Larger weights are in files beside it."""
LOOPS = ("Loop", "Scan")


def read_onnx(path: Path) -> ModelProto:
    """The model in a file, without the weights that are in others.

    Raises:
        UserError: no regular file, one that is too large, or no ONNX model.
    """
    import onnx

    if not path.is_file():
        raise UserError(f"{path}: not a regular file")
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path}: not an ONNX file (it holds more than {LARGEST:,} bytes)")
    try:
        return onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf's own types
        raise UserError(f"{path}: not an ONNX file ({' '.join(str(error).split())})") from None


def stored_bytes(path: Path, model: ModelProto) -> int:
    """Size of an ONNX file, which holds ``model``, with the files beside it that hold its weights.

    Raises:
        UserError: weights that are not in a file of that folder.
    """
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    try:
        places = {
            ExternalDataInfo(tensor).location
            for tensor in model.graph.initializer
            if uses_external_data(tensor)
        }
    except ValueError as error:  # an offset or a length that is no number, or negative
        raise UserError(f"{path}: not an ONNX file ({error})") from None
    return path.stat().st_size + sum(_beside(path, place).stat().st_size for place in places)


def _beside(path: Path, place: str) -> Path:
    """
    Raises:
        UserError: a place that is out of the folder of the ONNX file, or holds no file.
    """
    try:
        file = (path.parent / place).resolve()
        inside = file.is_relative_to(path.parent.resolve())
        if inside and file.is_file():
            return file
    except (ValueError, OSError, RuntimeError):  # no name of a file; links in a circle
        inside = False
    reason = "does not exist" if inside else "is not a file in its folder"
    raise UserError(f"{path}: its weights are in {place!r}, which {reason}")


def has_loops(model: ModelProto) -> bool:
    """Whether a model has an operation that repeats others, at any depth."""
    return _repeats(model.graph.node) or any(_repeats(each.node) for each in model.functions)


def _repeats(nodes: Iterable[Any]) -> bool:
    return any(
        node.op_type in LOOPS
        or any(
            _repeats(graph.node)
            for attribute in node.attribute
            for graph in (attribute.g, *attribute.graphs)
        )
        for node in nodes
    )
