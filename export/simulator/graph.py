"""MIL program -> ONNX graph.

Every MIL value becomes an ONNX value of a *carrier* type: floats travel as float32, integers of
any width as int32, booleans as bool. ONNX Runtime has kernels for those; the narrow types matter
only where a program casts to them, and `Graph.round_to` applies them there. In ``float16``
precision every float that MIL says is half precision is rounded to it where it is produced, as a
phone does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from .constants import stored
from .errors import SimulatorError
from .mil import Block, Operation, Variable
from .narrowing import entries_of
from .operations import OPERATIONS
from .running import MAX_ITERATIONS
from .weights import Weights

OPSET = 20
IR_VERSION = 10
PRECISIONS = ("float32", "float16")

_TENSOR_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "float16": TensorProto.FLOAT16,
    "int16": TensorProto.INT16,
    "uint16": TensorProto.UINT16,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
}
_NARROW = {"int4": (-8, 7), "uint1": (0, 1), "uint2": (0, 3), "uint3": (0, 7)}
_NARROW |= {"uint4": (0, 15), "uint6": (0, 63)}


def integer_range(kind: str) -> tuple[int, int]:
    """Least and greatest value of an integer type; of what is wider than 32 bits the carrier's."""
    if kind in _NARROW:
        return _NARROW[kind]
    info = np.iinfo(kind if kind in ("int8", "uint8", "int16", "uint16") else np.int32)
    return int(info.min), int(info.max)


def carrier(array: np.ndarray) -> np.ndarray:
    """An array in the type that carries it through the graph."""
    array = np.asarray(array)
    if array.dtype == bool:
        return array
    kind = np.float32 if np.issubdtype(array.dtype, np.floating) else np.int32
    return array.astype(kind)


def mil_type(var: Variable) -> str:
    """Name of a value's element type, in NumPy's words (``float16``, ``int32``, ``bool``).

    A list answers for its elements, a classifier's dictionary for its probabilities.
    """
    from coremltools.converters.mil.mil import types

    if types.is_dict(var.sym_type):
        return "float32"
    if types.is_list(var.sym_type):
        element = var.elem_type
        dtype = element.get_primitive() if types.is_tensor(element) else element
    else:
        dtype = var.dtype
    name: str = types.builtin_to_string(dtype)
    return {"fp16": "float16", "fp32": "float32", "fp64": "float32"}.get(name, name)


def is_float(var: Variable) -> bool:
    """Whether the elements of a value are floats, of any width."""
    return mil_type(var).startswith("float")


@dataclass(frozen=True)
class Port:
    """An input or output of a program: its name, the kind of its elements as `mil_type` says it,
    its shape with a name for a flexible dimension; of a classifier the ``labels``, and whether
    this is the label itself and not the probabilities."""

    name: str
    kind: str
    shape: tuple[int | str, ...]
    labels: tuple[str | int, ...] | None = None
    is_label: bool = False


def port(var: Variable) -> Port:
    """What the outside sees of a MIL value."""
    if var.op is not None and var.op.op_type == "classify":
        labels = tuple(var.op.classes.val)
        return Port(var.name, mil_type(var), (), labels, var is var.op.outputs[0])
    return Port(var.name, mil_type(var), _dimensions(var))


def _dimensions(var: Variable) -> tuple[int | str, ...]:
    from coremltools.converters.mil.mil.types.symbolic import is_symbolic

    return tuple(str(d) if is_symbolic(d) else int(d) for d in var.shape)


