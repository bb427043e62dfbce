"""MPNet (arXiv 2004.09297): BERT's layers with one table of relative positions for all of them."""

from __future__ import annotations

from distill.families.bert import EMBEDDINGS as BERT_EMBEDDINGS
from distill.families.bert import QA, TOKENS
from distill.families.family import ROBERTA_TOKENS, SIZES, Family
from distill.families.roberta import CLASSIFY, MLM

MPNET = Family(
    model_type="mpnet",
    prefix="mpnet.",
    heads={
        "qa": QA,
        "classify": CLASSIFY,
        "tokens": TOKENS,
        "mlm": MLM,
    },
    embeddings={
        **{k: v for k, v in BERT_EMBEDDINGS.items() if k != "token_type_embeddings"},
        "relative_positions": "encoder.relative_attention_bias",
    },
    layer="encoder.layer",
    layer_parts={
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "output": "attention.attn.o",
        "attention_norm": "attention.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "output_norm": "output.LayerNorm",
    },
    encoder="mpnet",
    config_keys={**SIZES, "buckets": "relative_attention_num_buckets"},
    defaults={"segments": 0, "activation": "gelu", "norm_eps": 1e-12, "pad": 1, "buckets": 32},
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob"),
    padding_position=1,  # whatever the configuration's pad_token_id is
    tokens={**ROBERTA_TOKENS, "unk": "[UNK]"},
    pair_separators=2,
    ignored=("pooler",),
)
