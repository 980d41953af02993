"""How close is a harvest to the model's own forward pass, and how does it stand to SAELens's activation store?

    python -m benchmarks.harvest --json
    python -m benchmarks.harvest --json --peer folder-to-keep --dtypes float32

over_bare_forward   tokens a second to disk (shards, hashes, statistics) over those of the bare network up to the layer,
                    on whole rows without padding, at the best of several batch sizes
over_sae_lens       tokens a second whose activations are shuffled on the fly over those of SAELens's
                    `ActivationsStore`: same model, text, context, dtype and size of the shuffle buffer; the peer gets
                    whole rows that are already tokenised, at the best of the same batch sizes, and stops at the layer
                    as we do
over_sae_lens_tuned the same with the peer's glibc told to keep freed memory, which we tell ours ourselves
over_sae_lens_best  as shipped, each tool in its best dtype
kept_share          positions that we keep of the tokens that we read: those that a chat template puts are read and left
                    out, here alone
pad_share           padding among the positions that our model was given
memory_growth       memory of a harvest (to disk, and on the fly) of the larger corpus over that of the smaller, on a
                    tiny model: what grows with the number of tokens, not with the model

All are timed in turns. The peer is installed by pip into an environment of its own, beside the torch and the
transformers that we run on, and runs in a process of its own; without a network --peer names one that was made before.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoModel, LlamaConfig, LlamaForCausalLM

from benchmarks.harness import arguments, medians_in_turns, report
from benchmarks.peers import AS_SHIPPED, PINS, TUNED, Peer, peer_python
from monosema.activations import LiveStream, harvest_to_disk, measure, plan_harvest
from monosema.corpora import CorpusSettings, Document, Tokens, read_documents, write_tokens
from monosema.models import LanguageModel, load_tokenizer
from monosema.models.loading import folder_of

PEER = PINS["sae-lens"]
PEER_MALLOC = {"peer": AS_SHIPPED, "peer_tuned": TUNED}
STORE = Path(__file__).with_name("sae_lens_store.py")
BATCH_ROWS = (2, 4, 8, 16, 32)
BUFFER_CONTEXTS = 128
TARGETS = {
    "over_bare_forward": (">=", 0.95),
    "over_sae_lens": (">=", 1.12),
    "pad_share": ("<=", 0.05),
    "memory_growth": ("<=", 1.1),
}


def bare(folder: Path, layer: int, dtype: torch.dtype) -> Any:
    """The network up to a layer, as transformers has it."""
    config = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = layer + 1
    return AutoModel.from_pretrained(folder, config=config, dtype=dtype).eval()


def best_rows(rate: Callable[[int], float]) -> int:
    """The number of rows at which a batch is fastest."""
    return max(BATCH_ROWS, key=rate)


def rate_of(run: Callable[[], object], n: int) -> float:
    run()  # first use allocates
    start = time.perf_counter()
    run()
    return n / (time.perf_counter() - start)


def whole_rows(tokens: Tokens) -> torch.Tensor:
    """The training text end to end, cut each context: [rows, context]."""
    documents = [torch.from_numpy(tokens.ids(n)) for n in range(tokens.n_documents)]
    text = torch.cat(documents)
    return text[: len(text) // tokens.context * tokens.context].view(-1, tokens.context)


class Case:
    """One dtype: those that are timed in turns, and how many tokens each reads."""

    def __init__(self, options: argparse.Namespace, dtype: str, tokens: Tokens, python: Path, scratch: Path):
        self.folder, self.scratch, self.n = folder_of(options.model), scratch, options.turn
        self.tokens, self.hook = tokens, f"resid_post.{options.layer}"
        self.model = LanguageModel.load(options.model, dtype=dtype, until=self.hook)
        self.network = bare(self.folder, options.layer, self.model.dtype)
        self.ids = whole_rows(tokens)
        context = tokens.context
        self.rows = best_rows(lambda rows: rate_of(lambda: self._forward(rows), rows * context))
        ours = best_rows(
            lambda rows: rate_of(lambda: self.model.capture(self.ids[:rows], [self.hook]), rows * context)
        )
        self.tokens_per_batch = ours * context
        read = sum(int(batch.real.sum()) for batch in tokens.batches("train", self.tokens_per_batch))
        self.kept_share = tokens.count("train") / read
        stats = measure(
            self.model,
            tokens,
            [self.hook],
            tokens_per_batch=self.tokens_per_batch,
            max_positions=min(self.n, tokens.count("train")),
        )[self.hook]
        buffer_rows = BUFFER_CONTEXTS * context
        self.stream = LiveStream(
            self.model,
            tokens,
            self.hook,
            stats,
            tokens_per_batch=self.tokens_per_batch,
            buffer_rows=buffer_rows,
            seed=0,
        )
        dataset = scratch / f"rows-{dtype}"
        Dataset.from_dict({"tokens": self.ids.tolist()}).save_to_disk(str(dataset))
        asked = {
            "model": str(self.folder),
            "dataset": str(dataset),
            "layer": options.layer,
            "dtype": dtype,
            "context": context,
            "d_model": self.model.d_model,
            "buffer_rows": buffer_rows,
            "threads": torch.get_num_threads(),
        }
        self.peers = {
            name: Peer([python, STORE], asked, malloc=malloc) for name, malloc in PEER_MALLOC.items()
        }
        shipped = self.peers["peer"]
        self.peer_rows = best_rows(lambda rows: rate_of(lambda: shipped.ask(rows, self.n), self.n))
        self.done: dict[str, float] = {}

    @torch.inference_mode()
    def _forward(self, rows: int) -> None:
        self.network(self.ids[:rows], use_cache=False)

    def _bare(self) -> None:
        times = -(-self.n // (self.rows * self.tokens.context))
        for _ in range(times):
            self._forward(self.rows)
        self.done["bare"] = times * self.rows * self.tokens.context

    def _disk(self) -> None:
        plan = plan_harvest(
            self.model.d_model,
            self.model.dtype,
            tokens_per_batch=self.tokens_per_batch,
            max_positions=self.n,
        )
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            store = harvest_to_disk(self.model, self.tokens, {self.hook: Path(folder)}, plan)[self.hook]
            self.done["disk"] = len(store) / self.kept_share

    def _live(self) -> None:
        self.done["live"] = len(self.stream.next(self.n)) / self.kept_share

    def _peer(self, name: str) -> None:
        self.done[name] = float(self.peers[name].ask(self.peer_rows, self.n))

    def rates(self, rounds: int) -> dict[str, float]:
        """Tokens a second of each."""
        cases = {"bare": self._bare, "disk": self._disk, "live": self._live}
        cases |= {name: partial(self._peer, name) for name in self.peers}
        ms = medians_in_turns(cases, rounds=rounds, warm_up=1)
        for peer in self.peers.values():
            peer.close()
        return {name: 1e3 * self.done[name] / ms[name] for name in cases}


def made_up(count: int) -> Iterator[Document]:
    """Documents of about 100 tokens, made of the sentences of the bundled text, until there are so many tokens."""
    texts = read_documents(CorpusSettings(sources=("world:first_slice",)))
    sentences = [sentence for document in texts for sentence in document.content.split(". ") if sentence]
    rng = random.Random(0)
    for number in range(count // 60):
        yield Document(id=str(number), text=f"{number}. " + ". ".join(rng.choices(sentences, k=5)))


def memory(options: argparse.Namespace, scratch: Path) -> dict[str, float]:
    """Memory in GB of a harvest of each number of tokens, on a tiny model with the tokenizer of the real one."""
    tokenizer = load_tokenizer(options.model)
    tiny = scratch / "tiny"
    tokenizer.save_pretrained(tiny)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(tiny)
    found = {}
    for count in options.memory_tokens:
        folder = scratch / str(count)
        folder.mkdir()
        settings = CorpusSettings(sources=("made up",), tokens=count, context=options.context)
        write_tokens(folder, made_up(count), tokenizer, settings)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.harvest_memory", str(tiny), str(folder)],
            stdout=subprocess.PIPE,
            check=True,
        )
        found[str(count)] = round(float(done.stdout), 4)
    return found


def run(options: argparse.Namespace, scratch: Path) -> None:
    start = time.perf_counter()
    python = peer_python(options.peer or scratch / "peer", PEER)
    settings = CorpusSettings(
        sources=tuple(options.corpus), tokens=options.tokens, context=options.context, shares=(1, 0, 0, 0)
    )
    folder = scratch / "tokens"
    folder.mkdir()
    write_tokens(folder, read_documents(settings), load_tokenizer(options.model), settings)
    tokens = Tokens(folder)
    rates, rows, pads, kept = {}, {}, [], []
    for dtype in options.dtypes:
        case = Case(options, dtype, tokens, python, scratch)
        rates[dtype] = case.rates(options.rounds)
        pads.append(tokens.pad_share("train", case.tokens_per_batch))
        kept.append(case.kept_share)
        rows[dtype] = {
            "bare": case.rows,
            "ours": case.tokens_per_batch // tokens.context,
            "peer": case.peer_rows,
        }
    first = rates[options.dtypes[0]]
    best = {name: max(found[name] for found in rates.values()) for name in first}
    used = memory(options, scratch)
    small, large = (used[str(count)] for count in options.memory_tokens)
    figures = {
        "over_bare_forward": first["disk"] / first["bare"],
        "over_sae_lens": first["live"] / first["peer"],
        "over_sae_lens_tuned": first["live"] / first["peer_tuned"],
        "over_sae_lens_best": best["live"] / best["peer"],
        "kept_share": min(kept),
        "pad_share": max(pads),
        "memory_growth": large / small,
    }
    report(
        "harvest",
        {name: round(value, 4) for name, value in figures.items()},
        TARGETS,
        time.perf_counter() - start,
        as_json=options.json,
        details={
            "tokens_a_second": {
                dtype: {name: round(rate) for name, rate in found.items()} for dtype, found in rates.items()
            },
            "best_rows": rows,
            "memory_gb": used,
            "peer": PEER,
        },
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--corpus", nargs="*", default=["world:library"], help="files, folders, world:NAME")
    parser.add_argument("--layer", type=int, default=15)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=300_000, help="tokens of the text")
    parser.add_argument("--turn", type=int, default=1 << 15, help="positions that each gives in a turn")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds, after one that is not")
    parser.add_argument(
        "--dtypes",
        type=lambda text: text.split(","),
        default=["float32", "bfloat16"],
        help="the first decides",
    )
    parser.add_argument(
        "--memory-tokens",
        type=lambda text: [int(number) for number in text.split(",")],
        default=[1_000_000, 20_000_000],
        help="two sizes of the corpus whose harvests are compared",
    )
    parser.add_argument(
        "--peer", type=Path, help="folder of the peer's environment, kept; default: a temporary one"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(options, Path(scratch))


if __name__ == "__main__":
    main()
