"""Questions to other machines: addresses, proxies, and the one client of HTTP."""
