"""The table of model types. A new one: its record in a file of this folder, and a row here."""

from __future__ import annotations

from collections.abc import Iterable

from distill.console.errors import UserError
from distill.families.albert import ALBERT
from distill.families.bert import BERT
from distill.families.deberta import DEBERTA_V2
from distill.families.distilbert import DISTILBERT
from distill.families.electra import ELECTRA
from distill.families.family import Family
from distill.families.mobilebert import MOBILEBERT
from distill.families.modernbert import MODERNBERT
from distill.families.mpnet import MPNET
from distill.families.roberta import CAMEMBERT, DATA2VEC_TEXT, ROBERTA, XLM_ROBERTA


def table(families: Iterable[Family]) -> dict[str, Family]:
    """Records by model type.

    Raises:
        ValueError: two records of one model type.
    """
    by_model_type: dict[str, Family] = {}
    for family in families:
        if family.model_type in by_model_type:
            raise ValueError(f"model type {family.model_type!r} is registered twice")
        by_model_type[family.model_type] = family
    return by_model_type


FAMILIES = table(
    (
        BERT,
        DISTILBERT,
        ROBERTA,
        XLM_ROBERTA,
        CAMEMBERT,
        DATA2VEC_TEXT,
        ELECTRA,
        MPNET,
        ALBERT,
        MODERNBERT,
        DEBERTA_V2,
        MOBILEBERT,
    )
)


def family_of(model_type: object, name: str) -> Family:
    """The record of a model type; ``name`` is the checkpoint, for the message.

    Raises:
        UserError: the kit does not know the model type.
    """
    family = FAMILIES.get(model_type) if isinstance(model_type, str) else None
    if family is None:
        known = ", ".join(FAMILIES)
        raise UserError(f"{name}: model type {model_type!r} is not supported (expected {known})")
    return family


def token_names(role: str) -> tuple[str, ...]:
    """What the special tokens of a role (``pad``, ``unk``, ``cls``, ``sep``, ``mask``) are called,
    BERT's name first.

    Raises:
        KeyError: no model type has such a role.
    """
    return tuple(dict.fromkeys(family.tokens[role] for family in FAMILIES.values()))


def every_token_name() -> tuple[str, ...]:
    """The names of all special tokens of all model types."""
    names = (name for family in FAMILIES.values() for name in family.tokens.values())
    return tuple(dict.fromkeys(names))
