#!/bin/sh
# What the action of this repository runs: Truewheel from this checkout, with its dependencies by
# their hashes in an environment of its own, then `truewheel verify` with the options of VERIFY_*.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
environment=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/truewheel-verify
if [ ! -f "$environment/ready" ]; then
  python=${VERIFY_PYTHON:-python3}
  if ! "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo 'verify: Python 3.10 or newer is needed: use actions/setup-python before' >&2
    exit 2
  fi
  "$python" -I -m venv --clear "$environment"
  "$environment/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --require-hashes \
    --requirement "$source/src/truewheel/workspace/locks/truewheel-verify.txt"
  : >"$environment/ready"
fi

set -- verify "--index=${VERIFY_INDEX:-pypi}"
[ -z "${VERIFY_EXPECT:-}" ] || set -- "$@" "--expect=$VERIFY_EXPECT"
[ -z "${VERIFY_AGAINST:-}" ] || set -- "$@" "--against=$VERIFY_AGAINST"
[ "${VERIFY_INSTALL:-false}" != true ] || set -- "$@" --install
[ -z "${VERIFY_FORMAT:-}" ] || set -- "$@" "--format=$VERIFY_FORMAT"
[ -z "${VERIFY_OUTPUT:-}" ] || set -- "$@" "--output=$VERIFY_OUTPUT"
set -- "$@" --
set -f
IFS='
'
# shellcheck disable=SC2086 # one path a line
exec "$environment/bin/python" -I "$source/gen_ci.py" "$@" ${VERIFY_DIST:-dist}
