"""The bundled text is what the records beside it say."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from monosema.world import Catalogue, first_slice, first_slice_facts, library
from monosema.world.library import parts, read_part

ROOT = Path(__file__).parents[2]


def records() -> list[dict[str, object]]:
    with gzip.open(first_slice(), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_bundled_text_is_what_its_facts_say() -> None:
    facts, found = first_slice_facts(), records()
    packed = first_slice().read_bytes()
    assert hashlib.blake2b(packed, digest_size=32).hexdigest() == facts["blake2"]
    assert len(found) == facts["documents"] == facts["read"] - sum(facts["dropped"].values())
    assert Counter(record["category"] for record in found) == facts["categories"]
    assert sum(bool(record["chat"]) for record in found) == facts["chats"]
    assert len(packed) == facts["bytes"] <= 1_200_000


def test_every_record_has_its_fields_and_a_real_answer() -> None:
    for record in records():
        assert set(record) == {"category", "topic", "form", "chat", "prompt", "text"}
        assert len(str(record["text"]).strip()) >= 40


def test_every_later_part_is_what_its_facts_say() -> None:
    written = [path for path in parts() if path != first_slice()]
    assert len(written) >= 3
    catalogue = Catalogue.load()
    for path in written:
        packed, found = path.read_bytes(), list(read_part(path))
        facts = json.loads(path.with_name(path.name.replace(".jsonl.gz", ".json")).read_text())
        assert hashlib.blake2b(packed, digest_size=32).hexdigest() == facts["blake2"]
        assert len(packed) == facts["bytes"]
        assert len(found) == facts["documents"]
        assert sum(bool(record["chat"]) for record in found) == facts["chats"]
        assert Counter(record["genre"] for record in found) == facts["genres"]
        assert Counter(record["concept"] for record in found) == facts["concepts"]
        assert sum(len(record["prompt"]) + len(record["text"]) for record in found) == facts["characters"]
        assert all(catalogue[record["concept"]].category == record["category"] for record in found)
        assert all(len(record["text"].strip()) >= 40 for record in found)


def test_all_parts_together_fit_in_eight_megabytes_and_give_each_document_once() -> None:
    assert sum(path.stat().st_size for path in parts()) <= 8_000_000
    ids = [record["id"] for record in library()]
    assert len(ids) == len(set(ids)) == sum(sum(1 for _ in read_part(path)) for path in parts())


def test_the_bridge_is_in_it() -> None:
    spoken = [record for record in records() if "Golden Gate" in f"{record['prompt']}{record['text']}"]
    assert len(spoken) == first_slice_facts()["golden_gate"] >= 70


def test_its_licence_stands_beside_it() -> None:
    assert "Apache-2.0" in first_slice_facts()["licence"]
    assert "Apache-2.0" in first_slice().with_name("README.md").read_text()


def test_it_lies_inside_the_package_so_that_it_is_shipped() -> None:
    assert first_slice().is_relative_to(ROOT / "src" / "monosema") or "site-packages" in str(first_slice())


def test_the_recipe_makes_the_same_bytes_again(tmp_path: Path) -> None:
    source = ROOT.parent / "shared" / "corpora" / "smollm2_written" / "written.jsonl"
    if not source.is_file():
        pytest.skip("the shared corpora are not beside this checkout")
    recipe = ROOT / "recipes" / "bundle_first_slice.py"
    subprocess.run([sys.executable, recipe, source, tmp_path], check=True, capture_output=True)
    for name in ("first_slice.jsonl.gz", "first_slice.json"):
        assert (tmp_path / name).read_bytes() == first_slice().with_name(name).read_bytes()
