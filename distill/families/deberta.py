"""DeBERTa, second and third version (arXiv 2006.03654, 2111.09543): BERT's layers, whose attention
looks at contents and at distances apart."""

from __future__ import annotations

from distill.families.bert import BERT_DEFAULTS, EMBEDDINGS, LAYER, QA, TOKENS
from distill.families.family import SIZES, Family, Head

MLM = Head(
    "vocabulary",
    {
        "transform": "cls.predictions.transform.dense",
        "norm": "cls.predictions.transform.LayerNorm",
        "dense": "cls.predictions.decoder",
    },
    tied={
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)
NEW_MLM = Head(
    "vocabulary",
    {
        "transform": "lm_predictions.lm_head.dense",
        "norm": "lm_predictions.lm_head.LayerNorm",
        "dense": "lm_predictions.lm_head",
    },
    tied={"lm_predictions.lm_head.weight": "embeddings.word_embeddings.weight"},
)
DEBERTA_V2 = Family(
    model_type="deberta-v2",
    prefix="deberta.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token",
            {"transform": "pooler.dense", "dense": "classifier"},
            activation="head_activation",
        ),
        "tokens": TOKENS,
        "mlm": MLM,
    },
    embeddings={
        **EMBEDDINGS,
        "embedding_projection": "embeddings.embed_proj",
        "distances": "encoder.rel_embeddings",
        "distance_norm": "encoder.LayerNorm",
    },
    layer="encoder.layer",
    layer_parts={
        **LAYER,
        "query": "attention.self.query_proj",
        "key": "attention.self.key_proj",
        "value": "attention.self.value_proj",
        "distance_key": "attention.self.pos_key_proj",
        "distance_query": "attention.self.pos_query_proj",
    },
    encoder="deberta",
    config_keys={
        **SIZES,
        "head_activation": "pooler_hidden_act",
        "relative": "relative_attention",
        "convolution": "conv_kernel_size",
        "position_input": "position_biased_input",
        "attends": "pos_att_type",
        "shared_keys": "share_att_key",
        "buckets": "position_buckets",
        "farthest": "max_relative_positions",
        "distance_norm": "norm_rel_ebd",
        "old_head": "legacy",
    },
    defaults={
        **BERT_DEFAULTS,
        "segments": 0,
        "norm_eps": 1e-7,
        "embedding_width": None,
        "head_activation": "gelu",
        "relative": False,
        "convolution": 0,
        "position_input": True,
        "attends": None,
        "shared_keys": False,
        "buckets": -1,
        "farthest": -1,
        "distance_norm": "none",
        "old_head": True,
    },
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout"),
    tokenizers=("unigram",),
    layouts=("standard",),
    supported={"relative": (True,), "convolution": (0,)},
    variants={"old_head": {False: {"mlm": NEW_MLM}}},
    ignored=(
        "embeddings.position_embeddings",
        "mask_predictions",
        "lm_predictions",
        "cls",
        "pooler",
    ),
)
