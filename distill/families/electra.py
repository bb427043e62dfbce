"""ELECTRA (arXiv 2003.10555): BERT's layers behind embeddings that may be narrower."""

from __future__ import annotations

from distill.families.bert import BERT_DEFAULTS, EMBEDDINGS, LAYER, QA, TOKENS
from distill.families.family import Family, Head

ELECTRA = Family(
    model_type="electra",
    prefix="electra.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token",
            {"transform": "classifier.dense", "dense": "classifier.out_proj"},
            activation="gelu",
        ),
        "tokens": TOKENS,
        "mlm": Head(
            "vocabulary",
            {
                "transform": "generator_predictions.dense",
                "norm": "generator_predictions.LayerNorm",
                "dense": "generator_lm_head",
            },
            activation="gelu",
            tied={"generator_lm_head.weight": "embeddings.word_embeddings.weight"},
        ),
    },
    embeddings={**EMBEDDINGS, "embedding_projection": "embeddings_project"},
    layer="encoder.layer",
    layer_parts=LAYER,
    defaults={**BERT_DEFAULTS, "embedding_width": 128},
    ignored=("discriminator_predictions", "sequence_summary"),
)
