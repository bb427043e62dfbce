"""Read an ML Program: from a package on disk, or from a model in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import ExportError
from export.bundle.quiet import quiet

WEIGHTS = Path("Data/com.apple.CoreML/weights")
MANIFEST = "Manifest.json"


@dataclass(frozen=True)
class LoadedProgram:
    """A MIL program (``coremltools.converters.mil.Program``) and the model description."""

    mil: Any
    description: Any


def load_program(model: Any) -> LoadedProgram:
    """Read the program of a ``.mlpackage`` directory or of a ``coremltools`` MLModel.

    Raises:
        ExportError: no package there, a broken one, or a model that is not an ML Program.
    """
    if isinstance(model, str | Path):
        return _from_spec(*_read(Path(model)), name=str(model))
    return _from_spec(model.get_spec(), getattr(model, "weights_dir", "") or "", name="the model")


def _read(package: Path) -> tuple[Any, str]:
    if not package.is_dir() or not (package / MANIFEST).is_file():
        raise ExportError(f"{package}: not a Core ML package (no {MANIFEST} in it)")
    try:
        with quiet():
            from coremltools.models.utils import load_spec

            return load_spec(str(package)), str(package / WEIGHTS)
    except Exception as error:  # the reader raises whatever a broken file leads to
        raise ExportError(f"{package}: a broken package ({_line(error)})") from None


def _from_spec(spec: Any, weights: str, name: str) -> LoadedProgram:
    if spec.WhichOneof("Type") != "mlProgram":
        raise ExportError(f"{name}: a {spec.WhichOneof('Type')}, not an ML Program")
    try:
        with quiet():
            from coremltools.converters.mil.frontend.milproto.load import load

            mil = load(spec, spec.specificationVersion, weights)
    except Exception as error:
        raise ExportError(f"{name}: its program cannot be read ({_line(error)})") from None
    return LoadedProgram(mil, spec.description)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
