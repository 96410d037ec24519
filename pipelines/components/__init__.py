"""Steps that any team's pipeline can be made of, as typed KFP components.

A component's function is self-contained: KFP ships its source into the step, so it runs unchanged on both backends.
"""

from kfp import dsl

RUNNER_IMAGE = "millwright.local/runner:dev"  # has kfp and everything these components import

component = dsl.component(base_image=RUNNER_IMAGE, install_kfp_package=False)
