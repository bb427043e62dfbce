"""The triple loss of DistilBERT (arXiv 1910.01108, section 2), chunked over positions.

``loss = 5 * KL(teacher || student) * T^2 + 2 * MLM cross-entropy + 1 * cosine``, T = 2.

Logits over a vocabulary of 30,522 are by far the largest tensors of a step. Neither model's are
ever held for a whole batch: both terms that need them are computed a few positions at a time, in
one pass, together with their gradient. The student's logits serve both terms, and the gradient is
written out (softmax less target), which saves the copies that automatic differentiation keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

IGNORED = -100
CPU_POSITIONS, DEVICE_POSITIONS = 256, 8192
"""Positions whose logits are held at a time: 256 x 30,522 floats are 31 MB for each model."""
CPU_ENTRIES, DEVICE_ENTRIES = 1, 64
"""The vocabulary is filled up to a multiple of this: a GPU's matrix units take whole blocks."""
NEVER = -1e4
"""The logit of an entry that only fills up: of probability 0, in 16 bits too."""

Terms = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""The weighted sum, the divergence and the cross-entropy."""


@dataclass(frozen=True)
class TripleWeights:
    """Weights of the three terms and the temperature; a term of weight 0 is not computed."""

    distillation: float = 5.0
    masked: float = 2.0
    cosine: float = 1.0
    temperature: float = 2.0

    def shared(self, attended: float, masked: float, masked_only: bool = False) -> TripleWeights:
        """The weights of a batch that has these shares of the positions of its step: terms are
        means over positions, and the sum over the batches is then the mean over the step."""
        distilled = masked if masked_only else attended
        return TripleWeights(
            self.distillation * distilled,
            self.masked * masked,
            self.cosine * attended,
            self.temperature,
        )


@dataclass(frozen=True)
class Positions:
    """Where a batch has tokens, and which of them are masked.

    It is known before any model runs: to ask a GPU how many there are is to wait until it has done
    all that it was given.

    Attributes:
        attended, masked: indices into the flattened batch, ascending; the masked are attended.
        labels: the true ids of the masked ones.
        places: of the masked ones among the attended.
        bounds: the same numbers, for the CPU.
        whole: every position is attended.
    """

    attended: torch.Tensor
    masked: torch.Tensor
    labels: torch.Tensor
    places: torch.Tensor
    bounds: npt.NDArray[np.int64]
    whole: bool

    @classmethod
    def of(cls, attention_mask: torch.Tensor, labels: torch.Tensor) -> Positions:
        """Of (batch, length) each: 1 for a token; true ids, `IGNORED` where nothing is masked."""
        tokens, labels = attention_mask.flatten() != 0, labels.flatten()
        attended = tokens.nonzero()[:, 0]
        masked = ((labels != IGNORED) & tokens).nonzero()[:, 0]
        places = torch.searchsorted(attended, masked)
        whole = len(attended) == len(tokens)
        return cls(attended, masked, labels[masked], places, places.cpu().numpy(), whole)

    def select(self, states: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        """Those rows of the flattened states: themselves, not a copy, where that is all of them."""
        return states if self.whole and at is self.attended else states.index_select(0, at)


class Head(Protocol):
    """An MLM head in two parts: ``decoder(transform(hidden))`` are the logits."""

    decoder: nn.Linear  # weight (vocabulary, width), bias (vocabulary,)

    def transform(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the decoder reads, (positions, width), from hidden states of the same shape."""


