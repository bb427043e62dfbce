"""What a user would pick without this kit: the `transformers` model through PyTorch's exporter, in
ONNX Runtime as it comes or dynamically quantized, and in OpenVINO."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bench.runtimes.contenders import Model
from bench.runtimes.onnx_runtime import prepared_file, session, session_predict
from bench.runtimes.registry import Prepared, folder_of
from bench.runtimes.workloads import Inputs, Predict

NAMES = ("input_ids", "attention_mask")
EXAMPLE = (2, 32)


def prepare(name: str, model: Model, lengths: tuple[int, ...], folder: Path) -> Prepared:
    """An ``.onnx`` file as it is, or the plain export of a checkpoint, in int8 where named so."""
    if model.checkpoint is None:
        return prepared_file(name, model)
    place = folder_of(model, folder)
    path = place / "plain.onnx"
    if not path.exists():
        export_plain(model, path)
    if name == "onnxruntime-plain-int8":
        path = _quantized(path, place / "plain-int8.onnx")
    return Prepared(name, str(path), model.kind, model.random_weights, path.stat().st_size)


def load(prepared: Prepared, threads: int) -> Predict:
    """A session of ONNX Runtime or a model of OpenVINO, on ``threads`` threads."""
    if prepared.runtime == "openvino":
        return _openvino(prepared.source, threads)
    return session_predict(session(prepared.source, threads))


def export_plain(model: Model, path: Path) -> None:
    """``torch.onnx.export`` with its defaults and dynamic axes."""
    import torch

    from bench.runtimes.pytorch import transformers_model
    from export.bundle.quiet import quiet

    assert model.checkpoint is not None
    directory = model.checkpoint.directory
    source = model.source if directory is None else str(directory)
    module = transformers_model(source, model.random_weights)
    example = {name: torch.ones(EXAMPLE, dtype=torch.int64) for name in NAMES}
    axes = dict.fromkeys(range(len(EXAMPLE)), torch.export.Dim.DYNAMIC)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with quiet(), torch.no_grad():
        program: Any = torch.onnx.export(
            module,
            kwargs=example,
            dynamic_shapes=dict.fromkeys(NAMES, axes),
            dynamo=True,
            verbose=False,
        )
        program.save(str(path))


def _quantized(plain: Path, path: Path) -> Path:
    """``quantize_dynamic`` with its defaults."""
    from onnxruntime.quantization import quantize_dynamic

    from export.bundle.quiet import quiet

    if not path.exists():
        with quiet():
            quantize_dynamic(str(plain), str(path))
    return path


def _openvino(path: str, threads: int) -> Predict:
    import openvino

    from distill.console.errors import UserError

    core = openvino.Core()
    options = {"INFERENCE_NUM_THREADS": str(threads), "PERFORMANCE_HINT": "LATENCY"}
    try:
        compiled = core.compile_model(core.read_model(path), "CPU", options)
    except RuntimeError as error:
        raise UserError(f"{path}: OpenVINO cannot load it ({error})") from None
    request = compiled.create_infer_request()
    names = [value.get_any_name() for value in compiled.inputs]

    def predict(inputs: Inputs) -> object:
        return request.infer({name: inputs[name] for name in names})

    return predict
