"""What does a feature cost in our index, and in SAEDashboard, over the same tokens, model and SAE?

Both open one made model (GPT-2's architecture, random weights) from its Hugging Face folder and one made SAE from its
SAELens folder, float32, and read the same token numbers; that both find the same is checked in each run. Each turn is
a process of its own with the same threads and malloc settings, timed from the loaded model to the written result. The
peer's turn stands between two of ours, so that a slow minute meets both.

`python -m benchmarks.sae_dashboard CASE OUT` is our turn; `benchmarks.index --peers` calls `compare`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import normalize
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.harness import MALLOC
from monosema.activations import LiveRows
from monosema.corpora import CorpusSettings, Tokens, read_documents, write_tokens
from monosema.index import FeatureIndex, make_index
from monosema.models import LanguageModel, load_tokenizer
from monosema.sae import SAE

PINS = (
    "sae-dashboard==0.8.0",
    "sae-lens==6.54.12",
    "transformer-lens==2.17.0",
    "transformers==4.56.2",
    "numpy==1.26.4",
    "pyarrow==19.0.1",  # later ones need numpy 2, which transformer-lens forbids
    "pandas==2.2.3",
)
UNUSED = ("torchvision", "torchaudio")
"""Brought in for cross-layer transcoders; builds that do not fit torch's break the import of transformers."""
HOOK, PEER_HOOK = "resid_post.3", "blocks.3.hook_resid_post"
D_MODEL, LAYERS, HEADS, CONTEXT = 512, 6, 8, 128
DENSITIES = (1e-4, 0.1)
"""Shares of positions on which features are active, drawn log-uniformly between these: L0 is near 60 of 4,096."""
FITTED_ROWS, CHECKED_ROWS = 64, 4
TOKENS_PER_BATCH = 2048
TOLERANCE = 1e-4
"""Largest difference between what the two tools find, as a share of the largest value."""
FIGURES = ("over_sae_dashboard", "over_sae_dashboard_wall")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is compared."""

    tokens: int = 200_000
    """Tokens, in rows of `CONTEXT`; whole documents are taken, so that it is a few more or less."""
    features: int = 256
    """Features that the peer is asked for, drawn from a seed; ours are always all."""
    d_sae: int = 4096
    """Features of the SAE."""


def compare(size: Size, environment: Path | None) -> tuple[dict[str, float], dict[str, str], dict[str, Any]]:
    """Figures, how to read them, and what they came from.

    `environment`: folder of the peer's environment, made where there is none; None: a temporary one.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python = peer_python((environment or place / "environment").absolute())
        make_case(place, size)
        script = str(Path(__file__).with_name("sae_dashboard_runner.py"))
        ours = [sys.executable, "-m", "benchmarks.sae_dashboard"]
        before = turn(ours, place, "before")
        peer = turn([str(python), "-P", script], place, "peer")
        after = turn(ours, place, "after")
        differences = checked(place / "before" / "check.npz", place / "peer" / "check.npz")
    if not before["tokens"] == after["tokens"] == peer["tokens"]:
        sys.exit(f"we indexed {before['tokens']} tokens and the peer {peer['tokens']}; expected the same")
    seconds = (before["seconds"] + after["seconds"]) / 2
    wall = peer["seconds"] / seconds
    figures = dict(zip(FIGURES, (wall * size.d_sae / peer["features"], wall), strict=True))
    details = {
        "pins": [torch_pin(), *PINS],
        "malloc": MALLOC,
        "size": asdict(size),
        "peer": peer,
        "ours": [before, after],
        "largest_differences": differences,
    }
    return figures, notes_of(size, peer, seconds), details


def notes_of(size: Size, peer: dict[str, Any], seconds: float) -> dict[str, str]:
    """How to read the figures: what each tool made in its time."""
    threads, tokens, features = peer["threads"], peer["tokens"], peer["features"]
    per_feature = (
        f"seconds per token and feature, theirs over ours: {peer['seconds']:.3g} s for {features} declared features "
        f"against {seconds:.3g} s for all {size.d_sae}; {tokens} tokens, {threads} threads and glibc told to keep "
        "freed memory (details.malloc) for both; ours cannot make fewer, theirs shares its forward pass among "
        "those that it makes"
    )
    whole = (
        f"seconds of the whole run, theirs over ours; theirs makes {features} features as one HTML page (top and "
        f"quantile contexts, histograms, logits, correlations), ours the index of all {size.d_sae} (postings both "
        "ways, top, random and quantile contexts, histograms, logits, neighbours)"
    )
    return dict(zip(FIGURES, (per_feature, whole), strict=True))


def torch_pin() -> str:
    """The release of torch that we run on; pip takes the same build where it finds one."""
    return f"torch=={metadata.version('torch').partition('+')[0]}"


def peer_python(folder: Path) -> Path:
    """The interpreter of the peer's environment, which is made where there is none or other pins made it."""
    python, made = folder / "bin" / "python", folder / "pins.json"
    pins = [torch_pin(), *PINS]
    if made.exists() and json.loads(made.read_text()) == pins:
        return python
    venv.create(folder, with_pip=True)
    for command in (["install", "--quiet", *pins], ["uninstall", "--quiet", "--yes", *UNUSED]):
        subprocess.run([python, "-m", "pip", *command], check=True, stdout=sys.stderr)
    made.write_text(json.dumps(pins))
    return python


