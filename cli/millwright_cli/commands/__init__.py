"""The commands: each reads by the ports, has core decide, and shows the result."""
