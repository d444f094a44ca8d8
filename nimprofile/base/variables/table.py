"""The table of NIM's variables: what each means, and what this package does with it.

`source` names a page of docs.nvidia.com/nim by its product and version: "LLM 1.12 configuration" is
large-language-models/1.12.0/configuration.html, "LLM 2.0.12 environment-variables" is
large-language-models/2.0.12/reference/environment-variables.html, "LLM 2.0.10 genindex" the index
of that documentation. Other sources are written out. `docs/environment.md` is made of this table,
and a test finds every name that the sources mention in it.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Use(StrEnum):
    """What is done with a variable."""

    HONOURED = "honoured"
    """It changes the decision, or how the server is started."""

    HANDED_ON = "handed on"
    """`launch --server nim` and `render` give it to the NIM's container as it is."""

    NOT_USED = "not used"


class Variable(Record):
    """One of NIM's variables.

    Attributes:
        name: the variable.
        generations: the NIMs whose pages name it.
        meaning: what NIM does with it, in a sentence.
        use: what is done with it here.
        how: by what it is honoured, or why it is not used; "" says what `use` says.
        source: the page that states the meaning.
        example: a value of a honoured variable that changes something.
        bears: it bears on which profile is chosen or on its memory, so that a selection which
            does not use it says so.
        also_handed: honoured, and given to the NIM's container as well.
        absent_from: the first generation whose reference has it no more, as `2`; None: none.
    """

    name: str
    generations: str
    meaning: str
    _: KW_ONLY
    use: Use
    how: str
    source: str
    example: str = ""
    bears: bool = False
    also_handed: bool = False
    absent_from: int | None = None

    @property
    def handed(self) -> bool:
        """Whether the NIM's container is given it as it is."""
        return self.use is Use.HANDED_ON or self.also_handed


_1X = "LLM 1.x"
_2X = "LLM and VLM 2.x"
_LLM = "LLM 1.x; LLM and VLM 2.x"
_CONFIGURATION = "LLM 1.12 configuration"
_REFERENCE = "LLM 2.0.12 environment-variables"
_INDEX = "LLM 2.0.10 genindex"
_VARIANTS = "LLM 1.15 nim-container-variants"
_EMBEDDING_1 = "nemo-retriever/text-embedding 1.5 environment-variables"
_EMBEDDING_2 = "nemo-retriever/text-embedding 2.2 environment-variables"
_MULTI_NODE = "LLM 1.12 multi-node-deployment; LLM 2.0 multi-node-deployment"


def _honoured(
    name: str,
    generations: str,
    meaning: str,
    how: str,
    source: str,
    *,
    example: str,
    also_handed: bool = False,
    absent_from: int | None = None,
) -> Variable:
    return Variable(
        name,
        generations,
        meaning,
        use=Use.HONOURED,
        how=how,
        source=source,
        example=example,
        also_handed=also_handed,
        absent_from=absent_from,
    )


def _handed(name: str, generations: str, meaning: str, source: str, *, bears: str = "") -> Variable:
    """A variable for the container alone; `bears` says why the decision leaves it out."""
    return Variable(
        name,
        generations,
        meaning,
        use=Use.HANDED_ON,
        how=bears,
        source=source,
        bears=bool(bears),
    )


def _unused(
    name: str, generations: str, meaning: str, why: str, source: str, *, bears: bool = True
) -> Variable:
    return Variable(
        name, generations, meaning, use=Use.NOT_USED, how=why, source=source, bears=bears
    )