def make_case(place: Path, size: Size) -> None:
    """Write model, tokens and SAE, and what is asked of both."""
    tokenizer = load_tokenizer("smollm2")
    tokenizer.save_pretrained(place / "model")
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=CONTEXT,
        n_embd=D_MODEL,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    GPT2LMHeadModel(config).eval().save_pretrained(place / "model")
    ids = write_text(place, size.tokens, tokenizer)  # [rows, context]
    write_sae(place, ids[:FITTED_ROWS], size.d_sae)
    case = {
        "features": sorted(random.Random(0).sample(range(size.d_sae), size.features)),
        "threads": torch.get_num_threads(),
        "checked_rows": CHECKED_ROWS,
    }
    (place / "case.json").write_text(json.dumps(case))


def write_text(place: Path, tokens: int, tokenizer: Any) -> torch.Tensor:
    """Write the tokens for us, and the same rows as one array for the peer; returns them."""
    settings = CorpusSettings(
        sources=("world:library", "world:composed"),
        tokens=tokens,
        context=CONTEXT,
        packing="joined",  # the peer has no padding: all rows are whole
        bos="never",
        chat="plain",
        shares=(1.0, 0.0, 0.0, 0.0),
    )
    (place / "tokens").mkdir()
    write_tokens(place / "tokens", read_documents(settings), tokenizer, settings)
    batches = Tokens(place / "tokens").batches("train", TOKENS_PER_BATCH)
    ids = torch.cat([batch.ids for batch in batches])  # [rows, context]
    np.save(place / "ids.npy", ids.numpy())
    return ids


def write_sae(place: Path, ids: torch.Tensor, d_sae: int) -> None:
    """Write an SAE in SAELens's format: random unit directions, thresholds that give features their densities."""
    model = LanguageModel.load(str(place / "model"), dtype="float32", until=HOOK)
    x = model.capture(ids, [HOOK], None)[HOOK].flatten(0, 1)  # [n, d_model]
    generator = torch.Generator().manual_seed(0)
    W_dec = normalize(torch.randn(d_sae, D_MODEL, generator=generator), dim=1)
    mean = x.mean(0)
    least, most = (torch.tensor(share).log() for share in DENSITIES)
    densities = torch.exp(least + (most - least) * torch.rand(d_sae, generator=generator))
    ordered = ((x - mean) @ W_dec.T).sort(0, descending=True).values  # [n, d_sae]
    thresholds = ordered.gather(0, (densities * len(x)).long()[None])[0]
    (place / "sae").mkdir()
    tensors = {"W_enc": W_dec.T.contiguous(), "W_dec": W_dec, "b_enc": -thresholds, "b_dec": mean}
    save_file(tensors, place / "sae" / "sae_weights.safetensors")
    config = {
        "architecture": "standard",
        "d_in": D_MODEL,
        "d_sae": d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "model_name": "model", "hook_name": PEER_HOOK},
    }
    (place / "sae" / "cfg.json").write_text(json.dumps(config))


def turn(command: Sequence[str], place: Path, name: str) -> dict[str, Any]:
    """What one tool's process says of its turn; what it prints goes to standard error."""
    out = place / name
    out.mkdir()
    settings = MALLOC | {"OMP_NUM_THREADS": str(torch.get_num_threads()), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, str(place), str(out)],
        env=os.environ | settings,
        cwd=Path(__file__).parents[1],
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}; what it said stands above")
    said: dict[str, Any] = json.loads((out / "turn.json").read_text())
    return said


def checked(ours: Path, theirs: Path) -> dict[str, float]:
    """Largest differences as shares of the largest value; ends where one is large.

    Of activations and features of the first rows, and of the declared features' maxima over all tokens.
    """
    differences = {}
    with np.load(ours) as own, np.load(theirs) as other:
        for name in own:
            a, b = own[name].astype(np.float64), other[name].astype(np.float64)
            differences[name] = float(np.abs(a - b).max() / np.abs(a).max())
    if not all(difference <= TOLERANCE for difference in differences.values()):
        sys.exit(
            f"the tools do not find the same: they differ by {differences}; expected at most {TOLERANCE}"
        )
    return differences


def main() -> None:
    """Our turn."""
    place, out = Path(sys.argv[1]), Path(sys.argv[2])
    case = json.loads((place / "case.json").read_text())
    torch.set_num_threads(case["threads"])
    model = LanguageModel.load(str(place / "model"), dtype="float32")
    sae = SAE.load(place / "sae", format="saelens", hook=HOOK)
    sae = replace(sae, config=replace(sae.config, model=model.name, model_hash=model.hash))
    tokens = Tokens(place / "tokens")
    ids = torch.from_numpy(np.load(place / "ids.npy"))[: case["checked_rows"]]
    x = model.capture(ids, [HOOK], None)[HOOK].flatten(0, 1)  # [n, d_model]
    acts = sae.encode(x).dense()  # [n, d_sae]

    source = LiveRows(model, tokens, HOOK, split="train", tokens_per_batch=TOKENS_PER_BATCH)
    (out / "index").mkdir()
    start = time.perf_counter()
    sizes = make_index(out / "index", model, sae, tokens, source, seed=0)
    seconds = time.perf_counter() - start
    index = FeatureIndex(out / "index", tokens, model.tokenizer.decode)
    maxima = np.array([index.maximum(feature) for feature in case["features"]])
    np.savez(out / "check.npz", x=x.numpy(), acts=acts.numpy(), maxima=maxima)
    said = {
        "seconds": seconds,
        "features": sae.d_sae,
        "tokens": int(sizes["positions"]),
        "l0": sizes["postings"] / sizes["positions"],
        "threads": torch.get_num_threads(),
        "bytes": sum(file.stat().st_size for file in (out / "index").rglob("*") if file.is_file()),
    }
    (out / "turn.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
