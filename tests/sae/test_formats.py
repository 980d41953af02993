"""An SAE's files: what is written is read back bit for bit, and damage is named."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from monosema.errors import DamagedError, MonosemaError, RefusedError, UsageError
from monosema.files import digest_file
from monosema.sae import (
    L1,
    SAE,
    BatchTopK,
    Gated,
    JumpReLU,
    Kind,
    MatryoshkaBatchTopK,
    MatryoshkaTopK,
    SAEConfig,
    ScaleFold,
    TanhJumpReLU,
    TopK,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def make(
    kind: Kind,
    *,
    threshold: bool = False,
    folded: bool = False,
    massive: float = 55.5,
    at: tuple[str, str] = ("resid_post.1", "resid_post.1"),
    balance: tuple[float, ...] = (),
) -> SAE:
    config = SAEConfig(
        kind=kind,
        d_model=6,
        d_sae=20,
        input=at[0],
        output=at[1],
        model="tiny",
        model_hash="0f" * 32,
        seed=11,
    )
    sae = SAE.initialise(config, mean=torch.randn(config.row), scale=1 / 3, massive=massive, balance=balance)
    sae.b_enc.copy_(torch.randn(20))
    sae = sae.with_threshold(torch.rand(20)) if threshold else sae
    return sae.fold_scale("F2") if folded else sae


CASES = [
    make(TopK(k=4)),
    make(TopK(k=4, aux_k=3, aux_coefficient=0.1), folded=True, massive=math.inf),
    make(L1(l1_coefficient=2.5), threshold=True),
    make(L1(b_dec_at_mean=True), threshold=True, folded=True),
    make(BatchTopK(k=4), threshold=True),
    make(MatryoshkaBatchTopK(k=4, widths=(5, 12)), threshold=True),
    make(MatryoshkaTopK(k=4, widths=(5, 12))),
    make(JumpReLU(target_l0=None), threshold=True),
    make(TanhJumpReLU(), threshold=True),
    make(Gated(), threshold=True),
    make(TopK(k=4), at=("mlp_in.1", "mlp_out.1"), balance=(0.5, 2.0)),
    make(L1(), at=("resid_post.0+resid_post.2", "resid_post.0+resid_post.2"), balance=(1.0, 0.25)),
]


@pytest.mark.parametrize("sae", CASES)
def test_our_format_gives_back_every_bit(sae: SAE, tmp_path: Path) -> None:
    sae.save(tmp_path / "sae")
    back = SAE.load(tmp_path / "sae")
    assert back.config == sae.config
    assert (back.scale, back.massive, back.folded) == (sae.scale, sae.massive, sae.folded)
    assert back.balance == sae.balance
    assert back.tensors().keys() == sae.tensors().keys()
    for key, tensor in sae.tensors().items():
        assert torch.equal(back.tensors()[key], tensor), key
    back.save(tmp_path / "again")
    for file in (tmp_path / "sae").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name


FIXTURES = ["sae_v1/topk", "sae_v1/l1", "sae_v2/matryoshka", "sae_v2/jumprelu", "sae_v3/l1", "sae_v3/topk"]


@pytest.mark.parametrize("name", FIXTURES)
def test_the_fixtures_of_every_version_are_read_and_encode_as_they_did(name: str) -> None:
    sae = SAE.load(GOLDEN / name)
    seen = load_file(GOLDEN / f"{name}.expected.safetensors")
    torch.testing.assert_close(sae.encode(seen["x"]).dense(), seen["acts"])
    torch.testing.assert_close(sae.substitute(seen["x"]), seen["x_hat"])
    assert sae.config.kind.name == name.split("/")[1]
    if name == "sae_v1/l1":
        assert sae.folded == ScaleFold(form="F1", scale=0.25)
        assert sae.threshold is not None
        was = {"l1_coefficient": sae.config.kind.penalty, "b_dec_at_mean": False}
        assert sae.config.kind == L1(**was)  # settings that were added since have their defaults


@pytest.mark.parametrize("name", FIXTURES)
def test_the_script_of_the_format_page_reads_an_sae_without_monosema(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    script = page.split("```python\n")[1].split("```")[0]
    namespace: dict[str, Any] = {}
    exec(script, namespace)
    seen = load_file(GOLDEN / f"{name}.expected.safetensors")
    meta, tensors = namespace["load"](GOLDEN / name)
    usual = seen["x"].norm(dim=1) <= (meta["massive"] or math.inf)
    acts, x_hat = namespace["encode_decode"](seen["x"], meta, tensors)
    torch.testing.assert_close(acts, seen["acts"])
    torch.testing.assert_close(x_hat[usual], seen["x_hat"][usual])
    assert torch.equal(seen["x"][~usual, -meta["config"]["d_model"] :], seen["x_hat"][~usual])


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        record = json.loads((folder / "sae.json").read_text())
        change(record)
        (folder / "sae.json").write_text(json.dumps(record))

    return apply


def retensor(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    """Change the tensors and make the hash fit, as someone would who edits files on purpose."""

    def apply(folder: Path) -> None:
        tensors = load_file(folder / "sae.safetensors")
        change(tensors)
        save_file(tensors, folder / "sae.safetensors")
        edit(lambda r: r["tensors"].update(blake2b=digest_file(folder / "sae.safetensors")))(folder)

    return apply


def truncate(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-5])


def flip(folder: Path) -> None:
    data = bytearray((folder / "sae.safetensors").read_bytes())
    data[-3] ^= 1
    (folder / "sae.safetensors").write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (truncate("sae.json"), DamagedError, r"sae.json is no readable JSON"),
        (truncate("sae.safetensors"), DamagedError, r"sae.safetensors is truncated or was changed"),
        (flip, DamagedError, r"sae.safetensors is truncated or was changed"),
        (lambda f: (f / "sae.safetensors").unlink(), DamagedError, r"sae.safetensors is missing"),
        (lambda f: (f / "sae.json").unlink(), UsageError, r"holds no SAE"),
        (
            edit(lambda r: r.update(scael=1.0)),
            DamagedError,
            r'unknown key "scael" \(did you mean "scale"\?\)',
        ),
        (edit(lambda r: r["kind"].update(kk=3)), DamagedError, r'unknown key "kind.kk"'),
        (
            edit(lambda r: r["config"].update(dsae=3)),
            DamagedError,
            r'"config.dsae" \(did you mean "d_sae"\?\)',
        ),
        (edit(lambda r: r.pop("massive")), DamagedError, r'key "massive" is missing'),
        (edit(lambda r: r["config"].pop("seed")), DamagedError, r'key "config.seed" is missing'),
        (edit(lambda r: r["kind"].update(name="topkk")), DamagedError, r'"topkk" \(did you mean "topk"\?\)'),
        (edit(lambda r: r["kind"].update(k="4")), DamagedError, r"kind.k is '4'"),
        (edit(lambda r: r["kind"].update(k=99)), DamagedError, r"k is 99; expected 1 to 20"),
        (edit(lambda r: r.update(scale=-1)), DamagedError, r"scale is -1"),
        (edit(lambda r: r.update(scale="1")), DamagedError, r"scale is '1'; expected a number"),
        (edit(lambda r: r.update(folded={"form": "F3", "scale": 1.0})), DamagedError, r"folded.form is 'F3'"),
        (
            edit(lambda r: r.update(subtract_b_dec=False)),
            DamagedError,
            r"subtract_b_dec is False; expected True",
        ),
        (edit(lambda r: r.update(config=[])), DamagedError, r"config is \[\]; expected an object"),
        (edit(lambda r: r.update(tensors=None)), DamagedError, r"tensors is None"),
        (edit(lambda r: r.update(format="other")), DamagedError, r"format is 'other'"),
        (edit(lambda r: r.update(version=4)), UsageError, r"version 4; this monosema reads up to 3"),
        (edit(lambda r: r["config"].update(d_sae=21)), DamagedError, r"encoder has shape \(20, 6\)"),
        (retensor(lambda t: t.pop("b_dec")), DamagedError, r"b_dec has shape none"),
        (retensor(lambda t: t.update(tresholds=torch.ones(20))), DamagedError, r'unknown tensor "tresholds"'),
        (retensor(lambda t: t.update(b_enc=t["b_enc"].half())), DamagedError, r"torch.float16"),
    ],
)
def test_damage_is_named(
    damage: Callable[[Path], object], error: type[MonosemaError], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sae"
    CASES[0].save(folder)
    damage(folder)
    with pytest.raises(error, match=message) as caught:
        SAE.load(folder)
    assert "\n" not in str(caught.value)


def test_a_saved_sae_is_not_overwritten(tmp_path: Path) -> None:
    CASES[0].save(tmp_path)
    before = (tmp_path / "sae.json").read_bytes()
    with pytest.raises(RefusedError, match="holds an SAE already"):
        CASES[2].save(tmp_path)
    assert (tmp_path / "sae.json").read_bytes() == before


def test_a_folder_can_be_moved(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "here")
    assert str(tmp_path) not in (tmp_path / "here" / "sae.json").read_text()
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert SAE.load(tmp_path / "there").config == CASES[0].config


def test_an_unknown_format_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'unknown format of SAEs "monosem" \(did you mean "monosema"\?\)'):
        SAE.load(tmp_path, format="monosem")


@pytest.mark.parametrize("name", ["W_dec", "b_enc"])
def test_weights_that_are_no_numbers_are_refused(name: str, tmp_path: Path) -> None:
    sae = make(TopK(k=4))
    sae.tensors()[name].view(-1)[3] = math.nan
    sae.save(tmp_path / "sae")
    with pytest.raises(DamagedError, match=f"{name} holds NaN"):
        SAE.load(tmp_path / "sae")
