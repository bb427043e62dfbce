"""A Core ML package in the simulator, or on a Mac in Core ML itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.runtimes.contenders import TASK, Model
from bench.runtimes.registry import Prepared, folder_of
from bench.runtimes.workloads import Inputs, Predict, pad

MOST_LENGTHS = 4
"""Lengths that a package is made for exactly; text of more lengths is padded to `STEPS`."""
STEPS = (16, 32, 64, 128, 256, 384, 512)
UNITS = {
    "coreml": "ALL",
    "coreml-cpu": "CPU_ONLY",
    "coreml-gpu": "CPU_AND_GPU",
    "coreml-ane": "CPU_AND_NE",
}


def package_lengths(lengths: tuple[int, ...], longest: int) -> tuple[int, ...]:
    """The lengths of a package for inputs of these lengths, as a phone would get it; the model
    takes ``longest`` tokens at most, and inputs are no longer than that."""
    if len(lengths) <= MOST_LENGTHS:
        return lengths
    within = tuple(step for step in STEPS if min(lengths) <= step < max(lengths))
    return (*within, min(longest, next(step for step in STEPS if step >= max(lengths))))


def prepare(name: str, model: Model, lengths: tuple[int, ...], folder: Path) -> Prepared:
    """The package of a bundle, or one exported from a checkpoint for `package_lengths`."""
    from export.bundle.bundle_folder import directory_size, open_bundle

    if model.bundle is not None:
        source = str(model.bundle.directory)
    else:
        from export.proof.proven_bundle import BundleOptions, export_bundle

        assert model.checkpoint is not None
        chosen = package_lengths(lengths, model.checkpoint.config.positions)
        out = folder_of(model, folder) / f"package-{'-'.join(map(str, chosen))}"
        if not out.exists():
            options = BundleOptions(TASK, lengths=chosen)
            export_bundle(model.checkpoint, options, out, verify=False)
        source = str(out)
    bundle = open_bundle(source)
    size = directory_size(bundle.package)
    return Prepared(name, source, model.kind, model.random_weights, size, tuple(bundle.lengths))


def load(prepared: Prepared, threads: int) -> Predict:
    """The package with all its functions open; ``threads`` are the simulator's, Core ML takes none.
    Inputs are padded to the next length that the package has.
    """
    from export.bundle.bundle_folder import open_bundle
    from export.proof.package_runners import PackageFunctions, core_ml, simulator
    from export.tasks.model_inputs import bucket

    bundle = open_bundle(prepared.source)
    names = bundle.settings["inputs"]
    open_function = (
        simulator(bundle.package, threads=threads)
        if prepared.runtime == "coreml-sim"
        else core_ml(bundle.package, UNITS[prepared.runtime])
    )
    model = PackageFunctions(bundle, open_function)
    model.load()  # before the clock starts

    def predict(inputs: Inputs) -> object:
        padded = pad(inputs, bucket(inputs["input_ids"].shape[1], bundle.lengths))
        return model.predict({name: padded[name].astype(np.int32) for name in names})

    return predict
