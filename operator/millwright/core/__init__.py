"""What to do, decided: pure total functions over frozen values. No I/O, no clock, no Kubernetes."""
