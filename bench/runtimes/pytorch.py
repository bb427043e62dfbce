"""PyTorch: the `transformers` model eager or compiled, and ELMo."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from bench.runtimes.contenders import ELMO, Model
from bench.runtimes.registry import Prepared, Unavailable
from bench.runtimes.workloads import Inputs, Predict
from distill.models.presets import PRESETS

NAMES = ("input_ids", "attention_mask")
BYTES = 4  # of a float32 weight


def prepare(name: str, model: Model, lengths: tuple[int, ...], folder: Path) -> Prepared:
    """Nothing is written: the checkpoint's folder, or the preset's name; the size is that of the
    encoder in float32.
    """
    source = model.source
    if model.checkpoint is not None and model.checkpoint.directory is not None:
        source = str(model.checkpoint.directory)
    parameters = model.parameters
    size = BYTES * parameters if parameters else None
    return Prepared(name, source, model.kind, model.random_weights, size)


def load(prepared: Prepared, threads: int) -> Predict:
    """The model of `transformers` or ELMo, on ``threads`` threads of PyTorch.

    Raises:
        Unavailable: torch.compile is asked for and cannot compile here.
    """
    torch.set_num_threads(threads)
    if prepared.kind == ELMO:
        from bench.runtimes.elmo import elmo_model

        return elmo_model().predict
    model = transformers_model(prepared.source, prepared.random_weights)
    module: Callable[..., object] = model
    if prepared.runtime == "torch-compile":
        module = _compiled(model)

    @torch.inference_mode()
    def predict(inputs: Inputs) -> object:
        return module(**{name: torch.from_numpy(inputs[name]) for name in NAMES})

    return predict


def transformers_model(source: str, random_weights: bool) -> torch.nn.Module:
    """The encoder as a user of `transformers` loads it; ``source`` is a directory, or a preset
    when the weights are random."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if not random_weights:
        loaded: torch.nn.Module = transformers.AutoModel.from_pretrained(
            source, trust_remote_code=False, dtype=torch.float32
        )
        return loaded.eval()
    config = dict(PRESETS[source].config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        settings = transformers.AutoConfig.for_model(config.pop("model_type"), **config)
        made: torch.nn.Module = transformers.AutoModel.from_config(settings)
    return made.eval()


def _compiled(module: torch.nn.Module) -> Callable[..., object]:
    """`torch.compile` with its defaults, tried at once: its compiler may be missing.

    Raises:
        Unavailable: no C++ compiler, or one that fails.
    """
    if shutil.which(os.environ.get("CXX", "g++")) is None and shutil.which("clang++") is None:
        raise Unavailable("torch.compile needs a C++ compiler (g++ or clang++)")
    compiled = torch.compile(module)
    example = {name: torch.ones((1, 8), dtype=torch.int64) for name in NAMES}
    try:
        with torch.inference_mode():
            compiled(**example)
    except Exception as error:  # the compiler's stages each have exceptions of their own
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise Unavailable(f"torch.compile failed: {reason[0]}") from None
    return compiled
