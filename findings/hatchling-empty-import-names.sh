#!/usr/bin/env bash
# hatchling 1.33.0: `import-names = []` becomes a line of METADATA without a colon.
# Seen: "Import-Name"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

environment "hatchling==${VERSION:-1.33.0}"
mkdir project
cat >project/pyproject.toml <<'TOML'
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "demo"
version = "1.0"
import-names = []
[tool.hatch.build.targets.wheel]
bypass-selection = true
TOML
(cd project && ../env/bin/python -m hatchling build --target wheel --directory "$folder/out" >&2)
env/bin/python -m zipfile --extract out/demo-1.0-*.whl x
conclude "$(grep -i '^import-name' x/demo-1.0.dist-info/METADATA)" "Import-Name"
