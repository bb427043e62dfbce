"""A Core AI asset in Apple's own runtime: on Linux on one core, on a Mac as the system chooses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.runtimes.contenders import TASK, Model
from bench.runtimes.core_ml import package_lengths
from bench.runtimes.registry import Prepared, Unavailable, folder_of
from bench.runtimes.workloads import Inputs, Predict, pad


def prepare(name: str, model: Model, lengths: tuple[int, ...], folder: Path) -> Prepared:
    """The asset of a bundle, or one exported from a checkpoint for these lengths.

    Raises:
        Unavailable: the bundle has no Core AI asset.
    """
    from export.bundle.bundle_folder import open_bundle

    if model.bundle is not None:
        source = model.bundle.directory
    else:
        from export.proof.proven_asset import AssetOptions, export_asset

        assert model.checkpoint is not None
        chosen = package_lengths(lengths, model.checkpoint.config.positions)
        source = folder_of(model, folder) / f"asset-{'-'.join(map(str, chosen))}"
        if not source.exists():
            export_asset(model.checkpoint, AssetOptions(TASK, lengths=chosen), source, verify=False)
    bundle = open_bundle(source)
    form = bundle.settings["formats"].get("coreai")
    if form is None:
        raise Unavailable("the bundle has no Core AI asset (python -m export.coreai adds one)")
    size = int(form["bytes"])
    return Prepared(
        name, str(source), model.kind, model.random_weights, size, tuple(bundle.lengths)
    )


def load(prepared: Prepared, threads: int) -> Predict:
    """Apple's runtime takes no number of threads; on Linux it runs on one."""
    from export.bundle.bundle_folder import open_bundle
    from export.proof.coreai_runtime import CoreAIEngine
    from export.tasks.model_inputs import bucket

    bundle = open_bundle(prepared.source)
    engine = CoreAIEngine(bundle)

    def predict(inputs: Inputs) -> object:
        padded = pad(inputs, bucket(inputs["input_ids"].shape[1], bundle.lengths))
        return engine.predict({name: value.astype(np.int32) for name, value in padded.items()})

    return predict
