"""The recipe: read strictly, every problem named, fingerprinted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor import recipe as module
from processor.errors import InvalidConfiguration
from processor.recipe import MAX_RECIPE_BYTES, Recipe


def document(**changes: Any) -> dict[str, Any]:
    """A small valid recipe; keyword arguments replace its top-level fields."""
    return {"sizes": [{"name": "full", "formats": {"jpeg": {"key": "full/{stem}.jpg"}}}]} | changes


def one_format(**fields: Any) -> dict[str, Any]:
    """A recipe with one WebP format; keyword arguments replace the format's fields."""
    return document(sizes=[{"name": "full", "formats": {"webp": {"key": "a/{stem}.webp"} | fields}}])


def problems(value: Any) -> list[str]:
    """What is wrong with a recipe that must not pass."""
    with pytest.raises(InvalidConfiguration) as caught:
        Recipe.from_json(value if isinstance(value, str) else json.dumps(value))
    return caught.value.problems


def test_default_is_the_contract() -> None:
    """The nine renditions of the default recipe, their boxes, qualities and keys."""
    assert [(s.name, s.width, s.height, f.name, f.quality, f.key, f.max_side) for s, f in Recipe.default().formats] == [
        ("full", None, None, "jpeg", 80, "full/{stem}.jpg", None),
        ("full", None, None, "webp", 78, "webp/{stem}.webp", None),
        ("full", None, None, "avif", 56, "avif/{stem}.avif", 2560),
        ("medium", 800, 600, "jpeg", 85, "medium/{stem}_medium.jpg", None),
        ("medium", 800, 600, "webp", 80, "medium/{stem}_medium.webp", None),
        ("medium", 800, 600, "avif", 60, "medium/{stem}_medium.avif", None),
        ("thumbnail", 300, 300, "jpeg", 80, "thumbnails/{stem}_thumb.jpg", None),
        ("thumbnail", 300, 300, "webp", 80, "thumbnails/{stem}_thumb.webp", None),
        ("thumbnail", 300, 300, "avif", 60, "thumbnails/{stem}_thumb.avif", None),
    ]
    assert Recipe.default().background == "#ffffff"


