import json
from pathlib import Path
from typing import Any

import pytest

from millwright_serving.many.listing import Listing, ListingError, Lists, read_list
from millwright_serving.settings import ModelVersion

DIGEST = "sha256:" + "a" * 64
ENTRY = {"name": "m", "version": "1", "packageURI": "s3://b/m", "digest": DIGEST}
ONE, TWO, OTHER = (ModelVersion(name, version, "/p", DIGEST) for name, version in (("m", "1"), ("m", "2"), ("n", "1")))


def test_an_entry_is_a_model_version() -> None:
    entries = [ENTRY, ENTRY | {"version": "2", "allowPickle": True}]

    assert read_list("a.json", json.dumps(entries).encode()) == [
        ModelVersion("m", "1", "s3://b/m", DIGEST),
        ModelVersion("m", "2", "s3://b/m", DIGEST, allow_pickle=True),
    ]


MISTAKES: dict[str, tuple[Any, str]] = {
    "not JSON": (b"[", "a.json is not JSON"),
    "no array": ({}, "a.json must be an array of models"),
    "no object": ([ENTRY, 1], "a.json, model 2 must have digest, name, packageURI, version"),
    "something missing": ([{"name": "m"}], "model 1 must have digest, name, packageURI, version"),
    "something unknown": ([ENTRY | {"uri": "/p"}], "and nothing else"),
    "a name that leaves the folder": ([ENTRY | {"name": "../m"}], "name must be letters, digits, '.', '_' and '-'"),
    "a name with a slash": ([ENTRY | {"name": "a/b"}], "not 'a/b'"),
    "a version that is a number": ([ENTRY | {"version": 1}], "version must be letters"),
    "no URI": ([ENTRY | {"packageURI": ""}], "packageURI must be s3://… or a folder"),
    "another digest": ([ENTRY | {"digest": "md5:1"}], "digest must be sha256:<64 hex digits>, not 'md5:1'"),
    "a word for a flag": ([ENTRY | {"allowPickle": "yes"}], "allowPickle must be true or false"),
}


@pytest.mark.parametrize(("content", "reason"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_place(content: Any, reason: str) -> None:
    with pytest.raises(ListingError) as refused:
        read_list("a.json", content if isinstance(content, bytes) else json.dumps(content).encode())

    assert reason in str(refused.value)


def test_a_version_is_found_by_name_and_the_first_one_without() -> None:
    listing = Listing([TWO, OTHER, ONE])

    assert listing.find("m", None) == TWO and listing.find("m", "1") == ONE
    assert listing.find("m", "3") is None and listing.find("x", None) is None
    assert listing.named("m") == [TWO, ONE] and len(listing) == 3


def test_the_same_version_with_another_package_is_not_in_it() -> None:
    listing = Listing([ONE])

    assert ONE in listing and TWO not in listing
    assert ModelVersion("m", "1", "/elsewhere", DIGEST) not in listing


def test_a_version_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(ListingError, match=r"m, version 1, is listed twice"):
        Listing([ONE, TWO, ModelVersion("m", "1", "/elsewhere", DIGEST)])


def write(folder: Path, file: str, *entries: Any) -> None:
    (folder / file).write_text(json.dumps(entries))


def test_all_lists_of_a_folder_count_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.json", ENTRY)
    write(tmp_path, "a.json", ENTRY | {"version": "2"})
    (tmp_path / "README").write_text("no list")

    listing = Lists(tmp_path).changed()

    assert listing is not None and [one.version for one in listing] == ["2", "1"]


def test_lists_are_read_again_when_a_file_has_changed_come_or_gone(tmp_path: Path) -> None:
    lists = Lists(tmp_path)

    def versions() -> list[str] | None:
        listing = lists.changed()
        return None if listing is None else sorted(one.version for one in listing)

    write(tmp_path, "a.json", ENTRY)
    assert (versions(), versions()) == (["1"], None)
    write(tmp_path, "a.json", ENTRY | {"version": "22"})
    assert versions() == ["22"]
    write(tmp_path, "b.json", ENTRY)
    assert versions() == ["1", "22"]
    (tmp_path / "a.json").unlink()
    assert versions() == ["1"]


def test_a_volume_that_is_swapped_by_a_link_is_read_again(tmp_path: Path) -> None:
    """As the kubelet updates a ConfigMap."""
    for generation, version in (("1", "1"), ("2", "2")):
        (tmp_path / generation).mkdir()
        write(tmp_path / generation, "a.json", ENTRY | {"version": version})
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "a.json").symlink_to("..data/a.json")
    lists = Lists(tmp_path)
    assert lists.changed() is not None

    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").rename(tmp_path / "..data")

    listing = lists.changed()
    assert listing is not None and [one.version for one in listing] == ["2"]


def test_a_wrong_list_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, "a.json", 1)
    lists = Lists(tmp_path)

    with pytest.raises(ListingError):
        lists.changed()
    assert lists.changed() is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListingError, match="MILLWRIGHT_MODELS_DIR must name one"):
        Lists(tmp_path / "nothing").changed()


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("nothing")

    with pytest.raises(ListingError, match=r"a\.json cannot be read: No such file"):
        Lists(tmp_path).changed()