_SELECTION = (
    _honoured(
        "NIM_MODEL_PROFILE",
        "all that have profiles",
        "Run this profile, an id or a name; unset, empty or default: choose one.",
        "the pin, as --profile",
        "LLM 1.12 profiles; LLM 2.0.12 environment-variables",
        example="vllm-bf16-tp1-pp1",
    ),
    _honoured(
        "NIM_MANIFEST_PROFILE",
        "NV-CLIP",
        "Run this profile; NV-CLIP calls NIM_MODEL_PROFILE so.",
        "the pin where NIM_MODEL_PROFILE is unset",
        "nvclip 1.0.0 profiles",
        example="vllm-bf16-tp1-pp1",
    ),
    _honoured(
        "NIM_TAGS_SELECTOR",
        "LLM 1.x; speech (Riva)",
        "Choose only among profiles with these tags: precision=fp8,tp=1.",
        "only profiles with these tags are candidates, as --tags",
        "speech/latest support-matrix",
        example="precision=fp8",
        absent_from=2,
    ),
    _honoured(
        "NIM_PEFT_SOURCE",
        _LLM,
        "A directory of LoRA adapters; only profiles that serve adapters are candidates.",
        "adapters are wanted, as --lora, and are in this directory, as --adapters",
        "LLM 1.12 configuration; LLM 2.0.12 environment-variables",
        example="/adapters",
    ),
    _honoured(
        "NIM_RELAX_MEM_CONSTRAINTS",
        _1X,
        "Run with less memory free, or in total, than the profile should have.",
        "low-memory profiles are candidates, as --relax-memory",
        _CONFIGURATION,
        example="1",
    ),
    _honoured(
        "NIM_MANIFEST_ALLOW_UNSAFE",
        _1X,
        "Run a profile that was not found to be compatible, or is not in the manifest.",
        "a pin may ignore mismatches, as --allow-unsafe",
        "nemo-retriever/text-reranking environment-variables",
        example="1",
    ),
    _honoured(
        "NIM_ALLOW_NVFP4_EMULATION",
        "LLM 2.x",
        "Allow NVFP4 on GPUs that do not compute in it.",
        "NVFP4 may run below compute capability 10.0, as --allow-nvfp4-emulation",
        "github.com/NVIDIA-AI-Blueprints nemotron-voice-agent",
        example="1",
    ),
    _honoured(
        "NIM_MANIFEST_PATH",
        "LLM 1.x",
        "The manifest to choose from, instead of the image's own.",
        "the manifest, as --manifest",
        "LLM 1.12 utilities",
        example="/m.yaml",
    ),
    _honoured(
        "NIM_TENSOR_PARALLEL_SIZE",
        "LLM 1.x (multi-LLM); LLM and VLM 2.x",
        "How many GPUs share every layer; it wins over the tag of a profile.",
        "profiles of another tp are not wanted; one that leaves tp open gets this one",
        "LLM 1.2.0 configuration; LLM 2.0.12 environment-variables",
        example="2",
    ),
    _honoured(
        "NIM_PIPELINE_PARALLEL_SIZE",
        "LLM 1.x (multi-LLM); LLM and VLM 2.x",
        "How many stages the layers are divided into; it wins over the tag of a profile.",
        "profiles of another pp are not wanted; one that leaves pp open gets this one",
        "LLM 1.12 configuration; LLM 2.0.10 genindex",
        example="2",
    ),
    _honoured(
        "NIM_ENGINE_PRECISION",
        "Retriever 2.2 and later",
        "The precision to run in; where it is not available, another is taken with a warning.",
        "a profile of this precision is taken if one runs, else another with a warning",
        "nemo-retriever/text-embedding 2.2 troubleshoot",
        example="fp8",
    ),
    _honoured(
        "NIM_PRECISION",
        "Retriever 2.0",
        "The precision to run in; from 2.2 on it is called NIM_ENGINE_PRECISION.",
        "as NIM_ENGINE_PRECISION, where that is unset",
        "nemo-retriever/text-embedding 2.0 environment-variables",
        example="fp8",
    ),
    _honoured(
        "NIM_USE_SGLANG",
        "LLM 1.x (DeepSeek R1)",
        "Serve with SGLang.",
        "only profiles of SGLang, as --engine sglang",
        "LLM 1.12 multi-node-deployment",
        example="1",
    ),
    _unused(
        "NIM_CUSTOM_SELECTOR_CLASSES",
        _1X,
        "Python classes that choose the profile instead of NIM's own.",
        "their code is not run: the choice here is that of the policy",
        "github.com/NVIDIA-AI-Blueprints nemotron-voice-agent",
    ),
    _unused(
        "NIM_IMAGE",
        "the shell of the pages' examples",
        "The image that an example starts; no container reads it.",
        "--image names it",
        "LLM 1.12 ft-support",
        bears=False,
    ),
    _unused(
        "NIM_CPU_ONLY",
        "Retriever 1.x",
        "Run without a GPU.",
        "profiles are chosen for GPUs here; a NIM that runs on the CPU needs none chosen",
        "nemo-retriever/text-embedding 1.5 configuration",
    ),
)

