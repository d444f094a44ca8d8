"""`nimprofile manifest list` shows what comes with the package, all of it."""

import json

from nimprofile import bundled_manifests, load_manifest


def test_every_bundled_manifest_is_listed_with_what_it_offers(run):
    code, out, err = run("manifest", "list")
    head, *rows = (line.split("\t") for line in out.splitlines())
    assert (0, "") == (code, err)
    assert ["name", "model", "engines", "precisions", "profiles"] == head
    assert [*bundled_manifests()] == [row[0] for row in rows]
    assert ["nemotron-3-nano", "nvidia/nemotron-3-nano", "vllm", "nvfp4, fp8, bf16", "7"] in rows


def test_the_same_in_json(run):
    listed = json.loads(run("manifest", "list", "--json")[1])
    assert [
        {"name": name, "path": path, "profiles": len(load_manifest(path).profiles)}
        for name, path in bundled_manifests().items()
    ] == [{key: row[key] for key in ("name", "path", "profiles")} for row in listed]


def test_a_name_that_is_listed_is_one_that_can_be_read(run):
    for row in json.loads(run("manifest", "list", "--json")[1]):
        assert row["model"] == load_manifest(row["name"]).model
