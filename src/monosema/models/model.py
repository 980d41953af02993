"""Any Hugging Face causal language model: loaded from anywhere, with its tokenizer and its chat template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monosema.allocator import keep_freed_memory
from monosema.corpora import Document, Encoder, Message, tokenizer_hash
from monosema.errors import UsageError
from monosema.files import digest
from monosema.models.dtype import DtypeChoice, choose_device, measure_dtype, parse_dtype
from monosema.models.forward import PredictingNetwork
from monosema.models.generating import (
    Choosing,
    Generated,
    KeptRows,
    NewToken,
    continue_ids,
    end_tokens,
    stream_ids,
    with_texts,
)
from monosema.models.hooks import HookPoint, canonical_name, deepest, points_of
from monosema.models.loading import adapter_of, folder_of, identity, load_tokenizer, read_config, weights_of
from monosema.models.network import load_network, truncated
from monosema.models.rows import padded


class LanguageModel(PredictingNetwork):
    """A causal language model and its tokenizer."""

    def __init__(
        self,
        network: Any,
        config: Any,
        folder: Path,
        *,
        name: str,
        whole: bool,
        choice: DtypeChoice,
        adapter: Path | None = None,
    ) -> None:
        """Made by `load`."""
        super().__init__(network, config, name=name, whole=whole)
        self._folder, self._adapter = folder, adapter
        self._other_folder: Path | None = None
        self._advised_ends = end_tokens(network, self._text) if whole else []
        self.dtype_choice = choice.to_dict()
        """What was measured to choose the number format."""

    @classmethod
    def load(
        cls,
        source: str,
        *,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        until: HookPoint | str | None = None,
        adapter: str | None = None,
        device_map: str | None = None,
        other: str | None = None,
    ) -> LanguageModel:
        """Load a hub id, a folder of safetensors, a GGUF file or `smollm2`.

        With `until`, only the layers up to that hook point are loaded and the model can only capture. `other` is a
        second model of the same tokenizer, whose activations can be captured beside (`other.resid_post.9`). Raises
        `UsageError` (unknown, no safetensors, hook point outside the model, another tokenizer), `DamagedError` (GGUF)
        and `ResourceError` (memory).
        """
        asked = None if dtype is None else str(dtype).removeprefix("torch.")
        number = None if asked is None else parse_dtype(asked)
        hook = None if until is None else deepest(until)
        folder = folder_of(source)
        config = read_config(folder)
        weights_of(folder)
        added = None if adapter is None else adapter_of(adapter)
        place = choose_device(str(device) if device is not None else None)
        choice = measure_dtype(place) if asked is None else DtypeChoice(asked, "asked for")
        if hook is not None:
            hook.check(config.get_text_config().num_hidden_layers)
            config = truncated(config, hook.layer + 1)
        keep_freed_memory()
        network = load_network(
            folder,
            config,
            dtype=number or parse_dtype(choice.dtype),
            place=place,
            whole=hook is None,
            device_map=device_map,
            adapter=added,
        )
        path = Path(source).expanduser()
        name = path.resolve().name if path.exists() else source
        model = cls(network, config, folder, name=name, whole=hook is None, choice=choice, adapter=added)
        if other is not None:
            model._beside(other, until)
        return model

    def _beside(self, source: str, until: HookPoint | str | None) -> None:
        """Load a second model, as far as hook points of it are named."""
        self._other_folder = folder_of(source)
        theirs = [] if until is None else [point for point in points_of(until) if point.other]
        if until is not None and not theirs:
            return
        end = max(theirs, key=lambda point: point.reached) if theirs else None
        self.other = other = LanguageModel.load(
            source,
            dtype=self.dtype,
            device=self.device,
            until=None if end is None else replace(end, other=False),
        )
        if tokenizer_hash(other.tokenizer) != tokenizer_hash(self.tokenizer):
            raise UsageError(
                f"{other.name} has another tokenizer than {self.name}; a second model must read the same tokens"
            )

    @cached_property
    def hash(self) -> str:
        """Identity of the weights, those of an adapter and a second model among them, independent of their path."""
        own = identity(self._folder, self._adapter)
        return own if self._other_folder is None else digest(f"{own} {identity(self._other_folder)}".encode())

    @cached_property
    def tokenizer(self) -> Any:
        """The fast tokenizer."""
        return load_tokenizer(str(self._folder))

    @property
    def _ends(self) -> list[int]:
        return sorted({*self._advised_ends, self.tokenizer.eos_token_id} - {None})

    @torch.inference_mode()
    def width(self, hook: HookPoint | str) -> int:
        """Width of the activations at a hook point."""
        return self.capture(torch.zeros(1, 1, dtype=torch.int64), [hook])[canonical_name(hook)].shape[-1]

    @overload
    def capture(self, text: str, hook: HookPoint | str, /) -> Float[Tensor, "s width"]: ...

    @overload
    def capture(
        self,
        ids: Int[Tensor, "b s"],
        hooks: Sequence[HookPoint | str],
        real: Bool[Tensor, "b s"] | None = None,
        /,
    ) -> dict[str, Float[Tensor, "b s width"]]: ...

    @torch.inference_mode()
    def capture(self, given: Any, hooks: Any, real: Any = None, /) -> Any:
        """Activations at hook points; layers past the deepest one do not run.

        A text and one hook point give [positions, width]; a batch of tokens and several give a dict of
        [b, s, width] by their canonical names. `mlp_in.3+mlp_out.3` stands for both side by side. Within `edit`, what
        is captured is what the edits made of it.
        """
        if isinstance(given, str):
            return self._captured(self.tokenize([given])[0], [hooks], None)[canonical_name(hooks)][0]
        return self._captured(given, hooks, real)

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[str] | Sequence[Sequence[int]],
        *,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        kept: KeptRows | None = None,
        copies: int = 1,
    ) -> Generated:
        """Continue texts or token lists as one batch, padded on the left; greedy at temperature 0.

        Each is continued `copies` times, one after the other, and read only once.

        Nothing but `temperature`, `top_p` (sample among the likeliest tokens that together have this probability)
        and `seed` shapes the choice of tokens: what else the model's folder advises is left out. With `kept`, rows
        that have ended leave the batch, which is faster; it is called with the places of those that go on, or are
        copied, so that an edit that knows rows apart can follow. Raises `UsageError` for an empty prompt and for more
        tokens than the model can see.
        """
        lists = [self.encode(p) if isinstance(p, str) else list(p) for p in prompts]
        if self._network._is_stateful and copies > 1:  # a recurrent state cannot be copied: all rows are read
            rows = [row for row in range(len(lists)) for _ in range(copies)]
            lists, copies = [lists[row] for row in rows], 1
            if kept is not None:
                kept(rows)
        ids, real = padded(lists, left=True)
        choosing = self._choosing(ids, max_new_tokens, temperature, top_p, seed)
        with self._padding(real), self._memory(ids):
            batch = ids.to(self.device), real.to(self.device)
            new = continue_ids(self._network, *batch, choosing, kept, copies=copies)
        return Generated([self.tokenizer.decode(row, skip_special_tokens=True) for row in new], new)

    @torch.inference_mode()
    def stream(
        self,
        prompt: str | Sequence[int],
        *,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        read_last: bool = False,
    ) -> Iterator[NewToken]:
        """What `generate` writes after one prompt, token by token; raises the same.

        Edits that are on while a token is asked for act on it. With `read_last` the model reads the last token, too,
        where none comes after it: whoever watches activations has then seen those of every token.
        """
        ids, _ = padded([self.encode(prompt) if isinstance(prompt, str) else list(prompt)], left=True)
        choosing = self._choosing(ids, max_new_tokens, temperature, top_p, seed)
        with self._memory(ids):
            new = stream_ids(self._network, ids.to(self.device), choosing, read_last=read_last)
            yield from with_texts(new, self.tokenizer)

    def _choosing(
        self, ids: Int[Tensor, "b s"], max_new_tokens: int, temperature: float, top_p: float, seed: int
    ) -> Choosing:
        self._need_head()
        if not temperature >= 0 or max_new_tokens < 1 or not 0 < top_p <= 1:
            raise UsageError(
                f"temperature is {temperature}, top_p {top_p} and max_new_tokens {max_new_tokens}; expected 0 or "
                "more, above 0 up to 1, and 1 or more"
            )
        if ids.shape[1] + max_new_tokens > self.context:
            raise UsageError(
                f"prompts of up to {ids.shape[1]} tokens and max_new_tokens = {max_new_tokens} are more than the "
                f"{self.context} that {self.name} sees; shorten one of them"
            )
        return Choosing(
            ends=self._ends, max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed
        )

    def encode(self, text: str) -> list[int]:
        """Tokens of a text; special tokens that stand in it are plain text. BOS as the tokenizer puts it."""
        ids: list[int] = self.tokenizer(text, split_special_tokens=True).input_ids
        return ids

    def chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Tokens of a chat up to where the assistant answers; special tokens inside messages are plain text.

        Raises `UsageError` without a chat template, and where the template refuses the roles.
        """
        if self.tokenizer.chat_template is None:
            raise UsageError(f"{self.name} has no chat template; give plain text")
        turns = tuple(Message(message["role"], message["content"]) for message in messages)
        ids: list[int] = self._prompts.encode([Document(id="chat", messages=turns)])[0].ids.tolist()
        return ids

    def tokenize(self, texts: Sequence[str]) -> tuple[Int[Tensor, "b s"], Bool[Tensor, "b s"]]:
        """Tokens of texts as one batch, padded on the right, and which positions are real."""
        return padded([self.encode(text) for text in texts], left=False)

    @cached_property
    def _prompts(self) -> Encoder:
        return Encoder(self.tokenizer, chat="prompt")