class Graph:
    """An ONNX graph under construction. ``parent`` is the graph around a branch or loop body;
    a loop takes at most ``max_iterations`` steps.

    ``entries`` names, for values that are numbers of the function's inputs, these inputs; ``loops``
    the operations that repeat.
    """

    def __init__(
        self,
        precision: str = "float32",
        parent: Graph | None = None,
        weights: Weights | None = None,
        max_iterations: int = MAX_ITERATIONS,
    ) -> None:
        self.precision = precision
        self.parent = parent
        self.max_iterations: int = parent.max_iterations if parent else max_iterations
        self.nodes: list[onnx.NodeProto] = []
        self.weights: Weights = parent.weights if parent else weights or Weights()
        self.initializers: list[onnx.TensorProto] = [] if parent is None else parent.initializers
        self.names: dict[Variable, str] = {} if parent is None else dict(parent.names)
        self.states: dict[Variable, str] = {} if parent is None else parent.states
        self.entries: dict[Variable, frozenset[str]] = {} if parent is None else parent.entries
        self.loops: list[str] = [] if parent is None else parent.loops
        self._counter: list[int] = [0] if parent is None else parent._counter

    def fresh(self, hint: str) -> str:
        """A name of the graph's own: with a dot, which no name of a program holds."""
        self._counter[0] += 1
        return f"{hint}.{self._counter[0]}"

    def constant(self, value: object, dtype: npt.DTypeLike | None = None) -> str:
        """Name of an initializer with the given value."""
        array = np.asarray(value, dtype=dtype)
        name = self.fresh("const")
        self.initializers.append(self.weights.tensor(array, name))
        return name

    def int64(self, values: object) -> str:
        """Name of an int64 initializer: what shapes, axes and indices are in ONNX."""
        return self.constant(values, np.int64)

    def float32(self, values: object) -> str:
        """Name of a float32 initializer."""
        return self.constant(values, np.float32)

    def node(self, kind: str, inputs: Sequence[str], **attributes: object) -> str:
        """Add a node of one output; returns its name."""
        return self.node_of(1, kind, inputs, **attributes)[0]

    def node_of(self, count: int, kind: str, inputs: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node of ``count`` outputs; returns their names."""
        names = [self.fresh(kind) for _ in range(count)]
        domain = attributes.pop("domain", "")
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def cast(self, name: str, dtype: str) -> str:
        """Name of a value cast to ``dtype``, an element type in NumPy's words."""
        return self.node("Cast", [name], to=_TENSOR_TYPES[dtype])

    def value(self, var: Variable) -> str:
        """ONNX name of a MIL value (or of a tuple's member); constants become initializers.

        Raises:
            SimulatorError: a value that no operation of the program gives.
        """
        if var in self.names:
            return self.names[var]
        array = stored(var)
        if array is None:
            raise SimulatorError(f"{var.name}: a value that no operation made")
        name = self.constant(carrier(array))
        root = self
        while root.parent is not None:
            root = root.parent
        root.names[var] = self.names[var] = name
        return name

    def as_int64(self, var: Variable) -> str:
        """A MIL integer value as ONNX's int64, as shapes, axes and indices must be."""
        if var.val is not None and var not in self.names:
            return self.int64(np.atleast_1d(var.val) if var.rank else var.val)
        return self.cast(self.value(var), "int64")

    def round_to(self, name: str, dtype: str) -> str:
        """Round a carrier value to a MIL type and carry it on."""
        if dtype in ("float32", "int32", "bool", "string"):
            return name
        if dtype == "float16":
            if self.precision == "float32":
                return name
            return self.cast(self.cast(name, "float16"), "float32")
        if dtype in _NARROW:
            low, high = _NARROW[dtype]
            bounds = [self.constant(low, np.int32), self.constant(high, np.int32)]
            return self.node("Clip", [name, *bounds])
        return self.cast(self.cast(name, dtype), "int32")

    def bind(self, var: Variable, name: str) -> None:
        """Let a MIL output be the ONNX value ``name``, in the precision the graph works in."""
        if mil_type(var) == "float16":
            name = self.round_to(name, "float16")
        self.names[var] = name

    def translate(self, operations: Iterable[Operation], where: str) -> None:
        """Append the ONNX of MIL operations in order.

        Raises:
            SimulatorError: an operation that is not known, or that is known for fixed sizes or
                constant parameters alone, named with its place.
        """
        for op in operations:
            if op.op_type == "const" or op.op_type.startswith("constexpr_"):
                continue
            place = f"operation {op.name!r} of {where}"
            translate = OPERATIONS.get(op.op_type)
            if translate is None:
                raise SimulatorError(f"{op.op_type}: not supported by the simulator ({place})")
            try:
                results = translate(self, op)
            except SimulatorError as error:
                raise SimulatorError(f"{op.op_type}: {error} ({place})") from None
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                raise SimulatorError(
                    f"{op.op_type}: not supported with these inputs, such as flexible sizes or "
                    f"values that only a run gives; {reason} ({place})"
                ) from error
            if isinstance(results, str):
                results = [results]
            for var, name in zip(op.outputs, results, strict=True):
                self.bind(var, name)
            if names := entries_of(op, self.entries):
                self.entries |= dict.fromkeys(op.outputs, names)

    def subgraph(self, block: Block, where: str, inputs: Sequence[str] = ()) -> Graph:
        """A graph for a MIL block; ``inputs`` names the block's own inputs."""
        inner = Graph(self.precision, parent=self)
        inner.names.update(zip(block.inputs, inputs, strict=True))
        inner.translate(block.operations, where)
        return inner

    def proto(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.GraphProto:
        """The graph with its nodes; the outermost alone holds the initializers, which all share."""
        initializers = self.initializers if self.parent is None else []
        return helper.make_graph(self.nodes, name, list(inputs), list(outputs), initializers)

    def model(
        self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The whole model, for the opset `OPSET` and ONNX Runtime's own operators."""
        graph = self.proto("main", inputs, outputs)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="distilkit")
        model.ir_version = IR_VERSION
        return model


def tensor_info(name: str, var: Variable, shaped: bool = True) -> onnx.ValueInfoProto:
    """Type and shape of a MIL value as a carrier; symbolic dimensions keep a name.

    Without ``shaped`` the shape is left open, as a branch, a loop or a list may change it.
    """
    kind = mil_type(var)
    onnx_type = {"float16": "float32", "float32": "float32", "bool": "bool"}.get(kind, "int32")
    dims = _dimensions(var) if shaped else None
    return helper.make_tensor_value_info(name, _TENSOR_TYPES[onnx_type], dims)


def rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Give values of a graph, and of the graphs within it, other names, in place."""
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                rename(attribute.g, names)
