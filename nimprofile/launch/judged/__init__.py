"""What was judged, and that what is started is that: facts, weights, the operator's arguments."""
