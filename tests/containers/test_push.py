"""A Containerfile of one's own, pushed by a real engine to a registry that keeps it.

Then it is not built again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from boxes import ROOT, podman, run
from registries import Registry, serving

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {debian12: {container: {file: own/Containerfile, files: [own/data.txt]}}}
images: {registry: $CI_REGISTRY_IMAGE}
"""

pytestmark = pytest.mark.seldom


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "truewheel.yml": SPEC,
        "VERSION": "1.0\n",
        "own/Containerfile": "FROM scratch AS first\nCOPY own/data.txt /\nFROM first\n",
        "own/data.txt": "data",
        "unseen.txt": "no part of the image",
        "registries.conf": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_an_image_is_pushed_once(project: Path):
    with serving(Registry(login=("job", "secret-of-the-job"))) as registry:
        insecure = f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
        (project / "registries.conf").write_text(insecure, encoding="utf-8")
        job = {
            "CI_REGISTRY": registry.host,
            "CI_REGISTRY_IMAGE": f"{registry.host}/group/project",
            "CI_REGISTRY_USER": "job",
            "CI_REGISTRY_PASSWORD": "secret-of-the-job",
            "CONTAINERS_REGISTRIES_CONF": str(project / "registries.conf"),
        }
        argv = [ROOT / "gen_ci.py", "container", "--target", "debian12", "--if-missing", "--push"]
        argv += ["--digest-file", "container.env"]
        digest_file = project / "container.env"
        first = run(*argv, env=job, cwd=project)
        assert first.returncode == 0, first.stderr
        name = first.stdout.strip()
        repository, _, tag = name.removeprefix(f"{registry.host}/").rpartition(":")
        assert repository == "group/project/builder/debian12-x86_64"
        assert f"{repository}:{tag}" in registry.manifests
        digest = (
            "sha256:" + hashlib.sha256(registry.manifests[f"{repository}:{tag}"][1]).hexdigest()
        )
        assert (
            digest_file.read_text(encoding="utf-8")
            == f"TRUEWHEEL_DIGEST_DEBIAN12_X86_64={digest}\n"
        )
        digest_file.unlink()
        before = dict(registry.manifests)
        again = run(*argv, env=job, cwd=project)
        assert (again.returncode, again.stdout) == (0, ""), again.stderr
        assert f"{name}: the registry has it" in again.stderr
        assert registry.manifests == before
        assert digest_file.read_text(encoding="utf-8").endswith(f"={digest}\n"), (
            "it is that of what is there"
        )
        assert "secret-of-the-job" not in first.stderr + again.stderr
        (project / "own/data.txt").write_text("other data", encoding="utf-8")
        other = run(*argv, env=job, cwd=project).stdout.strip()
        assert other not in {"", name}, "what goes in names the image"


@pytest.mark.parametrize("engine", ["buildah", "podman"])
def test_on_a_protected_ref_the_tag_of_somebody_else_is_replaced(project: Path, engine: str):
    if not shutil.which(engine):
        pytest.skip(f"no {engine} here")
    with serving(Registry()) as registry:
        insecure = f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
        (project / "registries.conf").write_text(insecure, encoding="utf-8")
        job = {
            **(podman(project) if engine == "podman" else {}),
            "CI_REGISTRY_IMAGE": f"{registry.host}/group/project",
            "CI_COMMIT_REF_PROTECTED": "true",
            "CONTAINERS_REGISTRIES_CONF": str(project / "registries.conf"),
        }
        argv = [ROOT / "gen_ci.py", "container", "--target", "debian12", "--if-missing", "--push"]
        argv += ["--digest-file", "container.env", "--engine", engine]
        name = run(*argv, "--dry-run", env=job, cwd=project).stdout.split()[-1]
        repository, _, tag = name.removeprefix(f"{registry.host}/").rpartition(":")
        others = registry.keep(repository, tag, b"an image of somebody else")
        done = run(*argv, env=job, cwd=project)
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
        assert "on a protected ref an image in the registry is not trusted" in done.stderr
        digest = (
            "sha256:" + hashlib.sha256(registry.manifests[f"{repository}:{tag}"][1]).hexdigest()
        )
        assert digest != others
        assert (project / "container.env").read_text(encoding="utf-8").endswith(f"={digest}\n")
