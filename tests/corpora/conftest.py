"""Tiny tokenizers of each kind that matters, trained in a moment, and a corpus or two."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = (
    "the Golden Gate Bridge stands over the bay and the fog comes in at dawn. ",
    "system\nYou are a tiny assistant.\nuser\nassistant\n she said: hello there, who are you?\n\n",
    "한국어 문장도 있고 中文句子也有 \U0001f600 ",
)
CHATML = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are tiny<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
)


def byte_level(specials: list[str], **kwargs: Any) -> PreTrainedTokenizerFast:
    """A byte-level BPE; special tokens are numbered from 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    post = kwargs.pop("post_processor", None)
    if post is not None:
        tokenizer.post_processor = post
    template = kwargs.pop("chat_template", None)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **kwargs)
    fast.chat_template = template
    return fast


@pytest.fixture(scope="session")
def chatml() -> PreTrainedTokenizerFast:
    """As SmolLM2: bos is <|im_start|>, pad and eos are <|im_end|>, no BOS before plain text."""
    return byte_level(
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        chat_template=CHATML,
    )


@pytest.fixture(scope="session")
def bos_is_zero() -> PreTrainedTokenizerFast:
    """As Pythia with a BOS: <s> is token 0, and the tokenizer puts it before every text; offsets are trimmed."""
    return byte_level(
        ["<s>", "</s>"],
        bos_token="<s>",
        eos_token="</s>",
        post_processor=processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=True),
                processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]),
            ]
        ),
    )


@pytest.fixture(scope="session")
def byte_fallback() -> PreTrainedTokenizerFast:
    """As Llama 2: a blank is put before the text, unknown characters become bytes."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    for letter in "▁abcdefghijklmnopqrstuvwxyz<>/.":
        vocabulary.setdefault(letter, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
