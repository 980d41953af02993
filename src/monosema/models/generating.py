"""What a model wrote, and when it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from monosema.models.cache import growing_cache
from monosema.models.quiet import quiet

COLDEST = 1e-4
"""Temperature below which the likeliest token is drawn in any case, and quotients would overflow."""
CANDIDATES = 256
BROKEN = "\ufffd"
"""What a tokenizer gives for a part of a character."""
ROUND = 16
"""New tokens after which rows that have ended leave the batch."""
KeptRows = Callable[[Sequence[int]], None]
"""Is told which rows of the batch go on, by their places in it, whenever others leave it or some are copied."""


@dataclass(frozen=True)
class Generated:
    """What the model wrote."""

    texts: list[str]
    """Continuations without special tokens."""
    ids: list[list[int]]
    """Their tokens, up to and without the end token."""


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token that the model has just written."""

    token: int | None
    """Its number in the vocabulary; None after the last one, where a text ends inside a character."""
    text: str
    """What it adds to the text: nothing while a character is not whole, and for a special token."""


def end_tokens(network: Any, config: Any) -> list[int]:
    """Tokens that end a text; what else the folder advises on generating is dropped from the network."""
    advised = getattr(network, "generation_config", None)
    listed = [getattr(advised, "eos_token_id", None), getattr(config, "eos_token_id", None)]
    ends = sorted(
        {end for one in listed if one is not None for end in (one if isinstance(one, list) else [one])}
    )
    network.generation_config = GenerationConfig(
        eos_token_id=ends or None, pad_token_id=ends[0] if ends else 0
    )
    return ends


class Sample(LogitsProcessor):
    """Draw the next token at a temperature among the likeliest tokens that together reach top_p.

    Leaves the drawn token as the only possible one, so that the greedy choice takes it. transformers' own sampling
    sorts the whole vocabulary and draws noise for all of it at every token, which takes as long as a small model's
    layers; here the likeliest `CANDIDATES` are ranked, more only for the rows in which they do not reach top_p.
    """

    def __init__(self, temperature: float, top_p: float, seed: int) -> None:
        self._temperature, self._top_p, self._seed = max(temperature, COLDEST), top_p, seed
        self._chance: torch.Generator | None = None

    def __call__(
        self, input_ids: Int[Tensor, "b s"], scores: Float[Tensor, "b vocabulary"]
    ) -> Float[Tensor, "b vocabulary"]:
        """Scores of the next token: 0 for the drawn one, -inf for all others."""
        scores = scores.float() / self._temperature
        if self._chance is None:  # one of its own: others may draw at the same time
            self._chance = torch.Generator(scores.device).manual_seed(self._seed)
        drawn = self._drawn(scores, CANDIDATES if self._top_p < 1 else scores.shape[1])
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn[:, None], 0.0)

    def _drawn(self, scores: Float[Tensor, "b vocabulary"], among: int) -> Int[Tensor, " b"]:
        among = min(among, scores.shape[1])
        chances, tokens = likeliest(scores, among)
        drawn = tokens.gather(1, torch.multinomial(self._nucleus(chances), 1, generator=self._chance))[:, 0]
        short = (chances.sum(1) < self._top_p) if among < scores.shape[1] else torch.zeros_like(drawn).bool()
        if bool(short.any()):
            drawn[short] = self._drawn(scores[short], 16 * among)
        return drawn

    def _nucleus(self, chances: Float[Tensor, "b among"]) -> Float[Tensor, "b among"]:
        before = chances.cumsum(1) - chances
        return chances.masked_fill((before >= self._top_p) & (before > 0), 0.0)


def likeliest(
    scores: Float[Tensor, "b vocabulary"], among: int
) -> tuple[Float[Tensor, "b among"], Int[Tensor, "b among"]]:
    """Probabilities, falling, and tokens of the likeliest `among`."""
    best = scores.topk(among, dim=1)
    return (best.values - scores.logsumexp(1, keepdim=True)).exp(), best.indices


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """How the next token is chosen, and when a text ends."""

    ends: Sequence[int]
    """Tokens that end a text."""
    max_new_tokens: int
    temperature: float
    """0: the likeliest token."""
    top_p: float
    """Draw among the likeliest tokens that together have this probability."""
    seed: int


def continue_ids(
    network: Any,
    ids: Int[Tensor, "b s"],
    real: Bool[Tensor, "b s"],
    choosing: Choosing,
    kept: KeptRows | None = None,
    *,
    copies: int = 1,
) -> list[list[int]]:
    """New tokens of each row, padded on the left, up to and without the first end token; each row `copies` times.

    With `kept`, rows that have ended leave the batch every `ROUND` tokens, so that they cost nothing more. A recurrent
    network's state cannot be copied.
    """
    # a recurrent state has no rows to select
    whole = network._is_stateful or (kept is None and copies == 1)
    kept = kept or _nobody
    more, most = _Continuation(network, ids, real, choosing), choosing.max_new_tokens
    with quiet():
        if copies > 1:
            more.copy(copies, kept)
        while more.made < most and len(more.rows):
            more.write(most if whole else min(ROUND, most - more.made))
            if not whole:
                more.drop_ended(kept)
    return more.new


