#!/usr/bin/env bash
# Build the bundled manifests of models whose shape is public: the generic profiles from the recorded
# config.json, beside the tuned ones of public support matrices. Writes into the folder it is given,
# or its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}

build() {  # NAME REPOSITORY [OPTIONS]
  local name=$1 repository=$2
  shift 2
  nimprofile manifest build "$here/sources/$name" --profiles "$here/sources/$name/profiles.yaml" \
    --path "hf://$repository" --engine vllm --lora "$@" --force -o "$out/$name.yaml"
}

build gpt-oss-120b openai/gpt-oss-120b
build llama-3.1-405b-instruct meta-llama/Llama-3.1-405B-Instruct --precision bf16 --max-nodes 2
build llama-3.1-70b-instruct meta-llama/Llama-3.1-70B-Instruct --precision bf16
build llama-3.1-8b-instruct meta-llama/Llama-3.1-8B-Instruct --precision bf16
build llama-3.3-70b-instruct meta-llama/Llama-3.3-70B-Instruct --precision bf16
build mistral-7b-instruct-v0.3 mistralai/Mistral-7B-Instruct-v0.3 --precision bf16
build mixtral-8x7b-instruct-v0.1 mistralai/Mixtral-8x7B-Instruct-v0.1 --precision bf16
build nemotron-3-nano nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16 --precision bf16 --max-tp 1