def test_left_out_fields_have_defaults() -> None:
    """Quality, background, fit and bounds may be left out, or null as Terraform writes what nobody set."""
    bare = Recipe.from_json(json.dumps(document()))
    nulls = document(background=None)
    nulls["sizes"][0] |= {"width": None, "height": None, "fit": None}
    nulls["sizes"][0]["formats"] |= {"webp": None, "avif": None}
    nulls["sizes"][0]["formats"]["jpeg"] |= {"quality": None, "max_side": None}
    assert Recipe.from_json(json.dumps(nulls)) == bare
    assert (bare.background, bare.sizes[0].fit, bare.sizes[0].formats[0].quality) == ("#ffffff", "inside", 85)


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ("{", "recipe", "not valid JSON"),
        ("[]", "recipe", "must be an object"),
        ("null", "recipe", "must be an object"),
        (
            document(colour="red"),
            "recipe.colour",
            "unknown field; known are background, chroma, gps, keep, linear, manifest, retain_days, sizes",
        ),
        (document(linear=1), "recipe.linear", "true or false"),
        (document(chroma="4:4:4"), "recipe.chroma", "must be one of auto, full, half, got '4:4:4'"),
        (document(chroma=True), "recipe.chroma", "must be one of auto, full, half, got True"),
        (one_format(chroma=["full"]), "recipe.sizes[0].formats.webp.chroma", "must be one of auto, full, half"),
        (document(gps="yes"), "recipe.gps", "true or false"),
        (document(keep="copyright"), "recipe.keep", "a list out of copyright"),
        (document(keep=["gps"]), "recipe.keep", "a list out of copyright"),
        (document(background="white"), "recipe.background", "must be a colour like #ffffff"),
        (document(background="#fffffff"), "recipe.background", "must be a colour like #ffffff"),
        (document(sizes=[]), "recipe.sizes", "at least one size"),
        (document(sizes={}), "recipe.sizes", "at least one size"),
        (document(sizes=[7]), "recipe.sizes[0]", "must be an object"),
        (document(sizes=[{"name": "Full", "formats": {}}]), "recipe.sizes[0].name", "lower-case"),
        (document(sizes=[{"name": "full", "formats": {}}]), "recipe.sizes[0].formats", "at least one of"),
        (document(sizes=[{"name": "full"}]), "recipe.sizes[0].formats", "must be an object"),
        (document(sizes=[{"name": "full", "formats": {"gif": {}}}]), "recipe.sizes[0].formats.gif", "unknown field"),
        (document(sizes=[document()["sizes"][0] | {"fit": "cover"}]), "recipe.sizes[0].fit", 'must be "inside"'),
        (document(sizes=[document()["sizes"][0] | {"width": 0}]), "recipe.sizes[0].width", "from 1 to 65535"),
        (document(sizes=[document()["sizes"][0] | {"height": True}]), "recipe.sizes[0].height", "from 1 to 65535"),
        (document(sizes=[document()["sizes"][0] | {"height": 65_536}]), "recipe.sizes[0].height", "from 1 to 65535"),
        (one_format(quality=101), "recipe.sizes[0].formats.webp.quality", "from 1 to 100"),
        (one_format(quality=80.0), "recipe.sizes[0].formats.webp.quality", "from 1 to 100"),
        (one_format(max_side="9"), "recipe.sizes[0].formats.webp.max_side", "from 1 to 65535"),
        (
            one_format(effort=4),
            "recipe.sizes[0].formats.webp.effort",
            "unknown field; known are chroma, key, max_side, quality",
        ),
        (one_format(key=None), "recipe.sizes[0].formats.webp.key", "ending in .webp; got None"),
        (one_format(key="a/{stem}.jpg"), "recipe.sizes[0].formats.webp.key", "ending in .webp"),
        (one_format(key="a/x.webp"), "recipe.sizes[0].formats.webp.key", "around one {stem}"),
        (one_format(key="{stem}/{name}.webp"), "recipe.sizes[0].formats.webp.key", "around one {stem}"),
        (one_format(key="{stem}/x.webp"), "recipe.sizes[0].formats.webp.key", "no / after it"),
        (one_format(key="ü/{stem}.webp"), "recipe.sizes[0].formats.webp.key", "letters, digits"),
        (one_format(key="/{stem}.webp"), "recipe.sizes[0].formats.webp.key", "must not begin with /"),
        (one_format(key="a/../{stem}.webp"), "recipe.sizes[0].formats.webp.key", "empty, . or .. segments"),
        (one_format(key="a//{stem}.webp"), "recipe.sizes[0].formats.webp.key", "empty, . or .. segments"),
    ],
)
def test_every_mistake_is_named_with_its_place(value: Any, where: str, what: str) -> None:
    """A mistake is reported with the path to it and what would be right."""
    assert [problem for problem in problems(value) if problem.startswith(f"{where}: ") and what in problem]


def test_all_mistakes_at_once() -> None:
    """Whoever corrects a recipe sees every problem in one go, also in the exception's text."""
    wrong = one_format(quality=0, key="x") | {"background": "red", "size": 1}
    found = problems(wrong)
    assert [problem.partition(":")[0] for problem in found] == [
        "recipe.size",
        "recipe.background",
        "recipe.sizes[0].formats.webp.key",
        "recipe.sizes[0].formats.webp.quality",
    ]
    assert str(InvalidConfiguration(found)).splitlines() == found


def test_names_are_unique() -> None:
    """Two sizes of one name are refused."""
    sizes = [{"name": "a", "formats": {"jpeg": {"key": f"{folder}/{{stem}}.jpg"}}} for folder in ("x", "y")]
    assert problems(document(sizes=sizes)) == ["recipe.sizes: two sizes are called 'a'; give each its own name"]


