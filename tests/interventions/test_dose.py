"""Doses: what an edit does without sampling, and the search that goes by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import nn

import tiny
from interventions.test_edits import make_sae
from monosema.errors import UsageError
from monosema.interventions import (
    Dose,
    DoseCurve,
    DosePoint,
    Edit,
    Effect,
    Positions,
    Push,
    Saying,
    Shares,
    Steering,
    Trials,
    Verdict,
    Way,
    add,
    clamp,
    raise_to,
    scale,
    search_dose,
    search_push,
    turned_up,
)
from monosema.interventions.dose import (
    FURTHER,
    HARM,
    LOOK,
    MOST_FURTHER,
    SECOND_LOOK,
    SMALLER,
    STILL_FLUENT,
    TRIED,
    _raised,
)
from monosema.interventions.effect import CUTS, HARM_WEIGHT
from monosema.models import LanguageModel
from monosema.progress import SilentProgress
from monosema.sae import SAE, TopK

THING = [7, 8]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return LanguageModel.load(
        str(tiny.save_llama(tmp_path_factory.mktemp("model"))), dtype="float32", device="cpu"
    )


@pytest.fixture(scope="module")
def sae(model: LanguageModel) -> SAE:
    return make_sae(model, TopK(k=6))


def trials(model: LanguageModel, sae: SAE, names: str = "the") -> Trials:
    return Trials(
        model, sae, lambda text: names in text, ["the golden", "a fox", "old"], repeats=2, max_new_tokens=16
    )


def saying(model: LanguageModel, sae: SAE) -> Saying:
    some = trials(model, sae)
    return Saying(model, sae, some.prompts, some.answers.ids, THING)


def test_gain_and_harm_are_those_of_the_edited_model(model: LanguageModel, sae: SAE) -> None:
    some = trials(model, sae)
    edits = [clamp(3, 4.0), raise_to(9, 2.0)]
    gains, plain_losses, edited_losses = [], [], []
    for number, (prompt, answer) in enumerate(zip(some.prompts, some.answers.ids, strict=True)):
        kept = answer[: CUTS[number % len(CUTS)]]
        ids = torch.tensor([[*prompt, *kept, *THING]])
        plain = model.losses(ids)[0]
        with model.edit({sae.output: Steering(sae, edits)}):
            edited = model.losses(ids)[0]
        begin, end = len(prompt) - 1, len(prompt) + len(kept) - 1
        gains.append(float((plain - edited)[end:].sum()))
        plain_losses += plain[begin:end].tolist()
        edited_losses += edited[begin:end].tolist()
    found = Saying(model, sae, some.prompts, some.answers.ids, THING).effect(edits)
    n = len(plain_losses)
    assert found.gain == pytest.approx(sum(gains) / len(gains), abs=1e-4)
    assert found.harm == pytest.approx((sum(edited_losses) - sum(plain_losses)) / n, abs=1e-4)


def test_an_edit_that_changes_nothing_gains_and_harms_nothing(model: LanguageModel, sae: SAE) -> None:
    found = saying(model, sae).effect([scale(3, 1.0)])
    assert (found.gain, found.harm) == (0.0, 0.0)


def test_slopes_are_gains_of_small_additions(model: LanguageModel, sae: SAE) -> None:
    some = saying(model, sae)
    slopes = some.slopes([3, 9, 12])
    for feature, slope in zip([3, 9, 12], slopes.tolist(), strict=True):
        ends = [some.effect([add(feature, step)]).gain for step in (0.005, -0.005)]
        assert (ends[0] - ends[1]) / 0.01 == pytest.approx(slope, rel=0.01, abs=1e-4)


def test_fitted_weights_gain_more_than_any_feature_alone_would_at_the_same_cost(
    model: LanguageModel, sae: SAE
) -> None:
    some, features = saying(model, sae), list(range(sae.d_sae))
    weights = some.fit(features)
    assert bool((weights >= 0).all())
    assert bool((weights == 0).any())  # what does not help stays out
    found = some.effect([add(f, float(w)) for f, w in zip(features, weights, strict=True) if w > 0])
    worth = found.gain - HARM_WEIGHT * found.harm
    for feature in some.slopes(features).topk(5).indices.tolist():
        for value in (0.5, 1.0, 2.0, 4.0):
            alone = some.effect([add(feature, value)])
            assert worth > alone.gain - HARM_WEIGHT * alone.harm


class Planted:
    """Harm that grows as a power of the first edit's value, and reaches `HARM` at 10."""

    def __init__(self, power: float) -> None:
        self.power = power

    def effect(self, edits: Sequence[Edit]) -> Effect:
        return Effect(gain=0.0, harm=HARM * (edits[0].value / 10) ** self.power)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("maximum", [1.0, 5.0, 30.0])
