"""NIM's variables: the table of what each means, and notes on those that change nothing."""
