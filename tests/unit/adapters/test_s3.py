"""What may be read and removed of S3: nothing is asked of the server before that is clear."""

import pytest

from millwright.adapters.s3 import S3Objects
from millwright.ports import RejectedError

REFUSED = [
    "s3://models/other/arr-delay/k-1.replay/pipeline.yaml",
    "s3://models/flights-secret/arr-delay/k-1.replay/pipeline.yaml",
    "s3://models/flights/../other/arr-delay/k-1.replay/pipeline.yaml",
    "s3://models/flights/./a.yaml",
    "s3://models/flights//a.yaml",
    "s3://models/flights/",
    "s3://models/flights",
    "s3://models/flights/a.yaml?versionId=1",
    "s3://models/flights/a.yaml#b",
    "s3://models/flights/..\\other",
    "s3://data/flights/a.yaml",
    "https://models/flights/a.yaml",
]


@pytest.mark.parametrize("uri", REFUSED)
@pytest.mark.parametrize("allowed", [("s3://models/flights",), ("s3://models/flights/", "s3://pipelines/"), ()])
async def test_what_is_not_below_an_allowed_prefix_is_refused(uri: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(RejectedError, match="may be read here"):
        await S3Objects(allowed).get(uri, 100)
    with pytest.raises(RejectedError, match="may be read here"):
        await S3Objects(allowed).remove(uri)
