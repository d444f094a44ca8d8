"""What ranks candidates: the criteria, and the policy of the NIM at hand."""
