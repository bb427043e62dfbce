"""What runs a model: the simulator, Core ML itself on a Mac, or PyTorch as the reference."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from distill.console.errors import UserError
from export.bundle.bundle_folder import Bundle
from export.bundle.classifier import check_outputs
from export.checkpoint.reading import Checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.tasks.model_inputs import Inputs, take
from export.tasks.table import task_named
from export.tasks.task import Outputs

__all__ = ["Engine", "Outputs", "PackageEngine", "PyTorchEngine"]

OpenFunction = Callable[[str | None], Any]
"""Opens a package's function by its name, None for the only one."""


class Engine(Protocol):
    """Anything that turns named inputs into named outputs."""

    def predict(self, data: Inputs) -> Outputs:
        """Outputs by name for inputs by name, each (batch, length)."""


class PyTorchEngine:
    """The checkpoint itself in float32, in the standard layout."""

    def __init__(self, checkpoint: Checkpoint, task: str) -> None:
        self.names = input_names(checkpoint.config, task)
        self.outputs = task_named(task).outputs
        self.model = build_encoder(checkpoint, task)

    @torch.inference_mode()
    def predict(self, data: Inputs) -> Outputs:
        """Outputs of the task as float32."""
        values = self.model(*(torch.from_numpy(data[name]) for name in self.names))
        return {key: value.numpy() for key, value in zip(self.outputs, values, strict=True)}


class PackageEngine:
    """A bundle's package in the simulator (``precision`` as there) or in Core ML.

    Raises:
        UserError: Core ML is asked for and this is not a Mac.
    """

    def __init__(
        self, bundle: Bundle, engine: str = "simulator", precision: str = "float16"
    ) -> None:
        open_function = (
            core_ml(bundle.package) if engine == "coreml" else simulator(bundle.package, precision)
        )
        self.bundle = bundle
        self.model = PackageFunctions(bundle, open_function)

    def predict(self, data: Inputs) -> Outputs:
        """Outputs of the bundle's task.

        Raises:
            UserError: the package takes other inputs, or gives other outputs, or a classifier's
                label is not that of its logits.
        """
        found = self.model.predict(take(data, self.bundle.settings["inputs"]))
        names = self.bundle.record.outputs
        if not set(names) <= set(found):
            raise UserError(
                f"{self.bundle.package} gives {', '.join(found)}, not {', '.join(names)}: "
                "its model.json is that of another package"
            )
        if self.bundle.settings.get("classifier"):
            check_outputs(found, self.bundle.settings["labels"])
        return {name: np.asarray(found[name]) for name in names}


class PackageFunctions:
    """The functions of a package, each opened when an input of its length comes first."""

    def __init__(self, bundle: Bundle, open_function: OpenFunction) -> None:
        self.bundle = bundle
        self._open = cache(open_function)

    def load(self) -> None:
        """Open all functions now."""
        for name in self.bundle.functions.values() or [None]:
            self._open(name)

    def predict(self, data: Inputs) -> Outputs:
        """Run the function for the length of ``data``.

        Raises:
            UserError: the package has no function for it.
        """
        function = self.bundle.function(data["input_ids"].shape[1])
        outputs: Outputs = self._open(function).predict(data)
        return outputs


def simulator(package: Path, precision: str = "float32", threads: int = 0) -> OpenFunction:
    """What opens a function of a package in the simulator."""
    from export.simulator import Simulator

    return lambda name: Simulator(package, precision=precision, threads=threads, function=name)


def core_ml(package: Path, unit: str = "ALL") -> OpenFunction:
    """What opens a function of a package in Core ML, on a ``coremltools.ComputeUnit``.

    Raises:
        UserError: this is not a Mac.
    """
    import platform

    if platform.system() != "Darwin":
        raise UserError("--engine coreml needs a Mac; the simulator runs everywhere")
    import coremltools

    units = getattr(coremltools.ComputeUnit, unit)
    return lambda name: coremltools.models.MLModel(
        str(package), compute_units=units, function_name=name
    )
