"""What runs a model: the simulator, Core ML itself on a Mac, or PyTorch as the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from distill.console.errors import UserError
from export.bundle.bundle_folder import Bundle
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.tasks.model_inputs import Inputs, take
from export.tasks.table import task_named
from export.tasks.task import Outputs

__all__ = ["Engine", "Outputs", "PackageEngine", "PyTorchEngine"]


class Engine(Protocol):
    """Anything that turns named inputs into named outputs."""

    def predict(self, data: Inputs) -> Outputs: ...


class PyTorchEngine:
    """The checkpoint itself in float32, in the standard layout."""

    def __init__(self, checkpoint: Checkpoint, task: str) -> None:
        self.names = input_names(checkpoint.config, task)
        self.outputs = task_named(task).outputs
        self.model = build_encoder(checkpoint, task)

    @torch.inference_mode()
    def predict(self, data: Inputs) -> Outputs:
        values = self.model(*(torch.from_numpy(data[name]) for name in self.names))
        return {key: value.numpy() for key, value in zip(self.outputs, values, strict=True)}


class PackageEngine:
    """A bundle's package in the simulator (``precision`` as there) or in Core ML.

    Raises:
        UserError: Core ML is asked for and this is no Mac.
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
            UserError: the package takes other inputs, or gives other outputs.
        """
        found = self.model.predict(take(data, self.bundle.settings["inputs"]))
        names = self.bundle.record.outputs
        if not set(names) <= set(found):
            raise UserError(
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
        raise UserError("--engine coreml needs a Mac; the simulator runs everywhere")
    import coremltools

    return coremltools.models.MLModel(str(package))