_MEMORY = (
    _honoured(
        "NIM_MAX_MODEL_LEN",
        _LLM,
        "The longest context, in tokens.",
        "the context that memory is judged for, as --max-model-len",
        "LLM 1.12 configuration; LLM 2.0.12 environment-variables",
        example="8192",
    ),
    _honoured(
        "NIM_MAX_NUM_SEQS",
        "LLM 1.x; VLM 1.x",
        "How many requests are computed together in one step.",
        "as --max-num-seqs",
        _CONFIGURATION,
        example="8",
    ),
    _honoured(
        "NIM_MAX_BATCH_SIZE",
        _1X,
        "How many requests are computed together, in engines that TensorRT-LLM builds.",
        "as --max-num-seqs, where NIM_MAX_NUM_SEQS is unset",
        _CONFIGURATION,
        example="8",
    ),
    _honoured(
        "NIM_KVCACHE_PERCENT",
        "LLM 1.x; VLM 1.x",
        "The fraction of a GPU's memory for weights and KV cache.",
        "the memory fraction, as --gpu-memory-utilization, where neither NIM_GPU_MEM_FRACTION nor"
        " NIM_GPU_MEMORY_UTILIZATION is set",
        "LLM 1.11 release-notes",
        example="0.5",
        absent_from=2,
    ),
    _honoured(
        "NIM_GPU_MEM_FRACTION",
        "LLM 1.x for DGX Spark",
        "The fraction of a GPU's memory that the engine takes.",
        "the memory fraction, as --gpu-memory-utilization; it wins over the other two variables",
        "LLM 1.14 nim-container-variants",
        example="0.5",
        absent_from=2,
    ),
    _honoured(
        "NIM_GPU_MEMORY_UTILIZATION",
        "VLM",
        "The fraction of a GPU's memory that vLLM takes.",
        "the memory fraction, as --gpu-memory-utilization, where NIM_GPU_MEM_FRACTION is unset",
        "VLM configuration",
        example="0.5",
    ),
    _honoured(
        "NIM_NUM_KV_CACHE_SEQ_LENS",
        _1X,
        "How many requests of the longest context the KV cache holds; only with"
        " NIM_RELAX_MEM_CONSTRAINTS=1.",
        "so many requests must fit at once; a fraction counts as one more request",
        _CONFIGURATION,
        example="3.75",
    ),
    _honoured(
        "NIM_DISABLE_CUDA_GRAPH",
        _LLM,
        "Run without CUDA graphs.",
        "as --enforce-eager",
        "LLM 2.0.10 genindex",
        example="1",
    ),
    _honoured(
        "NIM_PASSTHROUGH_ARGS",
        _2X,
        "Arguments for the engine; they win over every other variable, and arguments after the"
        " image's name win over them.",
        "handed to the engine; what they say of context, memory fraction, KV cache and batch is"
        " what memory is judged for",
        "LLM 2.0.11 advanced-configuration",
        example="--max-model-len 4096",
    ),
    _handed(
        "NIM_LOW_MEMORY_MODE",
        _1X,
        "While an engine is built, keep it on disk, so that less of the host's memory is taken.",
        _CONFIGURATION,
        bears="it saves memory of the host, and profiles are judged by that of the GPUs",
    ),
    _handed(
        "NIM_DRAFT_MODEL_PATH",
        "LLM and VLM 2.0.10 and later",
        "The draft model of speculative decoding.",
        _INDEX,
        bears="the memory that a draft model takes is not counted",
    ),
    _handed(
        "NIM_NUM_SPECULATIVE_TOKENS",
        "LLM 2.x",
        "How many tokens a draft model proposes at a time.",
        "LLM 2.0.13 speculative-decoding",
        bears="the memory that drafting takes is not counted",
    ),
    _handed(
        "NIM_ENABLE_KV_CACHE_HOST_OFFLOAD",
        _1X,
        "Keep a part of the KV cache in the host's memory.",
        "LLM 1.10 release-notes",
        bears="the KV cache is judged by the memory of the GPUs",
    ),
    _handed(
        "NIM_KV_CACHE_HOST_MEM_FRACTION",
        _1X,
        "The part of the host's memory that the KV cache may take.",
        "LLM 1.10 release-notes",
        bears="the KV cache is judged by the memory of the GPUs",
    ),
    _handed(
        "NIM_MAX_NUM_BATCHED_TOKENS",
        "VLM 1.x",
        "How many tokens are computed together in one step.",
        "VLM configuration",
        bears="memory is judged by the flag --max-num-batched-tokens instead",
    ),
)

