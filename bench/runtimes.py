"""What runs a model: PyTorch, ONNX Runtime, OpenVINO, the Core ML simulator, Core ML itself."""

from __future__ import annotations

import importlib.util
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import BenchError
from bench.elmo import ELMO, elmo_model
from bench.timing import Predict
from bench.workloads import Inputs
from distill.presets import PRESETS, preset_directory
from export.checkpoint import Checkpoint, load_checkpoint
from export.encoder import build_encoder
from export.quiet import quiet

TASK = "embed"
"""Every model is measured as an encoder: heads of a few thousand weights cost nothing."""


@dataclass(frozen=True)
class Model:
    """A contender: a checkpoint, or a file that is one already (``.onnx``, ``.mlpackage``)."""

    name: str
    checkpoint: Checkpoint | None
    path: Path | None = None

    @property
    def random_weights(self) -> bool:
        return self.checkpoint is not None and self.checkpoint.random_weights

    @property
    def parameters(self) -> int | None:
        if self.name == ELMO:
            return sum(p.numel() for p in elmo_model().parameters())
        if self.checkpoint is None:
            return None
        model = build_encoder(self.checkpoint, TASK)
        return sum(parameter.numel() for parameter in model.parameters())


def open_model(name: str) -> Model:
    """A preset (random weights where it has none here), a checkpoint, or a model file.

    Raises:
        BenchError: nothing of that name.
    """
    path = Path(name)
    if name == ELMO:
        return Model(name, None)
    if path.suffix in (".onnx", ".mlpackage") or (path / "model.json").is_file():
        if not path.exists():
            raise BenchError(f"{name}: no such file")
        return Model(path.name, None, path)
    if name in PRESETS:
        return Model(name, load_checkpoint(name, random_weights=preset_directory(name) is None))
    if not path.is_dir():
        known = ", ".join([*PRESETS, ELMO])
        raise BenchError(f"unknown model {name!r}; {known}, a checkpoint, .onnx or .mlpackage")
    return Model(path.name, load_checkpoint(name))


def load_runtime(runtime: str, model: Model, lengths: set[int], threads: int) -> Predict:
    """A function of inputs that runs the model once.

    Raises:
        BenchError: an unknown runtime.
        Unavailable: a runtime that is not installed, or does not take this model.
    """
    if runtime not in RUNTIMES:
        raise BenchError(f"unknown runtime {runtime!r}; choose from {', '.join(RUNTIMES)}")
    if model.name == ELMO:
        if runtime != "torch":
            raise Unavailable(f"{ELMO} runs in torch only")
        return elmo_model().predict
    if model.path is not None and runtime not in _FILE_RUNTIMES[model.path.suffix]:
        raise Unavailable(f"{model.name} runs in {', '.join(_FILE_RUNTIMES[model.path.suffix])}")
    return RUNTIMES[runtime](model, lengths, threads)


class Unavailable(Exception):
    """This runtime cannot run this model here; it is named and left out."""


def _module(model: Model) -> torch.nn.Module:
    """The `transformers` model: what a user of PyTorch runs."""
    from transformers import AutoConfig, AutoModel

    assert model.checkpoint is not None
    if model.checkpoint.random_weights:
        config = dict(PRESETS[model.name].config)
        torch.manual_seed(0)
        return AutoModel.from_config(
            AutoConfig.for_model(config.pop("model_type"), **config)
        ).eval()
    return AutoModel.from_pretrained(model.checkpoint.directory).eval()


def _torch(model: Model, lengths: set[int], threads: int, compiled: bool = False) -> Predict:
    torch.set_num_threads(threads)
    module: Any = _module(model)
    if compiled:
        module = torch.compile(module, dynamic=len(lengths) > 1)

    @torch.inference_mode()
    def predict(inputs: Inputs) -> object:
        names = ("input_ids", "attention_mask")
        return module(**{name: torch.from_numpy(inputs[name]) for name in names})

    return predict


def _torch_compile(model: Model, lengths: set[int], threads: int) -> Predict:
    return _torch(model, lengths, threads, compiled=True)


def _onnxruntime(model: Model, lengths: set[int], threads: int, quantize: str = "none") -> Predict:
    from export.onnx_graph import OnnxEngine, export_onnx

    if model.path is not None:
        engine = OnnxEngine(model.path, threads)
        return lambda inputs: engine.predict(inputs)
    assert model.checkpoint is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model.checkpoint, TASK, path, quantize=quantize, verify=False)
        engine = OnnxEngine(path, threads)
    return engine.predict


