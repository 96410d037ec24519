"""What users write: one module per kind, and the CRDs made from them."""
