"""`Simulator(...).predict(...)`: the call of ``coremltools.models.MLModel``, on any system."""

from __future__ import annotations

import gc
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export import ExportError
from export.simulator.graph import (
    PRECISIONS,
    Graph,
    Port,
    mil_type,
    port,
    rename,
    tensor_info,
)
from export.simulator.images import color_spaces, to_array, to_image
from export.simulator.operations import load_operations
from export.simulator.program import load_program
from export.simulator.shapes import Allowed, allowed, filled, fits
from export.simulator.weights import Weights

MAX_PROTO_BYTES = 2**31 - 1
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"


class Simulator:
    """A Core ML package translated to ONNX and executed by ONNX Runtime.

    Args:
        model: a ``.mlpackage`` directory, or a ``coremltools`` MLModel.
        precision: ``float32`` computes half-precision values in float32; ``float16`` rounds every
            intermediate to half precision as a phone does, and so shows overflow and loss.
        threads: threads of ONNX Runtime, 0 for its own choice.
        function: the function of the program to run; by default the program's own choice.
        watch: names of intermediate values that `predict` returns too.

    Raises:
        ExportError: a package that cannot be read, a function that is not in it, or an operation
            that is not known, named with its place.
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
        functions = program.mil.functions
        if function is not None and function not in functions:
            raise ExportError(f"no function {function!r}; there are {', '.join(functions)}")
        name = function or getattr(program.mil, "default_function_name", None) or "main"
        self.description = _interface(program.description, name)
        self._allowed = allowed(self.description.input)
        self._image_inputs = color_spaces(self.description.input)
        self._image_outputs = color_spaces(self.description.output)
        chosen = functions[name if name in functions else next(iter(functions))]
        # Only names, types and shapes are kept: the program holds the weights a second time.
        ports = {key: port(var) for key, var in chosen.inputs.items()}
        states = _states(chosen)
        self.states = {key: ports[key] for key in states}
        self.inputs = {key: value for key, value in ports.items() if key not in states}
        results = _results(chosen, watch)
        self.outputs = [port(var) for var in results]
        self._weights = Weights()
        self._graph = self._translate(chosen, results, f"function {name!r}")
        del program, functions, chosen, states, results
        if self._weights.folder is not None:
            gc.collect()  # operations and values of MIL refer to each other

    def _translate(self, function: Any, results: list[Any], where: str) -> onnx.ModelProto:
        graph = Graph(self.precision, weights=self._weights)
        inputs = []
        for key, var in function.inputs.items():
            name = f"input_{key}"
            graph.names[var] = graph.round_to(name, mil_type(var))
            inputs.append(tensor_info(name, var))
        states = _states(function)
        graph.states = {var: graph.names[var] for var in states.values()}
        graph.translate(function.operations, where)
        outputs = []
        for var in results:
            name = graph.node("Identity", [graph.value(var)])
            graph.nodes[-1].output[0] = name = f"output_{var.name}"
            outputs.append(tensor_info(name, var, shaped=port(var).labels is None))
        for key, var in states.items():
            graph.nodes.append(
                onnx.helper.make_node("Identity", [graph.states[var]], [f"state_{key}"])
            )
            outputs.append(tensor_info(f"state_{key}", var))
        return graph.model(inputs, outputs)

    @property
    def onnx_model(self) -> onnx.ModelProto:
        """The translated graph, its weights in it; inputs and outputs have the program's names.

        Raises:
            ExportError: more than an ONNX file holds in one piece.
        """
        model = self._weights.embedded(self._graph)
        names = {f"input_{name}": name for name in self.inputs}
        rename(model.graph, names | {f"output_{out.name}": out.name for out in self.outputs})
        if model.ByteSize() > MAX_PROTO_BYTES:
            raise ExportError("more than 2 GB in float32, which one ONNX file cannot hold")
        return model

    @cached_property
    def session(self) -> Any:
        """The ONNX Runtime session, made at the first prediction.

        Raises:
            ExportError: ONNX Runtime has no kernel for a part of the program, or refuses it.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads
        if self._weights.folder is not None:
            options.add_session_config_entry(EXTERNAL_FOLDER, str(self._weights.folder))
        try:
            return onnxruntime.InferenceSession(
                self._graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types derive from Exception alone
            raise ExportError(f"the program cannot be run: {_line(error)}") from None

    @property
    def input_shapes(self) -> dict[str, tuple[int | str, ...]]:
        """Shape of every input, a name in the place of a flexible dimension."""
        return {key: value.shape for key, value in self.inputs.items()}

    def make_state(self) -> dict[str, np.ndarray]:
        """A fresh state of zeros, for `predict`; as ``MLModel.make_state``."""
        return {key: np.zeros(value.shape, np.float32) for key, value in self.states.items()}  # type: ignore[arg-type]

    def predict(
        self, data: Mapping[str, Any], state: dict[str, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Run the model: ``{input name: array} -> {output name: array}``.

        An image goes in as a `PIL.Image` or as its pixel values, and comes out as one. A classifier
        gives a label and a dictionary of probabilities.

        ``state`` comes from `make_state` and is updated in place.

        Raises:
            ExportError: an input that is missing, unknown, or of a shape that the package does
                not allow; or ONNX Runtime cannot run the program.
        """
        feeds = {f"input_{k}": v for k, v in self._checked(data).items()}
        state = self.make_state() if state is None else state
        feeds |= {f"input_{key}": array for key, array in state.items()}
        names = [output.name for output in self.session.get_outputs()]
        try:
            results = dict(zip(names, self.session.run(names, feeds), strict=True))
        except Exception as error:
            raise ExportError(f"the simulation failed: {_line(error)}") from None
        for key in state:
            state[key] = results.pop(f"state_{key}")
        return {out.name: self._typed(results[f"output_{out.name}"], out) for out in self.outputs}

    def _checked(self, data: Mapping[str, Any]) -> dict[str, np.ndarray]:
        for name in data.keys() - self.inputs.keys():
            raise ExportError(f"no input {name!r}; the inputs are {', '.join(self.inputs)}")
        checked = {}
        for name, declared in self.inputs.items():
            rule = self._allowed.get(name, Allowed())
            if name in data:
                given = to_array(data[name], self._image_inputs.get(name, ""), name)
            elif rule.default is not None:
                given = filled(rule)
            else:
                raise ExportError(f"input {name!r} is missing")
            array = _cast(given, declared.kind)
            if array.ndim == 1 and not declared.shape:
                array = array.reshape(())
            if not fits(array.shape, declared.shape):
                raise ExportError(
                    f"input {name!r} is {array.shape}; the model takes {declared.shape}"
                )
            if reason := rule.refusal(array.shape):
                raise ExportError(f"input {name!r}: {reason}")
            checked[name] = array
        return checked

    def _typed(self, array: np.ndarray, out: Port) -> Any:
        """A result as Core ML gives it: never without an axis, a label by its name."""
        if out.name in self._image_outputs:
            return to_image(array, self._image_outputs[out.name])
        if out.labels is not None:
            if out.is_label:
                return out.labels[int(array[0])]
            return dict(zip(out.labels, array.tolist(), strict=True))
        array = np.atleast_1d(array)
        return array.astype(np.float16) if out.kind == "float16" else array


def _interface(description: Any, function: str) -> Any:
    """What describes a function's inputs and outputs: its own part, where there are several."""
    return next((part for part in description.functions if part.name == function), description)


def _states(function: Any) -> dict[str, Any]:
    from coremltools.converters.mil.mil import types

    return {key: var for key, var in function.inputs.items() if types.is_state(var.sym_type)}


def _results(function: Any, watch: Collection[str]) -> list[Any]:
    """MIL values that `Simulator.predict` returns: the model's own and those that are watched."""
    made = (var for op in function.operations for var in op.outputs)
    watched = [var for var in (*function.inputs.values(), *made) if var.name in watch]
    return list(dict.fromkeys([*function.outputs, *watched]))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _cast(array: np.ndarray, kind: str) -> np.ndarray:
    if kind == "bool":
        return array.astype(bool)
    return array.astype(np.float32 if kind.startswith("float") else np.int32)
