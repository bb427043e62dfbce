"""What runs a model, in two steps: prepare a file from the model, load the file.

The steps are apart so that a process that only loads (see `bench.measuring.memory`) has
the memory of a user of that file, not that of its export. This module imports no runtime;
the loaders do.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import quote

from distill.console.errors import UserError

if TYPE_CHECKING:
    from bench.runtimes.contenders import Model
    from bench.runtimes.workloads import Predict

KIT = ("onnxruntime", "onnxruntime-int8")
PEERS = (
    "onnxruntime-plain",
    "onnxruntime-plain-int8",
    "openvino",
    "torch",
    "torch-compile",
)
"""What a user could pick instead of the kit's ONNX files."""


DEFAULTS = {
    "checkpoint": ("torch", "onnxruntime", "onnxruntime-int8"),
    "elmo": ("torch",),
    "onnx": ("onnxruntime",),
    "package": ("coreml-sim",),
    "asset": ("coreai",),
}
"""What runs a model of a kind where no runtime is named."""


class Unavailable(UserError):
    """A runtime that cannot run a model here; it is named and left out."""


@dataclass(frozen=True)
class Runtime:
    """``module``, of this package, does what `prepare` and `load` say.

    ``accepts`` are the kinds of `bench.runtimes.contenders.Model` it takes; ``needs`` is a
    package that may not be installed, ``extra`` the extra that brings it; ``system`` the only
    system it runs on.
    """

    module: str
    accepts: tuple[str, ...]
    description: str
    needs: str = "torch"
    extra: str = ""
    system: str = ""


@dataclass(frozen=True)
class Prepared:
    """What a runtime loads: a file, a directory or a preset, as plain values that another process
    can be given. ``size`` is its bytes, ``lengths`` those a package was made for, ``loops`` whether
    an ONNX file from elsewhere has operations that repeat others, and so may not end."""

    runtime: str
    source: str
    kind: str
    random_weights: bool
    size: int | None
    lengths: tuple[int, ...] = ()
    loops: bool = False

    def plain(self) -> dict[str, object]:
        """The fields, for another process."""
        return asdict(self)


RUNTIMES: dict[str, Runtime] = {
    "torch": Runtime("pytorch", ("checkpoint", "elmo"), "the transformers model, eager"),
    "torch-compile": Runtime("pytorch", ("checkpoint",), "the same through torch.compile"),
    "onnxruntime": Runtime("onnx_runtime", ("checkpoint", "onnx"), "this kit's ONNX file, fused"),
    "onnxruntime-int8": Runtime("onnx_runtime", ("checkpoint",), "the same with int8 weights"),
    "onnxruntime-plain": Runtime("plain_exports", ("checkpoint",), "torch.onnx.export as it comes"),
    "onnxruntime-plain-int8": Runtime("plain_exports", ("checkpoint",), "its dynamic quantization"),
    "openvino": Runtime(
        "plain_exports", ("checkpoint", "onnx"), "OpenVINO", "openvino", "openvino"
    ),
    "coreai": Runtime(
        "core_ai",
        ("checkpoint", "package", "asset"),
        "the Core AI asset in Apple's runtime, on Linux on one core",
        "coreai",
        "coreai",
    ),
    "coreml-sim": Runtime("core_ml", ("checkpoint", "package"), "the package, simulated"),
    **{
        name: Runtime("core_ml", ("checkpoint", "package"), unit, "coremltools", "", "Darwin")
        for name, unit in (
            ("coreml", "Core ML, all compute units"),
            ("coreml-cpu", "Core ML on the CPU"),
            ("coreml-gpu", "Core ML on CPU and GPU"),
            ("coreml-ane", "Core ML on CPU and Neural Engine"),
        )
    },
}


def parse_runtimes(text: str) -> list[str]:
    """Names separated by commas, each once.

    Raises:
        UserError: an unknown runtime, or none.
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in RUNTIMES:
            raise UserError(f"unknown runtime {name!r}; choose from {', '.join(RUNTIMES)}")
    if not names:
        raise UserError(f"no runtime named; choose from {', '.join(RUNTIMES)}")
    return names


def default_runtimes(kinds: Iterable[str]) -> list[str]:
    """The runtimes of `DEFAULTS` for models of these kinds, in the order of the table."""
    chosen = {name for kind in kinds for name in DEFAULTS[kind]}
    return [name for name in RUNTIMES if name in chosen]


def check(name: str, model: Model, lengths: Sequence[int]) -> None:
    """Whether a runtime can run a model at these lengths on this machine.

    Raises:
        Unavailable: with the reason.
    """
    runtime = RUNTIMES[name]
    if runtime.system and platform.system() != runtime.system:
        raise Unavailable("Core ML runs on a Mac only")
    if importlib.util.find_spec(runtime.needs) is None:
        what = f"'.[{runtime.extra}]'" if runtime.extra else runtime.needs
        raise Unavailable(f"{runtime.needs} is not installed (pip install {what})")
    if model.kind not in runtime.accepts:
        takers = [key for key, other in RUNTIMES.items() if model.kind in other.accepts]
        raise Unavailable(f"a model of this kind runs in {', '.join(takers)}")
    if model.longest is not None and max(lengths) > model.longest:
        raise Unavailable(f"length {max(lengths)} is above its {model.longest}")


def prepare(name: str, model: Model, lengths: Sequence[int], folder: Path) -> Prepared:
    """Make the file that a runtime loads, in ``folder``, unless an earlier call made it.

    Raises:
        Unavailable: this runtime cannot run this model here.
        UserError: the model cannot be exported.
    """
    check(name, model, lengths)
    made: Prepared = _module(name).prepare(name, model, tuple(lengths), folder)
    return made


def load(prepared: Prepared, threads: int) -> Predict:
    """A function of inputs that runs the model once on ``threads`` threads.

    Raises:
        Unavailable: it cannot be loaded for want of something on this machine.
        UserError: a file that is broken.
    """
    predict: Callable[..., object] = _module(prepared.runtime).load(prepared, threads)
    return predict


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"bench.runtimes.{RUNTIMES[name].module}")


def folder_of(model: Model, folder: Path) -> Path:
    """A folder for the files of one model, its own whatever the model is called."""
    place = folder / f"model-{quote(model.name, safe='')}"
    place.mkdir(parents=True, exist_ok=True)
    return place
