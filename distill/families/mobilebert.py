"""MobileBERT (arXiv 2004.02984): narrow layers between bottlenecks, norms that do not normalise,
and embeddings of three tokens at a time."""

from __future__ import annotations

from distill.families.bert import BERT_DEFAULTS, EMBEDDINGS, LAYER, QA, TOKENS
from distill.families.family import SIZES, Family, Head

MOBILEBERT = Family(
    model_type="mobilebert",
    prefix="mobilebert.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token", {"transform": "pooler.dense", "dense": "classifier"}, activation="tanh"
        ),
        "tokens": TOKENS,
        "mlm": Head(
            "split_vocabulary",
            {
                "transform": "cls.predictions.transform.dense",
                "norm": "cls.predictions.transform.LayerNorm",
                "dense": "cls.predictions.decoder",
                "rest": "cls.predictions.dense",
            },
            tied={
                "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
                "cls.predictions.decoder.bias": "cls.predictions.bias",
            },
        ),
    },
    embeddings={**EMBEDDINGS, "embedding_projection": "embeddings.embedding_transformation"},
    layer="encoder.layer",
    layer_parts={
        **LAYER,
        "entry": "bottleneck.input.dense",
        "entry_norm": "bottleneck.input.LayerNorm",
        "attention_entry": "bottleneck.attention.dense",
        "attention_entry_norm": "bottleneck.attention.LayerNorm",
        "exit": "output.bottleneck.dense",
        "exit_norm": "output.bottleneck.LayerNorm",
    },
    repeated_parts={
        "extra_ups": "ffn.{}.intermediate.dense",
        "extra_downs": "ffn.{}.output.dense",
        "extra_norms": "ffn.{}.output.LayerNorm",
    },
    encoder="mobilebert",
    config_keys={
        **SIZES,
        "norm": "normalization_type",
        "three_tokens": "trigram_input",
        "bottleneck": "use_bottleneck",
        "inner_width": "intra_bottleneck_size",
        "bottleneck_attention": "use_bottleneck_attention",
        "shared_bottleneck": "key_query_shared_bottleneck",
        "feed_forwards": "num_feedforward_networks",
        "pooled": "classifier_activation",
    },
    defaults={
        **BERT_DEFAULTS,
        "activation": "relu",
        "embedding_width": 128,
        "norm": "no_norm",
        "three_tokens": True,
        "bottleneck": True,
        "inner_width": 128,
        "bottleneck_attention": False,
        "shared_bottleneck": True,
        "feed_forwards": 4,
        "pooled": True,
    },
    supported={"norm": ("no_norm", "layer_norm")},
    variants={"pooled": {False: {"classify": Head("first_token", {"dense": "classifier"})}}},
    ignored=("cls.seq_relationship", "pooler"),
)
