"""Compiled pipelines for property tests: as kfp and kfp-kubernetes write them, with all that an author may say."""

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
PLACEHOLDER = "{{$.inputs.parameters['pipelinechannel--size']}}"
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,70}[a-z0-9])?", fullmatch=True)
VARIABLES = st.sampled_from(["HOME", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_TOKEN", "AWS_REGION", "AWS_KEY", "COLOUR"])
WORDS = st.sampled_from(["a", "b", "millwright.dev/pool", "millwright.dev/node-pool", "team"])
TEXTS = st.dictionaries(WORDS, st.sampled_from(["x", "y", "2013-01-01", "1e3"]), max_size=3)
AMOUNTS = st.sampled_from(["500m", "2", "1Gi", PLACEHOLDER])
COUNTS = st.sampled_from(["0", "1", "4", PLACEHOLDER])
TYPES = st.sampled_from(["nvidia.com/gpu", PLACEHOLDER])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def keyed(name: str, key: str) -> st.SearchStrategy[list[Json]]:
    """`secretAsEnv` and `configMapAsEnv`."""
    keys = st.fixed_dictionaries({key: st.just("k"), "envVar": VARIABLES})
    entry = st.fixed_dictionaries({name: st.just("s"), "keyToEnv": st.lists(keys, min_size=1, max_size=2)})
    return st.lists(entry, max_size=2)


RESOURCES = some(
    cpuRequest=st.sampled_from([0.5, 2.0]),
    memoryLimit=st.just(2.147483648),
    resourceCpuRequest=AMOUNTS,
    resourceMemoryLimit=AMOUNTS,
    accelerator=some(type=st.just("nvidia.com/gpu"), count=st.just("1"), resourceType=TYPES, resourceCount=COUNTS),
)
CONTAINERS = st.fixed_dictionaries(
    {"image": st.sampled_from(["python:3.11", "example/team:7", PLACEHOLDER, "argostub/createpvc"])},
    optional={
        "command": st.just(["python", "-m", "kfp.dsl.executor_main"]),
        "args": st.just(["--executor_input", "{{$}}", "def f(a, *b):\n\treturn a *b\u2028"]),
        "env": st.lists(st.fixed_dictionaries({"name": VARIABLES, "value": st.text(max_size=5)}), max_size=3),
        "resources": RESOURCES,
        "lifecycle": st.just({"preCacheCheck": {"command": ["true"]}}),
    },
)
EXECUTORS = CONTAINERS.map(lambda it: {"container": it}) | st.just({"importer": {"typeSchema": {"schemaTitle": "t"}}})
TOLERATIONS = some(
    key=st.sampled_from(["nvidia.com/gpu", "team"]),
    operator=st.sampled_from(["Exists", "Equal"]),
    value=st.sampled_from(["present", "x"]),
    effect=st.sampled_from(["NoSchedule", "NoExecute"]),
    tolerationSeconds=st.sampled_from(["30", "60"]),
)
CONFIGS = some(
    nodeSelector=some(labels=TEXTS),
    tolerations=st.lists(TOLERATIONS, max_size=2),
    podMetadata=some(labels=TEXTS, annotations=TEXTS),
    imagePullPolicy=st.just("Always"),
    imagePullSecret=st.just([{"secretName": "registry"}]),
    secretAsEnv=keyed("secretName", "secretKey"),
    configMapAsEnv=keyed("configMapName", "configMapKey"),
    fieldPathAsEnv=st.lists(
        st.fixed_dictionaries({"name": VARIABLES, "fieldPath": st.just("metadata.name")}), max_size=2
    ),
    activeDeadlineSeconds=st.just("600"),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Json, Json]:
    """A PipelineSpec and a PlatformSpec (perhaps empty), in protobuf JSON."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    spec = {
        "pipelineInfo": {"name": "p"},
        "schemaVersion": "2.1.0",
        "root": {"dag": {"tasks": {name: {"componentRef": {"name": f"comp-{name}"}} for name in names}}},
        "components": {f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in names},
        "deploymentSpec": {"executors": {f"exec-{name}": draw(EXECUTORS) for name in names}},
    }
    configs = {f"exec-{name}": draw(CONFIGS) for name in names if draw(st.booleans())}
    kubernetes = {"deploymentSpec": {"executors": configs}, "pipelineConfig": {"resourceTtl": 600}}
    return spec, {"platforms": {"kubernetes": kubernetes}} if configs else {}
