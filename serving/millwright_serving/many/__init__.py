"""The server of many models: lists of them, loaded on demand within a memory budget."""
