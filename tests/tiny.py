"""A tiny Llama with a tokenizer of its own and a little text, made from a seed: real files, no download."""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = (
    *("the", "a", "bridge", "river", "fox", "dog", "red", "old", "sees", "crosses", "jumps", "over"),
    *("golden", "gate", "stands", "in", "fog", "at", "dawn"),
)


def stories(count: int, seed: int = 0) -> list[str]:
    """Documents of 40 to 160 words."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(40, 160))) + f" {n}." for n in range(count)]


def save_text(path: Path, count: int = 60, seed: int = 0) -> Path:
    """Write stories as .jsonl."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in stories(count, seed)))
    return path


def save_llama(folder: Path, *, seed: int = 0, layers: int = 3, width: int = 32, vocabulary: int = 0) -> Path:
    """Write a randomly initialised Llama and its tokenizer into `folder`; it embeds at least `vocabulary` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(stories(50), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=max(len(fast), vocabulary),
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(seed)
    LlamaForCausalLM(config).eval().save_pretrained(folder)
    return folder
