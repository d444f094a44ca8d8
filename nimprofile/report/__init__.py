"""Values as text, JSON and NIM's own layouts."""