_MODEL = (
    _honoured(
        "NIM_MODEL_PATH",
        _2X,
        "The model: a directory, hf://, ngc://, s3://, gs:// or modelscope://.",
        "where the weights are, as --model",
        _REFERENCE,
        example="/weights",
    ),
    _honoured(
        "NIM_MODEL_NAME",
        "LLM 1.x (multi-LLM)",
        "The model: a directory or hf://.",
        "where the weights are, when NIM_MODEL_PATH and NIM_FT_MODEL are unset",
        "LLM 1.12 getting-started",
        example="/weights",
    ),
    _honoured(
        "NIM_FT_MODEL",
        _1X,
        "A directory of fine-tuned weights of the image's model.",
        "where the weights are, when NIM_MODEL_PATH is unset",
        "LLM 1.12 ft-support",
        example="/weights",
        also_handed=True,
    ),
    _honoured(
        "NIM_SERVED_MODEL_NAME",
        _LLM,
        "What clients call the model.",
        "as --served-model-name",
        _REFERENCE,
        example="mine",
    ),
    _honoured(
        "NIM_TRUST_CUSTOM_CODE",
        _2X,
        "Run code that comes with the model.",
        "as --trust-remote-code",
        "LLM 2.0 environment-variables",
        example="1",
    ),
    _honoured(
        "NIM_FORCE_TRUST_REMOTE_CODE",
        _1X,
        "Run code that comes with the model.",
        "as --trust-remote-code",
        "LLM 1.14 nim-container-variants",
        example="1",
        absent_from=2,
    ),
    _honoured(
        "NIM_CACHE_PATH",
        "all",
        "Where models are kept in the container.",
        "where a model's config.json is looked for when the manifest says nothing of its layers;"
        " the NIM that launch starts keeps its models in /opt/nim/.cache",
        _INDEX,
        example="/cache",
    ),
    _handed(
        "NIM_CUSTOM_MODEL_NAME",
        _1X,
        "The name under which an engine that is built here is kept, and found as a profile.",
        "LLM 1.12 ft-support",
        bears="an engine of that name in the manifest is compared like every other profile;"
        " --profile pins it",
    ),
    _handed(
        "NIM_MODEL_VARIANT",
        "Cosmos",
        "Which of the image's models to serve.",
        "cosmos 4.0.0 prerequisites",
        bears="a manifest is of one model: name the manifest of that variant",
    ),
    _handed(
        "NIM_MODEL_SIZE",
        "Cosmos",
        "Which size of the image's model to serve.",
        "cosmos 4.0.0 prerequisites",
        bears="a manifest is of one model: name the manifest of that size",
    ),
    _handed(
        "NIM_CUSTOM_MODEL",
        "Retriever 1.x",
        "A directory of a fine-tuned model in ONNX or TensorRT's format.",
        "nemo-retriever/text-embedding fine-tuned-models",
    ),
    _handed(
        "NIM_ENGINE_MODEL_PATH",
        "Retriever 2.x",
        "The directory of the model's files.",
        _EMBEDDING_2,
    ),
    _handed(
        "NIM_ENGINE_MODEL_DOWNLOAD_ONLY",
        "Retriever 2.x",
        "Download the model's files and leave.",
        _EMBEDDING_2,
    ),
    _handed(
        "NIM_DISABLE_MODEL_DOWNLOAD",
        _LLM,
        "Use only what is in the cache, and download nothing.",
        _INDEX,
    ),
    _handed(
        "NIM_IGNORE_MODEL_DOWNLOAD_FAIL",
        "Retriever 1.x",
        "Go on where a download fails.",
        _EMBEDDING_1,
    ),
    _handed(
        "NIM_REPOSITORY_OVERRIDE",
        _LLM,
        "Where models are downloaded from instead of NGC.",
        "LLM 1.12 repository-override; LLM 2.0.10 genindex",
    ),
    _handed(
        "NIM_MAX_PARALLEL_DOWNLOADS",
        _2X,
        "How many files are downloaded at once.",
        "LLM 2.0 environment-variables",
    ),
    _handed(
        "NIM_SDK_MAX_PARALLEL_DOWNLOAD_REQUESTS",
        _1X,
        "How many files are downloaded at once.",
        _CONFIGURATION,
    ),
    _handed(
        "NIM_SDK_USE_NATIVE_TLS",
        _1X,
        "Trust the certificates of the system.",
        _CONFIGURATION,
    ),
)