@pytest.mark.parametrize(
    ("one", "other", "disjoint"),
    [
        ("full/{stem}.jpg", "medium/{stem}.jpg", True),
        ("full/{stem}.jpg", "full/{stem}_m.jpg", False),
        ("full/{stem}.jpg", "full/m/{stem}.jpg", False),
        ("{stem}.jpg", "medium/{stem}.jpg", False),
        ("a-{stem}.jpg", "b-{stem}.jpg", True),
        ("full/{stem}.jpg", "full/{stem}.jpeg", True),
        ("full/{stem}.jpg", "full/{name}.jpg", False),
    ],
)
def test_templates_are_disjoint(one: str, other: str, disjoint: bool) -> None:  # noqa: FBT001 - a table's column
    """Two templates that could name the same object for some pair of pictures are refused, others are not."""
    sizes = [{"name": name, "formats": {"jpeg": {"key": key}}} for name, key in (("a", one), ("b", other))]
    text = json.dumps(document(sizes=sizes))
    if disjoint:
        assert len(Recipe.from_json(text).formats) == 2
    else:
        assert "could name the same object" in problems(text)[0]


def test_size_limit() -> None:
    """A recipe that would not fit into the function's environment is refused; white space does not count."""
    sizes = [
        {"name": f"s{index}", "formats": {"jpeg": {"key": f"folder-{index:02}/{{stem}}.jpg"}}} for index in range(55)
    ]
    text = json.dumps(document(sizes=sizes), separators=(",", ":"))
    assert len(text) > MAX_RECIPE_BYTES
    assert f"over {MAX_RECIPE_BYTES} bytes" in problems(text)[0]
    fits = json.dumps(document(sizes=sizes[:40]), indent=8)
    assert len(fits) > MAX_RECIPE_BYTES
    assert len(Recipe.from_json(fits).sizes) == 40


def test_fingerprint_changes_with_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fingerprint depends on the resolved recipe and the pipeline's version, not on how the JSON is written."""
    plain = Recipe.from_json(json.dumps(document())).fingerprint
    spelled_out = document(background="#FFFFFF")
    spelled_out["sizes"][0]["formats"]["jpeg"]["quality"] = 85
    assert Recipe.from_json(json.dumps(spelled_out, indent=2)).fingerprint == plain
    assert Recipe.from_json(json.dumps(document(background="#fffffe"))).fingerprint != plain
    assert len(plain) == 16
    monkeypatch.setattr(module, "PIPELINE_VERSION", module.PIPELINE_VERSION + 1)
    assert Recipe.from_json(json.dumps(document())).fingerprint != plain


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sizes", "name", "formats", "jpeg", "webp", "key", "quality", "width", "fit", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_recipe_or_a_list_of_problems(value: Any) -> None:
    """Whatever JSON arrives, reading it raises nothing but `InvalidConfiguration` with at least one problem."""
    try:
        assert Recipe.from_json(json.dumps(value)).formats
    except InvalidConfiguration as exc:
        assert exc.problems  # noqa: PT017 - either outcome is right


def test_options_default_to_off_and_are_read() -> None:
    """Linear light, kept metadata and places are off unless a recipe asks; each changes the fingerprint."""
    plain = Recipe.from_json(json.dumps(document()))
    assert (plain.linear, plain.keep, plain.gps) == (False, (), False)
    assert Recipe.from_json(json.dumps(document(linear=None, keep=None, gps=None))) == plain
    asked = [
        Recipe.from_json(json.dumps(document(**option)))
        for option in ({"linear": True}, {"keep": ["copyright"]}, {"gps": True})
    ]
    assert [(recipe.linear, recipe.keep, recipe.gps) for recipe in asked] == [
        (True, (), False),
        (False, ("copyright",), False),
        (False, (), True),
    ]
    assert len({recipe.fingerprint for recipe in (plain, *asked)}) == 4


def test_chroma_is_the_recipes_unless_a_format_says_otherwise() -> None:
    """Left out it is `auto`; each choice has a fingerprint of its own."""
    formats = {"jpeg": {"key": "a/{stem}.jpg", "chroma": "half"}, "avif": {"key": "a/{stem}.avif"}}
    sizes = [{"name": "a", "formats": formats}]
    plain, full = (Recipe.from_json(json.dumps(document(sizes=sizes) | more)) for more in ({}, {"chroma": "full"}))
    assert [fmt.chroma for _, fmt in plain.formats] == ["half", "auto"]
    assert [fmt.chroma for _, fmt in full.formats] == ["half", "full"]
    assert plain.fingerprint != full.fingerprint


