"""The stage "sae": SAEs that read the same activations are trained together, others taken over as they are given.

Every SAE gets the bits that it would get alone: the order of positions belongs to the activations and not to it, and
samples that only one of them needs come from streams of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from monosema.activations import (
    ActivationStats,
    ActivationStore,
    ActivationStream,
    LiveStream,
    StoreStream,
    derive_seed,
)
from monosema.artifact import Draft
from monosema.files import read_json
from monosema.pipeline.asked import SAEAsked
from monosema.pipeline.budget import THRESHOLD_POSITIONS
from monosema.pipeline.given import take_over
from monosema.pipeline.making import once
from monosema.pipeline.memory import by_memory
from monosema.pipeline.work import PLAN, Work
from monosema.sae import SAE, SAEConfig, recognise, start_from, thresholds_of, towards_data
from monosema.training import DATA, Job, TrainPlan, TrainResult, faster_gemm, steps_done, train_together
from monosema.training import make_plan as make_train_plan


def make_saes(work: Work, drafts: Mapping[str, Draft]) -> None:
    """Train SAEs on one stream, going on from their checkpoints; or take over the one that is given."""
    asked = {name: work.asked.saes[name] for name in drafts}
    folder = work.artifact("activations", next(iter(asked.values())).activations).path
    stats = ActivationStats.load(folder)
    for name, one in asked.items():
        if one.given is not None:
            sae, measured = take_over(work, name, folder, stats)
            _keep(sae, measured, drafts[name])
    trained = {name: drafts[name] for name, one in asked.items() if one.given is None}
    if not trained:
        return
    group = Training(work, folder, stats, next(iter(trained)))
    if not group.stored:
        names = ", ".join(f"sae/{name}" for name in trained)
        work.alone(f"{names} {'is' if len(trained) == 1 else 'are'} trained on activations made on the fly")
    begun = [group.job(name, draft) for name, draft in trained.items()]
    sizes = [job.plan.memory_bytes(job.sae.config.kind) for job in begun]
    for jobs in by_memory(begun, sizes, group.device):
        for job, result in zip(jobs, group.train(jobs), strict=True):
            _keep(group.finished(job.sae), asdict(result), drafts[job.name])


def _keep(sae: SAE, measured: Mapping[str, Any], draft: Draft) -> None:
    for left in draft.path.glob("sae.*"):
        left.unlink()  # of a try that was killed between here and the commit
    sae.save(draft.path)
    draft.measured |= measured


class Training:
    """What SAEs share that are trained on the same activations."""

    def __init__(self, work: Work, folder: Path, stats: ActivationStats, name: str) -> None:
        """`name`: any of them."""
        self.work, self.folder, self.stats, self.asked = work, folder, stats, work.asked.saes[name]
        self.device = work.sae_device(self.asked.place.model)
        self.stored = bool(read_json(folder / "choice.json")["stored"])

    def stream(self, purpose: str) -> ActivationStream:
        """The activations in an order of this purpose."""
        asked, work = self.asked, self.work
        seed = derive_seed(work.asked.seed, f"{purpose}/{asked.activations}")
        if self.stored:
            return StoreStream(ActivationStore(self.folder), self.stats, seed)
        return LiveStream(
            work.model(asked.place.model, until=asked.place.at),
            work.tokens(asked.tokens),
            asked.place.at,
            self.stats,
            tokens_per_batch=work.plan(asked.place.model).tokens_per_batch,
            seed=seed,
        )

    @cached_property
    def positions(self) -> int:
        """Positions in one pass."""
        return self.stream("train").total

    @cached_property
    def sample(self) -> Float[Tensor, "n d_model"]:
        """What inference thresholds are fitted on."""
        return self.stream("thresholds").next(min(THRESHOLD_POSITIONS, self.positions))

    def job(self, name: str, draft: Draft) -> Job:
        """One of them: its plan, frozen when it was begun, and its weights at the start."""
        work, asked = self.work, self.work.asked.saes[name]
        own = f"sae/{name}" if asked.place.seed is None else f"sae seed/{asked.place.seed}"
        config = SAEConfig(
            kind=asked.kind,
            d_model=asked.place.width_of(self.stats.d_model),
            d_sae=work.d_sae(name),
            input=asked.place.hook,
            output=asked.place.written,
            model=work.asked.models[asked.place.model].source,
            model_hash=work.plan(asked.place.model).model_hash,
            seed=derive_seed(work.asked.seed, own),
        )

        def decide() -> dict[str, Any]:
            gemm = faster_gemm(self.device)
            return asdict(
                make_train_plan(asked.training, config, positions=self.positions, encoder_gemm=gemm)
            )

        return Job(
            sae=self._begin(config, asked),
            plan=TrainPlan(**once(draft.path / PLAN, decide)),
            checkpoint=draft.scratch / "checkpoint.safetensors",
            metrics=draft.logs / "metrics",
            name=name,
        )

    def _begin(self, config: SAEConfig, asked: SAEAsked) -> SAE:
        """The SAE at step 0."""
        stats = self.stats
        if asked.start is not None:
            format, where = recognise(asked.start)
            given = SAE.load(where, format=format, hook=config.input)
            return start_from(
                given, config, scale=stats.scale, massive=stats.massive_threshold, balance=stats.balance
            )
        sae = SAE.initialise(
            config,
            mean=stats.mean.float(),
            scale=stats.scale,
            massive=stats.massive_threshold,
            balance=stats.balance,
        )
        if asked.training.start == DATA:
            towards_data(sae, self.stream("begin").next(config.d_sae))
        return sae

    def train(self, jobs: Sequence[Job]) -> list[TrainResult]:
        """Train some of them on one pass of the stream."""
        total = sum(job.plan.positions for job in jobs)
        done = sum(steps_done(job.checkpoint) * job.plan.batch for job in jobs if job.checkpoint)
        with self.work.plain_reporter.stage("train", total, done=done) as progress:
            return train_together(
                jobs, self.stream("train"), progress=progress, stop=self.work.stop, device=self.device
            )

    def finished(self, sae: SAE) -> SAE:
        """The SAE with the inference thresholds of its kind."""

        return thresholds_of(sae, lambda: self.sample)
