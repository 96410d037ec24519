"""`kubectl millwright`: what the three resources say, and the changes to their specs that people make by hand."""