def test_a_format_without_its_encoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that asks for JPEG XL is understood everywhere, and impossible where its plugin is missing."""
    jxl = Recipe.from_json('{"sizes": [{"name": "full", "formats": {"jxl": {"key": "jxl/{stem}.jxl"}}}]}')
    monkeypatch.setattr("processor.recipe.find_spec", lambda _name: None)
    assert "jxl" in jxl.missing_encoders()[0]
    assert Recipe.default().missing_encoders() == []
    monkeypatch.setattr("processor.recipe.find_spec", lambda _name: "found")
    assert jxl.missing_encoders() == []


def page(**changes: Any) -> dict[str, Any]:
    """A recipe with one size of several widths; keyword arguments replace the size's fields."""
    formats = {"jpeg": {"key": "page/{width}/{stem}.jpg"}, "avif": {"key": "page/{width}/{stem}.avif", "quality": 50}}
    return document(sizes=[{"name": "page", "widths": [640, 320], "height": 900, "formats": formats} | changes])


def test_widths_are_a_size_each() -> None:
    """From the smallest, with the width in name, box and keys, and everything else as it was said."""
    assert [(s.name, s.width, s.height, f.quality, f.key) for s, f in Recipe.from_json(json.dumps(page())).formats] == [
        ("page-320", 320, 900, 85, "page/320/{stem}.jpg"),
        ("page-320", 320, 900, 50, "page/320/{stem}.avif"),
        ("page-640", 640, 900, 85, "page/640/{stem}.jpg"),
        ("page-640", 640, 900, 50, "page/640/{stem}.avif"),
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"widths": []}, "must be a list of 1 to 12"),
        ({"widths": list(range(100, 113))}, "must be a list of 1 to 12"),
        ({"widths": 320}, "must be a list of 1 to 12"),
        ({"widths": [320, 320]}, "names a width twice"),
        ({"widths": [320, "640"]}, "must be a whole number"),
        ({"widths": [0]}, "must be a whole number"),
        ({"width": 640}, "has width and widths"),
        ({"formats": {"jpeg": {"key": "page/{stem}.jpg"}}}, "must hold {width}"),
        ({"formats": {"jpeg": {"key": "page/{stem}_{width}.jpg"}}}, "could name the same object"),
        ({"formats": {"jpeg": {}}}, "must hold {width}"),
        ({"formats": None}, "must be an object"),
        ({"widths": None, "formats": {"jpeg": {"key": "page/{width}/{stem}.jpg"}}}, "must be like"),
    ],
)
def test_widths_that_make_no_sense_are_refused(changes: dict[str, Any], problem: str) -> None:
    """With what to do about it."""
    assert any(problem in each for each in problems(page(**changes))), problems(page(**changes))


def test_a_manifest_is_a_json_template() -> None:
    """And there is none unless one is named."""
    assert Recipe.default().manifest is None
    assert Recipe.from_json(json.dumps(document(manifest="m/{name}.json"))).manifest == "m/{name}.json"


@pytest.mark.parametrize("template", ["m/{name}.txt", "m/all.json", "/m/{stem}.json", "m/../{stem}.json", 7])
def test_a_manifest_elsewhere_is_refused(template: Any) -> None:
    """It must be told apart from renditions, and by picture."""
    assert any("recipe.manifest" in each for each in problems(document(manifest=template)))


def test_a_recipe_makes_a_hundred_renditions_at_most() -> None:
    """More would not fit into a record; the count is of every width in every format."""
    sizes = [
        {
            "name": name,
            "widths": list(range(100, 1100, 100)),
            "formats": {"jpeg": {"key": f"{name}/{{width}}/{{stem}}.jpg"}},
        }
        for name in "abcdefghij"
    ]
    assert len(Recipe.from_json(json.dumps({"sizes": sizes})).formats) == 100
    sizes.append({"name": "k", "formats": {"jpeg": {"key": "k/{stem}.jpg"}}})
    with pytest.raises(InvalidConfiguration, match="make 101 renditions"):
        Recipe.from_json(json.dumps({"sizes": sizes}))
