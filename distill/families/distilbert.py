"""DistilBERT (arXiv 1910.01108): BERT without segments and pooler, and with names of its own."""

from __future__ import annotations

from distill.families.bert import EMBEDDINGS, QA, TOKENS
from distill.families.family import Family, Head

DISTILBERT = Family(
    model_type="distilbert",
    prefix="distilbert.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token", {"transform": "pre_classifier", "dense": "classifier"}, activation="relu"
        ),
        "tokens": TOKENS,
        "mlm": Head(
            "vocabulary",
            {
                "transform": "vocab_transform",
                "norm": "vocab_layer_norm",
                "dense": "vocab_projector",
            },
            tied={"vocab_projector.weight": "embeddings.word_embeddings.weight"},
        ),
    },
    embeddings={k: v for k, v in EMBEDDINGS.items() if k != "token_type_embeddings"},
    layer="transformer.layer",
    layer_parts={
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "output": "attention.out_lin",
        "attention_norm": "sa_layer_norm",
        "up": "ffn.lin1",
        "down": "ffn.lin2",
        "output_norm": "output_layer_norm",
    },
    config_keys={
        "layers": "n_layers",
        "width": "dim",
        "heads": "n_heads",
        "intermediate": "hidden_dim",
        "vocabulary": "vocab_size",
        "positions": "max_position_embeddings",
        "activation": "activation",
    },
    defaults={"segments": 0, "activation": "gelu", "norm_eps": 1e-12, "pad": 0},
    dropouts=("dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"),
)
