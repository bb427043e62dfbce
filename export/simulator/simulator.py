"""`Simulator(...).predict(...)`: the call of ``coremltools.models.MLModel``, on any system."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from .described import Described
from .errors import SimulatorError, one_line
from .function_shapes import fitting_function, fixed_shapes
from .graph import (
    PRECISIONS,
    Graph,
    mil_type,
    port,
    rename,
    tensor_info,
)
from .images import color_spaces
from .inputs import Inputs
from .narrowing import narrowing_error
from .operations import load_operations
from .operations.control_flow import LOOP_LIMIT
from .outputs import typed
from .program import AnyModel, LoadedProgram, load_program
from .running import MAX_ITERATIONS, MAX_SECONDS, OutOfTime, run
from .session import EXTERNAL_FOLDER, open_session
from .shapes import allowed
from .state import State, checked, fresh
from .weights import Weights

if TYPE_CHECKING:
    from coremltools import ComputeUnit
    from onnxruntime import InferenceSession

    from .mil import Function, Variable

MAX_PROTO_BYTES = 2**31 - 1
_said: set[str] = set()


class Simulator(Described):
    """A Core ML package translated to ONNX and executed by ONNX Runtime.

    Args:
        model: a ``.mlpackage`` directory, a bundle folder with one in it, a ``coremltools``
            MLModel, or a model specification.
        precision: ``float32`` computes half-precision values in float32; ``float16`` rounds every
            intermediate to half precision as a phone does, and so shows overflow and loss.
        threads: threads of ONNX Runtime, 0 for its own choice.
        function: the function of the program to run; by default the one the package names, or,
            for an input that it does not take, the one whose shapes the input has (said once).
        watch: names of intermediate values that `predict` returns too.
        function_name: ``function`` under MLModel's name for it.
        compute_units: taken as MLModel takes it, and ignored: all runs on the CPU.
        weights_dir: folder of the weights of a specification.
        max_iterations: steps after which a loop counts as endless and `predict` raises.
        max_seconds: of a run, after which a loop counts as endless; a program without loops is not
            limited.

    Raises:
        SimulatorError: a package that cannot be read, a function that is not in it, or an operation
            that is not known, named with its place.
    """

    def __init__(
        self,
        model: AnyModel,
        precision: str = "float32",
        threads: int = 0,
        function: str | None = None,
        watch: Collection[str] = (),
        *,
        function_name: str | None = None,
        compute_units: ComputeUnit | None = None,
        weights_dir: str = "",
        max_iterations: int = MAX_ITERATIONS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        if precision not in PRECISIONS:
            raise SimulatorError(f"unknown precision {precision!r}; choose from {PRECISIONS}")
        if max_iterations < 1:
            raise SimulatorError(f"max_iterations is {max_iterations}; it must be at least 1")
        if not 0 < max_seconds <= threading.TIMEOUT_MAX:
            raise SimulatorError(f"max_seconds is {max_seconds}; it must be a number above 0")
        if compute_units is not None:
            _say_once("compute_units is ignored: the simulator runs on the CPU")
        load_operations()
        self.precision = precision
        self.threads = threads
        self.max_iterations = max_iterations
        self.max_seconds = max_seconds
        function = function or function_name or getattr(model, "function_name", None)
        self._package = model if function is None and isinstance(model, str | Path) else None
        self._others: dict[str, Simulator] = {}
        program = load_program(model, function, weights_dir)
        self.function_name = program.name
        super().__init__(program.spec, program.description)
        self._functions = fixed_shapes(program.spec.description) if self._package else {}
        self._image_outputs = color_spaces(program.description.output)
        self._weights = Weights()
        self._read(program, watch)
        del program
        if self._weights.folder is not None:
            gc.collect()  # operations and values of MIL refer to each other

    def _read(self, program: LoadedProgram, watch: Collection[str]) -> None:
        """Only names, types and shapes are kept: the program holds the weights a second time."""
        function = program.function
        ports = {key: port(var) for key, var in function.inputs.items()}
        states = _states(function)
        self.states = {key: ports[key] for key in states}
        self.inputs = {key: value for key, value in ports.items() if key not in states}
        described = program.description.input
        self._inputs = Inputs(self.inputs, allowed(described), color_spaces(described))
        results = _results(function, watch)
        self.outputs = [port(var) for var in results]
        self._graph = self._translate(function, results, f"function {program.name!r}")

    def _translate(
        self, function: Function, results: list[Variable], where: str
    ) -> onnx.ModelProto:
        graph = Graph(self.precision, None, self._weights, self.max_iterations)
        inputs = []
        for key, var in function.inputs.items():
            name = f"input_{key}"
            graph.names[var] = graph.round_to(name, mil_type(var))
            graph.entries[var] = frozenset([key])
            inputs.append(tensor_info(name, var))
        states = _states(function)
        graph.states = {var: graph.names[var] for var in states.values()}
        graph.translate(function.operations, where)
        self._has_loops = bool(graph.loops)
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
            SimulatorError: more than an ONNX file holds in one piece.
        """
        model = self._weights.embedded(self._graph)
        names = {f"input_{name}": name for name in self.inputs}
        rename(model.graph, names | {f"output_{out.name}": out.name for out in self.outputs})
        if model.ByteSize() > MAX_PROTO_BYTES:
            raise SimulatorError("more than 2 GB in float32, which one ONNX file cannot hold")
        return model

    @cached_property
    def session(self) -> InferenceSession:
        """The ONNX Runtime session, made at the first prediction.

        Raises:
            SimulatorError: ONNX Runtime has no kernel for a part of the program, or refuses it.
        """
        folder = self._weights.folder
        entries = {} if folder is None else {EXTERNAL_FOLDER: str(folder)}
        try:
            return open_session(self._graph.SerializeToString(), self.threads, entries)
        except SimulatorError as error:
            raise SimulatorError(f"the program cannot be run: {error}") from None

    @property
    def input_shapes(self) -> dict[str, tuple[int | str, ...]]:
        """Shape of every input, a name in the place of a flexible dimension."""
        return {key: value.shape for key, value in self.inputs.items()}

    def make_state(self) -> State:
        """A fresh state of zeros, for `predict`; as ``MLModel.make_state``."""
        return fresh(self.states)

    def predict(self, data: object, state: State | dict[str, np.ndarray] | None = None) -> Any:
        """Run the model: ``{input name: array} -> {output name: array}``; of a list of inputs the
        list of results.

        An image goes in as a `PIL.Image` or as its pixel values, and comes out as one. A classifier
        gives a label and a dictionary of probabilities.

        ``state`` comes from `make_state` and is updated in place.

        Raises:
            SimulatorError: an input that is missing, unknown, of values that its type does not
                hold or that the program casts to others, or of a shape that the package does not
                allow; a loop that does not end; or ONNX Runtime cannot run the program.
        """
        if isinstance(data, list):
            if state is not None:
                raise SimulatorError("a state goes with one input, not with a list of them")
            return [self.predict(row) for row in data]
        other = fitting_function(self._functions, data) or self.function_name
        if other != self.function_name:
            return self._other(other).predict(data, state)
        results, after = self._run(data, self.make_state() if state is None else state)
        if state is not None:
            state.update(after)
        return {
            out.name: typed(results[out.name], out, self._image_outputs.get(out.name))
            for out in self.outputs
        }

    def carried(self, data: object) -> dict[str, np.ndarray]:
        """Outputs and watched values of one input in the type that carries them: `predict` gives
        those of half precision as halves, and so hides what float32 holds beyond them.

        Raises:
            SimulatorError: as `predict`.
        """
        return self._run(data, self.make_state())[0]

    def _other(self, name: str) -> Simulator:
        """The function ``name`` of the same package, opened once."""
        _say_once(
            f"the input fits the function {name}, which is run; Core ML runs "
            f"{self.function_name} unless functionName says otherwise"
        )
        if name not in self._others:
            self._others[name] = Simulator(
                self._package,
                self.precision,
                self.threads,
                name,
                max_iterations=self.max_iterations,
                max_seconds=self.max_seconds,
            )
        return self._others[name]

    def _run(
        self, data: object, state: State | dict[str, np.ndarray]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Outputs by their names, and the state afterwards."""
        arrays = self._inputs.checked(data)
        before = checked(state, self.states)
        feeds = {f"input_{key}": array for key, array in (arrays | before).items()}
        session = self.session
        names = [output.name for output in session.get_outputs()]
        seconds = self.max_seconds if self._has_loops else None
        try:
            results = dict(zip(names, run(session, names, feeds, seconds), strict=True))
        except OutOfTime:
            raise self._endless(f"{self.max_seconds:g} s (max_seconds)") from None
        except Exception as error:  # ONNX Runtime's own types derive from Exception alone
            if LOOP_LIMIT in str(error):
                raise self._endless(f"{self.max_iterations} steps (max_iterations)") from None
            text = one_line(error)
            failed = SimulatorError(f"the simulation failed: {text}")
            raise narrowing_error(text, arrays) or failed from None
        outputs = {out.name: results[f"output_{out.name}"] for out in self.outputs}
        return outputs, {key: results[f"state_{key}"] for key in self.states}

    def _endless(self, limit: str) -> SimulatorError:
        return SimulatorError(f"a loop did not end within {limit}")

    def __getstate__(self) -> dict[str, object]:
        """Everything but the session and the file of weights; those are in the graph."""
        left_out = ("session", "_weights", "_graph")
        kept = {key: value for key, value in self.__dict__.items() if key not in left_out}
        whole = self._weights.embedded(self._graph)
        if whole.ByteSize() > MAX_PROTO_BYTES:
            raise SimulatorError("more than 2 GB in float32, which cannot be pickled")
        return kept | {"whole": whole.SerializeToString()}

    def __setstate__(self, kept: dict[str, object]) -> None:
        graph = onnx.ModelProto.FromString(kept.pop("whole"))
        self.__dict__.update(kept)
        self._weights = Weights()
        self._weights.take_out(graph)
        self._graph = graph


def _say_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        warnings.warn(message, stacklevel=3)


def _states(function: Function) -> dict[str, Variable]:
    from coremltools.converters.mil.mil import types

    return {key: var for key, var in function.inputs.items() if types.is_state(var.sym_type)}


def _results(function: Function, watch: Collection[str]) -> list[Variable]:
    """MIL values that `Simulator.predict` returns: the model's own and those that are watched."""
    made = (var for op in function.operations for var in op.outputs)
    watched = [var for var in (*function.inputs.values(), *made) if var.name in watch]
    return list(dict.fromkeys([*function.outputs, *watched]))
