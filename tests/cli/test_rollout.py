"""promote, abort, rollback, pause, resume: what they write, and what they refuse."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Terminal, assert_golden

from millwright_cli.core import rollouts
from millwright_cli.core.errors import Failure
from millwright_cli.core.kinds import DEPLOYMENT, Manifest

STEPS = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]
Asked = dict[str, Any]
Verb = Callable[[Manifest], Manifest]


def a_deployment(rollout: Asked | None = None, steps: bool = True, **status: Any) -> Manifest:
    """Of which 7 serves and 8 is on its way, at the first pause, where nothing else is said."""
    served = ("stable", "candidate", "lastKnownGood")
    told = {"stable": "7", "candidate": {"version": "8", "step": 1}, "lastKnownGood": "7", "history": "764"} | status
    versions = {n: {"version": v} if isinstance(v, str) else v for n, v in told.items() if n in served and v}
    history = [{"version": version} for version in told["history"]]
    spec: Manifest = {"model": {"name": "m"}, "strategy": {"steps": STEPS} if steps else {}}
    if rollout is not None:
        spec["rollout"] = rollout
    return {"metadata": {"name": "m"}, "spec": spec, "status": versions | {"history": history}}


def promoted(step: int | None) -> Asked:
    return {"promote": {"version": "8"} | ({} if step is None else {"step": step})}


@pytest.mark.parametrize(
    ("body", "step", "full", "wanted"),
    {
        "the pause that it is at": (a_deployment(), None, False, promoted(1)),
        "up to a step": (a_deployment(), 3, False, promoted(3)),
        "all": (a_deployment(), None, True, promoted(None)),
        "all, of a strategy without steps": (
            a_deployment(steps=False, candidate={"version": "8"}),
            None,
            False,
            promoted(None),
        ),
        "up to a step, in advance": (a_deployment(candidate={"version": "8"}), 1, False, promoted(1)),
        "an approval of another version is replaced": (
            a_deployment({"promote": {"version": "7", "step": 3}, "abort": ["5"]}),
            1,
            False,
            promoted(1) | {"abort": ["5"]},
        ),
        "more than before": (a_deployment(promoted(1)), None, True, promoted(None)),
        "no less than before": (a_deployment(promoted(3)), 1, False, promoted(3)),
        "no less than all": (a_deployment(promoted(None)), 1, False, promoted(None)),
    }.values(),
)
def test_promote_approves(body: Manifest, step: int | None, full: bool, wanted: Asked) -> None:
    assert rollouts.promote(body, step, full)["rollout"] == wanted


@pytest.mark.parametrize(
    ("body", "to", "wanted"),
    {
        "what serves": (a_deployment(candidate=None), None, ["7"]),
        "more of them": (a_deployment({"abort": ["8"]}, candidate=None), None, ["8", "7"]),
        "what is on its way": (a_deployment(), "7", ["8"]),
        "all that came after a version": (a_deployment(), "4", ["8", "7", "6"]),
        "nothing, where another form of it is on its way": (a_deployment({"abort": []}, candidate="7"), "7", []),
        "nothing, where it serves that version": (a_deployment({"abort": ["8"]}, candidate=None), "7", ["8"]),
    }.values(),
)
def test_rollback_gives_up(body: Manifest, to: str | None, wanted: list[str]) -> None:
    assert rollouts.rollback(body, to)["rollout"]["abort"] == wanted


@pytest.mark.parametrize(
    ("verb", "words", "body", "said"),
    {
        "promote without a candidate": ("promote", (None, False), a_deployment(candidate=None), "it serves version 7"),
        "promote a step that there is not": ("promote", (4, False), a_deployment(), "its steps are 0 to 3"),
        "promote a step without steps": ("promote", (0, False), a_deployment(steps=False), "leave out --step"),
        "promote before it pauses": (
            "promote",
            (None, False),
            a_deployment(candidate={"version": "8", "step": 2}),
            "is at step 2, which is no pause: wait until it pauses",
        ),
        "promote before the first step": (
            "promote",
            (None, False),
            a_deployment(candidate={"version": "8"}),
            "is at no step yet",
        ),
        "abort without a candidate": ("abort", (), a_deployment(candidate=None), "to leave that: kubectl millwright"),
        "abort of another form of what serves": (
            "abort",
            (),
            a_deployment(candidate={"version": "7"}),
            "7 itself serves",
        ),
        "rollback of nothing": ("rollback", (None,), a_deployment(stable=None), "there is nothing to go back from"),
        "rollback with a candidate": ("rollback", (None,), a_deployment(), "kubectl millwright abort m, or name"),
        "rollback to nowhere": (
            "rollback",
            (None,),
            a_deployment({"abort": ["6", "4"]}, candidate=None),
            "has served no other version than 7",
        ),
        "rollback to what never served": ("rollback", ("5",), a_deployment(), "goes (7, 6, 4): let spec.model.version"),
        "rollback to what was given up": ("rollback", ("6",), a_deployment({"abort": ["6"]}), "spec.rollout.abort"),
    }.values(),
)
def test_what_cannot_be_is_refused(verb: str, words: tuple[Any, ...], body: Manifest, said: str) -> None:
    with pytest.raises(Failure) as refused:
        getattr(rollouts, verb)(body, *words)
    assert said in str(refused.value)


NUMBERS = st.sampled_from(["4", "6", "7", "8"])
OPTIONAL = st.one_of(st.none(), NUMBERS)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "paused": st.booleans(),
        "abort": st.lists(NUMBERS, unique=True, max_size=3),
        "promote": st.fixed_dictionaries({"version": NUMBERS}, optional={"step": st.integers(0, 3)}),
    },
)
CANDIDATES = st.one_of(st.none(), st.fixed_dictionaries({"version": NUMBERS}, optional={"step": st.integers(0, 4)}))
DEPLOYMENTS = st.builds(
    a_deployment,
    rollout=st.one_of(st.none(), ASKED),
    steps=st.booleans(),
    stable=OPTIONAL,
    candidate=CANDIDATES,
    lastKnownGood=OPTIONAL,
    history=st.lists(NUMBERS, max_size=4),
)
VERBS = st.one_of(
    st.builds(
        lambda step, full: partial(rollouts.promote, step=step, full=full), st.none() | st.integers(0, 4), st.booleans()
    ),
    st.builds(lambda to: partial(rollouts.rollback, to=to), OPTIONAL),
    st.sampled_from([rollouts.abort, rollouts.pause, rollouts.resume]),
)


@given(DEPLOYMENTS, VERBS)
def test_from_any_state_a_verb_is_refused_or_changes_only_its_field_once(body: Manifest, verb: Verb) -> None:
    try:
        spec = verb(body)
    except Failure:
        return
    assert {name: value for name, value in spec.items() if name != "rollout"} == {
        name: value for name, value in body["spec"].items() if name != "rollout"
    }
    assert verb(body | {"spec": spec}) == spec
    before = (body["spec"].get("rollout") or {}).get("abort", [])
    assert spec.get("rollout", {}).get("abort", [])[: len(before)] == before


@given(DEPLOYMENTS, NUMBERS)
def test_the_version_to_go_back_to_is_never_given_up(body: Manifest, to: str) -> None:
    try:
        spec = rollouts.rollback(body, to)
    except Failure:
        return
    assert to not in spec.get("rollout", {}).get("abort", [])


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "promote": ("promote", "arr-delay"),
        "promote to a step": ("promote", "mdep/arr-delay", "--step", "3"),
        "promote all": ("promote", "arr-delay", "--full"),
        "abort": ("abort", "arr-delay"),
        "rollback to a version": ("rollback", "arr-delay", "--to", "6"),
        "rollback": ("rollback", "delays-eu", "--to", "4"),
        "pause": ("pause", "arr-delay"),
        "resume what goes on": ("resume", "arr-delay"),
    }.items(),
)
def test_what_was_changed_is_told(terminal: Terminal, name: str, words: tuple[str, ...]) -> None:
    assert_golden(f"rollout {name}", terminal.call(*words).stdout)


def test_what_goes_on_again_says_so(terminal: Terminal) -> None:
    terminal.call("pause", "arr-delay")
    terminal.call("resume", "arr-delay")
    assert terminal.cluster.get(DEPLOYMENT, "flights", "arr-delay")["spec"]["rollout"] == {"paused": False}


def test_a_full_promotion_takes_the_step_of_an_earlier_one_away(terminal: Terminal) -> None:
    terminal.call("promote", "arr-delay")
    terminal.call("promote", "arr-delay", "--full")
    spec = terminal.cluster.get(DEPLOYMENT, "flights", "arr-delay")["spec"]
    assert spec["rollout"] == {"promote": {"version": "8"}}


def test_only_the_changed_field_is_written_for_the_version_that_was_read(terminal: Terminal) -> None:
    version = terminal.cluster.get(DEPLOYMENT, "flights", "arr-delay")["metadata"]["resourceVersion"]
    terminal.call("abort", "arr-delay")
    written = {"metadata": {"resourceVersion": version}, "spec": {"rollout": {"abort": ["8"]}}}
    assert terminal.cluster.patches == [written]


def test_a_change_by_somebody_else_is_read_before_it_is_tried_again(terminal: Terminal) -> None:
    terminal.cluster.conflicts = 4
    terminal.call("abort", "arr-delay")
    assert len(terminal.cluster.patches) == 1


def test_what_changes_all_the_time_is_left_alone(terminal: Terminal) -> None:
    terminal.cluster.conflicts = 5
    assert "nothing was written; try again" in terminal.call("abort", "arr-delay", code=3).stderr


def test_the_same_command_again_changes_nothing(terminal: Terminal) -> None:
    terminal.call("pause", "arr-delay")
    assert terminal.call("pause", "arr-delay").stdout == "Deployment arr-delay: nothing to change\n"
    assert len(terminal.cluster.patches) == 1


def test_another_kind_is_refused(terminal: Terminal) -> None:
    said = terminal.call("abort", "tr/arr-delay", code=1).stderr
    assert said == "error: tr/arr-delay is no Deployment: write mdep/NAME, or just its name\n"
    assert "leave out --step" in terminal.call("promote", "arr-delay", "--full", "--step", "1", code=1).stderr


def under(terminal: Terminal, **metadata: Any) -> None:
    body = terminal.cluster.get(DEPLOYMENT, "flights", "arr-delay")
    terminal.cluster.put(body | {"metadata": body["metadata"] | metadata})


@pytest.mark.parametrize(
    ("manager", "metadata"),
    {
        "Argo CD (flights)": {
            "annotations": {"argocd.argoproj.io/tracking-id": "flights:millwright.dev/Deployment:flights/arr-delay"}
        },
        "Flux (factories)": {"labels": {"kustomize.toolkit.fluxcd.io/name": "factories"}},
        "Argo CD": {"managedFields": [{"manager": "kubectl"}, {"manager": "argocd-controller"}]},
    }.items(),
)
def test_the_repository_of_a_gitops_tool_should_carry_the_change(
    terminal: Terminal, manager: str, metadata: Asked
) -> None:
    under(terminal, **metadata)
    warning = terminal.call("promote", "arr-delay").stderr
    assert warning.startswith(f"warning: {manager} manages this object")
    assert_golden("rollout for the repository", warning.split("\n\n", 1)[1])


def test_a_program_is_told_too(terminal: Terminal) -> None:
    under(terminal, labels={"helm.toolkit.fluxcd.io/name": "factories"})
    done = terminal.call("abort", "arr-delay", "-o", "json")
    told = json.loads(done.stdout)
    assert told["changes"] == [{"field": "spec.rollout.abort", "before": None, "after": ["8"]}]
    assert told["managedBy"] == {"tool": "Flux", "application": "factories"}
    assert (told["repository"]["spec"], done.stderr) == ({"rollout": {"abort": ["8"]}}, "")
