"""Libraries of vendors: validate and repair give the same answer for each of them."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import validate
from truewheel.wheel.libraries import LinkedLibraries, RepairRequest, graft_problems
from truewheel.wheel.vendor_libraries import VENDORS, Kind, vendor_of

CORE = "demo/_core.so"
SONAMES = {
    Kind.DRIVER: (
        *("libcuda.so.1", "libcudadebugger.so.1", "libnvidia-ml.so.1", "libnvidia-nvvm.so.4"),
        *("libnvcuvid.so.1", "libnvcuvid.so", "libnvidia-encode.so.1", "libnvoptix.so.1"),
        *("libEGL_nvidia.so.0", "libze_intel_gpu.so.1", "libigdrcl.so", "libamdocl64.so"),
    ),
    Kind.SYSTEM: (
        *("libOpenCL.so.1", "libvulkan.so.1", "libze_loader.so.1", "libodbc.so.2"),
        *("libibverbs.so.1", "librdmacm.so.1", "libmlx5.so.1", "libibumad.so.3", "libefa.so.1"),
        *("libfabric.so.1", "libgdrapi.so.2", "libdcgm.so.4"),
        *("libmpi.so.40", "libmpi.so.12", "libmpi_cxx.so.40", "libmpich.so.12"),
    ),
    Kind.TOOLKIT: (
        *("libcudart.so.12", "libcudart.so.13", "libcublas.so.13", "libcublasLt.so.12"),
        *("libcufft.so.11", "libcufftw.so.12", "libcurand.so.10", "libcusolver.so.12"),
        *("libcusolverMg.so.11", "libcusparse.so.12", "libnvrtc.so.13", "libnvJitLink.so.13"),
        *("libnvrtc-builtins.so.12.4", "libnvrtc-builtins.alt.so.12.8", "libnvfatbin.so.13"),
        *("libnvvm.so.4", "libnvToolsExt.so.1", "libcupti.so.13", "libcufile.so.0"),
        *("libcufile_rdma.so.1", "libnvjpeg.so.13", "libnppc.so.13", "libnppial.so.12"),
        *("libnvblas.so.12", "libcudnn.so.9", "libcudnn_ops.so.9", "libnccl.so.2"),
        *("libnvshmem_host.so.3", "nvshmem_bootstrap_uid.so.3", "libnvinfer.so.10"),
        *("libnvinfer_plugin.so.10", "libnvonnxparser.so.10", "libtensorrt_llm.so"),
        *("libcusparseLt.so.0", "libcutensor.so.2", "libcutensorMg.so.2", "libcudss.so.0"),
        *("libcudss_mtlayer_gomp.so.0", "libnvcomp.so.4", "libnvcomp.so.5", "libnvcomp_cpu.so.5"),
        *("libcublasmp.so.0", "libcufftMp.so.12", "libmathdx.so.0", "libnvpl_fftw.so.0"),
        *("libucp.so.0", "libamdhip64.so.7", "libhsa-runtime64.so.1", "librocblas.so.5"),
        *("libhipblaslt.so.1", "librocm_smi64.so.7", "libMIOpen.so.1", "librccl.so.1"),
        *("libroctx64.so.4", "libhiprtc.so.7", "libsycl.so.8", "libur_loader.so.0"),
        *("libmkl_rt.so.2", "libmkl_sycl_blas.so.5", "libiomp5.so", "libccl.so.1"),
    ),
    Kind.FRAMEWORK: (
        *("libtorch.so", "libtorch_cpu.so", "libtorch_cuda.so", "libtorch_python.so"),
        *("libc10.so", "libc10_cuda.so", "libtensorflow_framework.so.2", "libtensorflow_cc.so.2"),
        *("libtritonserver.so", "libcudf.so", "librmm.so", "librapids_logger.so", "libkvikio.so"),
    ),
}
ALL_NAMES = [(kind, name) for kind, names in SONAMES.items() for name in names]


def answers_of_repair(library: str, path: str = "/opt/{}", **patterns: tuple[str, ...]):
    request = RepairRequest(
        wheel=wheels.NATIVE,
        package="demo",
        platform="manylinux_2_28_x86_64",
        arch="x86_64",
        natives=[CORE],
        **patterns,
    )
    linked = LinkedLibraries(
        needed={library: [CORE]}, grafts={library: {CORE: path.format(library)}}
    )
    return list(graft_problems(linked, request))


def answers_of_validate(folder, *libraries: str, **options):
    content = {"demo/__init__.py": b"", CORE: wheels.library(list(libraries))}
    name = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    findings = validate(wheels.make(folder, name, content), **options)
    return [finding for finding in findings if finding.code.name == "TW410"]


@pytest.mark.parametrize(("kind", "library"), ALL_NAMES)
def test_validate_and_repair_give_the_same_answer(tmp_path, kind, library):
    vendor = vendor_of(library)
    assert vendor.kind is kind

    (finding,) = answers_of_validate(tmp_path, library)
    assert finding.severity == "warning"
    assert f"{vendor.source} must bring" in finding.message
    assert "graft" not in finding.message

    for path in ("/opt/{}", ""):  # on the build machine, or not
        ((message, hint),) = answers_of_repair(library, path)
        assert f"needs {library}, which belongs to {vendor.source}" in message
        assert "to packages.demo.exclude" in hint
        assert ("packages.demo.graft" in hint) == (kind is not Kind.DRIVER)


@pytest.mark.parametrize(("kind", "library"), ALL_NAMES)
def test_what_a_package_says_about_a_library_counts(kind, library):
    refused = answers_of_repair(library, graft=(library,))
    assert bool(refused) == (kind is Kind.DRIVER)


@pytest.mark.parametrize(
    "library",
    [
        *("libssl.so.3", "libcurl.so.4", "libtbb.so.12", "libgomp.so.1", "libcudagear.so.1"),
        *("librocket.so.1", "libhip.so.1", "libnppy.so.1", "libtorchlight.so.1", "libmpir.so.23"),
        *("libnvidia.so_1", "libcudart.py", "libcudart-0a1b2c3d.so.12", "libucs2.so.1"),
    ],
)
def test_other_libraries_have_no_vendor(tmp_path, library):
    assert vendor_of(library) is None
    assert answers_of_repair(library) == []
    (finding,) = answers_of_validate(tmp_path, library)
    assert finding.severity == "error"
    assert "graft" in finding.message


def test_only_what_can_be_grafted_is_advised_to_be(tmp_path):
    lost, brought = answers_of_validate(tmp_path, "libssl.so.3", "libnvinfer.so.10")
    assert (lost.severity, brought.severity) == ("error", "warning")
    assert "libnvinfer" not in lost.message
    assert "libssl" not in brought.message


def test_each_source_of_the_table_has_an_example_here():
    sources = {vendor_of(name).source for _, name in ALL_NAMES}
    assert sources == {vendor.source for vendor in VENDORS}


def test_each_name_of_the_table_is_of_one_source():
    names = [name for vendor in VENDORS for name in vendor.names]
    assert len(names) == len(set(names))
    for vendor in VENDORS:
        for name in vendor.names:
            assert vendor_of(f"{name.replace('*', 'x')}.so.1") is vendor
