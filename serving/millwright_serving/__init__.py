"""The inference server: one verified package behind the V2 inference protocol and MLflow's."""
