"""One training step of a peer, taken when asked; runs as a process in an environment of the peer's own.

    python peer_steps.py '{"peer": "sae-lens", "variant": "topk", "data": ..., "k": 32, ...}'

Reads the batch and half-trained weights from a safetensors file, writes `ready`, and answers each line:
`step` with the seconds, the loss and the L0 of one step, `peak` with the most memory in GB that the process ever had;
where the peer raises, with `error: ` and the first line of what it says. One variant a process, so that the peak is its
own. Imports nothing of ours; a peer is imported where it is asked for, because each environment has only one of them.

Each step is what the peer's own training loop does with a batch, without its logging: its loss, backward pass, clip,
optimiser and bookkeeping of dead features.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import torch
from safetensors.torch import load_file
from torch import Tensor

STEPS = 10**6
"""Length of the training that schedules are told of; no schedule changes anything within the steps that are timed."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What all tools are given."""

    x: Tensor
    """Positions [batch, d_model]."""
    rows: Tensor
    """Unit rows [d_sae, d_model] of encoder and decoder."""
    bound: float
    """What L1 SAEs subtract from all pre-activations, so that about as many features as wished are on."""
    k: int
    """Features a position of TopK SAEs."""
    penalty: float
    """Weight of L1's penalty."""

    @classmethod
    def read(cls, asked: dict[str, Any]) -> Case:
        """The case of a safetensors file, with the settings that were asked for."""
        tensors = load_file(asked["data"])
        x, rows, bound = tensors["x"], tensors["rows"], float(tensors["bound"])
        return cls(x=x, rows=rows, bound=bound, k=asked["k"], penalty=asked["penalty"])

    @property
    def d_model(self) -> int:
        return self.x.shape[1]

    @property
    def d_sae(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An SAE at the step from which it is timed."""

    step: Callable[[], Any]
    """Take a step; this is timed."""
    loss: Callable[[Any], float]
    """Mean over positions of the squared error, and the penalty where there is one, from what a step returned."""
    l0: Callable[[Any], float]
    """Mean number of active features a position, from what a step returned."""


@torch.no_grad()
def half_trained(case: Case, encoder: Tensor, decoder: Tensor) -> None:
    """Put the given rows into both matrices, in the shape and memory layout that the peer gave them."""
    for matrix in (encoder, decoder):
        matrix.copy_(case.rows if matrix.shape == case.rows.shape else case.rows.T)


def sae_lens(case: Case, variant: str) -> Trained:
    """`SAETrainer.step`; its loss is ours, factor 1."""
    from sae_lens.config import LoggingConfig, SAETrainerConfig  # type: ignore[import-not-found]
    from sae_lens.saes.standard_sae import (  # type: ignore[import-not-found]
        StandardTrainingSAE,
        StandardTrainingSAEConfig,
    )
    from sae_lens.saes.topk_sae import (  # type: ignore[import-not-found]
        TopKTrainingSAE,
        TopKTrainingSAEConfig,
    )
    from sae_lens.training.sae_trainer import SAETrainer  # type: ignore[import-not-found]

    kind, _, dtype = variant.partition(" ")
    sizes = {"d_in": case.d_model, "d_sae": case.d_sae}
    if kind == "topk":
        sae = TopKTrainingSAE(TopKTrainingSAEConfig(**sizes, k=case.k))
    else:
        sae = StandardTrainingSAE(StandardTrainingSAEConfig(**sizes, l1_coefficient=case.penalty))
        sae.b_enc.data -= case.bound
    half_trained(case, sae.W_enc, sae.W_dec)
    batch = len(case.x)
    config = SAETrainerConfig(
        total_training_samples=STEPS * batch,
        train_batch_size_samples=batch,
        lr_end=3e-5,
        autocast=dtype == "autocast",
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(cfg=config, sae=sae, data_provider=iter(()))

    def step() -> Any:
        out = trainer.step(case.x)
        trainer.n_training_steps += 1
        return out

    return Trained(
        step=step,
        loss=lambda out: float(out.loss.detach()),
        l0=lambda out: float(out.feature_acts.count_nonzero()) / batch,
    )


def dictionary_learning(case: Case, variant: str) -> Trained:
    """`TopKTrainer.update` (variant: topk); its loss is ours, factor 1."""
    from dictionary_learning.trainers.top_k import TopKTrainer  # type: ignore[import-not-found]

    trainer = TopKTrainer(
        steps=STEPS,
        activation_dim=case.d_model,
        dict_size=case.d_sae,
        k=case.k,
        layer=0,
        lm_name=variant,
        device="cpu",
    )
    half_trained(case, trainer.ae.encoder.weight, trainer.ae.decoder.weight)
    # numbers begin at 1: step 0 would put the geometric median of the batch into b_dec
    numbers = iter(range(1, STEPS))
    return Trained(step=lambda: trainer.update(next(numbers), case.x), loss=float, l0=lambda _: float(case.k))


def sparsify(case: Case, variant: str) -> Trained:
    """What the hook and the loop of `Trainer.fit` do with a batch, which it cannot be given without a model.

    Its loss is the error's share of the variance; times the variance of a position it is ours.
    """
    from schedulefree import ScheduleFreeWrapper  # type: ignore[import-not-found]
    from sparsify.sign_sgd import SignSGD  # type: ignore[import-not-found]
    from sparsify.sparse_coder import SparseCoder, SparseCoderConfig  # type: ignore[import-not-found]

    torch.set_float32_matmul_precision("high")  # as `fit` does
    x = case.x
    config = SparseCoderConfig(num_latents=case.d_sae, k=case.k)
    coder = SparseCoder(case.d_model, config, dtype=torch.float32)
    half_trained(case, coder.encoder.weight, coder.W_dec)
    scale = (case.d_sae / 2**14) ** 0.5
    if variant == "topk":  # signum, the default
        optimizer = ScheduleFreeWrapper(SignSGD(coder.parameters(), lr=5e-3 / scale), momentum=0.95)
        optimizer.train()
    else:
        fused = variant == "topk fused adam"
        optimizer = torch.optim.Adam(coder.parameters(), lr=2e-4 / scale, fused=fused)
    fired = torch.zeros(case.d_sae, dtype=torch.bool)
    since_fired = torch.zeros(case.d_sae, dtype=torch.long)

    def step() -> float:
        coder.set_decoder_norm_to_unit_norm()
        total_variance = (x - x.mean(0)).pow(2).sum()
        out = coder(x=x, y=x, dead_mask=None, total_variance=total_variance)
        fired[out.latent_indices.flatten()] = True
        out.fvu.backward()
        coder.remove_gradient_parallel_to_decoder_directions()
        optimizer.step()
        optimizer.zero_grad()
        since_fired.add_(len(x))
        since_fired[fired] = 0
        fired.zero_()
        return float(out.fvu.detach())

    variance = float((x - x.mean(0)).pow(2).sum(1).mean())
    return Trained(step=step, loss=lambda fvu: fvu * variance, l0=lambda _: float(case.k))


PEERS: dict[str, Callable[[Case, str], Trained]] = {
    "sae-lens": sae_lens,
    "dictionary-learning": dictionary_learning,
    "eai-sparsify": sparsify,
}


def peak_gb() -> float:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin at that of the process which started this one
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30


def serve(make: Callable[[], Trained], out: TextIO) -> None:
    """Make the SAE, say `ready`, answer until the input ends; end with the first line of what is raised."""
    try:
        answer(make(), out)
    except Exception as error:  # whatever a peer raises is its answer
        first = (str(error).strip().splitlines() or [""])[0]
        print(f"error: {type(error).__name__}: {first}", file=out, flush=True)


def answer(trained: Trained, out: TextIO) -> None:
    """Answer each line, after `ready`."""
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        if line.strip() == "peak":
            print(peak_gb(), file=out, flush=True)
            continue
        start = time.perf_counter()
        result = trained.step()
        seconds = time.perf_counter() - start
        print(seconds, trained.loss(result), trained.l0(result), file=out, flush=True)
        del result  # before the next step


def main() -> None:
    asked = json.loads(sys.argv[1])
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever the libraries print is no answer
    torch.set_num_threads(asked["threads"])
    serve(lambda: PEERS[asked["peer"]](Case.read(asked), asked["variant"]), out)


if __name__ == "__main__":
    main()
