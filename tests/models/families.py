"""Tiny random models of many families, each with a tokenizer, saved as real folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tiny import stories

LAYERS, WIDTH, WINDOW, CONTEXT = 3, 32, 8, 64

_LLAMA = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}
_GPT = {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": 4, "n_positions": CONTEXT}
_GEMMA = _LLAMA | {
    "head_dim": 12,
    "sliding_window": WINDOW,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "query_pre_attn_scalar": 12,
}


@dataclass(frozen=True)
class Member:
    """One tiny model, and what is known of it."""

    config: dict[str, Any]
    mlp_width: int = 48
    z_width: int = WIDTH
    projection: str = "self_attn.o_proj"
    """Output projection of attention, inside a block."""
    norm: str = "norm"
    """The final norm, inside the base model."""
    post_norm: bool = False
    """A norm stands between attention's projection and the residual stream."""
    refused: tuple[str, ...] = ()
    float64: bool = True
    extra: dict[str, Any] = field(default_factory=dict)


MEMBERS: dict[str, Member] = {
    "gpt2": Member(_GPT, 128, projection="attn.c_proj", norm="ln_f"),
    "gptj": Member(_GPT | {"rotary_dim": 4}, 128, projection="attn.out_proj", norm="ln_f"),
    "gpt_neo": Member(
        {
            "hidden_size": WIDTH,
            "num_layers": LAYERS,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1], [["local"], 1]],
            "window_size": WINDOW,
            "max_position_embeddings": CONTEXT,
        },
        128,
        projection="attn.attention.out_proj",
        norm="ln_f",
    ),
    "gpt_neox": Member(
        {k: v for k, v in _LLAMA.items() if k != "num_key_value_heads"},
        projection="attention.dense",
        norm="final_layer_norm",
    ),
    "opt": Member(
        {
            "hidden_size": WIDTH,
            "word_embed_proj_dim": WIDTH,
            "ffn_dim": 48,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "max_position_embeddings": CONTEXT,
        },
        projection="self_attn.out_proj",
        norm="decoder.final_layer_norm",
    ),
    "llama": Member(_LLAMA),
    "mistral": Member(_LLAMA | {"sliding_window": WINDOW}),
    "mixtral": Member(
        _LLAMA | {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": WINDOW},
        refused=("mlp_act",),
        float64=False,
    ),
    "qwen2": Member(
        _LLAMA | {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    ),
    "qwen3": Member(_LLAMA | {"head_dim": 12}, z_width=48),
    "gemma2": Member(_GEMMA, z_width=48, post_norm=True),
    "gemma3_text": Member(_GEMMA, z_width=48, post_norm=True),
    "phi3": Member(_LLAMA | {"sliding_window": WINDOW}),
    "olmo2": Member(_LLAMA, post_norm=True),
    "stablelm": Member(_LLAMA),  # no row in the table: the common pattern
}


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of 320 tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(stories(50), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def save(folder: Path, name: str, *, seed: int = 0) -> Path:
    """Write a family's tiny model into `folder`; every weight is random, biases and gains too."""
    fast = tokenizer()
    fast.save_pretrained(folder)
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = AutoConfig.for_model(name, vocab_size=len(fast), **ends, **MEMBERS[name].config)
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * (0.1 if weight.ndim > 1 else 0.05))
    network.save_pretrained(folder)
    return folder
