# shellcheck shell=sh
# Each job that calls truewheel sources this file in the repository's root. It makes an environment
# in .truewheel/venv, installs the requirements (with hashes) and Truewheel into it, and puts it
# first on PATH. The image's own Python stays as it is. Steps of one job share the environment.

truewheel_requirements=pipelines/truewheel-requirements.txt
truewheel_git=''
truewheel_commit=''

truewheel_say() { printf 'install_truewheel.sh: %s\n' "$1" >&2; }

truewheel_image() {
  if [ "${CI_JOB_IMAGE:-}" ]; then
    printf '%s' "the image $CI_JOB_IMAGE"
  else
    truewheel_system=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null)
    printf '%s' "this image or machine (${truewheel_system:-an unknown system})"
  fi
}

# Debian has a Python whose venv module makes nothing, since ensurepip is in another package.
# Free-threaded Pythons are left out: the requirements have few wheels for them.
truewheel_suits() {
  "$1" -I -c 'import ensurepip, sys, venv
sys.exit(sys.version_info < (3, 10) or "t" in getattr(sys, "abiflags", ""))' </dev/null >/dev/null 2>&1
}

# The newest Python comes last: the requirements may have no wheels for it yet.
truewheel_find_python() {
  for truewheel_minor in 14 13 12 11 10 15; do
    for truewheel_python in "/opt/python/cp3$truewheel_minor-cp3$truewheel_minor/bin/python" \
      "/opt/python/cp3$truewheel_minor/bin/python" "python3.$truewheel_minor"; do
      if truewheel_suits "$truewheel_python"; then return 0; fi
    done
  done
  for truewheel_python in python3 python; do
    if truewheel_suits "$truewheel_python"; then return 0; fi
  done
  return 1
}

truewheel_is_root() { [ "$(id -u)" = 0 ]; }

truewheel_add_python() {
  truewheel_is_root || return 1
  truewheel_say "no Python 3.10 or newer with venv here: installing one"
  if command -v apt-get >/dev/null 2>&1; then
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
      --no-install-recommends python3 python3-venv
  elif command -v dnf >/dev/null 2>&1; then
    dnf -q -y install python3.12 || dnf -q -y install python3.11 || dnf -q -y install python3
  elif command -v apk >/dev/null 2>&1; then
    apk add --quiet --no-cache python3
  else
    return 1
  fi >&2
}

truewheel_add_git() {
  if command -v git >/dev/null 2>&1; then return 0; fi
  if truewheel_is_root; then
    if command -v apt-get >/dev/null 2>&1; then
      apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends ca-certificates git
    elif command -v dnf >/dev/null 2>&1; then
      dnf -q -y install git
    elif command -v apk >/dev/null 2>&1; then
      apk add --quiet --no-cache git
    fi >&2
  fi
  command -v git >/dev/null 2>&1 && return 0
  truewheel_say "git is missing in $(truewheel_image): add it, or let tool in the spec be a wheel file"
  return 1
}

# Runs from the sources, so that no build tool is needed. -I: no module of the project comes first.
# shellcheck disable=SC2016 # the last lines are for the written script, not for this shell
truewheel_add_commit() {
  truewheel_add_git && rm -rf .truewheel/source && git init --quiet .truewheel/source &&
    git -C .truewheel/source fetch --quiet --depth 1 "$truewheel_git" "$truewheel_commit" &&
    git -C .truewheel/source checkout --quiet --detach "$truewheel_commit" &&
    .truewheel/venv/bin/python -I -c 'import os, sysconfig
with open(os.path.join(sysconfig.get_path("purelib"), "truewheel.pth"), "w") as file:
    file.write(os.path.abspath(".truewheel/source/src") + "\n")
with open(".truewheel/venv/bin/truewheel", "w") as file:
    file.write("#!/bin/sh\nexec \"${0%/*}/python\" -I -m truewheel \"$@\"\n")' &&
    chmod +x .truewheel/venv/bin/truewheel
}

truewheel_make() {
  truewheel_mark=$(cat pipelines/install_truewheel.sh "$truewheel_requirements" | sha256sum)
  truewheel_mark="$truewheel_mark ${CI_JOB_ID:-} ${GITHUB_RUN_ID:-} ${GITHUB_RUN_ATTEMPT:-} ${GITHUB_JOB:-}"
  if [ -x .truewheel/venv/bin/truewheel ] &&
    [ "$(cat .truewheel/mark 2>/dev/null)" = "$truewheel_mark" ]; then
    return 0
  fi
  if ! truewheel_find_python && ! { truewheel_add_python && truewheel_find_python; }; then
    truewheel_say "$(truewheel_image) has no Python 3.10 or newer whose venv module works"
    truewheel_say "add one to it (Debian, Ubuntu: python3-venv; RHEL: python3.12; Alpine: python3), or choose another image in the spec"
    return 1
  fi
  if ! { mkdir -p .truewheel && rm -f .truewheel/mark && printf '*\n' >.truewheel/.gitignore &&
    "$truewheel_python" -I -m venv --clear .truewheel/venv &&
    .truewheel/venv/bin/python -I -m pip install --quiet --disable-pip-version-check --no-deps \
      --only-binary :all: --require-hashes --requirement "$truewheel_requirements" &&
    { [ -z "$truewheel_git" ] || truewheel_add_commit; } &&
    printf '%s\n' "$truewheel_mark" >.truewheel/mark; }; then
    truewheel_say "Truewheel could not be installed in $(truewheel_image); the lines above say why"
    return 1
  fi
}

truewheel_make || exit 1
VIRTUAL_ENV=$PWD/.truewheel/venv
case $PATH in
"$VIRTUAL_ENV/bin:"*) ;;
*) PATH=$VIRTUAL_ENV/bin:$PATH ;;
esac
export VIRTUAL_ENV PATH
unset truewheel_requirements truewheel_git truewheel_commit truewheel_mark \
  truewheel_minor truewheel_python truewheel_system
unset -f truewheel_say truewheel_image truewheel_suits truewheel_find_python truewheel_is_root \
  truewheel_add_python truewheel_add_git truewheel_add_commit truewheel_make
