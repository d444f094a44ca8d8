"""The actions of `nimprofile manifest`."""
