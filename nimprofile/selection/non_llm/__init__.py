"""What only NIMs of other models than language models need: compiled plans, default tags."""
