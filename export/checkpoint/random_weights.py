"""Random weights of an architecture, drawn by `transformers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from distill.console.errors import UserError
from export.checkpoint.configuration import EncoderConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class AutoClassTask(Protocol):
    """What is needed of a task: the class of `transformers` that makes its model, and how many
    outputs its head has, where that is fixed."""

    @property
    def auto_class(self) -> str:
        """The name of a class of `transformers`, such as AutoModelForMaskedLM."""

    @property
    def rows(self) -> int | None:
        """The outputs of the head; None where the configuration says how many."""


def draw_model(config: EncoderConfig, task: AutoClassTask, seed: int) -> PreTrainedModel:
    """A model of `transformers` for a task, with random weights that repeat with ``seed``.

    Raises:
        UserError: `transformers` cannot make it of this configuration.
    """
    import transformers

    settings = {key: value for key, value in config.stored.items() if key != "model_type"}
    if task.rows is not None:
        settings = {key: value for key, value in settings.items() if "label" not in key}
        settings["num_labels"] = task.rows
    try:
        made = transformers.AutoConfig.for_model(config.model_type, **settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            auto = getattr(transformers, task.auto_class)
            model: PreTrainedModel = auto.from_config(made, dtype=torch.float32)
    except Exception as error:  # whatever a configuration suggests
        raise UserError(
            f"config.json: no {config.model_type} can be made of it ({error!r})"
        ) from None
    model.eval()
    return model


def draw_weights(config: EncoderConfig, task: AutoClassTask, seed: int) -> dict[str, torch.Tensor]:
    """The weights of `draw_model`, by name without the encoder's prefix."""
    state, prefix = draw_model(config, task, seed).state_dict(), config.family.prefix
    return {name.removeprefix(prefix): value.detach() for name, value in state.items()}
