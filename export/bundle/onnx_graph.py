"""Encoder -> ONNX graph: traced, then fused for ONNX Runtime on a CPU, or in the plain operators
that the providers of phones take; written as one file, or with its weights beside it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data
from torch import nn

from export.bundle.quiet import quiet

PLAIN_OPSET = 17
TRACED_OPSET = 20
"""The newest that the exporter writes; it has GELU as one operator."""
ATTENTION_OPSET, ATTENTION_IR = 23, 11
"""The first with the operator Attention. The other operators of an encoder are in it what they are
in `TRACED_OPSET`, for more types. ONNX Runtime runs it from 1.23."""
EXAMPLE_LENGTH = 8
KEPT = 2
"""Axes at the front that are dynamic: batch and length."""
LARGEST_FILE = 2**31 - 2**24
"""Bytes of weights; a file of protocol buffers ends at 2 GiB."""


def trace(
    model: nn.Module,
    names: Sequence[str],
    outputs: Sequence[str],
    per_token: bool,
    path: Path,
    longest: int,
    opset: int,
) -> None:
    """Write a graph of dynamic batch and length, by the TorchScript exporter. Above 2 GiB each
    weight is in a file beside it. ``longest``: tokens that the model takes at most."""
    axes = {0: "batch", 1: "length"}
    dynamic = dict.fromkeys(names, axes)
    dynamic |= dict.fromkeys(outputs, axes if per_token else {0: "batch"})
    length = min(EXAMPLE_LENGTH, longest)
    example = tuple(torch.ones((1, length), dtype=torch.int64) for _ in names)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes=dynamic,
            opset_version=opset,
            dynamo=False,
        )


def fused(path: Path) -> onnx.ModelProto:
    """A traced graph with attention as single nodes, as ONNX Runtime runs it fastest."""
    model = onnx.load(path)
    (opset,) = (each for each in model.opset_import if not each.domain)
    opset.version, model.ir_version = ATTENTION_OPSET, ATTENTION_IR
    _keep_apart(model)
    return model


def _keep_apart(model: onnx.ModelProto) -> None:
    """Sum for the Add before a LayerNormalization: ONNX Runtime fuses the latter pair when it loads
    a file, and its fused kernel takes six times as long on a CPU as the two do."""
    makers = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        added = makers.get(node.input[0]) if node.op_type == "LayerNormalization" else None
        if added is not None and added.op_type == "Add":
            added.op_type = "Sum"


def plain(path: Path) -> onnx.ModelProto:
    """A traced graph without the nodes that compute shapes: batch and length are kept by position,
    an index becomes a slice, and ids that look up rows of a table have 32 bits."""
    model = onnx.load(path)
    _constants_to_weights(model.graph)
    _reshape_by_position(model.graph)
    _slices_for_indices(model.graph)
    _ids_of_32_bits(model.graph)
    _without_unread(model.graph)
    return model


def _constants_to_weights(graph: onnx.GraphProto) -> None:
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        tensor = next(each.t for each in node.attribute if each.name == "value")
        graph.initializer.append(onnx.TensorProto())
        graph.initializer[-1].CopyFrom(tensor)
        graph.initializer[-1].name = node.output[0]
        graph.node.remove(node)


def _reshape_by_position(graph: onnx.GraphProto) -> None:
    """A shape that is put together of sizes of an input: 0 keeps batch and length, which are first,
    and -1 stands for one size more."""
    makers = {output: node for node in graph.node for output in node.output}
    values = {each.name: each for each in graph.initializer}
    for node in graph.node:
        joined = makers.get(node.input[1]) if node.op_type == "Reshape" else None
        if joined is None or joined.op_type != "Concat":
            continue
        sizes = [_known_size(name, makers, values) for name in joined.input]
        if sizes[KEPT:].count(None) > 1:
            continue
        shape = np.array(
            [size or (0 if place < KEPT else -1) for place, size in enumerate(sizes)], np.int64
        )
        name = f"{node.output[0]}_shape"
        graph.initializer.append(numpy_helper.from_array(shape, name))
        node.input[1] = name


def _known_size(
    name: str, makers: dict[str, onnx.NodeProto], values: dict[str, onnx.TensorProto]
) -> int | None:
    """The number that an entry of a shape is, None where it is a size of an input."""
    maker = makers.get(name)
    if maker is not None and maker.op_type == "Unsqueeze":
        name = maker.input[0]
    return int(numpy_helper.to_array(values[name]).ravel()[0]) if name in values else None


def _slices_for_indices(graph: onnx.GraphProto) -> None:
    """``x[:, 0]`` as a slice without its axis; a look-up in a table stays as it is."""
    values = {each.name: each for each in graph.initializer}
    shapes = {node.output[0] for node in graph.node if node.op_type == "Shape"}
    for place, node in [*enumerate(graph.node)][::-1]:
        if node.op_type != "Gather" or node.input[0] in shapes or node.input[1] not in values:
            continue
        index = numpy_helper.to_array(values[node.input[1]])
        if index.ndim:
            continue
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        out, sliced = node.output[0], f"{node.output[0]}_sliced"
        bounds = {"start": int(index), "end": int(index) + 1, "axis": axis}
        for word, number in bounds.items():
            array = np.array([number], np.int64)
            graph.initializer.append(numpy_helper.from_array(array, f"{out}_{word}"))
        names = [node.input[0], *(f"{out}_{word}" for word in bounds)]
        squeeze = onnx.helper.make_node("Squeeze", [sliced, f"{out}_axis"], [out])
        graph.node.remove(node)
        graph.node.insert(place, squeeze)
        graph.node.insert(place, onnx.helper.make_node("Slice", names, [sliced]))


def _ids_of_32_bits(graph: onnx.GraphProto) -> None:
    ids = {each.name for each in graph.input}
    for place, node in [*enumerate(graph.node)][::-1]:
        if node.op_type != "Gather" or node.input[1] not in ids:
            continue
        short = f"{node.output[0]}_ids"
        cast = onnx.helper.make_node("Cast", [node.input[1]], [short], to=onnx.TensorProto.INT32)
        node.input[1] = short
        graph.node.insert(place, cast)


def _without_unread(graph: onnx.GraphProto) -> None:
    """Drop nodes and weights that no output needs."""
    needed = {output.name for output in graph.output}
    for node in reversed([*graph.node]):
        if needed & {*node.output}:
            needed |= {*node.input}
        else:
            graph.node.remove(node)
    for tensor in [each for each in graph.initializer if each.name not in needed]:
        graph.initializer.remove(tensor)


def quantized(model: onnx.ModelProto, folder: Path, vnni: bool) -> onnx.ModelProto:
    """A graph with its embedding table and its products with weights quantized, the latter
    dynamically and per channel; ``folder`` is for what is written in between."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, small = folder / "float.onnx", folder / "int8.onnx"
    save(model, whole, f"{whole.name}.data")
    with quiet():
        quantize_dynamic(
            str(whole),
            str(small),
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=not vnni,
            weight_type=QuantType.QInt8,
            use_external_data_format=weight_bytes(model) > LARGEST_FILE,
            extra_options={
                "MatMulConstBOnly": True,
                "DefaultTensorType": onnx.TensorProto.FLOAT,
            },
        )
    result = onnx.load(small)
    _without_zero_points(result.graph)
    return result


def _without_zero_points(graph: onnx.GraphProto) -> None:
    """Drop the zero points of weights that are 0 in each channel: the product has less to add."""
    zeros = {
        each.name
        for each in graph.initializer
        if each.data_type == onnx.TensorProto.INT8 and not numpy_helper.to_array(each).any()
    }
    for node in graph.node:
        if node.op_type == "MatMulInteger" and node.input[3] in zeros:
            del node.input[3]
    _without_unread(graph)


def save(model: onnx.ModelProto, path: Path, data: str) -> None:
    """Write a graph; weights above `LARGEST_FILE` into the file ``data`` beside it."""
    if weight_bytes(model) <= LARGEST_FILE:
        onnx.save(model, path)
    else:
        onnx.save(model, path, save_as_external_data=True, location=data)


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of all weights of a graph."""
    return sum(
        math.prod(tensor.dims)
        * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
        for tensor in model.graph.initializer
    )


def data_files(path: Path) -> set[Path]:
    """The files beside a graph that hold its weights."""
    graph = onnx.load(path, load_external_data=False).graph
    tensors = [tensor for tensor in graph.initializer if uses_external_data(tensor)]
    return {path.with_name(Path(ExternalDataInfo(tensor).location).name) for tensor in tensors}
