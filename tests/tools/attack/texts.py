"""Texts that readers, terminals, shells and regular expressions stumble over."""

from __future__ import annotations

from random import Random

HOSTILE = (
    *("", " ", "-", "--", "-x", "--help", "--=", "=", ",", ":", ".", "..", "/", "~", "@", "*", "?"),
    *("0", "-1", "1e999", "nan", "inf", "²", "٣", "0x10", "1_0", "+8", " 8 ", "8k", "9" * 400),
    *("\x1b[31m", "\x1b]0;PWNED\x07", "\x9b31m", "a\nwarning: forged", "a\rb", "\u202eevil\u2066"),
    *("\u2028", "\u200b", "\ufeff", "\x7f", "\ud800", "\udcff", "😀", "é" * 50, "x" * 5_000),
    *("'; touch owned; '", '"', "'", "`id`", "$(touch owned)", "${IFS}", "\\", "%s%n", "{0}", "!!"),
    *("[" * 300, "{" * 300, "(" * 300, "(a+)+$", "^(a|a)*$" + "a" * 40, "&a [*a]", "<<: *a"),
    *("!!python/object/apply:os.system [id]", "null", "true", "~", "[]", "{}", '{"a":1}', "GPU-"),
    *("MIG-1/2/3", "a=b", "tp=", "tp=8,tp=4", "precision:fp8", "0,1,2", "all", "none", "void"),
    *("h100", "8xh100", "1x", "xh100", "4294967295xh100", "H100:8", "1xh100,", "8xh100@", "1xl4:"),
    *("../../x", "a/b", "hf://a/b", "ngc://x", "http://u:p@h/?token=t", "file:///x", "a" * 300),
)


def hostile(random: Random) -> str:
    """A hostile text; one in ten is made of several."""
    text = random.choice(HOSTILE)
    if random.random() < 0.1:
        return text + random.choice(HOSTILE)
    return text


def argument(random: Random) -> str:
    """A hostile text that a process can be given: without NUL, and with surrogates only as bytes."""
    return fit(hostile(random))


def fit(text: str) -> str:
    """The text as an argument or a variable can be: half surrogates stand for bytes, or are left out."""
    return "".join(
        letter for letter in text if letter != "\0" and not "\ud800" <= letter <= "\udc7f"
    )
