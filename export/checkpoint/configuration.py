"""config.json -> the architecture in one vocabulary for all model types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distill.console.errors import UserError
from distill.families.family import Family, Head
from distill.families.table import FAMILIES, family_of
from distill.models.presets import PRESETS
from export.checkpoint.activations import ACTIVATIONS
from export.checkpoint.config_kinds import check_kinds

MOST_PARAMETERS = 4_000_000_000
"""A configuration above it is a mistake or an attack; its tensors must not even be allocated."""
PROBLEM_TYPES = (
    None,
    "regression",
    "single_label_classification",
    "multi_label_classification",
)


@dataclass(frozen=True)
class EncoderConfig:
    """An architecture; sizes in units and tokens.

    ``positions`` is the longest input and ``position_offset`` the number of rows of the position
    table before its first. ``segments`` is the number of token types, 0 where there are none.
    ``labels`` are in the order of the rows. ``stored`` is the content of config.json.
    """

    model_type: str
    layers: int
    width: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    segments: int
    activation: str
    layer_norm_eps: float
    labels: tuple[str, ...] = ()
    embedding_width: int = 0
    position_offset: int = 0
    architectures: tuple[str, ...] = ()
    problem_type: str | None = None
    stored: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def app_mb(self) -> int | None:
        """Decimal MB of a published app with a model of this type, depth and width; None where a
        preset knows none."""
        sizes = (self.model_type, self.layers, self.width)
        for preset in PRESETS.values():
            layers, width = (FAMILIES[preset.model_type].setting(preset.config, word)
                             for word in ("layers", "width"))  # fmt: skip
            if sizes == (preset.model_type, layers, width):
                return preset.app_mb
        return None

    @property
    def family(self) -> Family:
        """The record of the model type, for this configuration."""
        return FAMILIES[self.model_type].of(self.stored)

    def setting(self, word: str) -> Any:
        """A value of config.json by the record's word for it.

        Raises:
            UserError: the configuration does not have it.
        """
        try:
            return self.family.setting(self.stored, word)
        except KeyError as error:
            raise UserError(f"config.json has no usable {error}") from None

    def activation_of(self, head: Head) -> str:
        """The name of the activation between the dense layers of a head.

        Raises:
            UserError: it is not supported.
        """
        named = self.family.activation_of(head, self.stored)
        if named not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise UserError(
                f"config.json: activation {named!r} is not supported (expected {known})"
            )
        return named


def encoder_config(stored: Mapping[str, Any], name: str) -> EncoderConfig:
    """Translate the content of a config.json; ``name`` is the checkpoint's, for messages.

    Raises:
        UserError: what the kit does not support, by name; or an entry is missing or absurd.
    """
    family = family_of(stored.get("model_type"), name)
    _refuse(stored, name)
    check_kinds(family, stored, name)
    try:
        _check_supported(family.of(stored), stored, name)
        activation = family.setting(stored, "activation")
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise UserError(
                f"{name}: activation {activation!r} is not supported (expected {known})"
            )
        width = int(family.setting(stored, "width"))
        narrow = "embedding_projection" in family.embeddings
        config = EncoderConfig(
            model_type=family.model_type,
            layers=int(family.setting(stored, "layers")),
            width=width,
            heads=int(family.setting(stored, "heads")),
            intermediate=int(family.setting(stored, "intermediate")),
            vocabulary=int(family.setting(stored, "vocabulary")),
            positions=family.longest(stored),
            segments=int(family.setting(stored, "segments")),
            activation=activation,
            layer_norm_eps=float(family.setting(stored, "norm_eps")),
            labels=_labels(stored, name),
            embedding_width=int(family.setting(stored, "embedding_width") or width)
            if narrow
            else width,
            position_offset=family.position_offset(stored),
            architectures=tuple(str(each) for each in stored.get("architectures") or ()),
            problem_type=stored.get("problem_type"),
            stored=stored,
        )
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise UserError(f"{name}: config.json has no usable {error}") from None
    _check_sizes(config, name)
    return config


def _refuse(stored: Mapping[str, object], name: str) -> None:
    if stored.get("is_decoder"):
        raise UserError(f"{name}: a decoder (is_decoder) is not supported, only encoders are")
    if stored.get("add_cross_attention"):
        raise UserError(f"{name}: add_cross_attention is not supported: it makes a decoder")
    positions = stored.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        raise UserError(
            f"{name}: {positions!r} position embeddings are not supported (expected absolute)"
        )
    if stored.get("quantization_config"):
        raise UserError(
            f"{name}: its weights are quantized (quantization_config in config.json); export the "
            "checkpoint it was made from, with --quantize"
        )
    if stored.get("problem_type") not in PROBLEM_TYPES:
        raise UserError(f"{name}: problem_type {stored['problem_type']!r} is not supported")


def _check_supported(family: Family, stored: Mapping[str, object], name: str) -> None:
    for word, values in family.supported.items():
        value = family.setting(stored, word)
        if value not in values:
            expected = " or ".join(map(repr, values))
            raise UserError(
                f"{name}: {family.config_keys[word]} {value!r} is not supported for "
                f"{family.model_type} (expected {expected})"
            )


def _labels(stored: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Names of the rows of a classifier; `transformers` numbers them where they have none."""
    names = stored.get("id2label")
    if not names:
        count = stored.get("num_labels", 2)
        return tuple(f"LABEL_{i}" for i in range(int(count)))
    rows = sorted(int(key) for key in names)
    if rows != list(range(len(rows))):
        raise UserError(
            f"{name}: id2label in config.json numbers its labels {rows[0]} to {rows[-1]} "
            f"(expected 0 to {len(rows) - 1})"
        )
    by_row = {int(key): str(label) for key, label in names.items()}
    return tuple(by_row[row] for row in rows)


def _check_sizes(config: EncoderConfig, name: str) -> None:
    sizes = (config.layers, config.width, config.heads, config.intermediate, config.vocabulary)
    if min(*sizes, config.positions, config.embedding_width) < 1 or config.segments < 0:
        raise UserError(f"{name}: config.json has a size below 1")
    if config.width % config.heads:
        raise UserError(f"{name}: width {config.width} does not divide by {config.heads} heads")
    rows = config.vocabulary + config.positions + config.segments
    layer = 4 * config.width + 2 * config.intermediate
    parameters = config.embedding_width * rows + config.width * config.layers * layer
    if parameters > MOST_PARAMETERS:
        raise UserError(f"{name}: config.json asks for {parameters:.1e} parameters")