@dataclass(frozen=True)
class _Work:
    """What the vocabulary terms need besides the student's features and decoder; ``masked`` are the
    labels of some rows, and which rows."""

    teacher: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None
    masked: tuple[torch.Tensor, torch.Tensor, npt.NDArray[np.int64]] | None
    weights: TripleWeights
    positions: int
    arithmetic: Arithmetic

    def masked_of(self, start: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The labels, and the rows they are of counted from ``start``, of the part that begins
        there."""
        if self.masked is None:
            return None
        labels, rows, bounds = self.masked
        part = slice(*np.searchsorted(bounds, (start, start + self.positions)).tolist())
        return labels[part], rows[part] - start


class _VocabularyTerms(torch.autograd.Function):
    """(weighted sum, KL, cross-entropy) of ``features @ weight.T + bias``; only the sum has a
    gradient."""

    @staticmethod
    def forward(
        ctx: Any, features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, work: _Work
    ) -> Terms:
        kind = features.device.type
        matrix = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        if matrix == torch.float16:
            # The gradient is made here, before the loss is scaled: float16 has no room for it.
            matrix = torch.float32
        with torch.autocast(kind, enabled=False):
            student = _cooled((features, weight, bias), work, matrix)
            teacher = work.teacher and _cooled(work.teacher, work, matrix)
            gradients = []
            if any(ctx.needs_input_grad):
                gradients = [
                    torch.zeros_like(each, dtype=torch.promote_types(each.dtype, torch.float32))
                    for each in (features, weight, bias)
                ]
            sums = _run(student, teacher, work, gradients)
        ctx.save_for_backward(*gradients)
        ctx.mark_non_differentiable(*sums[1:])
        return sums

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return *(upstream[0] * gradient for gradient in ctx.saved_tensors), None


def _cooled(
    parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor], work: _Work, matrix: torch.dtype
) -> tuple[torch.Tensor, ...]:
    """Features, weight and bias whose product are the logits over the temperature: no pass over the
    logits is needed to divide them."""
    features, weight, bias = parts
    t = work.weights.temperature
    return (features / t).to(matrix), weight.to(matrix), (bias / t).to(matrix)


def _run(
    student: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor] | None,
    work: _Work,
    gradients: list[torch.Tensor],
) -> Terms:
    features, weight, bias = student
    sums = torch.zeros(2, dtype=torch.float64 if weight.is_cpu else torch.float32)
    sums = sums.to(weight.device)
    rows, t = len(features), work.weights.temperature
    count = max(len(work.masked[0]), 1) if work.masked else 1
    distillation = work.weights.distillation * t**2 / max(rows, 1) if teacher else 1.0
    for start in range(0, rows, work.positions):
        part = slice(start, start + work.positions)
        logits = F.linear(features[part], weight, bias)
        masked = work.masked_of(start)
        hard = logits[masked[1]] if masked else None
        if teacher is None:
            slope = torch.zeros_like(logits)
        else:
            target = F.linear(teacher[0][part], *teacher[1:])
            slope, kl = work.arithmetic.divergence(logits, target)
            sums[0] += kl * t**2 / rows
        if masked:
            labels, at = masked
            hard_slope, loss = work.arithmetic.cross_entropy(hard, labels, t)
            sums[1] += loss / count
            share = work.weights.masked * t / count / distillation
            slope.index_copy_(0, at, slope[at].add_(hard_slope, alpha=share))
        if gradients:
            _add(gradients, slope, features[part], weight, part, distillation, t)
    kl, ce = sums.to(torch.promote_types(weight.dtype, torch.float32))
    return work.weights.distillation * kl + work.weights.masked * ce, kl.clone(), ce.clone()


def kl_and_gradient(
    logits: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient by logits, and sum over rows, of KL(target || logits); in at least 32 bits up to the
    last, and may overwrite both."""
    log_q = _wide(logits).log_softmax(-1)
    log_p = _wide(target).log_softmax(-1)
    p = log_p.exp()
    divergence = log_p.sub_(log_q).mul_(p).sum(-1).sum()
    return log_q.exp_().sub_(p).to(logits.dtype), divergence


def cross_entropy_and_gradient(
    logits: torch.Tensor, labels: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient by logits, and sum over rows, of the cross-entropy of logits that have been divided
    by the temperature: softmax less one-hot."""
    log_q = _wide(logits).mul(temperature).log_softmax(-1)
    loss = -log_q.gather(1, labels[:, None]).sum()
    slope = log_q.exp_()
    slope[torch.arange(len(labels), device=labels.device), labels] -= 1
    return slope.to(logits.dtype), loss


def cosine_loss(hidden: torch.Tensor, teacher_hidden: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cos(student, teacher) over positions; both (positions, width)."""
    return (1 - F.cosine_similarity(hidden.float(), teacher_hidden.float(), dim=-1)).mean()


@dataclass(frozen=True)
class Arithmetic:
    """What is computed of large tensors: as it stands here, or compiled."""

    divergence: Callable[..., tuple[torch.Tensor, torch.Tensor]] = kl_and_gradient
    cross_entropy: Callable[..., tuple[torch.Tensor, torch.Tensor]] = cross_entropy_and_gradient
    cosine: Callable[..., torch.Tensor] = cosine_loss


def _wide(logits: torch.Tensor) -> torch.Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _add(
    gradients: list[torch.Tensor],
    slope: torch.Tensor,
    features: torch.Tensor,
    weight: torch.Tensor,
    part: slice,
    scale: float,
    temperature: float,
) -> None:
    """``slope`` is by logits over the temperature, and so are the features."""
    of_features, of_weight, of_bias = gradients
    of_features[part] = (slope @ weight).mul_(scale / temperature)
    if of_weight.dtype == slope.dtype:
        of_weight.addmm_(slope.t(), features, alpha=scale)
    else:  # 16-bit products, summed in 32 bits
        of_weight.add_(slope.t() @ features, alpha=scale)
    of_bias.add_(slope.sum(0, dtype=of_bias.dtype), alpha=scale / temperature)


def triple_loss(
    hidden: torch.Tensor,
    teacher_hidden: torch.Tensor | None,
    at: Positions,
    head: Head,
    teacher_head: Head | None,
    weights: TripleWeights,
    masked_only: bool = False,
    positions: int | None = None,
    arithmetic: Arithmetic = Arithmetic(),
) -> dict[str, torch.Tensor]:
    """The weighted sum as ``loss``, and each computed term by its name, unweighted.

    Args:
        hidden: last hidden states of the student, (batch, length, width).
        teacher_hidden: of the teacher; the cosine needs the same width. None without a teacher.
        at: of the batch, `Positions.of` its mask and labels.
        head: the student's; its parameters get their gradient.
        teacher_head: the teacher's, for the distillation term; it gets no gradient.
        masked_only: distil at the masked positions instead of all attended ones.
        positions: how many positions' logits to hold at a time; default by device.
        arithmetic: compiled, for example.
    """
    hidden = hidden.flatten(0, 1)
    taught = None if teacher_hidden is None else teacher_hidden.flatten(0, 1)
    terms: dict[str, torch.Tensor] = {}
    total = hidden.new_zeros(())
    if weights.distillation or weights.masked:
        chosen, places, bounds = at.attended, at.places, at.bounds
        if masked_only or not weights.distillation:
            bounds = np.arange(len(bounds))
            chosen, places = at.masked, torch.arange(len(bounds), device=hidden.device)
        teacher = None
        if weights.distillation and taught is not None and teacher_head is not None:
            with torch.no_grad():
                features = teacher_head.transform(at.select(taught, chosen))
            teacher = (features, *_filled_up(teacher_head))
        sums = _VocabularyTerms.apply(  # type: ignore[no-untyped-call]
            head.transform(at.select(hidden, chosen)),
            *_filled_up(head),
            _Work(
                teacher,
                (at.labels, places, bounds) if weights.masked else None,
                weights,
                positions or (CPU_POSITIONS if hidden.is_cpu else DEVICE_POSITIONS),
                arithmetic,
            ),
        )
        total = total + sums[0]
        terms |= {"distillation": sums[1]} if weights.distillation else {}
        terms |= {"masked": sums[2]} if weights.masked else {}
    if weights.cosine and taught is not None:
        pair = (at.select(states, at.attended) for states in (hidden, taught))
        terms["cosine"] = arithmetic.cosine(*pair)
        total = total + weights.cosine * terms["cosine"]
    return {"loss": total, **terms}


def _filled_up(head: Head) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the decoder, with a whole number of blocks of entries."""
    weight, bias = head.decoder.weight, head.decoder.bias
    missing = -len(weight) % (CPU_ENTRIES if weight.is_cpu else DEVICE_ENTRIES)
    if not missing:
        return weight, bias
    return F.pad(weight, (0, 0, 0, missing)), F.pad(bias, (0, missing), value=NEVER)
