"""Where requests go, as manifests."""

from datetime import UTC, datetime
from typing import Any

from millwright.api.deployment import ServedVersion
from millwright.api.experiment import Cookie
from millwright.api.rollout import Route
from millwright.core.execution import ObjectKey
from millwright.core.traffic import Share, Traffic, http_route, service, url

KEY = ObjectKey("flights", "arr-delay")
ROUTE = Route.model_validate({"gateway": {"name": "public"}, "hostname": "a.example.org"})
OLD, NEW = (
    ServedVersion(version=number, version_set=f"set-{number}", digest="", since=datetime(2026, 1, 1, tzinfo=UTC))
    for number in ("1", "2")
)


def rules(traffic: Traffic) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http_route(KEY, "uid", ROUTE, traffic)["spec"]["rules"]
    return found


def test_requests_that_name_a_version_go_to_it_by_path_or_header() -> None:
    _, first, second = rules(Traffic(OLD, (Share(NEW, 10),)))
    assert [first["backendRefs"][0]["name"], second["backendRefs"][0]["name"]] == ["set-1", "set-2"]
    path, header = second["matches"]
    assert path["path"]["value"] == "/v2/models/arr-delay/versions/2"
    assert header["headers"] == [{"type": "Exact", "name": "x-millwright-version", "value": "2"}]


def test_all_others_go_by_weight() -> None:
    weights = {one["name"]: one["weight"] for one in rules(Traffic(OLD, (Share(NEW, 10),)))[0]["backendRefs"]}
    assert weights == {"set-1": 90, "set-2": 10}
    assert len(rules(Traffic(OLD, (Share(NEW),)))[0]["backendRefs"]) == 1


def test_copies_go_to_the_candidate_whose_answers_count_for_nothing() -> None:
    _, mirror = rules(Traffic(OLD, (Share(NEW, mirror=25),)))[0]["filters"]
    assert mirror["requestMirror"] == {"backendRef": {"name": "set-2", "port": 81}, "percent": 25}
    _, whole = rules(Traffic(OLD, (Share(NEW, mirror=100),)))[0]["filters"]
    assert "percent" not in whole["requestMirror"]


def test_nobody_outside_can_keep_a_request_from_being_counted() -> None:
    for rule in rules(Traffic(OLD, (Share(NEW, 10),))):
        assert rule["filters"] == [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-millwright-compare"]}}
        ]


def test_a_candidate_with_another_pod_template_cannot_be_told_by_its_version() -> None:
    other = OLD.model_copy(update={"version_set": "set-1b"})
    assert len(rules(Traffic(OLD, (Share(other, 10),)))) == 2


def test_the_gateway_may_be_in_this_namespace_and_have_many_listeners() -> None:
    (parent,) = http_route(KEY, "uid", ROUTE, Traffic(OLD))["spec"]["parentRefs"]
    assert (parent["namespace"], parent["name"]) == ("flights", "public")
    chosen = Route.model_validate({"gateway": {"name": "p", "sectionName": "https"}, "hostname": "a.example.org"})
    assert http_route(KEY, "uid", chosen, Traffic(OLD))["spec"]["parentRefs"][0]["sectionName"] == "https"


def test_several_versions_get_their_shares_and_stable_the_rest() -> None:
    third = OLD.model_copy(update={"version": "3", "version_set": "set-3"})
    traffic = Traffic(OLD, (Share(NEW, 10), Share(third, 90)), Cookie(name="arm"))
    rest, *named = rules(traffic)
    assert [rule["backendRefs"][0]["name"] for rule in named] == ["set-1", "set-2", "set-3"]
    assert [(one["name"], one["weight"]) for one in rest["backendRefs"]] == [("set-1", 0), ("set-2", 10), ("set-3", 90)]
    assert rest["sessionPersistence"] == {"sessionName": "arm", "type": "Cookie"}
    assert not any("sessionPersistence" in rule for rule in named)


def test_without_a_gateway_the_service_has_the_pods_of_both() -> None:
    alone, shared = (service(KEY, "uid", Traffic(OLD, (Share(NEW, weight),)), routed=False) for weight in (0, 10))
    assert alone["spec"]["selector"] == {"millwright.dev/version-set": "set-1"}
    assert shared["spec"]["selector"] == {"millwright.dev/deployment": "arr-delay"}
    assert (
        service(KEY, "uid", Traffic(OLD, (Share(NEW, 10),)), routed=True)["spec"]["selector"]
        == alone["spec"]["selector"]
    )


def test_the_address_is_the_gateways_where_there_is_one() -> None:
    assert url(KEY, ROUTE) == "http://a.example.org/v2/models/arr-delay"
    assert url(KEY, None) == "http://arr-delay.flights.svc/v2/models/arr-delay"
