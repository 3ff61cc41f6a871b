import pytest

from apps.retrieval.compute.backbones.lines import BadLineError, read_lines

MODEL = 'model = "facebook/dinov2-base"'
HOW = "resize = [224, 224], mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5]"


def read(tmp_path, text: str):
    path = tmp_path / "spaces.toml"
    path.write_text(text)
    return read_lines(path)


def test_a_line_names_a_model_and_what_to_take_of_it(tmp_path):
    pooled, summed, unit = read(
        tmp_path,
        f"""
        dinov2 = {{ {MODEL}, output = "pooled" }}
        r101_sum = {{ model = "some/resnet-101", layer = "encoder.stages.3", aggregate = "sum" }}
        clip = {{ model = "openai/clip-vit-base-patch32", output = "projected", normalise = true,
                 dtype = "float16", title = "CLIP", {HOW}, crop = 200, resample = "bicubic" }}
        """.replace("\n                 ", " "),
    )
    assert (pooled.name, pooled.model, pooled.variant) == (
        "dinov2",
        "facebook/dinov2-base",
        "pooled",
    )
    assert pooled.title == "facebook/dinov2-base"
    assert pooled.preprocessing is None
    assert summed.variant == "encoder.stages.3:sum"
    assert summed.title == "some/resnet-101 encoder.stages.3 sum"
    assert (unit.variant, unit.title) == ("projected:unit:float16", "CLIP")
    assert unit.preprocessing is not None
    assert (unit.preprocessing.size, unit.preprocessing.crop) == ((224, 224), (200, 200))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("x = 3", r"spaces.toml, x: a line looks like", id="no table"),
        pytest.param("Dino = {}", "Dino: a space's name has small letters", id="name"),
        pytest.param('x = { output = "pooled" }', "it names no model", id="no model"),
        pytest.param('x = { model = "../x", output = "pooled" }', "not '../x'", id="a path"),
        pytest.param(f"x = {{ {MODEL} }}", "either output", id="neither output nor layer"),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", layer = "a" }}', "either output", id="both"
        ),
        pytest.param(
            f'x = {{ {MODEL}, layer = "a", agregate = "sum" }}',
            "unknown key 'agregate'; did you mean 'aggregate'",
            id="misspelt",
        ),
        pytest.param(f"x = {{ {MODEL}, q = 1 }}", "unknown key 'q'; there are model", id="unknown"),
        pytest.param(
            f'x = {{ {MODEL}, layer = "a", aggregate = "median" }}',
            "sum, max, mean, not 'median'",
            id="aggregate",
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", aggregate = "sum" }}',
            "aggregate goes with a layer",
            id="aggregate of an output",
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "cls" }}', "pooled, projected, not 'cls'", id="output"
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", normalise = 1 }}', "true or false", id="flag"
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", dtype = "int8" }}',
            "float32, float16, not 'int8'",
            id="dtype",
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", crop = 224 }}', "resize is missing", id="in part"
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", {HOW}, crop = 300 }}', "larger than", id="crop"
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", {HOW}, resample = "best" }}',
            "resample is one of nearest",
            id="resample",
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", resize = 9, mean = [0, 0, 0], std = [1, 1, 1] }}',
            r"resize must be \[height, width\]",
            id="pictures of several sizes",
        ),
        pytest.param(
            f'x = {{ {MODEL}, output = "pooled", resize = [8, 8], mean = [0, 0, 0], '
            "std = [0, 1, 1] }",
            "std is three numbers",
            id="a deviation of zero",
        ),
        pytest.param(f"x = {{ {MODEL}", "spaces.toml is not TOML", id="no TOML"),
        pytest.param("x = {}\nx = {}", "spaces.toml is not TOML: Cannot overwrite", id="twice"),
    ],
)
def test_a_line_that_is_not_understood_is_refused_by_name(tmp_path, line, words):
    with pytest.raises(BadLineError, match=words):
        read(tmp_path, line)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(BadLineError, match=r"nothing\.toml cannot be read"):
        read_lines(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xe4")
    with pytest.raises(BadLineError, match=r"latin\.toml is not UTF-8"):
        read_lines(tmp_path / "latin.toml")
