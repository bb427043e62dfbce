"""Read an ML Program: from a package on disk, from a bundle, or from a model in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import SimulatorError, first_line
from .inner_links import check_inside
from .reading import reading
from .weight_places import check_weights

if TYPE_CHECKING:
    from coremltools.converters.mil.mil import Program
    from coremltools.models import MLModel
    from coremltools.proto.Model_pb2 import FunctionDescription, Model, ModelDescription

    from .mil import Function

WEIGHTS = Path("Data/com.apple.CoreML/weights")
MANIFEST = "Manifest.json"
BUNDLE = "model.json"
MAX_JSON_BYTES = 1 << 24
AnyModel: TypeAlias = "str | Path | MLModel | Model"
"""The path of a package or a bundle, a ``coremltools`` MLModel, or a model specification."""
NOT_READ = {
    ".mlmodelc": "a compiled model, which only Apple's runtime reads; give the .mlpackage that it "
    "was compiled from",
    ".aimodel": "a Core AI asset, which the simulator does not read; give the Core ML package of "
    "the same model, or on a Mac use coreai_torch.debugging",
}
"""Formats by their suffix, and what to do."""


@dataclass(frozen=True)
class LoadedProgram:
    """One function of a package: its MIL (``coremltools.converters.mil.Program``, which holds this
    function alone), what describes its inputs and outputs, and the specification of the whole."""

    mil: Program
    name: str
    description: ModelDescription | FunctionDescription
    spec: Model

    @property
    def function(self) -> Function:
        """The MIL function."""
        function: Function = self.mil.functions[self.name]
        return function


def load_program(
    model: AnyModel, function: str | None = None, weights_dir: str = ""
) -> LoadedProgram:
    """Read a function of a ``.mlpackage``, of a bundle folder with one in it, of a ``coremltools``
    MLModel, or of a model specification whose weights are in ``weights_dir``.

    ``function`` is by default the one that the package names as its default.

    Raises:
        SimulatorError: no package there, a broken one, one that points outside of itself, a model
            that is not an ML Program, or no such function.
    """
    if isinstance(model, str | Path):
        return _loaded(*_read(Path(model)), str(model), function)
    if hasattr(model, "get_spec"):
        weights_dir = getattr(model, "weights_dir", "") or weights_dir
        return _loaded(model.get_spec(), weights_dir, "the model", function)
    if hasattr(model, "specificationVersion"):
        return _loaded(model, weights_dir, "the specification", function)
    raise SimulatorError(
        f"a {type(model).__name__} is not a model; expected the path of a .mlpackage, "
        "an MLModel or its specification"
    )


def check_format(path: Path) -> None:
    """
    Raises:
        SimulatorError: a path that holds no program which the simulator reads.
    """
    _read(path)


def _read(path: Path) -> tuple[Model, str]:
    """The specification of what lies at a path, and the folder of its weights."""
    if path.is_dir() and not (path / MANIFEST).exists() and (path / BUNDLE).exists():
        path = _package_of_bundle(path)
    if path.suffix in NOT_READ:
        raise SimulatorError(f"{path}: {NOT_READ[path.suffix]}")
    if not path.exists():
        raise SimulatorError(f"{path}: no such package")
    if path.suffix == ".mlmodel" and path.is_file():
        return _parsed(path, path), ""
    if not path.is_dir() or not (path / MANIFEST).exists():
        raise SimulatorError(f"{path}: not a Core ML package (no {MANIFEST} in it)")
    for weights in (path / WEIGHTS).glob("*"):
        _regular(weights, path)
    return _parsed(_root_model(path), path), str(path / WEIGHTS)


def _package_of_bundle(folder: Path) -> Path:
    package = read_object(folder / BUNDLE, folder).get("package")
    if not isinstance(package, str):
        raise SimulatorError(f"{folder / BUNDLE}: does not name a package")
    return _inside(folder, package, folder)


def _root_model(package: Path) -> Path:
    """The model's file, as the manifest names it."""
    manifest = read_object(package / MANIFEST, package)
    try:
        place = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
    except (KeyError, TypeError):
        raise SimulatorError(
            f"{package}: a broken package ({MANIFEST} does not name a model)"
        ) from None
    return _inside(package / "Data", place, package)


def _inside(folder: Path, place: object, package: Path) -> Path:
    """A path that must lie in a folder."""
    pure = PurePosixPath(str(place))
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise SimulatorError(f"{package}: a broken package (its file {str(place)!r} is outside)")
    _checked_link(folder / pure, package)
    return folder / pure


def _checked_link(path: Path, package: Path) -> None:
    try:
        check_inside(path, package)
    except SimulatorError as error:
        raise SimulatorError(f"{package}: a broken package ({error})") from None


def _regular(path: Path, package: Path) -> Path:
    if not path.is_file():  # nor a pipe or a device, which would be waited for
        raise SimulatorError(f"{package}: a broken package ({path.name} is not a regular file)")
    _checked_link(path, package)
    return path


def read_object(path: Path, package: Path) -> dict[str, Any]:
    """The content of a JSON file of a package or beside it.

    Raises:
        SimulatorError: no regular file, more than `MAX_JSON_BYTES`, or not an object.
    """
    if _regular(path, package).stat().st_size > MAX_JSON_BYTES:
        raise SimulatorError(f"{package}: a broken package ({path.name} is too large)")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SimulatorError(
            f"{package}: a broken package ({path.name}: {first_line(error)})"
        ) from None
    if not isinstance(value, dict):
        raise SimulatorError(f"{package}: a broken package ({path.name} is not an object)")
    return value


def _parsed(path: Path, package: Path) -> Model:
    content = _regular(path, package).read_bytes()
    with reading():
        from coremltools.proto import Model_pb2

        try:
            return Model_pb2.Model.FromString(content)
        except Exception as error:  # protobuf's own types
            raise SimulatorError(f"{package}: a broken package ({first_line(error)})") from None


def _loaded(spec: Model, weights: str, place: str, wanted: str | None) -> LoadedProgram:
    kind = spec.WhichOneof("Type")
    if kind != "mlProgram":
        raise SimulatorError(f"{place}: a {kind or 'model of unknown type'}, not an ML Program")
    name = _chosen(spec, place, wanted)
    check_weights(spec.mlProgram, weights, place)
    single = type(spec)()
    single.CopyFrom(spec)
    for other in set(single.mlProgram.functions) - {name}:
        del single.mlProgram.functions[other]
    try:
        with reading():
            from coremltools.converters.mil.frontend.milproto.load import load

            mil = load(single, spec.specificationVersion, weights)
    except Exception as error:  # the reader raises whatever a broken file leads to
        raise SimulatorError(f"{place}: its program cannot be read ({first_line(error)})") from None
    parts = {part.name: part for part in spec.description.functions}
    return LoadedProgram(mil, name, parts.get(name, spec.description), spec)


def _chosen(spec: Model, place: str, wanted: str | None) -> str:
    """The name of a function; the package's own default where none is wanted."""
    names: list[str] = sorted(spec.mlProgram.functions)
    if not names:
        raise SimulatorError(f"{place}: a program without functions")
    known = ", ".join(names)
    if wanted is not None:
        if wanted not in names:
            raise SimulatorError(f"no function {wanted!r}; there are {known}")
        return wanted
    default: str = spec.description.defaultFunctionName or "main"
    if default in names:
        return default
    if len(names) == 1:
        return names[0]
    raise SimulatorError(f"{place}: its default function {default!r} is missing; name one: {known}")