def test_a_dose_is_turned_up_until_it_harms_by_the_set_amount(power: float, maximum: float) -> None:
    dose = Dose(features=(3,), maxima=(maximum,), weights=(1.0,), multiple=1.0)
    found, effect = turned_up(Planted(power).effect, dose)
    assert found.multiple * maximum == pytest.approx(10.0, rel=0.15)
    assert effect.harm == pytest.approx(HARM, rel=0.4)


def test_a_dose_clamps_one_feature_and_adds_to_several(sae: SAE) -> None:
    one = Dose(features=(3,), maxima=(2.0,), weights=(1.0,), multiple=1.5)
    assert one.edits(2.0) == [clamp(3, 6.0)]
    two = replace(one, features=(3, 4), maxima=(2.0, 1.0), weights=(1.0, 0.5))
    assert two.edits() == [add(3, 3.0), add(4, 0.75)]


def test_the_search_samples_a_single_feature_and_a_set(model: LanguageModel, sae: SAE) -> None:
    curve = search_dose(trials(model, sae), saying(model, sae), [3, 9, 12], [4.0, 4.0, 4.0])
    assert len(curve.single.dose.features) == 1
    assert {len(point.dose.features) for point in curve.points} <= {1, 2, 3}
    assert curve.best.both >= curve.single.both
    prompts = 3
    assert {point.n for point in curve.points} == {prompts * LOOK, prompts * (LOOK + SECOND_LOOK)}
    assert curve.best.n == curve.single.n == prompts * (LOOK + SECOND_LOOK)
    assert {point.dose.positions for point in curve.points} == set(TRIED)
    one = [point.dose for point in curve.points if len(point.dose.features) == 1]
    places = list(TRIED)  # a curve for each
    assert one == sorted(one, key=lambda dose: (places.index(dose.positions), dose.multiple))
    ways = {(point.dose.features, point.dose.positions) for point in curve.points}
    for features, where in ways:
        curve_of = [
            one for one in curve.points if (one.dose.features, one.dose.positions) == (features, where)
        ]
        least = len(TRIED[where]) // (2 if len(features) == 1 else 1)
        further = len(curve_of) - least
        assert 0 <= further <= MOST_FURTHER + len(SMALLER)
        first_looks = [one for one in curve_of if one.n == prompts * LOOK]
        if further and curve_of[least - 1] in first_looks:
            assert curve_of[least - 1].fluent >= STILL_FLUENT
    assert DoseCurve.from_dict(curve.to_dict()) == curve
    with pytest.raises(UsageError, match="no feature"):
        search_dose(trials(model, sae), saying(model, sae), [], [])


class Answering(Trials):
    """Trials whose text is fluent up to a value of the edit, and names the thing only where it is at most another."""

    def __init__(self, names_up_to: float, fluent_up_to: float) -> None:
        self.names_up_to, self.fluent_up_to = names_up_to, fluent_up_to

    def of_ways(self, ways: Sequence[Way], *, again: int, copies: int) -> list[Shares]:
        return [self._of(way.edits[0].value) for way in ways]

    def _of(self, value: float) -> Shares:
        named = 1 / value if value <= self.names_up_to else 0.0
        fluent = 1.0 if value <= self.fluent_up_to else 0.0
        return Shares(named=named, fluent=fluent, both=min(named, fluent), n=8)


@pytest.mark.parametrize(
    ("names_up_to", "fluent_up_to", "expected"),
    [
        (
            2.0,
            2.0,
            [1.5 / FURTHER**2, 1.5 / FURTHER, 1.5, 2.2],
        ),  # 1.5 does best of the first two: smaller ones
        (1.0, 2.0, [1.5, 2.2]),  # neither names it
        (9.0, 2.5, [1.5 / FURTHER**2, 1.5 / FURTHER, 1.5, 2.2, 2.2 * FURTHER, 2.2 * FURTHER**2]),
    ],
)
def test_smaller_doses_are_tried_where_the_smallest_does_best_and_larger_ones_while_fluent(
    names_up_to: float, fluent_up_to: float, expected: list[float]
) -> None:
    one = Dose(features=(3,), maxima=(1.0,), weights=(1.0,), multiple=1.0, positions="fading")
    points = _raised(Answering(names_up_to, fluent_up_to), [one], SilentProgress())
    assert sorted(point.dose.multiple for point in points) == pytest.approx(expected, abs=1e-4)


