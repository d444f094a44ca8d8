"""Which names are those of a secret: of a flag, a key in JSON, a variable, a header, a parameter.

A name is divided into words wherever it is spelt so: `accessToken`, `access_token`, `ACCESS-TOKEN`
and `x.access.token` end in the same two. The last word says what the value is, so that
`secret_name`, `token_ids` and `ssl-keyfile` are no secrets.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a key, a token or a password."""
    if len(name) > LONGEST_NAME:
        return False
    words = _words(name)
    if " ".join(words[-2:]) in _PAIRS or words[-3:] == ["access", "key", "id"]:
        return True
    while len(words) > 1 and words[-1] in _FORMS:
        words.pop()
    if not words:
        return False
    before, last = (words[-2] if len(words) > 1 else ""), words[-1]
    if last.endswith(_ENDINGS) or last in _SECRETS:
        return True
    if last in {"key", "keys"}:
        return before in _OF_A_KEY
    if last == "tokens":
        return before in _OF_TOKENS
    if last == "token":
        return before not in _OF_TEXT
    return last == "pass" and before not in _PASSES


def is_token_of_text(name: str, value: str, *, number: bool = False) -> bool:
    """Whether a value named like a token is one of a model's vocabulary, or a number of them."""
    words = _words(name)
    if words[-1:] != ["token"] or (len(words) > 1 and words[-2] in _OF_TOKENS):
        return False
    if number or value.isdigit():
        return len(words) > 1
    return value[:1] + value[-1:] in {"<>", "[]"}


def is_name_of_headers(name: str) -> bool:
    """Whether what has this name are headers of HTTP or gRPC, of which most hold a secret."""
    if len(name) > LONGEST_NAME:
        return False
    words = _words(name)
    if words[-2:] == ["grpc", "metadata"]:
        return True
    return words[-1:] in _OF_HEADERS and words[-2:-1] not in _ALLOWING


def is_plain_header(name: str) -> bool:
    """Whether a header has no secret: those that are known to have none."""
    return name.strip().lower() in _PLAIN_HEADERS


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of an address is a secret: a signature too, which is as good as a key."""
    return name.lower() in _PARAMETERS or is_secret_name(name)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


LONGEST_NAME = 200
"""Characters of a name; what is longer is a text, and not looked at."""

_OF_HEADERS = (["header"], ["headers"])

_ALLOWING = (["allowed"], ["allow"], ["exposed"], ["expose"])
"""What stands before `headers` where they are names alone."""

_PAIRS = frozenset(
    {"connection string", "pass phrase", "secret id", "auth code", "access signature"}
)
"""Last words that make a secret together."""

_FORMS = frozenset(
    {
        *("value", "values", "text", "plain", "plaintext", "string", "str", "json", "pem", "hash"),
        *("b", "base", "hex"),  # of base64
    }
)
"""Words that say how a secret is written."""

_ENDINGS = (
    *("password", "passwords", "passwd", "passphrase", "passcode", "secret", "secrets"),
    *("credential", "credentials", "apikey", "apikeys", "secretkey", "accesskey", "privatekey"),
    *("authtoken", "accesstoken", "refreshtoken", "apitoken", "sessiontoken", "hftoken"),
    *("bearertoken", "idtoken", "authorization", "authkey", "encryptionkey", "signingkey"),
)
"""What the last word of a secret's name ends in, where it is written without a break."""

_SECRETS = frozenset(
    {
        *("creds", "cred", "pwd", "auth", "bearer", "cookie", "cookies", "jwt", "dsn", "otp"),
        *("totp", "passkey", "psk", "keypass", "storepass"),
    }
)

_OF_A_KEY = frozenset(
    {
        *("api", "access", "secret", "private", "account", "encryption", "encrypt", "signing"),
        *("sign", "master", "admin", "subscription", "auth", "ssh", "license", "session", "shared"),
        *("storage", "service", "hmac", "aes", "rsa", "ngc", "hf", "aws", "azure", "gcp", "openai"),
        *("client", "security", "root", "user", "deploy", "bot", "app", "application", "function"),
        *("pass", "wandb", "anthropic", "nvidia", "google", "gemini", "cohere", "mistral", "groq"),
        *("together", "replicate", "pinecone", "datadog", "langfuse", "langsmith", "comet"),
        *(
            "neptune",
            "tavily",
            "serper",
            "minio",
            "cli",
            "hub",
            "huggingface",
            "github",
            "consumer",
        ),
    }
)
"""What stands before `key` in the name of a secret; other keys sort, index and name things."""

_OF_TOKENS = frozenset(
    {
        *("auth", "api", "access", "hf", "ngc", "bearer", "refresh", "session", "csrf", "oauth"),
        *("security", "secret", "bot", "deploy", "sas", "jwt", "login", "hub", "face", "github"),
    }
)
"""What stands before `token` in the name of one that opens something."""

_OF_TEXT = frozenset(
    {
        *("bos", "eos", "pad", "unk", "mask", "cls", "sep", "stop", "image", "audio", "video"),
        *("vision", "speech", "think", "thinking", "reasoning", "start", "end", "special", "draft"),
        *("next", "per", "first", "last", "prompt", "begin", "boi", "eoi", "boa", "eoa", "second"),
        *("assistant", "tool", "decoder", "forced", "suppress", "new", "newline", "placeholder"),
        "system",
        *("blank", "extra", "added", "additional", "control", "im", "fim", "prefix", "middle"),
        *("suffix", "time", "timestamp", "language", "task", "sot", "eot", "max", "min", "num"),
        *("total", "output", "input", "single", "each", "by", "one", "multi", "word", "text"),
        *("media", "patch", "frame", "dummy", "empty", "split", "separator", "delimiter", "escape"),
        *("response", "instruction", "query", "cache", "kv", "step", "batch", "chunk", "position"),
        *("sink", "register", "global", "local", "sampled", "bonus", "target", "speculative"),
        *(
            "transcribe",
            "translate",
            "generated",
            "cached",
            "of",
            "is",
            "ignore",
            "turn",
            "channel",
        ),
        *("hole",),
    }
)
"""What stands before `token` where it is one of a text that a model reads or writes."""

_PASSES = frozenset(
    {"first", "second", "forward", "backward", "single", "one", "two", "multi", "last", "by"}
)

_PARAMETERS = frozenset(
    {
        *("sig", "signature", "key", "code", "policy", "hmac", "ticket", "sas"),
        *("x-amz-signature", "x-amz-credential", "x-goog-signature", "x-goog-credential"),
        *("awsaccesskeyid", "x-amz-security-token"),
    }
)
"""Parameters by which an address opens what is behind it, in small letters (AWS's Signature
Version 4 and Google's signed URLs in query strings, Azure's shared access signatures)."""

_PLAIN_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "cache-control", "connection"),
        *("content-encoding", "content-length", "content-type", "date", "host", "origin"),
        *("referer", "traceparent", "tracestate", "user-agent", "x-request-id"),
    }
)
