"""The SBOM of a wheel with grafted libraries."""

from __future__ import annotations

from truewheel.wheel.sbom import Grafted, Origin, cyclonedx

WHEEL = "demo-1.0+cu132-cp312-cp312-manylinux_2_28_x86_64.whl"
FFI = Origin(
    kind="deb",
    distribution="debian",
    name="libffi8",
    version="3.4.4-1",
    source="libffi",
    source_version="3.4.4-1",
    licence="MIT",
)


def components(*libraries: Grafted):
    document = cyclonedx(WHEEL, libraries, {"auditwheel": "6.8.2"})
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.4")
    itself, *others = document["components"]
    assert itself == document["metadata"]["component"]
    assert itself["purl"] == (
        "pkg:pypi/demo@1.0%2Bcu132?file_name=demo-1.0%2Bcu132-cp312-cp312-manylinux_2_28_x86_64.whl"
    )
    references = [part["bom-ref"] for part in others]
    assert len({*references}) == len(references)
    assert document["dependencies"][0] == {"ref": itself["bom-ref"], "dependsOn": references}
    assert [part["ref"] for part in document["dependencies"][1:]] == references
    return others


def test_each_library_has_its_package_licence_and_file():
    [part] = components(
        Grafted(member="demo.libs/libffi-1.so.8", soname="libffi.so.8", source="/a", origin=FFI)
    )
    assert (part["name"], part["version"]) == ("libffi8", "3.4.4-1")
    assert part["purl"] == "pkg:deb/debian/libffi8@3.4.4-1"
    assert part["licenses"] == [{"expression": "MIT"}]
    assert {entry["name"]: entry["value"] for entry in part["properties"]} == {
        "truewheel:file": "demo.libs/libffi-1.so.8",
        "truewheel:soname": "libffi.so.8",
        "truewheel:source": "libffi 3.4.4-1",
    }


def test_a_licence_that_is_no_spdx_expression_keeps_its_name():
    from dataclasses import replace

    origin = replace(FFI, licence="GPLv3+ and GPLv3+ with exceptions")
    [part] = components(Grafted(member="m", soname="s", source="/a", origin=origin))
    assert part["licenses"] == [{"license": {"name": "GPLv3+ and GPLv3+ with exceptions"}}]


def test_libraries_of_no_package_and_of_one_name_are_there_too():
    first, second = components(
        Grafted(member="demo.libs/libx-1.so.1", soname="libx.so.1", source="/a/libx.so.1"),
        Grafted(member="demo.libs/libx-2.so.1", soname="libx.so.1", source="/b/libx.so.1"),
    )
    assert first["name"] == second["name"] == "libx.so.1"
    assert "purl" not in first
    assert "licenses" not in first
