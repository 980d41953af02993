"""Transcoders and crosscoders through every verb: trained, measured, indexed, found and steered like an SAE."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from monosema import pipeline
from monosema.errors import UsageError
from monosema.evaluation import evaluate
from monosema.interventions import Steering, add, clamp, scale, steer, steer_stream
from monosema.interventions.stream import Changes, FiringsAt
from monosema.models import LanguageModel
from monosema.pipeline import OpenStudy
from monosema.sae import SAE
from pipeline.small_study import TOML, new_study

TRANSCODER, CROSSCODER = "transcoder", "crosscoder"
TABLES = """
[saes.transcoder]
hook = "mlp_in.1"
output = "mlp_out.1"
kind = "batchtopk"
k = 4
d_sae = 48
batch = 64
tokens = 12000

[saes.crosscoder]
hook = "resid_post.0+resid_post.2"
kind = "l1"
d_sae = 48
batch = 64
tokens = 12000
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    made = new_study(tmp_path_factory.mktemp("coders") / "study", TOML + TABLES)
    pipeline.run(made)
    return pipeline.open_study(made.path)


def captured(study: OpenStudy, sae: SAE) -> tuple[LanguageModel, Tensor, Tensor]:
    model = study.model()
    ids = model.tokenize(["The old fox sees a red bridge and the golden bird."])[0]
    return model, ids, model.capture(ids, [sae.place])[sae.place]


def test_a_transcoder_reads_one_place_and_writes_another(study: OpenStudy) -> None:
    sae = study.sae(TRANSCODER)
    assert (sae.input, sae.output, sae.place) == ("mlp_in.1", "mlp_out.1", "mlp_in.1+mlp_out.1")
    assert sae.config.row == 2 * sae.d_model
    assert not sae.config.centred
    model, ids, rows = captured(study, sae)
    x, y = (model.capture(ids, [hook])[hook][0] for hook in (sae.input, sae.output))
    flat = rows[0]
    acts = sae.encode(flat)
    alone = (sae.scaled(flat)[:, : sae.d_model] @ sae.encoder.T + sae.b_enc).relu() * sae.decoder_norms
    assert torch.allclose(acts.dense()[acts.dense() > 0], alone[acts.dense() > 0], atol=1e-5)
    changed = torch.cat([x, torch.randn_like(y)], dim=1)  # what it is to write is not read
    assert torch.equal(sae.encode(changed).dense(), acts.dense())
    assert torch.equal(sae.target(flat), y)


def test_each_hook_point_has_its_own_scale(study: OpenStudy) -> None:
    for name in (TRANSCODER, CROSSCODER):
        sae = study.sae(name)
        _, _, rows = captured(study, sae)
        tokens = study.tokens(name)
        model = study.model()
        batch = next(iter(tokens.batches("train", 2048)))
        x = model.capture(batch.ids, [sae.place], batch.real)[sae.place][batch.keep].float()
        x = x[~sae.massive_mask(x)]
        width = sae.d_model // sae.config.blocks
        for part in sae.scaled(x).split(width, dim=1):
            assert float(part.square().sum(1).mean()) == pytest.approx(width, rel=0.1)
        assert len(sae.balance) == rows.shape[-1] // width
        assert sae.balance[-1] == 1.0


@pytest.mark.parametrize("name", [TRANSCODER, CROSSCODER])
def test_training_explains_what_is_written_and_figures_are_those_of_the_edited_model(
    study: OpenStudy, name: str
) -> None:
    sae, model, tokens = study.sae(name), study.model(), study.tokens(name)
    found = evaluate(model, sae, tokens, tokens_per_batch=512, seed=0)
    x_hat, x, losses = [], [], []
    for batch in tokens.batches("report", 512):
        rows = model.capture(batch.ids, [sae.place], batch.real)[sae.place]
        usual = batch.keep & ~sae.massive_mask(rows.float())
        y = sae.target(rows).clone()
        x.append(y[usual].double())
        y[usual] = sae.reconstruct(rows[usual].float()).to(y.dtype)
        x_hat.append(y[usual].double())
        losses.append((model.resume(sae.output, y, batch.ids, batch.real), batch))
    told, made = torch.cat(x), torch.cat(x_hat)
    fvu = float((told - made).square().sum() / (told - told.mean(0)).square().sum())
    assert found.fvu.value == pytest.approx(fvu, rel=1e-4)
    assert fvu < 0.9
    assert found.baselines is not None
    kept = [
        logits[b, s].double().log_softmax(-1)[batch.ids[b, s + 1]]
        for logits, batch in losses
        for b in range(len(batch.ids))
        for s in range(batch.ids.shape[1] - 1)
        if batch.real[b, s] and batch.real[b, s + 1] and batch.document[b, s] == batch.document[b, s + 1]
    ]
    assert found.ce.sae.value == pytest.approx(-float(torch.stack(kept).mean()), rel=1e-4)


