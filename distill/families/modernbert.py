"""ModernBERT (arXiv 2412.13663): pre-norm layers that turn queries and keys by their position, two
of three with local attention, and gated feed-forward layers."""

from __future__ import annotations

from distill.families.family import SIZES, Family, Head

PREDICTION = {"transform": "head.dense", "norm": "head.norm"}
CLASSIFIER = {**PREDICTION, "dense": "classifier"}
ACTIVATION = "head_activation"
MODERNBERT = Family(
    model_type="modernbert",
    prefix="model.",
    heads={
        "qa": Head("span", CLASSIFIER, ACTIVATION),
        "classify": Head("first_token", CLASSIFIER, ACTIVATION),
        "tokens": Head("token", CLASSIFIER, ACTIVATION),
        "mlm": Head(
            "vocabulary",
            {**PREDICTION, "dense": "decoder"},
            ACTIVATION,
            tied={"decoder.weight": "embeddings.tok_embeddings.weight"},
        ),
    },
    embeddings={
        "word_embeddings": "embeddings.tok_embeddings",
        "embedding_norm": "embeddings.norm",
        "final_norm": "final_norm",
    },
    layer="layers",
    layer_parts={
        "attention_norm": "attn_norm",  # all but the first layer
        "query_key_value": "attn.Wqkv",
        "output": "attn.Wo",
        "gated_norm": "mlp_norm",
        "gated": "mlp.Wi",
        "down": "mlp.Wo",
    },
    encoder="modernbert",
    config_keys={
        **{word: key for word, key in SIZES.items() if word != "segments"},
        "activation": "hidden_activation",
        "norm_eps": "norm_eps",
        "norm_bias": "norm_bias",
        "attention_bias": "attention_bias",
        "gated_bias": "mlp_bias",
        "head_bias": "classifier_bias",
        "decoder_bias": "decoder_bias",
        "head_activation": "classifier_activation",
        "pooling": "classifier_pooling",
        "window": "local_attention",
        "layer_types": "layer_types",
        "global_every": "global_attn_every_n_layers",
        "rotations": "rope_parameters",
        "scaled_rotations": "rope_scaling",
        "global_base": "global_rope_theta",
        "local_base": "local_rope_theta",
    },
    defaults={
        "segments": 0,
        "activation": "gelu",
        "norm_eps": 1e-5,
        "norm_bias": False,
        "attention_bias": False,
        "gated_bias": False,
        "head_bias": False,
        "decoder_bias": True,
        "head_activation": "gelu",
        "pooling": "cls",
        "window": 128,
        "layer_types": None,
        "global_every": 3,
        "rotations": None,
        "scaled_rotations": None,
        "global_base": 160_000.0,
        "local_base": 10_000.0,
        "pad": 50283,
    },
    dropouts=("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"),
    tokenizers=("bpe",),
    supported={"pooling": ("cls", "mean"), "scaled_rotations": (None,)},
    variants={"pooling": {"mean": {"classify": Head("mean_token", CLASSIFIER, ACTIVATION)}}},
)
