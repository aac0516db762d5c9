#!/usr/bin/env bash
# pdm-backend 2.5.0: WHEEL of a pure project has one line for two tags, where the specification wants a line for each.
# Seen: "Tag: py2.py3-none-any"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

environment "pdm-backend==${VERSION:-2.5.0}"
mkdir project
cat >project/pyproject.toml <<'TOML'
[build-system]
requires = ["pdm-backend"]
build-backend = "pdm.backend"
[project]
name = "demo"
version = "1.0"
[tool.pdm.build]
is-purelib = true
TOML
touch project/demo.py
wheel=$(cd project && ../env/bin/python -c 'import pdm.backend; print(pdm.backend.build_wheel(".."))' | tail -n 1)
env/bin/python -m zipfile --extract "$wheel" x
conclude "$(grep '^Tag:' x/demo-1.0.dist-info/WHEEL | tr -d '\r' | paste -sd ' ')" "Tag: py2.py3-none-any"
