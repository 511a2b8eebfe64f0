"""Adapters: what implements the domain's ports on top of files, databases, brokers and the bus."""
