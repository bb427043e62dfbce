"""`Simulator(...).predict(...)`: the call of ``coremltools.models.MLModel``, on any system."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export import ExportError
from export.simulator.graph import PRECISIONS, Graph, mil_type, tensor_info
from export.simulator.operations import load_operations
from export.simulator.program import load_program

MAX_PROTO_BYTES = 2**31 - 1


class Simulator:
    """A Core ML package translated to ONNX and executed by ONNX Runtime.

    Args:
        model: a ``.mlpackage`` directory, or a ``coremltools`` MLModel.
        precision: ``float32`` computes half-precision values in float32; ``float16`` rounds every
            intermediate to half precision as a phone does, and so shows overflow and loss.
        threads: threads of ONNX Runtime, 0 for its own choice.
        function: the function of the program to run.
        watch: names of intermediate values that `predict` returns too.

    Raises:
        ExportError: a package that cannot be read, or an operation that is not known, named with
            its place.
    """

    def __init__(
        self,
        model: str | Path | Any,
        precision: str = "float32",
        threads: int = 0,
        function: str | None = None,
        watch: Collection[str] = (),
    ) -> None:
        if precision not in PRECISIONS:
            raise ExportError(f"unknown precision {precision!r}; choose from {PRECISIONS}")
        load_operations()
        self.precision = precision
        self.threads = threads
        program = load_program(model)
        self.description = program.description
        functions = program.mil.functions
        name = function or getattr(program.mil, "default_function_name", None) or "main"
        self.function = functions[name if name in functions else next(iter(functions))]
        self.states = _state_inputs(self.function)
        self.watch = frozenset(watch)
        self.onnx_model = self._translate(name)

    def _translate(self, where: str) -> onnx.ModelProto:
        graph = Graph(self.precision)
        inputs = []
        for key, var in self.function.inputs.items():
            name = f"input_{key}"
            graph.names[var] = graph.round_to(name, mil_type(var))
            inputs.append(tensor_info(name, var))
        graph.states = {var: graph.names[var] for var in self.states.values()}
        graph.translate(self.function.operations, f"function {where!r}")
        outputs = []
        for var in self.outputs:
            name = graph.node("Identity", [graph.value(var)])
            graph.nodes[-1].output[0] = name = f"output_{var.name}"
            outputs.append(tensor_info(name, var, shaped=not _is_classifier(var)))
        for key, var in self.states.items():
            graph.nodes.append(
                onnx.helper.make_node("Identity", [graph.states[var]], [f"state_{key}"])
            )
            outputs.append(tensor_info(f"state_{key}", var))
        return graph.model(inputs, outputs)

    @cached_property
    def session(self) -> Any:
        """The ONNX Runtime session, made at the first prediction."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads
        if self.onnx_model.ByteSize() > MAX_PROTO_BYTES:
            raise ExportError("a model of more than 2 GB in float32 cannot be simulated")
        return onnxruntime.InferenceSession(
            self.onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    @property
    def input_shapes(self) -> dict[str, tuple[int | str, ...]]:
        """Shape of every input, a name in the place of a flexible dimension."""
        return {
            key: tuple(d if isinstance(d, int) else str(d) for d in var.shape)
            for key, var in self.function.inputs.items()
            if key not in self.states
        }

    def make_state(self) -> dict[str, np.ndarray]:
        """A fresh state of zeros, for `predict`; as ``MLModel.make_state``."""
        return {key: np.zeros(tuple(var.shape), np.float32) for key, var in self.states.items()}

    def predict(
        self, data: Mapping[str, Any], state: dict[str, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Run the model: ``{input name: array} -> {output name: array}``.

        A classifier gives a label and a dictionary of probabilities.

        ``state`` comes from `make_state` and is updated in place.

        Raises:
            ExportError: an input that is missing, unknown, or of a shape that the package does
                not allow.
        """
        feeds = {f"input_{k}": v for k, v in self._checked(data).items()}
        state = self.make_state() if state is None else state
        feeds |= {f"input_{key}": array for key, array in state.items()}
        names = [output.name for output in self.session.get_outputs()]
        try:
            results = dict(zip(names, self.session.run(names, feeds), strict=True))
        except Exception as error:  # ONNX Runtime's own types derive from Exception alone
            raise ExportError(f"the simulation failed: {' '.join(str(error).split())}") from None
        for key in state:
            state[key] = results.pop(f"state_{key}")
        return {var.name: self._typed(results[f"output_{var.name}"], var) for var in self.outputs}

    @cached_property
    def outputs(self) -> list[Any]:
        """MIL values that `predict` returns: the model's own and those that are watched."""
        inputs = self.function.inputs.values()
        made = (var for op in self.function.operations for var in op.outputs)
        watched = [var for var in (*inputs, *made) if var.name in self.watch]
        return list(dict.fromkeys([*self.function.outputs, *watched]))

    def _typed(self, array: np.ndarray, var: Any) -> Any:
        """A result as Core ML gives it: never without an axis, a label by its name."""
        if _is_classifier(var):
            classes = list(var.op.classes.val)
            if var is var.op.outputs[0]:
                return classes[int(array[0])]
            return dict(zip(classes, array.tolist(), strict=True))
        array = np.atleast_1d(array)
        return array.astype(np.float16) if mil_type(var) == "float16" else array

    def _checked(self, data: Mapping[str, Any]) -> dict[str, np.ndarray]:
        inputs = {k: v for k, v in self.function.inputs.items() if k not in self.states}
        for name in data.keys() - inputs.keys():
            raise ExportError(f"no input {name!r}; the inputs are {', '.join(inputs)}")
        allowed = _enumerated_shapes(self.description)
        checked = {}
        for name, var in inputs.items():
            if name not in data:
                raise ExportError(f"input {name!r} is missing")
            array = _cast(np.asarray(data[name]), mil_type(var))
            if array.ndim == 1 and not var.shape:
                array = array.reshape(())
            if not _fits(array.shape, var.shape) or array.shape not in allowed.get(
                name, {array.shape}
            ):
                choices = sorted(allowed.get(name, {self.input_shapes[name]}))
                raise ExportError(f"input {name!r} is {array.shape}; the model takes {choices}")
            checked[name] = array
        return checked


def _is_classifier(var: Any) -> bool:
    return var.op is not None and var.op.op_type == "classify"


def _state_inputs(function: Any) -> dict[str, Any]:
    from coremltools.converters.mil.mil import types

    return {key: var for key, var in function.inputs.items() if types.is_state(var.sym_type)}


def _cast(array: np.ndarray, kind: str) -> np.ndarray:
    if kind == "bool":
        return array.astype(bool)
    return array.astype(np.float32 if kind.startswith("float") else np.int32)


def _fits(shape: tuple[int, ...], declared: Any) -> bool:
    return len(shape) == len(declared) and all(
        not isinstance(d, int | np.integer) or d == size
        for size, d in zip(shape, declared, strict=True)
    )


def _enumerated_shapes(description: Any) -> dict[str, set[tuple[int, ...]]]:
    return {
        feature.name: {
            tuple(shape.shape) for shape in feature.type.multiArrayType.enumeratedShapes.shapes
        }
        for feature in description.input
        if feature.type.multiArrayType.WhichOneof("ShapeFlexibility") == "enumeratedShapes"
    }
