"""What runs a model: the simulator, Core ML itself on a Mac, or PyTorch as the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from export import ExportError
from export.checkpoint import Checkpoint
from export.encoder import build_encoder, input_names
from export.package import Bundle
from export.tasks import OUTPUTS
from export.text import Inputs, take

Outputs = dict[str, np.ndarray]


class Engine(Protocol):
    """Anything that turns named inputs into named outputs."""

    def predict(self, data: Inputs) -> Outputs: ...


class PyTorchEngine:
    """The checkpoint itself in float32, in the standard layout."""

    def __init__(self, checkpoint: Checkpoint, task: str) -> None:
        self.names = input_names(checkpoint.config, task)
        self.outputs = OUTPUTS[task]
        self.model = build_encoder(checkpoint, task)

    @torch.inference_mode()
    def predict(self, data: Inputs) -> Outputs:
        values = self.model(*(torch.from_numpy(data[name]) for name in self.names))
        return {key: value.numpy() for key, value in zip(self.outputs, values, strict=True)}


class PackageEngine:
    """A bundle's package in the simulator (``precision`` as there) or in Core ML.

    Raises:
        ExportError: Core ML is asked for and this is no Mac.
    """

    def __init__(
        self, bundle: Bundle, engine: str = "simulator", precision: str = "float16"
    ) -> None:
        package = bundle.package
        self.bundle = bundle
        self.model = _coreml(package) if engine == "coreml" else _simulator(package, precision)

    def predict(self, data: Inputs) -> Outputs:
        """Outputs of the bundle's task.

        Raises:
            ExportError: the package takes other inputs, or gives other outputs.
        """
        found = self.model.predict(take(data, self.bundle.settings["inputs"]))
        names = OUTPUTS[self.bundle.task]
        if not set(names) <= set(found):
            raise ExportError(
                f"{self.bundle.package} gives {', '.join(found)}, not {', '.join(names)}: "
                "its model.json is that of another package"
            )
        return {name: np.asarray(found[name]) for name in names}


def _simulator(package: Path, precision: str) -> Any:
    from export.simulator import Simulator

    return Simulator(package, precision=precision)


def _coreml(package: Path) -> Any:
    import platform

    if platform.system() != "Darwin":
        raise ExportError("--engine coreml needs a Mac; the simulator runs everywhere")
    import coremltools

    return coremltools.models.MLModel(str(package))
