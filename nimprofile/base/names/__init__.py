"""Names that others wrote: patterns of them, and which known one an unknown one may mean."""
