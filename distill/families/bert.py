"""BERT (arXiv 1810.04805) and what is built of its layers."""

from __future__ import annotations

from distill.families.family import Family, Head

EMBEDDINGS = {
    "word_embeddings": "embeddings.word_embeddings",
    "position_embeddings": "embeddings.position_embeddings",
    "token_type_embeddings": "embeddings.token_type_embeddings",
    "embedding_norm": "embeddings.LayerNorm",
}
LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "output_norm": "output.LayerNorm",
}
QA = Head("span", {"dense": "qa_outputs"})
TOKENS = Head("token", {"dense": "classifier"})
BERT_DEFAULTS = {"segments": 2, "activation": "gelu", "norm_eps": 1e-12, "pad": 0}

BERT = Family(
    model_type="bert",
    prefix="bert.",
    heads={
        "qa": QA,
        "classify": Head(
            "first_token", {"transform": "pooler.dense", "dense": "classifier"}, activation="tanh"
        ),
        "tokens": TOKENS,
        "mlm": Head(
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
        ),
    },
    embeddings=EMBEDDINGS,
    layer="encoder.layer",
    layer_parts=LAYER,
    defaults=BERT_DEFAULTS,
    ignored=("cls.seq_relationship", "pooler"),
)
