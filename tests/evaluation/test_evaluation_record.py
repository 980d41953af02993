"""What an evaluation says: baselines that win, records, intervals, refusals, progress, several SAEs at once."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from activations.tiny import VOCABULARY, MemoryTokens
from evaluation.measured import THRESHOLD, identity, model, random_sae, run, text
from monosema.errors import ActivationError, DamagedError, UsageError
from monosema.evaluation import Evaluation, EvaluationSettings, Figure, evaluate, evaluate_each
from monosema.evaluation import crossentropy as crossentropy_module
from monosema.evaluation.crossentropy import divergences, losses
from monosema.progress import Silent, SilentProgress


def test_a_baseline_that_wins_is_said() -> None:
    found = run(random_sae(), baselines=True)
    pca = found.baselines["pca"]
    assert pca.fvu.value < found.fvu.value
    assert any(note.startswith("PCA with 3 directions beats the SAE in FVU: ") for note in found.notes)
    assert not any("PCA with 6" in note for note in run(random_sae()).notes)


def test_the_record_survives_json() -> None:
    found = run(random_sae(), model(massive=True), baselines=True)
    text = found.to_json()
    assert Evaluation.from_dict(json.loads(text)) == found
    broken = json.loads(text)
    del broken["fvu"]
    with pytest.raises(DamagedError, match="fvu"):
        Evaluation.from_dict(broken)


def test_figures_that_are_not_defined_are_null() -> None:
    flat = model()
    flat.head.zero_()  # no replacement does any harm
    found = run(random_sae(), flat)
    assert math.isnan(found.ce.recovered_mean.value)
    assert found.to_dict()["ce"]["recovered_mean"]["value"] is None
    assert math.isnan(Evaluation.from_dict(found.to_dict()).ce.recovered_mean.value)
    assert any("not defined" in note for note in found.notes)


def test_every_figure_has_an_interval_around_it() -> None:
    found = run(random_sae(), model(massive=True), baselines=True)
    figures = [found.l0, found.fvu, found.variance_explained, found.shrinkage, found.left_out.massive]
    figures += [figure for figure in vars(found.ce).values() if isinstance(figure, Figure)]
    figures += [
        getattr(one, name)
        for one in found.baselines.values()
        for name in ("fvu", "ce_added", "recovered_mean")
    ]
    for figure in figures:
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high


def test_rows_are_run_one_by_one_where_logits_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(random_sae())
    monkeypatch.setattr(crossentropy_module, "LOGIT_BYTES", 1)
    monkeypatch.setattr(crossentropy_module, "_CHUNK_BYTES", 1)
    found = run(random_sae())
    assert found.ce.added.value == pytest.approx(expected.ce.added.value, rel=1e-6)
    assert found.ce.kl.value == pytest.approx(expected.ce.kl.value, rel=1e-6)


def test_losses_and_divergences_are_those_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.randn(2, 5, VOCABULARY, generator=generator) for _ in range(2))
    places = torch.tensor([0, 3, 8])
    targets = torch.tensor([4, 0, 22])
    expected = torch.nn.functional.cross_entropy(p.view(-1, VOCABULARY)[places], targets, reduction="none")
    torch.testing.assert_close(losses(p, places, targets), expected)
    log_p, log_q = (y.view(-1, VOCABULARY)[places].log_softmax(1) for y in (p, q))
    kl = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(1)
    torch.testing.assert_close(divergences(p, q, places), kl)


def test_an_sae_of_another_model_is_refused() -> None:
    other = replace(random_sae(), config=replace(random_sae().config, model_hash="f" * 64))
    with pytest.raises(UsageError, match="belongs to"):
        run(other)
    transcoder = replace(random_sae(), config=replace(random_sae().config, output="resid_post.1"))
    with pytest.raises(UsageError, match=r"has width 6; this SAE reads 12"):
        run(transcoder)


def test_a_split_without_positions_is_refused() -> None:
    with pytest.raises(UsageError, match="no position that is kept"):
        evaluate(model(), random_sae(), MemoryTokens(documents=0), tokens_per_batch=40, seed=0)
    with pytest.raises(UsageError, match="are massive"):
        run(replace(random_sae(), massive=1e-9))


def test_an_sae_with_nan_weights_is_refused() -> None:
    broken = random_sae()
    broken.b_dec.fill_(math.nan)
    with pytest.raises(ActivationError, match="training went wrong"):
        run(broken)


def test_progress_is_told_of_every_stage() -> None:
    done: dict[str, list[int]] = {}

    class Stage(SilentProgress):
        def __init__(self, name: str) -> None:
            self.name = name

        def update(self, n: int, **figures: float) -> None:
            done[self.name].append(n)

    class Stages(Silent):
        def stage(self, name: str, total: int, unit: str = "positions", done_before: int = 0) -> Stage:
            done[name] = [-total]
            return Stage(name)

    run(random_sae(), baselines=True, progress=Stages())
    assert list(done) == ["baselines", "fidelity", "cross-entropy"]
    assert all(sum(numbers) == 0 for numbers in done.values())


def test_settings_refuse_numbers_below_one() -> None:
    assert EvaluationSettings().baselines
    with pytest.raises(UsageError, match="ce_positions is 0"):
        EvaluationSettings(ce_positions=0)


@pytest.mark.parametrize("baselines", [False, True])
def test_saes_at_one_place_are_measured_together_as_if_each_were_alone(baselines: bool) -> None:
    tiny = model(massive=True)
    some = [random_sae(), identity(), random_sae(scale=0.7)]
    asked = {"tokens_per_batch": 40, "seed": 0, "baselines": baselines}
    before = tiny.forwards
    together = evaluate_each(tiny, some, text(True), **asked)
    passes = tiny.forwards - before
    assert [one.to_dict() for one in together] == [run(sae, tiny, **asked).to_dict() for sae in some]
    assert tiny.forwards - before == passes * 4, "three times alone, once together"
    assert len({one.fvu.value for one in together}) == 3


def test_saes_at_several_places_are_not_measured_together() -> None:
    other = replace(random_sae(), massive=2 * THRESHOLD)
    with pytest.raises(UsageError, match=r"cannot be evaluated together; .* with one massive threshold"):
        evaluate_each(model(), [random_sae(), other], text(), tokens_per_batch=40, seed=0)
