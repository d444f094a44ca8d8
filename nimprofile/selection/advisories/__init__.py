"""Known issues of profiles, from release notes and issue threads, and which of them apply."""
