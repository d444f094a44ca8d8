"""What each serving engine serves, and what it holds of a GPU."""
