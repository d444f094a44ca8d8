"""The time that a model's files take grows with their size."""

import json

import pytest

from nimprofile.base.errors import NimProfileError
from nimprofile.model.checkpoint import read_model
from nimprofile.model.module_patterns import module_patterns
from nimprofile.model.weights import weight_bytes
from tests.support.growth.ratio import grows_with_the_square
from tests.support.model_configs import LLAMA_8B


def _quantised(**scheme):
    return LLAMA_8B | {"quantization_config": scheme}


def _groups(count, targets):
    return {
        f"group_{at}": {"weights": {"num_bits": 4, "type": "int"}, "targets": targets(at)}
        for at in range(count)
    }


CONFIGS = {
    "kept modules": lambda n: _quantised(
        quant_method="fp8", modules_to_not_convert=[f"model.layers.{at}.mlp" for at in range(n)]
    ),
    "kept modules with stars": lambda n: _quantised(
        quant_method="fp8", modules_to_not_convert=[f"*layers.{at}*.mlp*" for at in range(n // 4)]
    ),
    "a long name with stars": lambda n: _quantised(
        quant_method="fp8", modules_to_not_convert=["*a" * n, "a." * n, "*." * n, "[" * n]
    ),
    "groups": lambda n: _quantised(
        quant_method="compressed-tensors", config_groups=_groups(n // 4, lambda at: [f"m{at}"])
    ),
    "expressions": lambda n: _quantised(
        quant_method="compressed-tensors", ignore=[f"re:.*m{at}" for at in range(n)]
    ),
    "a long expression": lambda n: _quantised(
        quant_method="compressed-tensors", ignore=["re:" + "(a|" * n]
    ),
    "layers of their own": lambda n: _quantised(
        quant_method="modelopt",
        quantized_layers={f"model.layers.{at}.mlp": {"quant_algo": "FP8"} for at in range(n)},
    ),
    "keys": lambda n: LLAMA_8B | {f"a{at}": 1 for at in range(n)},
    "a long type": lambda n: LLAMA_8B | {"model_type": "llama" * n},
    "architectures": lambda n: LLAMA_8B | {"architectures": [f"A{at}" for at in range(n)]},
    "kinds of layers": lambda n: LLAMA_8B | {"layer_types": ["full_attention"] * n},
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_reading_a_config_takes_time_in_proportion_to_its_length(kind, tmp_path):
    def work_of(size):
        folder = tmp_path / str(size)
        folder.mkdir()
        text = json.dumps(CONFIGS[kind](size))
        (folder / "config.json").write_text(text, encoding="utf-8")

        def work():
            module_patterns.cache_clear()
            try:
                weight_bytes(read_model(str(folder)).shape, None)
            except NimProfileError as error:
                return str(error)

        return work

    assert "" == grows_with_the_square(work_of, 400)


@pytest.mark.parametrize(
    "expression", ["(?:.|.)*[A-Z]", "(?:.|.)*(?:.|.)*[A-Z]$", r"(?:[a-z]|[a-z.]|_|.)*\d\d\d"]
)
def test_an_expression_that_takes_for_ever_is_refused(expression, tmp_path):
    config = _quantised(quant_method="compressed-tensors", ignore=[f"re:{expression}"])
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(NimProfileError, match="take more than 2 s"):
        weight_bytes(read_model(str(tmp_path)).shape, None)


@pytest.mark.parametrize("expression", ["a{99999999999999999999}", "(", "[", "a**", "\\"])
def test_what_is_no_expression_is_refused_with_words(expression, tmp_path):
    config = _quantised(quant_method="compressed-tensors", ignore=[f"re:{expression}"])
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(NimProfileError, match=r"is not read|repeats a repetition"):
        read_model(str(tmp_path))


def reading(folder):
    """The work of reading a model, or of saying what is wrong with it."""

    def work():
        try:
            read_model(str(folder))
        except NimProfileError as error:
            return str(error)

    return work


def _headers(count, name_of):
    return {
        name_of(at): {"dtype": "BF16", "shape": [1], "data_offsets": [at * 2, at * 2 + 2]}
        for at in range(count)
    }


HEADERS = {
    "tensors": lambda n: _headers(n, lambda at: f"model.layers.{at}.mlp"),
    "a long name": lambda n: _headers(1, lambda _: "a." * n),
    "metadata": lambda n: {"__metadata__": {f"k{at}": "v" for at in range(n)}} | _headers(1, str),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_reading_the_header_of_weights_takes_time_in_proportion_to_its_length(kind, tmp_path):
    def work_of(size):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(LLAMA_8B), encoding="utf-8")
        header = json.dumps(HEADERS[kind](size)).encode()
        weights = len(header).to_bytes(8, "little") + header + bytes(2 * size)
        (folder / "model.safetensors").write_bytes(weights)
        return reading(folder)

    assert "" == grows_with_the_square(work_of, 400)


def test_reading_an_index_takes_time_in_proportion_to_its_files(tmp_path):
    def work_of(size):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(LLAMA_8B), encoding="utf-8")
        files = {f"t{at}": f"model-{at}.safetensors" for at in range(size)}
        index = {"metadata": {"total_size": 16 << 30}, "weight_map": files}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
        return reading(folder)

    assert "" == grows_with_the_square(work_of, 100)
