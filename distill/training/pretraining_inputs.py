"""What a pre-training is given: models, the sequences to train and to evaluate on, and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import AutoModelForMaskedLM

from distill.console.errors import UserError
from distill.corpus.length_batches import Sequences
from distill.corpus.masking import MaskingCollator
from distill.corpus.shards import Corpus
from distill.families.table import every_token_name, token_names
from distill.models.checkpoint_folder import check_length, checkpoint_directory
from distill.models.loading import DROPOUTS, load_weights
from distill.models.tokenizer import ids_of
from distill.students.from_layers import check_vocabularies, load_teacher, make_student
from distill.training.settings import PretrainSettings, layer_choice

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel


def models(
    settings: PretrainSettings, seed: int
) -> tuple[Path, PreTrainedModel, PreTrainedModel | None]:
    """The folder of the tokenizer, the student, and the teacher or None.

    Raises:
        UserError: a checkpoint cannot be loaded, is too short for the sequences, or has another
            vocabulary than its teacher; no student can be made of the teacher.
    """
    torch.manual_seed(seed)
    teacher = place = None
    if settings.teacher:
        place = checkpoint_directory(settings.teacher)
        check_length(place, settings.sequence_length)
        teacher = load_teacher(place, needs_head=settings.alpha_ce > 0)
    if settings.student:
        directory = checkpoint_directory(settings.student)
        check_length(directory, settings.sequence_length)
        student = load_weights(AutoModelForMaskedLM, directory)
        if place:
            check_vocabularies(place, directory)
    else:
        assert place is not None and teacher is not None
        directory = place
        student = make_student(teacher, settings.layers, layer_choice(settings.choice), seed)
    if settings.dropout is not None:
        set_dropout(student, settings.dropout)
    if settings.freeze_encoder:
        student.base_model.requires_grad_(False)
    return directory, student, teacher


def set_dropout(model: PreTrainedModel, dropout: float) -> None:
    """Replace every dropout of a model, those inside its attention too."""
    for name in DROPOUTS:
        if hasattr(model.config, name):
            setattr(model.config, name, dropout)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = dropout  # type: ignore[assignment]


def split(corpus: Corpus, held_out: float) -> tuple[Sequences, Sequences | None]:
    """Sequences to train on, and a share kept for evaluation, the same in every run.

    Raises:
        UserError: the share leaves nothing on one side.
    """
    order = np.random.default_rng(0).permutation(len(corpus))
    count = round(held_out * len(corpus))
    if held_out and not 0 < count < len(corpus):
        raise UserError(
            f"--held_out {held_out}: {count} of {len(corpus)} sequences would be held out; "
            "name another share, or 0 to train on all"
        )
    rows = np.sort(order[count:])
    return Sequences(corpus, rows), Sequences(corpus, np.sort(order[:count])) if count else None


def halves(corpus: Corpus, held_out: Sequences) -> tuple[Sequences, Sequences]:
    """Every other held-out sequence to choose the step, the rest to report.

    Raises:
        UserError: only one sequence is held out.
    """
    if len(held_out) < 2:
        raise UserError("one sequence is held out, too few to choose a step and to report another")
    return Sequences(corpus, held_out.rows[::2]), Sequences(corpus, held_out.rows[1::2])


def collator(corpus: Corpus, tokenizer: Tokenizer, pad_id: int, seed: int) -> MaskingCollator:
    """Raises:
    UserError: the tokenizer has no mask token.
    """
    special = ids_of(tokenizer, every_token_name())
    masks = ids_of(tokenizer, token_names("mask"))
    if not masks:
        expected = " or ".join(token_names("mask"))
        raise UserError(f"the tokenizer has no mask token (expected {expected})")
    return MaskingCollator(corpus.counts, masks[0], sorted(special), pad_id, seed)
