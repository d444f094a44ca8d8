"""Start-up logs of NIM, vLLM, SGLang, TensorRT-LLM and Triton, read as observations."""
