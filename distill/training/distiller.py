"""Student and teacher in one module whose output is the triple loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.activations import get_activation

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from distill.losses.relation import LayerRelations
from distill.losses.triple import Arithmetic, Positions, TripleWeights, triple_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import PreTrainedModel


class MlmHead(nn.Module):
    """The MLM head of a `transformers` model in two parts, ``decoder(transform(hidden))``, by the
    names in `distill.families`.

    Raises:
        UserError: the model has no such head, or one whose output is not one matrix and a bias.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        family = FAMILIES.get(model.config.model_type)
        stored = model.config.to_dict()
        head = family.of(stored).head("mlm") if family else None
        modules = dict(model.named_modules())
        if family is None or head is None or not {*head.parts.values()} <= modules.keys():
            raise UserError(
                f"{type(model).__name__} has no MLM head of {', '.join(FAMILIES)}, which L_ce and "
                "L_mlm need"
            )
        self.decoder = modules[head.parts["dense"]]
        plain = head.kind == "vocabulary" and isinstance(self.decoder, nn.Linear)
        if not plain or self.decoder.bias is None:
            raise UserError(
                f"{type(model).__name__}: its MLM head is not one matrix with a bias, which L_ce "
                "and L_mlm need"
            )
        activation = get_activation(family.activation_of(head, stored))
        named = [modules[head.parts[part]] for part in ("transform", "norm")]
        self.steps = nn.Sequential(named[0], activation, named[1])

    def transform(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the decoder reads, (..., width), from hidden states of the same shape."""
        states: torch.Tensor = self.steps(hidden)
        return states


class Distiller(nn.Module):
    """``forward(batch) -> {"loss", terms}``. The teacher is held, not owned: it is neither saved
    nor trained.

    Args:
        student: a `transformers` masked language model.
        teacher: a `transformers` model, with an MLM head if its distribution is to be learnt;
            None to train the student as a masked language model alone.
        positions: as in `triple_loss`.
        relation: weight of `distill.losses.relation`, which compares models of any widths.
        relation_heads: of it; 0 takes the student's attention heads.

    Raises:
        UserError: a head that is missing, other vocabularies, or widths that the cosine cannot
            compare.
    """

    def __init__(
        self,
        student: PreTrainedModel,
        teacher: PreTrainedModel | None,
        weights: TripleWeights,
        masked_only: bool = False,
        positions: int | None = None,
        relation: float = 0.0,
        relation_heads: int = 0,
    ) -> None:
        super().__init__()
        self.student, self.weights, self.masked_only = student, weights, masked_only
        self.positions = positions
        self._arithmetic = Arithmetic()
        self.head = MlmHead(student)
        self._held: tuple[nn.Module, MlmHead | None] | None = None
        if teacher is None:
            self.weights = TripleWeights(0, weights.masked, 0, weights.temperature)
        elif weights.distillation or weights.cosine or relation:
            self._held = self._hold(teacher)
        self.relation = 0.0
        if teacher is not None and relation:
            self.relation = relation
            self._relations = LayerRelations(student, teacher, relation_heads)

    def _hold(self, teacher: PreTrainedModel) -> tuple[nn.Module, MlmHead | None]:
        """The teacher's encoder, and its head where its distribution is to be learnt."""
        configs = (teacher.config, self.student.config)
        taught, own = (config.vocab_size for config in configs)
        if taught != own:
            raise UserError(
                f"the teacher's vocabulary has {taught} entries, the student's {own}: a student "
                "learns from a teacher of its own vocabulary"
            )
        taught, own = (config.hidden_size for config in configs)
        if self.weights.cosine and taught != own:
            raise UserError(
                f"L_cos compares states of one width; the teacher's have {taught}, the student's "
                f"{own}: leave it out with --alpha_cos 0; --alpha_rel 1 compares relations, of any "
                "widths"
            )
        teacher.eval().requires_grad_(False)
        return teacher.base_model, MlmHead(teacher) if self.weights.distillation else None

    @property
    def of_masked(self) -> frozenset[str]:
        """The terms that are means over the masked positions, not over all attended ones."""
        return frozenset({"masked", "distillation"} if self.masked_only else {"masked"})

    def weighted(self, terms: Mapping[str, float]) -> float:
        """The loss that these terms make, by name; those of weight 0 may be missing."""
        weights = {
            "distillation": self.weights.distillation,
            "masked": self.weights.masked,
            "cosine": self.weights.cosine,
            "relation": self.relation,
        }
        return sum(weight * terms[name] for name, weight in weights.items() if weight)

    def activation_checkpointing_enable(self, **keywords: Any) -> None:
        """The student's: the teacher keeps no activations."""
        self.student.activation_checkpointing_enable(**keywords)

    def compile(self, *arguments: Any, **keywords: Any) -> None:
        """``torch.compile`` the embeddings and each layer of student and teacher in place, and the
        arithmetic of the losses. Layers are alike, so that one is compiled for all of them:
        seconds, where the whole step takes minutes. A layer whose parts are watched, for the
        relation loss, stays as it is: compiled code calls no hooks. Arguments are those of
        ``torch.compile``."""
        plain = vars(Arithmetic())
        self._arithmetic = Arithmetic(
            **{name: torch.compile(each, *arguments, **keywords) for name, each in plain.items()}
        )
        for head in (self.head, *(self._held or ())[1:]):
            if head is not None:
                head.steps.compile(*arguments, **keywords)
        for model in (self.student.base_model, *(self._held or ())[:1]):
            layers = model.get_submodule(FAMILIES[model.config.model_type].layer)
            for module in (model.embeddings, *layers):
                if not any(part._forward_hooks for part in module.modules()):
                    module.compile(*arguments, **keywords)

    def _apply(
        self, function: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True
    ) -> Distiller:
        """Moves the teacher where the student goes."""
        if self._held:
            for module in self._held:
                if module is not None:
                    module._apply(function)
        super()._apply(function, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        shares: tuple[float, float] | None = None,
    ) -> dict[str, torch.Tensor]:
        """All (batch, length); ``shares`` are what the batch has of the attended and of the masked
        positions of its step, 1 where it is all of it. In evaluation the masked term is computed
        whatever its weight: held-out perplexity compares students of any loss."""
        at = Positions.of(attention_mask, labels)
        mask = None if at.whole else attention_mask
        hidden = self.student.base_model(input_ids, mask).last_hidden_state
        teacher_hidden = teacher_head = None
        if self._held:
            teacher, teacher_head = self._held
            with torch.no_grad():
                teacher_hidden = teacher(input_ids, mask).last_hidden_state
        weights = self.weights.shared(*(shares or (1.0, 1.0)), self.masked_only)
        terms = triple_loss(
            hidden,
            teacher_hidden,
            at,
            self.head,
            teacher_head,
            weights,
            self.masked_only,
            self.positions,
            self._arithmetic,
        )
        if self._held and self.relation:
            terms["relation"] = self._relations.loss(attention_mask)
            share = shares[0] if shares else 1.0
            terms["loss"] = terms["loss"] + self.relation * share * terms["relation"]
        if not self.training and not weights.masked:
            only = TripleWeights(0, 1, 0)
            none = (None, at, self.head, None, only)
            terms["masked"] = triple_loss(hidden, *none, positions=self.positions)["masked"]
        return terms