_SERVER = (
    _honoured(
        "NIM_SERVER_PORT",
        _LLM,
        "The port to listen on.",
        "as --port",
        _REFERENCE,
        example="9000",
    ),
    _honoured(
        "NIM_HTTP_API_PORT",
        "Retriever; speech (Riva); Cosmos",
        "The port to listen on for HTTP.",
        "as --port, where NIM_SERVER_PORT is unset",
        _EMBEDDING_1,
        example="9000",
    ),
    _honoured(
        "NIM_MAX_LORA_RANK",
        _1X,
        "The largest rank of an adapter.",
        "as --max-lora-rank",
        _CONFIGURATION,
        example="64",
    ),
    _honoured(
        "NIM_MAX_GPU_LORAS",
        _1X,
        "Adapters that are served at once on the GPU.",
        "told to the server",
        _CONFIGURATION,
        example="4",
    ),
    _honoured(
        "NIM_MAX_CPU_LORAS",
        _1X,
        "Adapters that are kept in the host's memory.",
        "told to the server",
        _CONFIGURATION,
        example="8",
    ),
    _honoured(
        "NIM_LOG_LEVEL",
        "all",
        "How much is logged.",
        "the log of exec",
        _REFERENCE,
        example="DEBUG",
        also_handed=True,
    ),
    _honoured(
        "NIM_JSONL_LOGGING",
        "all",
        "Log a record of JSON on each line.",
        "the log of exec",
        _REFERENCE,
        example="1",
        also_handed=True,
    ),
    _handed("NIM_HEALTH_PORT", _2X, "A port of its own for the health checks.", _INDEX),
    _handed("NIM_GRPC_API_PORT", "speech (Riva)", "The port of gRPC.", "riva/asr configuration"),
    _handed(
        "NIM_HTTP_TRITON_PORT",
        "Retriever 1.x",
        "The port of the Triton server inside the container.",
        _EMBEDDING_1,
    ),
    _handed("NIM_HTTP_MAX_WORKERS", "Retriever 1.x", "Threads that serve HTTP.", _EMBEDDING_1),
    _handed(
        "NIM_LOGGING_JSONL", "Retriever 1.x", "Another name of NIM_JSONL_LOGGING.", _EMBEDDING_1
    ),
    _handed(
        "NIM_DISABLE_LOG_REQUESTS",
        "LLM 1.x; VLM 1.x",
        "Keep what is asked out of the log.",
        "VLM configuration",
    ),
    _handed("NIM_PEFT_REFRESH_INTERVAL", _LLM, "Seconds between looks for adapters.", _INDEX),
    _handed("NIM_PEFT_API_TIMEOUT_SECS", _2X, "Seconds that loading an adapter may take.", _INDEX),
    _handed(
        "NIM_ENABLE_KV_CACHE_REUSE",
        _1X,
        "Reuse the KV cache of equal beginnings of prompts.",
        "LLM 1.11 kv-cache-reuse",
    ),
    _handed(
        "NIM_FORCE_DETERMINISTIC",
        _1X,
        "Give the same answer to the same question each time.",
        _VARIANTS,
    ),
    _handed("NIM_SCHEDULER_POLICY", _1X, "TensorRT-LLM's scheduling of requests.", _CONFIGURATION),
    _handed(
        "NIM_DISABLE_OVERLAP_SCHEDULING",
        _1X,
        "Schedule each step after the one before has ended.",
        _VARIANTS,
    ),
    _handed("NIM_ENABLE_DP_ATTENTION", _1X, "SGLang's data-parallel attention.", _VARIANTS),
    _handed("NIM_ENABLE_PROMPT_LOGPROBS", _1X, "Return the likelihood of prompts.", _VARIANTS),
    _handed("NIM_PER_REQ_METRICS_ENABLE", _1X, "Return measures with each answer.", _VARIANTS),
    _handed(
        "NIM_DISABLE_TRTLLM_PYTORCH_RT",
        "LLM 1.15",
        "Serve with TensorRT-LLM's older backend.",
        "LLM 1.15 ft-support",
    ),
    _handed(
        "NIM_USE_TRTLLM_LEGACY_BACKEND",
        "LLM 1.15",
        "Serve with TensorRT-LLM's older backend.",
        "LLM 1.15 ft-support",
    ),
    _handed(
        "NIM_GUIDED_DECODING_BACKEND", _1X, "Which program keeps answers to a grammar.", _VARIANTS
    ),
    _handed(
        "NIM_CUSTOM_GUIDED_DECODING_BACKENDS",
        _1X,
        "A directory with other programs that do so.",
        _VARIANTS,
    ),
    _handed("NIM_ENABLE_BUDGET_CONTROL", _1X, "Limit how long a model thinks.", _CONFIGURATION),
    _handed(
        "NIM_CHAT_TEMPLATE", _1X, "The template of a conversation.", "LLM 1.12 function-calling"
    ),
    _handed(
        "NIM_TOOL_CALL_PARSER",
        _1X,
        "How calls of tools are read off an answer.",
        "LLM 1.12 function-calling",
    ),
    _handed(
        "NIM_TOOL_PARSER_PLUGIN",
        _1X,
        "A file with a program that reads calls of tools.",
        "LLM 1.12 function-calling",
    ),
    _handed(
        "NIM_ENABLE_AUTO_TOOL_CHOICE",
        _1X,
        "Let the model choose a tool.",
        "LLM 1.12 function-calling",
    ),
    _handed("NIM_REWARD_MODEL", _1X, "Serve a reward model.", "LLM 1.15 reward-model"),
    _handed("NIM_REWARD_MODEL_STRING", _1X, "The answer that is weighed.", "LLM 1.15 reward-model"),
    _handed(
        "NIM_REWARD_LOGITS_RANGE",
        _1X,
        "Which logits of a reward model are read as scores.",
        "LLM 1.15 reward-model",
    ),
    _handed(
        "NIM_CORS_ALLOW_ORIGINS", _2X, "Which pages of the web may ask the server (CORS).", _INDEX
    ),
    _handed(
        "NIM_CORS_ALLOW_METHODS", _2X, "By which HTTP methods pages of the web may ask.", _INDEX
    ),
    _handed("NIM_CORS_ALLOW_HEADERS", _2X, "With which headers pages of the web may ask.", _INDEX),
    _handed(
        "NIM_CORS_EXPOSE_HEADERS",
        _2X,
        "Which headers of answers pages of the web may read.",
        _INDEX,
    ),
    _handed("NIM_CORS_MAX_AGE", _2X, "How long a browser keeps these rules (CORS).", _INDEX),
    _handed(
        "NIM_SSL_MODE",
        _LLM,
        "Whether to serve by TLS, and whether clients need a certificate too.",
        _INDEX,
    ),
    _handed("NIM_SSL_KEY_PATH", _LLM, "The file of the server's key.", _INDEX),
    _handed("NIM_SSL_CERTS_PATH", _LLM, "The file of the server's certificate.", _INDEX),
    _handed(
        "NIM_SSL_CA_CERTS_PATH",
        _LLM,
        "The file of the authorities whose certificates clients must have.",
        _INDEX,
    ),
    _handed("NIM_MIDDLEWARE_CONFIG_PATH", _2X, "The file that names middleware.", _INDEX),
    _handed("NIM_NGINX_DIR", _2X, "Where nginx keeps its files.", _INDEX),
    _handed("NIM_CACHE_PROBE_TIMEOUT", _2X, "How long the cache may take to answer.", _INDEX),
    _handed("NIM_CAPTURE_ENABLE", _2X, "Keep what the server is asked.", _INDEX),
    _handed("NIM_CAPTURE_ARGS", _2X, "How what the server is asked is kept.", _INDEX),
    _handed("NIM_SAGEMAKER_MODE", _2X, "Serve as SageMaker wants it.", "LLM 2.0.4 genindex"),
    _handed("NIM_TELEMETRY_MODE", _2X, "What is reported to NVIDIA.", "LLM 2.0 telemetry"),
    _handed(
        "NIM_ENABLE_OTEL",
        "LLM 1.x; Cosmos",
        "Report by OpenTelemetry.",
        "cosmos-embed1 configuration",
    ),
    _handed(
        "NIM_OTEL_SERVICE_NAME",
        _1X,
        "The server's name in reports by OpenTelemetry.",
        "LLM 1.12 observability",
    ),
    _handed("NIM_OTEL_TRACES_EXPORTER", _1X, "How traces are reported.", "LLM 1.12 observability"),
    _handed(
        "NIM_OTEL_METRICS_EXPORTER", _1X, "How measures are reported.", "LLM 1.12 observability"
    ),
    _handed(
        "NIM_OTEL_EXPORTER_OTLP_ENDPOINT",
        _1X,
        "Where traces and measures are reported to.",
        "LLM 1.12 observability",
    ),
    _handed(
        "NIM_TRITON_LOG_VERBOSE",
        "Cosmos; Retriever 1.x",
        "How much Triton logs.",
        "cosmos-embed1 configuration",
    ),
    _handed(
        "NIM_TRITON_MAX_BATCH_SIZE",
        "Retriever 1.x",
        "How many requests are computed together in one step.",
        _EMBEDDING_1,
    ),
    _handed(
        "NIM_TRITON_MAX_SEQ_LENGTH", "Retriever 1.x", "The longest input, in tokens.", _EMBEDDING_1
    ),
    _handed(
        "NIM_TRT_ENGINE_HOST_CODE_ALLOWED",
        "Retriever 1.x",
        "Load an engine that brings code for the host.",
        "github.com/NVIDIA-AI-Blueprints video-search-and-summarization",
    ),
    _handed(
        "NIM_PIPELINE_MAX_BATCH_SIZE",
        "Retriever 2.x",
        "How many requests are computed together in one step.",
        _EMBEDDING_2,
    ),
    _handed(
        "NIM_PIPELINE_MAX_SEQ_LEN", "Retriever 2.x", "The longest input, in tokens.", _EMBEDDING_2
    ),
    _handed(
        "NIM_PERFORMANCE_MODE", "Retriever 2.2", "Defaults for latency or throughput.", _EMBEDDING_2
    ),
    _handed("NIM_ENGINE_COUNT", "Retriever 2.x", "Engines side by side.", _EMBEDDING_2),
    _handed("NIM_SERVER_BIND_ADDR", "Retriever 2.x", "The address and port of HTTP.", _EMBEDDING_2),
    _handed(
        "NIM_SERVER_GRPC_BIND_ADDR", "Retriever 2.x", "The address and port of gRPC.", _EMBEDDING_2
    ),
    _handed(
        "NIM_SERVER_MAX_WAIT_MS", "Retriever 2.x", "How long a batch waits for more.", _EMBEDDING_2
    ),
    _handed(
        "NIM_SERVER_HTTP_BODY_LIMIT_BYTES", "Retriever 2.x", "The largest request.", _EMBEDDING_2
    ),
    _handed("NIM_SERVER_MAX_IMAGE_BYTES", "Retriever 2.x", "The largest image.", _EMBEDDING_2),
    _handed(
        "NIM_SERVER_GRPC_MAX_DECODING_MESSAGE_BYTES",
        "Retriever 2.x",
        "The largest request of gRPC.",
        _EMBEDDING_2,
    ),
)

