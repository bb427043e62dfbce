"""ONNX Runtime with this kit's own ONNX files, or with any ``.onnx`` file of an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.runtimes.contenders import TASK, Model
from bench.runtimes.onnx_file import has_loops, read_onnx, stored_bytes
from bench.runtimes.registry import Prepared, Unavailable, folder_of
from bench.runtimes.workloads import Inputs, Predict
from distill.console.errors import UserError
from export.simulator.errors import SimulatorError, one_line
from export.simulator.running import MAX_SECONDS, OutOfTime, run
from export.simulator.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FILES = {"onnxruntime": ("kit.onnx", "none"), "onnxruntime-int8": ("kit-int8.onnx", "int8")}


def prepare(name: str, model: Model, lengths: tuple[int, ...], folder: Path) -> Prepared:
    """An ``.onnx`` file as it is, or the kit's own of a checkpoint."""
    if model.checkpoint is None:
        return prepared_file(name, model)
    from export.proof.proven_onnx import export_onnx

    file, quantize = FILES[name]
    path = folder_of(model, folder) / file
    if not path.exists():
        export_onnx(model.checkpoint, TASK, path, quantize=quantize, verify=False)
    return Prepared(name, str(path), model.kind, model.random_weights, path.stat().st_size)


def prepared_file(name: str, model: Model) -> Prepared:
    """An ``.onnx`` file as it is; to its size belong the files beside it that hold its weights.

    Raises:
        UserError: as `read_onnx` and `stored_bytes`.
    """
    path = Path(model.source)
    file = read_onnx(path)
    size = stored_bytes(path, file)
    return Prepared(name, str(path), model.kind, model.random_weights, size, loops=has_loops(file))


def load(prepared: Prepared, threads: int) -> Predict:
    """A session on ``threads`` threads; a file that may not end has a limit of time.

    Raises:
        UserError: the file is not an ONNX model, or takes inputs that a workload does not have.
    """
    loaded = session(prepared.source, threads)
    return session_predict(loaded, MAX_SECONDS if prepared.loops else None)


def session(path: str | bytes, threads: int) -> InferenceSession:
    """A session on so many threads, which stop waiting for work as soon as a run is over: other
    contenders share the cores.

    Raises:
        UserError: the file is not an ONNX model.
    """
    try:
        return open_session(path, threads, {"session.force_spinning_stop": "1"})
    except SimulatorError as error:
        name = path if isinstance(path, str) else "model"
        raise UserError(f"{name}: ONNX Runtime cannot load it ({error})") from None


def session_predict(loaded: InferenceSession, seconds: float | None = None) -> Predict:
    """Inputs by the names of the file, in its own integer type.

    Args:
        seconds: after which an inference is ended; None: never.

    Raises:
        UserError: the file takes inputs that a workload does not have.
        Unavailable: by the function returned; a file made for another length, for example.
    """
    types = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
    wanted = {value.name: types.get(value.type) for value in loaded.get_inputs()}
    for name, kind in wanted.items():
        if name not in ("input_ids", "attention_mask", "token_type_ids") or kind is None:
            raise UserError(
                f"the ONNX file has an input {name!r} (expected input_ids, attention_mask and "
                "token_type_ids, in int32 or int64)"
            )

    outputs = [value.name for value in loaded.get_outputs()]

    def predict(inputs: Inputs) -> object:
        feeds = {name: inputs[name].astype(kind, copy=False) for name, kind in wanted.items()}
        try:
            if seconds is not None:
                return run(loaded, outputs, feeds, seconds)
            return loaded.run(outputs, feeds)
        except OutOfTime:
            raise Unavailable(f"a loop did not end within {seconds:g} s") from None
        except Exception as error:  # ONNX Runtime's own types derive from Exception alone
            tokens, reason = inputs["input_ids"].shape[1], one_line(error)
            raise Unavailable(f"it cannot run {tokens} tokens ({reason})") from None

    return predict
