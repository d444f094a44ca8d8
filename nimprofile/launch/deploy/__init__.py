"""Documents that deploy a plan: Docker, Compose, Kubernetes, KServe, NIM Operator."""