_NODES = (
    _unused(
        "NIM_MULTI_NODE",
        _LLM,
        "Serve on several nodes together.",
        "one machine is judged; render k8s and nim-operator write it where a profile spans nodes",
        _MULTI_NODE,
    ),
    _unused(
        "NIM_NUM_COMPUTE_NODES",
        _LLM,
        "How many nodes serve together.",
        "render works it out of the profile and --gpus-per-node",
        _MULTI_NODE,
    ),
    _unused(
        "NIM_NODE_RANK",
        _LLM,
        "Which of the nodes this is.",
        "render writes it into each pod",
        _MULTI_NODE,
    ),
    _unused(
        "NIM_LEADER_ROLE",
        _LLM,
        "Whether this node is the first.",
        "render writes it into each pod",
        _MULTI_NODE,
    ),
    _unused(
        "NIM_LEADER_IP_ADDRESS",
        _1X,
        "Where the first node is.",
        "render leaves it to the LeaderWorkerSet",
        _MULTI_NODE,
    ),
    _unused(
        "NIM_LEADER_ADDRESS",
        _LLM,
        "Where the first node is.",
        "render leaves it to the LeaderWorkerSet",
        _MULTI_NODE,
    ),
    _handed("NIM_MPI_ALLOW_RUN_AS_ROOT", _1X, "Let MPI run as root.", _MULTI_NODE),
)

VARIABLES: dict[str, Variable] = {
    variable.name: variable for variable in (*_SELECTION, *_MEMORY, *_MODEL, *_SERVER, *_NODES)
}
"""Every variable by its name, those of the selection first."""
