"""Which LoRA adapters are read from a directory, and of which rank."""

import json
import os

import pytest

from nimprofile.base.errors import ModelError
from nimprofile.launch.lora_adapters import with_adapters
from nimprofile.launch.setup import Setup


def adapter(folder, name, text):
    (folder / name).mkdir()
    (folder / name / "adapter_config.json").write_text(text, encoding="utf-8")


def test_adapters_are_the_directories_with_a_configuration_in_order_of_name(tmp_path):
    adapter(tmp_path, "legal", json.dumps({"r": 8}))
    adapter(tmp_path, "german", json.dumps({"r": 32}))
    (tmp_path / "no-adapter").mkdir()
    (tmp_path / "file").write_text("")
    setup = with_adapters(Setup(peft_source=str(tmp_path)))
    wanted = (("german", str(tmp_path / "german")), ("legal", str(tmp_path / "legal")))
    assert (wanted, 32) == (setup.adapters, setup.max_lora_rank)


def test_a_rank_that_was_asked_for_stays(tmp_path):
    adapter(tmp_path, "german", json.dumps({"r": 32}))
    assert 64 == with_adapters(Setup(peft_source=str(tmp_path), max_lora_rank=64)).max_lora_rank


@pytest.mark.parametrize("rank", ["8", 0, -1, True, None, 1.5])
def test_a_rank_that_is_no_positive_integer_is_unknown(tmp_path, rank):
    adapter(tmp_path, "german", json.dumps({"r": rank}))
    setup = with_adapters(Setup(peft_source=str(tmp_path)))
    assert (1, None) == (len(setup.adapters), setup.max_lora_rank)


def test_a_configuration_that_is_not_json_is_named(tmp_path):
    adapter(tmp_path, "german", "{")
    with pytest.raises(ModelError, match=r"german/adapter_config\.json:1: not JSON"):
        with_adapters(Setup(peft_source=str(tmp_path)))


@pytest.mark.parametrize("source", [None, "/nowhere/adapters"])
def test_a_directory_that_is_not_there_changes_nothing(source):
    setup = Setup(peft_source=source)
    assert setup is with_adapters(setup)


def test_a_configuration_of_gigabytes_is_refused(tmp_path):
    adapter(tmp_path, "german", "")
    os.truncate(tmp_path / "german" / "adapter_config.json", 3 << 30)
    with pytest.raises(
        ModelError, match=r"adapter_config\.json: larger than 1 MiB, which no adapter"
    ):
        with_adapters(Setup(peft_source=str(tmp_path)))
