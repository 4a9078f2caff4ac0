"""Models of transformers with tiny configurations: the same rule for each architecture."""

from typing import Any

import transformers
from torch import nn

# Sizes of a tiny model, by the names that configurations have for them.
SMALL = {
    "vocab_size": 128,
    "hidden_size": 32,
    "d_model": 32,
    "n_embd": 32,
    "dim": 32,
    "embedding_size": 32,
    "word_embed_proj_dim": 32,
    "projection_dim": 16,
    "num_hidden_layers": 2,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "n_layer": 2,
    "n_layers": 2,
    "num_attention_heads": 4,
    "num_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "d_kv": 8,
    "intermediate_size": 64,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "d_ff": 64,
    "hidden_dim": 64,
    "ffn_dim": 64,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "max_source_positions": 50,
    "max_target_positions": 32,
    "num_mel_bins": 20,
    "image_size": 32,
    "patch_size": 8,
    "state_size": 8,
    "sliding_window": 8,
    "relative_attention_num_buckets": 8,
}

# Tokens that stand for something, all below the vocabulary's size.
TOKENS = {
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "sep_token_id": 2,
    "cls_token_id": 1,
}

# What the rule does not give, as an architecture has sizes that depend on one another.
MORE: dict[str, dict[str, object]] = {
    "ConvNextConfig": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1], "patch_size": 4},
    "ConvNextV2Config": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1], "patch_size": 4},
    "ResNetConfig": {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]},
    "RegNetConfig": {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "groups_width": 8},
    "SwinConfig": {"embed_dim": 8, "depths": [1, 2], "num_heads": [2, 4], "window_size": 4},
    "SegformerConfig": {
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [8, 16, 24, 32],
        "num_attention_heads": [1, 2, 3, 4],
        "decoder_hidden_size": 32,
        "patch_sizes": [7, 3, 3, 3],
    },
    "GPTNeoConfig": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "GPTNeoXConfig": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
    "MobileViTConfig": {
        "hidden_sizes": [16, 24, 32],
        "neck_hidden_sizes": [8, 8, 16, 16, 24, 24, 32],
        "patch_size": 2,
    },
    "PoolFormerConfig": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "patch_size": 7},
    "FNetConfig": {"tpu_short_seq_length": 12},
    "MambaConfig": {"time_step_rank": 2, "intermediate_size": 64},
    "BloomConfig": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "GemmaConfig": {"head_dim": 8},
    "GPTJConfig": {"rotary_dim": 4},
    "CodeGenConfig": {"rotary_dim": 4},
    "LevitConfig": {"hidden_sizes": [8, 16, 24], "patch_size": 16, "image_size": 64},
    "MPNetConfig": {"relative_attention_num_buckets": 32},
    "BeitConfig": {"use_relative_position_bias": True},
}


def build(name: str) -> nn.Module:
    """The model of that class, with the tiny configuration."""
    cls = getattr(transformers, name)
    return cls(tiny(cls.config_class))


def tiny(config: type) -> Any:
    """The configuration with small sizes, inside of it as well."""
    default = config()
    given: dict[str, object] = {}
    for key, value in default.to_dict().items():
        inner = getattr(default, key, None)
        if isinstance(inner, transformers.PretrainedConfig):
            given[key] = tiny(type(inner)).to_dict()
        elif key in SMALL and isinstance(value, (int, type(None))):
            given[key] = SMALL[key]
        elif key in TOKENS:
            given[key] = TOKENS[key]
    return config(**{**given, **MORE.get(config.__name__, {})})