def test_a_transcoder_steers_where_it_writes(study: OpenStudy) -> None:
    sae = study.sae(TRANSCODER)
    model, ids, rows = captured(study, sae)
    feature = int(sae.encode(rows[0]).indices[0])
    plain = model.capture(ids, ["resid_post.1"])["resid_post.1"]
    with model.edit({sae.place: Steering(sae, [scale(feature, 1.0)])}):
        assert torch.equal(model.capture(ids, ["resid_post.1"])["resid_post.1"], plain)
    with model.edit({sae.place: Steering(sae, [add(feature, 2.5)])}):
        moved = model.capture(ids, ["resid_post.1"])["resid_post.1"] - plain
    usual = ~sae.massive_mask(rows[0])
    direction = 2.5 * sae.directions(torch.tensor([feature]))[0]
    torch.testing.assert_close(moved[0, usual], direction.expand(int(usual.sum()), -1), atol=1e-4, rtol=1e-3)
    prompts = ["the golden", "a fox sees the old red bridge"]
    written = steer(model, sae, prompts, [clamp(feature, 300.0)], max_new_tokens=8, seed=1)
    assert written != steer(model, sae, prompts, max_new_tokens=8, seed=1)
    streamed = list(
        steer_stream(
            model, model.encode(prompts[0]), [Changes(sae=sae, edits=[add(feature, 1.0)])], watched=sae
        )
    )
    fired = [one for one in streamed if isinstance(one, FiringsAt)]
    assert any(feature in one.features for one in fired)


def test_a_crosscoder_is_found_and_indexed(study: OpenStudy) -> None:
    sae = study.sae(CROSSCODER)
    assert sae.config.blocks == 2
    assert pipeline.find(study, on=["The old fox."], sae=CROSSCODER, n=3)
    assert study.index(CROSSCODER).positions > 0


def test_what_is_added_to_a_crosscoder_is_added_at_each_hook_point(study: OpenStudy) -> None:
    sae = study.sae(CROSSCODER)
    model, ids, rows = captured(study, sae)
    hooks = Steering(sae, [add(3, 3.0), add(5, -1.0, "answer")]).hooks
    assert [str(hook) for hook in hooks] == ["resid_post.0", "resid_post.2"]
    width = model.d_model
    directions = sae.directions(torch.tensor([3, 5]))  # [2, 2 width]
    for number, act in enumerate(hooks.values()):
        x = rows[..., number * width : (number + 1) * width]
        part = directions[:, number * width : (number + 1) * width]
        expected = x + 3.0 * part[0]
        expected[:, -1] -= part[1]
        torch.testing.assert_close(act(x), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(act(x[:, :1]), x[:, :1] + 3.0 * part[0] - part[1], atol=1e-5, rtol=1e-4)
    prompts = ["the golden", "a fox sees the old red bridge"]
    assert steer(model, sae, prompts, [add(3, 200.0)], max_new_tokens=8) != steer(
        model, sae, prompts, max_new_tokens=8
    )
    plain = model.capture(ids, ["resid_post.0"])["resid_post.0"]
    with Changes(sae=sae, edits=[add(3, 1.0)], spared=[0, 1]).on(model):
        moved = (model.capture(ids, ["resid_post.0"])["resid_post.0"] != plain).any(2)[0]
    assert moved.tolist() == [False, False, *[True] * (len(moved) - 2)]
    for edit in (clamp(3, 1.0), scale(3, 2.0)):
        with pytest.raises(UsageError, match=r"known only after resid_post\.2.*use add"):
            Steering(sae, [edit])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('hook = "mlp_out.1"\noutput = "mlp_in.1"', r"mlp_in\.1 is past before mlp_out\.1 is read"),
        ('hook = "mlp_in.1"\noutput = "mlp_in.1"', "as many hook points to write as to read, and others"),
        ('hook = "mlp_in.1"\noutput = "mlp_out.1+mlp_out.2"', "as many hook points"),
        ('hook = "resid_post.1+resid_post.1"', "names one place twice"),
        ('hook = "resid_post.1+resid_pots.2"', 'did you mean "resid_post"'),
    ],
)
def test_hook_points_that_make_no_coder_are_refused(tmp_path: Path, lines: str, said: str) -> None:
    made = new_study(tmp_path / "study", TOML + f"\n[saes.odd]\n{lines}\n")
    with pytest.raises(UsageError, match=said):
        pipeline.run(made)


def test_unequal_widths_in_a_crosscoder_are_named(tmp_path: Path) -> None:
    table = '\n[saes.odd]\nhook = "resid_post.1+mlp_act.1"\nd_sae = 16\nk = 2\n'
    made = new_study(tmp_path / "study", TOML + table)
    with pytest.raises(UsageError, match=r"resid_post\.1 is 32 wide, mlp_act\.1 is \d+ wide; .* one width"):
        pipeline.run(made)


def test_data_points_start_no_transcoder(tmp_path: Path) -> None:
    table = '\n[saes.odd]\nhook = "mlp_in.1"\noutput = "mlp_out.1"\nd_sae = 16\nk = 2\nstart = "data"\n'
    made = new_study(tmp_path / "study", TOML + table)
    with pytest.raises(UsageError, match="what a transcoder reads is not what it writes"):
        pipeline.run(made)


def test_a_transcoder_of_saelens_is_taken_over(study: OpenStudy, tmp_path: Path) -> None:
    trained = study.sae(TRANSCODER)
    trained.save(tmp_path / "theirs", format="saelens")
    made = new_study(tmp_path / "study", TOML + '\n[saes.taken]\nfile = "../theirs"\n')
    pipeline.run(made)
    taken = pipeline.open_study(made.path).sae("taken")
    assert (taken.input, taken.output) == (trained.input, trained.output)
    _, _, rows = captured(study, trained)
    torch.testing.assert_close(taken.reconstruct(rows[0]), trained.reconstruct(rows[0]), rtol=1e-3, atol=1e-4)