def _nobody(rows: Sequence[int]) -> None:
    """No one who has to know which rows go on."""


def stream_ids(
    network: Any, ids: Int[Tensor, "1 s"], choosing: Choosing, *, read_last: bool
) -> Iterator[int]:
    """The same new tokens of one row, each as soon as it is chosen; those of a recurrent network all at the end.

    `read_last`: the last token is read, too, where none follows it, so that hooks have seen all that is given.
    """
    more = _Continuation(network, ids, torch.ones_like(ids, dtype=torch.bool), choosing)
    most = choosing.max_new_tokens
    with quiet():  # once: to set it costs as much as a small model's layer
        while more.made < most:
            given = len(more.new[0])
            more.write(most if network._is_stateful else 1)
            yield from more.new[0][given:]
            if len(more.new[0]) < more.made:
                return
        if read_last:
            more.write(1)


def with_texts(tokens: Iterable[int], tokenizer: Any) -> Iterator[NewToken]:
    """Tokens with the text that each adds; end to end the texts are the text of all."""
    seen: list[int] = []
    text = told = ""
    for token in tokens:
        seen.append(token)
        text = tokenizer.decode(seen, skip_special_tokens=True)
        new = text.rstrip(BROKEN)[len(told) :]
        told += new
        yield NewToken(token=token, text=new)
    if len(text) > len(told):
        yield NewToken(token=None, text=text[len(told) :])


class _Continuation:
    """A batch of rows that a network writes on, some tokens at a time."""

    def __init__(self, network: Any, ids: Tensor, real: Tensor, choosing: Choosing) -> None:
        self._network, self._ends = network, list(choosing.ends)
        self._ids, self._mask = ids, real.long()
        sample = Sample(choosing.temperature, choosing.top_p, choosing.seed)
        self._sampling = LogitsProcessorList([sample] if choosing.temperature > 0 else [])
        self._cache = {} if network._is_stateful else {"past_key_values": growing_cache(network)}
        self.made, self.rows = 0, list(range(len(ids)))
        self.new: list[list[int]] = [[] for _ in self.rows]

    def copy(self, copies: int, kept: KeptRows) -> None:
        """Read each row once, go on with so many copies of it, and write the first token of each."""
        rows = [row for row in self.rows for _ in range(copies)]
        self.rows, self.new = list(range(len(rows))), [[] for _ in rows]
        read = self._generate(1, output_logits=True, return_dict_in_generate=True)
        self._cache["past_key_values"].batch_select_indices(self._select(rows, kept))
        scores = self._sampling(self._ids, read.logits[0].float()[rows])
        self._add(torch.cat([self._ids, scores.argmax(1, keepdim=True)], dim=1))
        self.drop_ended(kept)

    def write(self, tokens: int) -> None:
        """Write up to so many tokens more; fewer where all rows end."""
        self._add(self._generate(tokens, logits_processor=self._sampling), tokens)

    def _generate(self, tokens: int, **more: Any) -> Any:
        return self._network.generate(
            input_ids=self._ids,
            attention_mask=self._mask,
            max_new_tokens=tokens,
            eos_token_id=self._ends or None,
            pad_token_id=self._ends[0] if self._ends else 0,
            do_sample=False,
            **more,
            **self._cache,
        )

    def _add(self, ids: Int[Tensor, "b s"], asked: int = 1) -> None:
        """Take in what was written."""
        new = ids[:, self._ids.shape[1] :]
        self._ids, self._mask = ids, nn.functional.pad(self._mask, (0, new.shape[1]), value=1)
        self.made += asked
        for row, written in zip(self.rows, new.tolist(), strict=True):
            self.new[row] += takewhile(lambda token: token not in self._ends, written)

    def _select(self, rows: Sequence[int], kept: KeptRows) -> Int[Tensor, " rows"]:
        """Go on with these rows, some of them perhaps several times."""
        places = torch.tensor(rows, dtype=torch.int64, device=self._ids.device)
        self._ids, self._mask = self._ids[places], self._mask[places]
        kept(rows)
        return places

    def drop_ended(self, kept: KeptRows) -> None:
        """Take the rows out that end with what was written last."""
        going = [place for place, row in enumerate(self.rows) if len(self.new[row]) == self.made]
        if len(going) == len(self.rows):
            return
        self.rows = [self.rows[place] for place in going]
        if going:
            self._cache["past_key_values"].batch_select_indices(self._select(going, kept))
