"""The simulator in the place of Core ML: what an MLModel of coremltools answers on a Mac alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .reading import silent
from .simulator import Simulator
from .state import State

if TYPE_CHECKING:
    from coremltools.models import MLModel

SIMULATOR = "_coreml_simulator"


@contextmanager
def standing_in(precision: str = "float32") -> Iterator[None]:
    """Within the block the models of coremltools predict in the simulator, those that its
    ``MLModelInspector``, ``MLModelValidator`` and ``MLModelComparator`` make, too.

    Args:
        precision: as that of `Simulator`.
    """
    with silent():
        import coremltools  # whole, with torch where it is installed: the program may convert

    model: Any = coremltools.models.MLModel
    stand_ins = replacements(precision)
    core_ml = {name: getattr(model, name) for name in stand_ins}
    for name, method in stand_ins.items():
        setattr(model, name, method)
    try:
        yield
    finally:
        for name, method in core_ml.items():
            setattr(model, name, method)


def replacements(precision: str = "float32") -> dict[str, Callable[..., object]]:
    """Methods to put in the place of MLModel's, by their names."""
    from coremltools.models import MLModel

    load: Any = MLModel._get_proxy_and_spec

    def predict(mlmodel: MLModel, data: object, state: State | None = None) -> Any:
        return simulator_of(mlmodel, precision).predict(data, state)

    def make_state(mlmodel: MLModel) -> State:
        return simulator_of(mlmodel, precision).make_state()

    def loaded(mlmodel: MLModel, *arguments: object, **options: object) -> tuple[Any, Any, Any]:
        """coremltools takes a model without a proxy for one that Core ML could not load."""
        skipped = options.pop("skip_model_load", False)
        _, spec, _ = load(mlmodel, *arguments, skip_model_load=True, **options)
        return None if skipped else SIMULATOR, spec, None

    return {"predict": predict, "make_state": make_state, "_get_proxy_and_spec": loaded}


def simulator_of(mlmodel: MLModel, precision: str = "float32") -> Simulator:
    """The simulator of a ``coremltools.models.MLModel``, made at its first use."""
    made: Simulator | None = mlmodel.__dict__.get(SIMULATOR)
    if made is None or made.precision != precision:
        made = Simulator(mlmodel, precision)
        setattr(mlmodel, SIMULATOR, made)
    return made