def test_what_never_leads_to_the_name_is_not_looked_at_again(model: LanguageModel, sae: SAE) -> None:
    some = trials(model, sae).about(lambda text: False)
    curve = search_dose(some, saying(model, sae), [3, 9, 12], [4.0, 4.0, 4.0])
    assert {point.n for point in curve.points} == {3 * LOOK}
    assert curve.best.both == curve.single.both == 0


def test_a_dose_shows_a_concept_that_is_named_more_often_in_fluent_text_than_without_it() -> None:
    dose = Dose(features=(3,), maxima=(2.0,), weights=(1.0,), multiple=1.5)
    point = DosePoint(dose=dose, named=0.5, fluent=0.5, both=0.25, n=8)
    some = DoseCurve(points=(point,), best=point, single=point, plain=0.125)
    assert some.shows
    assert not replace(some, plain=0.25).shows


def test_shares_count_and_add_up() -> None:
    some = [
        Verdict(named=True, fluent=True),
        Verdict(named=True, fluent=False),
        Verdict(named=False, fluent=True),
    ]
    shares = Shares.of(some)
    assert (shares.named, shares.fluent, shares.both, shares.n) == (2 / 3, 2 / 3, 1 / 3, 3)
    assert shares.with_more(Shares.of(some[:1])) == Shares(named=0.75, fluent=0.75, both=0.5, n=4)


def test_trials_about_another_thing_keep_their_plain_answers(model: LanguageModel, sae: SAE) -> None:
    some = trials(model, sae)
    other = some.about(lambda text: True)
    assert other.answers is some.answers
    assert other.plain.named == 1.0
    assert some.plain == trials(model, sae).plain


def test_a_push_adds_its_vector_except_at_massive_positions(model: LanguageModel) -> None:
    sae = make_sae(model, TopK(k=6), massive=50.0)
    torch.manual_seed(1)
    x, push = torch.randn(2, 5, sae.d_model), torch.randn(sae.d_model)
    x[0, 3] *= 100
    found = Steering(sae, [], Push(push))(x) - x
    assert torch.equal(found[0, 3], torch.zeros(sae.d_model))
    found[0, 3] = push
    torch.testing.assert_close(found, push.expand_as(found), rtol=1e-5, atol=1e-5)


def test_a_push_acts_where_it_is_asked_to(sae: SAE) -> None:
    x, vector = torch.randn(2, 5, sae.d_model), torch.ones(sae.d_model)

    def moved(steering: Steering) -> list[bool]:
        """Which of five positions of a prompt, and whether the new token after it."""
        first = (steering(x) != x).any(2).all(0).tolist()
        return [*first, bool((steering(x[:, :1]) != x[:, :1]).all())]

    assert moved(Steering(sae, [], Push(vector))) == [True] * 6
    assert moved(Steering(sae, [], Push(vector, "prompt"))) == [True] * 5 + [False]
    assert moved(Steering(sae, [], Push(vector, "answer"))) == [False] * 4 + [True] * 2


def test_ways_are_tried_in_one_batch(model: LanguageModel, sae: SAE) -> None:
    some, edits = trials(model, sae), [add(3, 2.0)]
    assert some.of_ways([Way(edits=edits)]) == [some.judge(some.write(edits))]
    found = some.of_ways([Way(), Way(edits=edits), Way(edits=[add(3, 1000.0)])])
    assert [one.n for one in found] == [6, 6, 6]
    nothing = [Way(), Way(edits=[add(3, 0.0)]), Way()]
    assert some.of_ways(nothing) == some.of_ways([Way()] * 3)
    assert found != some.of_ways([Way()] * 3)


def test_the_length_of_a_push_is_searched(model: LanguageModel, sae: SAE) -> None:
    direction = nn.functional.normalize(torch.ones(sae.d_model), dim=0)
    tried: dict[Positions, tuple[float, ...]] = {"prompt": (0.1, 0.2), "all": (0.3,)}
    point = search_push(trials(model, sae), direction, 3.0, tried)
    assert (point.positions, point.multiple) in [("prompt", 0.1), ("prompt", 0.2), ("all", 0.3)]
    assert point.n == 6
