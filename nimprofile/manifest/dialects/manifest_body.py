"""The answer of a NIM at `/v1/manifest`: JSON with the manifest's text in `manifest_file`."""

from __future__ import annotations

KEY = "manifest_file"


def unwrapped(source: str, text: str) -> tuple[str, str]:
    """The source and the text of the manifest in such an answer; of any other text, as they are."""
    if f'"{KEY}"' not in text or text.lstrip()[:1] != "{":
        return source, text
    from nimprofile.base.formats.json_reader import JsonError, read_json

    try:
        body = read_json(text)
    except JsonError:
        return source, text  # the reader of manifests says what is wrong with it
    manifest = body.get(KEY)
    return (f"{source} ({KEY})", manifest) if isinstance(manifest, str) else (source, text)
