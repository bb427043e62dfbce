"""ALBERT (arXiv 1909.11942): a few of BERT's layers, run many times, behind narrow embeddings."""

from __future__ import annotations

from distill.families.bert import BERT_DEFAULTS, EMBEDDINGS, QA, TOKENS
from distill.families.family import SIZES, Family, Head

ALBERT = Family(
    model_type="albert",
    prefix="albert.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token", {"transform": "pooler", "dense": "classifier"}, activation="tanh"
        ),
        "tokens": TOKENS,
        "mlm": Head(
            "vocabulary",
            {
                "transform": "predictions.dense",
                "norm": "predictions.LayerNorm",
                "dense": "predictions.decoder",
            },
            tied={
                "predictions.decoder.weight": "embeddings.word_embeddings.weight",
                "predictions.decoder.bias": "predictions.bias",
            },
        ),
    },
    embeddings={**EMBEDDINGS, "embedding_projection": "encoder.embedding_hidden_mapping_in"},
    layer="encoder.albert_layer_groups.0.albert_layers",  # of the first group of layers
    layer_parts={
        "query": "attention.query",
        "key": "attention.key",
        "value": "attention.value",
        "output": "attention.dense",
        "attention_norm": "attention.LayerNorm",
        "up": "ffn",
        "down": "ffn_output",
        "output_norm": "full_layer_layer_norm",
    },
    encoder="albert",
    config_keys={**SIZES, "groups": "num_hidden_groups", "inner_layers": "inner_group_num"},
    defaults={
        **BERT_DEFAULTS,
        "activation": "gelu_new",
        "embedding_width": 128,
        "groups": 1,
        "inner_layers": 1,
    },
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"),
    tokenizers=("unigram",),
    ignored=("sop_classifier", "pooler"),
)
