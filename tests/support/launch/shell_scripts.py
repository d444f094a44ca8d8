"""What a shell reads of a script, without starting one."""

import re
import shlex

_PRINTED = re.compile(r"""\"\$\(printf '([^']*)'\)\"""")
_OCTAL = re.compile(r"\\([0-7]{3})")


def words_of_script(script):
    """The words of a script, where a word may be what `printf` prints of octal numbers."""
    return shlex.split(_PRINTED.sub(lambda printed: shlex.quote(_decoded(printed[1])), script))


def _decoded(text):
    letters = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), text)
    return letters.encode("latin-1").decode()
