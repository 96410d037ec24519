"""`python -m millwright`: runs the operator until it is told to stop."""

import logging

import kopf
from prometheus_client import start_http_server

from millwright import handlers, settings


def main() -> None:
    """Reads the settings, serves metrics, and hands over to kopf."""
    chosen = settings.load()
    kopf.configure(log_format=kopf.LogFormat.JSON)
    for chatty in ("httpx", "httpcore", "aiohttp.access", "kopf.objects"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    start_http_server(chosen.metrics_port)
    kopf.run(
        registry=handlers.registry(chosen),
        clusterwide=not chosen.namespaces,
        namespaces=chosen.namespaces,
        liveness_endpoint=f"http://0.0.0.0:{chosen.health_port}/healthz",
        standalone=True,
    )


if __name__ == "__main__":
    main()
