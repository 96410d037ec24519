"""Whether Model `late` is up to date with what it is built on, by table: the keys are sentences."""

import pytest

from millwright.core import upstream
from millwright.core.registry import RegisteredVersion
from millwright.core.upstream import Upstream

PASSED = {"millwright.gates": "Passed"}


def made(number: str, **built_on: str) -> RegisteredVersion:
    return RegisteredVersion(number, tags=PASSED | upstream.tags(built_on))


FIRST = made("9", features="1", weather="4")
Models = dict[str, Upstream]

# upstream Models, versions → status and reason, and words of the message
CASES: dict[str, tuple[Models, tuple[RegisteredVersion, ...], tuple[str, str], str]] = {
    "made with what is approved": (
        {"features": Upstream("1"), "weather": Upstream("4")},
        (FIRST,),
        ("True", "UpToDate"),
        "version 9 was made with the approved versions",
    ),
    "one has another version since": (
        {"features": Upstream("2"), "weather": Upstream("4")},
        (FIRST,),
        ("False", "UpstreamChanged"),
        "version 9 was made with version 1 of features, of which version 2 is approved now",
    ),
    "both have": (
        {"features": Upstream("2"), "weather": Upstream("3")},
        (FIRST,),
        ("False", "UpstreamChanged"),
        "made with version 1 of features, of which version 2 is approved now; with version 4 of weather",
    ),
    "an approval was taken back": (
        {"features": Upstream(), "weather": Upstream("4")},
        (FIRST,),
        ("False", "UpstreamChanged"),
        "of which no version is approved now",
    ),
    "it was made before there was one": (
        {"features": Upstream("1"), "weather": Upstream("4")},
        (made("1", weather="4"),),
        ("False", "UpstreamChanged"),
        "version 1 was made without a version of features, of which version 1 is approved now",
    ),
    "there is none yet": ({"features": Upstream(), "weather": Upstream()}, (made("1"),), ("True", "UpToDate"), ""),
    "the newest version counts, by number": (
        {"features": Upstream("2"), "weather": Upstream("4")},
        (made("10", features="2", weather="4"), FIRST),
        ("True", "UpToDate"),
        "version 10",
    ),
    "what people made by hand does not count": (
        {"features": Upstream("1"), "weather": Upstream("4")},
        (FIRST, RegisteredVersion("10")),
        ("True", "UpToDate"),
        "version 9",
    ),
    "nothing is made yet": ({"features": Upstream("1")}, (), ("Unknown", "NoVersion"), "no TrainingRun"),
    "one is not there": (
        {"features": Upstream("1")},
        (FIRST,),
        ("Unknown", "UpstreamNotFound"),
        "no Model weather is in the namespace",
    ),
    "one is not there, and another has changed": (
        {"features": Upstream("2")},
        (FIRST,),
        ("False", "UpstreamChanged"),
        "features",
    ),
    "they go in a circle": (
        {"features": Upstream("1", ("raw",)), "raw": Upstream("1", ("late", "features")), "weather": Upstream("4")},
        (FIRST,),
        ("Unknown", "DependencyCycle"),
        "late → features → raw → late: ",
    ),
    "others go in a circle": (
        {"features": Upstream("1", ("weather",)), "weather": Upstream("4", ("features",))},
        (FIRST,),
        ("True", "UpToDate"),
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told(case: str) -> None:
    models, versions, expected, words = CASES[case]
    told = upstream.fact("late", ("features", "weather"), models, versions)
    assert (told.type, told.status, told.reason) == ("UpToDate", *expected)
    assert words in told.message


def test_a_model_that_depends_on_itself_is_a_circle() -> None:
    assert upstream.cycle("late", ("late",), {"late": Upstream(None, ("late",))}) == ("late", "late")


def test_tags_tell_what_they_were_told_and_no_other_tag_does() -> None:
    versions = {"features": "1", "weather": "4"}
    assert upstream.read(upstream.tags(versions) | {"millwright.digest": "sha256:1"}) == versions
