"""RoBERTa (arXiv 1907.11692) and the model types with its layers, names and positions: those count
from one after the padding token's id."""

from __future__ import annotations

from dataclasses import replace

from distill.families.bert import EMBEDDINGS, LAYER, QA, TOKENS
from distill.families.family import ROBERTA_TOKENS, SIZES, Family, Head

CLASSIFY = Head(
    "first_token",
    {"transform": "classifier.dense", "dense": "classifier.out_proj"},
    activation="tanh",
)
MLM = Head(
    "vocabulary",
    {"transform": "lm_head.dense", "norm": "lm_head.layer_norm", "dense": "lm_head.decoder"},
    activation="gelu",
    tied={
        "lm_head.decoder.weight": "embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    },
)
ROBERTA = Family(
    model_type="roberta",
    prefix="roberta.",
    heads={"qa": QA, "classify": CLASSIFY, "tokens": TOKENS, "mlm": MLM},
    embeddings=EMBEDDINGS,
    layer="encoder.layer",
    layer_parts=LAYER,
    config_keys={**SIZES, "pad": "pad_token_id"},
    defaults={"segments": 2, "activation": "gelu", "norm_eps": 1e-12, "pad": 1},
    padding_position="pad",
    tokens=ROBERTA_TOKENS,
    pair_separators=2,
    tokenizers=("bpe",),
    ignored=("pooler",),
)
XLM_ROBERTA = replace(ROBERTA, model_type="xlm-roberta", tokenizers=("unigram",))
CAMEMBERT = replace(XLM_ROBERTA, model_type="camembert")
DATA2VEC_TEXT = replace(ROBERTA, model_type="data2vec-text", prefix="data2vec_text.")
