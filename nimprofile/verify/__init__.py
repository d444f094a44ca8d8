"""What really runs, held against what was decided."""
