"""The gRPC service of ML Metadata over the store inside the ml-metadata wheel, in SQLite.

The wheel has no server, but the whole store: a method takes and gives the service's own messages, serialized.
Usage: server.py FILE PORT
"""

import random
import sys
import threading
import time
from concurrent import futures

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

_THREADS = 8
_ATTEMPTS = 5
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_ABORTED = grpc.StatusCode.ABORTED.value[0]


class Store:
    """A metadata store in one SQLite file; one call at a time."""

    def __init__(self, file: str) -> None:
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = file
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        migration = metadata_store_pb2.MigrationOptions().SerializeToString()
        self._store = metadata_store.CreateMetadataStore(config.SerializeToString(), migration)
        self._lock = threading.Lock()

    def call(self, method: str, request: bytes) -> tuple[bytes, str, int]:
        """Reply, message and gRPC code; an aborted transaction is tried again, as the wheel's client does."""
        for attempt in range(1, _ATTEMPTS + 1):
            with self._lock:
                reply, message, code = getattr(metadata_store, method)(self._store, request)
            if code != _ABORTED:
                break
            time.sleep(random.random() * 0.05 * attempt)
        return reply, message.decode(errors="replace") if isinstance(message, bytes) else message, code


def handler(store: Store, method: str) -> grpc.RpcMethodHandler:
    """A method of the service; bytes in, bytes out."""

    def serve(request: bytes, context: grpc.ServicerContext) -> bytes:
        reply, message, code = store.call(method, request)
        if code:
            context.abort(_CODES[code], message)
        return bytes(reply)

    return grpc.unary_unary_rpc_method_handler(serve)


def main(file: str, port: str) -> None:
    """Serve every method that the store has, until the process is told to end."""
    store = Store(file)
    service = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
    methods = [method.name for method in service.methods if hasattr(metadata_store, method.name)]
    unlimited = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=unlimited)
    handlers = {method: handler(store, method) for method in methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    print(f"{service.full_name} on {port}: {len(methods)} methods", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
