"""Any Hugging Face causal language model: capture activations, edit them, and go on from them.

Padding: `real` [b, s] says which positions are tokens. Rows padded on the right need no mask, because a causal
model's tokens never see what comes after them; rows padded on the left get a mask and positions of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from monosema.corpora import Document, Encoder, Message
from monosema.errors import UsageError
from monosema.models.dtype import DtypeChoice, choose_device, measure_dtype, parse_dtype
from monosema.models.families import blocks_of, find
from monosema.models.generating import Generated, continue_ids, end_tokens
from monosema.models.hooks import HookPoint
from monosema.models.loading import adapter_of, folder_of, identity, load_tokenizer, read_config, weights_of
from monosema.models.network import load_network, truncated
from monosema.models.patches import EditFn, hooked, returns_tuples, skipping
from monosema.models.quiet import memory
from monosema.models.rows import padded, right_padded

LOGIT_BYTES = 256 << 20
"""Most bytes of logits that `losses` holds at once."""


class _Reached(Exception):  # noqa: N818 (no error: the deepest hook point was reached)
    pass


class LanguageModel:
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
        self._network, self._config, self._folder, self._adapter = network, config, folder, adapter
        self._text = config.get_text_config()
        self._base: nn.Module = network.base_model if whole else network
        self._blocks = blocks_of(self._base, self._text.model_type)
        self._whole = whole
        self._real: Bool[Tensor, "b s"] | None = None
        self._advised_ends = end_tokens(network, self._text) if whole else []
        self.name = name
        """Source that it was loaded from, a folder's name only."""
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
    ) -> LanguageModel:
        """Load a hub id, a folder of safetensors, a GGUF file or `smollm2`.

        With `until`, only the layers up to that hook point are loaded and the model can only capture. Raises
        `UsageError` (unknown, no safetensors, hook point outside the model), `DamagedError` (GGUF) and
        `ResourceError` (memory).
        """
        asked = None if dtype is None else str(dtype).removeprefix("torch.")
        number = None if asked is None else parse_dtype(asked)
        hook = HookPoint.parse(until) if isinstance(until, str) else until
        folder = folder_of(source)
        config = read_config(folder)
        weights_of(folder)
        added = None if adapter is None else adapter_of(adapter)
        place = choose_device(str(device) if device is not None else None)
        choice = measure_dtype(place) if asked is None else DtypeChoice(asked, "asked for")
        if hook is not None:
            hook.check(config.get_text_config().num_hidden_layers)
            config = truncated(config, hook.layer + 1)
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
        return cls(network, config, folder, name=name, whole=hook is None, choice=choice, adapter=added)

    @cached_property
    def hash(self) -> str:
        """Identity of the weights, an adapter's among them, independent of their path."""
        return identity(self._folder, self._adapter)

    @cached_property
    def tokenizer(self) -> Any:
        """The fast tokenizer."""
        return load_tokenizer(str(self._folder))

    @property
    def _ends(self) -> list[int]:
        return sorted({*self._advised_ends, self.tokenizer.eos_token_id} - {None})

    @property
    def n_layers(self) -> int:
        """Blocks that are loaded."""
        return len(self._blocks)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self._text.hidden_size)

    @property
    def vocabulary(self) -> int:
        """Rows of the token embedding."""
        return int(self._text.vocab_size)

    @property
    def context(self) -> int:
        """Most positions that the model can see."""
        return int(getattr(self._text, "max_position_embeddings", None) or 2048)

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return next(self._network.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the embedding lies."""
        return next(self._network.parameters()).device

    @torch.inference_mode()
    def width(self, hook: HookPoint | str) -> int:
        """Width of the activations at a hook point."""
        key = str(hook)
        return self.capture(torch.zeros(1, 1, dtype=torch.int64), [key])[str(HookPoint.parse(key))].shape[-1]

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
        [b, s, width] by their canonical names. Within `edit`, what is captured is what the edits made of it.
        """
        if isinstance(given, str):
            point = self._parsed(hooks)
            return self._captured(self.tokenize([given])[0], [point], None)[str(point)][0]
        return self._captured(given, [self._parsed(hook) for hook in hooks], real)

    def _captured(
        self, ids: Int[Tensor, "b s"], hooks: Sequence[HookPoint], real: Bool[Tensor, "b s"] | None
    ) -> dict[str, Float[Tensor, "b s width"]]:
        wanted = list(dict.fromkeys(hooks))
        found: dict[str, Tensor] = {}

        def keep(name: str) -> EditFn:
            def read(x: Tensor) -> Tensor:
                found[name] = x.clone()
                if len(found) == len(wanted):
                    raise _Reached
                return x

            return read

        with ExitStack() as stack:
            for hook in wanted:
                stack.enter_context(self._hooked(hook, keep(str(hook))))
            with suppress(_Reached):
                self._run(self._base, ids, real)
        return {str(hook): found[str(hook)] for hook in wanted}

    @contextmanager
    def edit(self, edits: Mapping[HookPoint | str, EditFn]) -> Iterator[None]:
        """Within the block, activations at these hook points are what the functions make of them.

        A function gets x [b, s, width] and gives the same shape. It acts on real positions only: padding stays.
        In `generate` it is called for the prompt and then for each new token.
        """
        with ExitStack() as stack:
            for hook, fn in edits.items():
                stack.enter_context(self._hooked(self._parsed(hook), self._on_real(fn)))
            yield

    @torch.inference_mode()
    def logits(
        self, ids: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b s vocabulary"]:
        """Next-token logits at every position."""
        self._need_head()
        logits: Tensor = self._run(self._network, ids, real).logits
        return logits

    @torch.inference_mode()
    def resume(
        self,
        hook: HookPoint | str,
        x: Float[Tensor, "b s width"],
        ids: Int[Tensor, "b s"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b s vocabulary"]:
        """Logits when the activations at a hook point are x; layers before a residual hook point do not run."""
        self._need_head()
        point = self._parsed(hook)
        x = x.to(self.device, self.dtype)
        skipped = {"resid_post": point.layer + 1, "resid_pre": point.layer}.get(point.kind, 0)
        with ExitStack() as stack:
            if skipped:
                stack.enter_context(
                    skipping(list(self._blocks)[:skipped], x, tuples=self._blocks_return_tuples)
                )
            else:
                stack.enter_context(self._hooked(point, lambda _: x))
            return self.logits(ids, real)

    @torch.inference_mode()
    def losses(
        self, ids: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b s_less_1"]:
        """Loss of each next token in nats, float32; column j is that of predicting token j + 1."""
        rows = max(1, LOGIT_BYTES // (4 * ids.shape[1] * self.vocabulary))
        parts = []
        for begin in range(0, len(ids), rows):
            some = slice(begin, begin + rows)
            logits = self.logits(ids[some], None if real is None else real[some])[:, :-1].float()
            targets = ids[some, 1:].to(logits.device)
            parts.append(nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").cpu())
        return torch.cat(parts)

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[str] | Sequence[Sequence[int]],
        *,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Generated:
        """Continue texts or token lists as one batch, padded on the left; greedy at temperature 0.

        Nothing but `temperature`, `top_p` (sample among the likeliest tokens that together have this probability)
        and `seed` shapes the choice of tokens: what else the model's folder advises is left out. Raises `UsageError`
        for an empty prompt and for more tokens than the model can see.
        """
        self._need_head()
        if not temperature >= 0 or max_new_tokens < 1 or not 0 < top_p <= 1:
            raise UsageError(
                f"temperature is {temperature}, top_p {top_p} and max_new_tokens {max_new_tokens}; expected 0 or "
                "more, above 0 up to 1, and 1 or more"
            )
        lists = [self.encode(p) if isinstance(p, str) else list(p) for p in prompts]
        ids, real = padded(lists, left=True)
        if ids.shape[1] + max_new_tokens > self.context:
            raise UsageError(
                f"prompts of up to {ids.shape[1]} tokens and max_new_tokens = {max_new_tokens} are more than the "
                f"{self.context} that {self.name} sees; shorten one of them"
            )
        with self._padding(real), self._memory(ids):
            new = continue_ids(
                self._network,
                ids.to(self.device),
                real.to(self.device),
                ends=self._ends,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_p=top_p,
                seed=seed,
            )
        return Generated([self.tokenizer.decode(row, skip_special_tokens=True) for row in new], new)

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

    @cached_property
    def _blocks_return_tuples(self) -> bool:
        one = torch.zeros(1, 1, dtype=torch.int64)
        return returns_tuples(self._blocks[0], lambda: self._run(self._base, one, None))

    def _parsed(self, hook: HookPoint | str) -> HookPoint:
        point = hook if isinstance(hook, HookPoint) else HookPoint.parse(hook)
        point.check(self.n_layers)
        return point

    def _need_head(self) -> None:
        if not self._whole:
            raise UsageError("this model was loaded up to a hook point only; load it whole to get logits")

    def _on_real(self, fn: EditFn) -> EditFn:
        def act(x: Tensor) -> Tensor:
            new = fn(x).to(x.dtype)
            if new.shape != x.shape:
                raise UsageError(
                    f"an edit made {tuple(new.shape)} of activations {tuple(x.shape)}; keep the shape"
                )
            if self._real is None or self._real.shape[1] != x.shape[1] or bool(self._real.all()):
                return new
            return torch.where(self._real.to(x.device)[:, :, None], new, x)

        return act

    def _hooked(self, hook: HookPoint, act: EditFn) -> AbstractContextManager[None]:
        block = self._blocks[hook.layer]
        return hooked(block, *find(block, hook, self._text.model_type), act)

    @contextmanager
    def _padding(self, real: Tensor | None) -> Iterator[None]:
        before, self._real = self._real, real
        try:
            yield
        finally:
            self._real = before

    def _run(self, module: nn.Module, ids: Tensor, real: Tensor | None) -> Any:
        inputs: dict[str, Any] = {"input_ids": ids.to(self.device), "use_cache": False}
        if real is not None and not right_padded(real):
            inputs["attention_mask"] = real.long().to(self.device)
            inputs["position_ids"] = (real.long().cumsum(1) - 1).clamp_min(0).to(self.device)
        if ids.shape[1] > self.context:
            raise UsageError(f"rows have {ids.shape[1]} tokens; {self.name} sees at most {self.context}")
        with self._padding(real), self._memory(ids):
            return module(**inputs)

    def _memory(self, ids: Tensor) -> AbstractContextManager[None]:
        return memory(f"out of memory in a forward pass of {tuple(ids.shape)} tokens; lower tokens_per_batch")
