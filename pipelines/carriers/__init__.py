"""Team carriers: the same flights as team flights, but each carrier gets a model of its own.

Its image is the runner's with XGBoost on top. All steps run in it, because the embedded backend has one pod.
"""

from kfp import dsl

CARRIERS_IMAGE = "millwright.local/carriers:dev"

component = dsl.component(base_image=CARRIERS_IMAGE, install_kfp_package=False)