def _onnxruntime_int8(model: Model, lengths: set[int], threads: int) -> Predict:
    return _onnxruntime(model, lengths, threads, quantize="int8")


def _plain_onnx(model: Model, folder: Path) -> Path:
    """What a user gets from ``torch.onnx.export`` of the `transformers` model."""
    path = folder / "plain.onnx"
    module = _module(model)
    names = ("input_ids", "attention_mask")
    example = {name: torch.ones((2, 32), dtype=torch.int64) for name in names}
    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            kwargs=example,
            dynamic_shapes=dict.fromkeys(names, shape),
            dynamo=True,
            verbose=False,
        )
        program.save(str(path))
    return path


def _plain(model: Model, lengths: set[int], threads: int, int8: bool = False) -> Predict:
    from export.onnx_graph import OnnxEngine

    if model.path is not None:
        raise Unavailable("a file is measured as it is")
    with tempfile.TemporaryDirectory() as folder:
        path = _plain_onnx(model, Path(folder))
        if int8:
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(str(path), str(path))
        engine = OnnxEngine(path, threads)
    return engine.predict


def _plain_int8(model: Model, lengths: set[int], threads: int) -> Predict:
    return _plain(model, lengths, threads, int8=True)


def _openvino(model: Model, lengths: set[int], threads: int) -> Predict:
    if importlib.util.find_spec("openvino") is None:
        raise Unavailable("not installed (pip install '.[openvino]')")
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        path = model.path or _plain_onnx(model, Path(folder))
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": str(threads), "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(core.read_model(str(path)), "CPU", options)
    request = compiled.create_infer_request()
    names = [value.get_any_name() for value in compiled.inputs]
    return lambda inputs: request.infer({name: inputs[name] for name in names})


def _package(model: Model, lengths: set[int], load: Callable[[Path], Any]) -> Predict:
    """A float16 package of the lengths of the workload, padded to them."""
    from export.bundle import BundleOptions, export_bundle
    from export.package import open_bundle

    if model.path is not None:
        bundle = open_bundle(model.path)
        return _padded_predict(load(bundle.package), bundle.settings["inputs"], bundle.lengths)
    assert model.checkpoint is not None
    chosen = tuple(sorted(lengths)) if len(lengths) <= 4 else (32, 64, 128, 256)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        export_bundle(model.checkpoint, BundleOptions(TASK, lengths=chosen), out, verify=False)
        bundle = open_bundle(out)
        return _padded_predict(load(bundle.package), bundle.settings["inputs"], chosen)


def _padded_predict(engine: Any, names: list[str], lengths: Any) -> Predict:
    from export.text import bucket

    def predict(inputs: Inputs) -> object:
        tokens = inputs["input_ids"].shape[1]
        length = bucket(tokens, lengths)
        room = ((0, 0), (0, max(length - tokens, 0)))
        return engine.predict(
            {name: np.pad(inputs[name][:, :length], room).astype(np.int32) for name in names}
        )

    return predict


def _coreml_sim(model: Model, lengths: set[int], threads: int) -> Predict:
    from export.simulator import Simulator

    def load(package: Path) -> Any:
        simulator = Simulator(package, threads=threads)
        simulator.session  # noqa: B018 - made now, outside the clock
        return simulator

    return _package(model, lengths, load)


def _coreml(model: Model, lengths: set[int], threads: int) -> Predict:
    if platform.system() != "Darwin":
        raise Unavailable("Core ML runs on a Mac only")
    import coremltools

    return _package(model, lengths, lambda package: coremltools.models.MLModel(str(package)))


RUNTIMES: dict[str, Callable[[Model, set[int], int], Predict]] = {
    "torch": _torch,
    "torch-compile": _torch_compile,
    "onnxruntime": _onnxruntime,
    "onnxruntime-int8": _onnxruntime_int8,
    "onnxruntime-plain": _plain,
    "onnxruntime-plain-int8": _plain_int8,
    "openvino": _openvino,
    "coreml-sim": _coreml_sim,
    "coreml": _coreml,
}
_FILE_RUNTIMES = {
    ".onnx": ("onnxruntime", "openvino"),
    ".mlpackage": ("coreml-sim", "coreml"),
    "": ("coreml-sim", "coreml"),
}
