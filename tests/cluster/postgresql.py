"""PostgreSQL from Debian's package, for tests of what keeps its data there."""

from __future__ import annotations

import re
import secrets

from . import debian, imagestore
from .kubectl import kubectl
from .settings import PACKAGE, Checkout
from .shell import ClusterError

_IMAGE = "postgresql"
_PACKAGE = "postgresql-15"
_MANIFEST = PACKAGE / "manifests" / "postgresql.yaml"


def up(checkout: Checkout, namespace: str) -> str:
    """Bring up a server that knows nothing yet in a namespace; its address with user and password."""
    if not checkout.nodes():
        raise ClusterError("PostgreSQL is for the cluster made of this machine: its image is handed to the nodes here.")
    debian.add_image(_IMAGE, _PACKAGE)
    imagestore.import_into_all(checkout, _IMAGE)
    values = {"NAMESPACE": namespace, "PASSWORD": secrets.token_hex(16)}
    text = re.sub(r"\b(NAMESPACE|PASSWORD)\b", lambda match: values[match[0]], _MANIFEST.read_text())
    kubectl(checkout, "apply", "-f", "-", input=text)
    kubectl(checkout, "-n", namespace, "rollout", "status", "deployment/postgresql", "--timeout=180s")
    return f"postgresql://mlflow:{values['PASSWORD']}@postgresql.{namespace}.svc/postgres"


def rows(checkout: Checkout, namespace: str, query: str) -> list[str]:
    """What a query answers, a line for each row."""
    address = "postgresql://mlflow@localhost/postgres"
    password = 'PGPASSWORD="$(cat /password/password)"'
    command = f'{password} /usr/lib/postgresql/15/bin/psql {address} --no-align --tuples-only --command "$0"'
    words = ("-n", namespace, "exec", "deployment/postgresql", "--", "sh", "-c", command, query)
    return kubectl(checkout, *words).splitlines()
