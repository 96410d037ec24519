# ruff: noqa: T201 (what a pod prints is its log)
"""Tables from object storage."""

from kfp import dsl

from components import component


@component
def read_tables(base: str, names: list[str], table: dsl.Output[dsl.Dataset]):
    """Read `<base>/<name>.parquet` for each name, in order, into one Parquet file.

    `base` is an `s3://` prefix (endpoint and credentials from the AWS_… environment) or a folder.
    """
    import os
    from urllib.parse import urlparse

    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import fs

    where = urlparse(base)
    if where.scheme == "s3":
        files = fs.S3FileSystem(
            endpoint_override=os.environ.get("AWS_ENDPOINT_URL"),
            region=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        )
    else:
        files = fs.LocalFileSystem()
    folder = where.netloc + where.path if where.scheme == "s3" else base
    paths = [f"{folder.rstrip('/')}/{name}.parquet" for name in names]
    whole = pa.concat_tables([pq.read_table(path, filesystem=files) for path in paths])
    pq.write_table(whole, table.path)
    print(f"{whole.num_rows} rows from {', '.join(names)}")
