#!/usr/bin/env bash
# pip 26.3: `-C=KEY=VALUE` loses the key without a word: a backend that looks for it finds nothing.
# `-CKEY=VALUE` arrives.
# Seen: "-C=a=1: {'': 'a=1'}; -Ca=1: {'a': '1'}"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

environment "pip==${VERSION:-26.3}"
mkdir project
cat >project/pyproject.toml <<'TOML'
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
TOML
cat >project/backend.py <<'PYTHON'
import os

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open(os.environ["SETTINGS"], "w") as file:
        file.write(repr(config_settings or None))
    raise SystemExit("that was all")
PYTHON
for option in -C=a=1 -Ca=1; do
  SETTINGS=$folder/settings env/bin/python -m pip wheel --quiet --no-deps "$option" ./project >log 2>&1 || true
  seen="${seen:+$seen; }$option: $(cat settings)"
  rm settings
done
conclude "$seen" "-C=a=1: {'': 'a=1'}; -Ca=1: {'a': '1'}"
