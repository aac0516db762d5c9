"""Libraries of vendors: those that a wheel needs but, as a rule, must not carry.

Names are SONAMEs without `.so` and version. They were read off the packages that bring them: the
redistributable archives and the wheels of NVIDIA, AMD and Intel, rdma-core, and the wheels of the
frameworks. A `*` stands for any characters.
"""

from __future__ import annotations

import re
from enum import Enum
from fnmatch import fnmatchcase, translate
from functools import cache
from typing import NamedTuple


class Kind(Enum):
    """Who brings a library, and so what a copy of it in a wheel would do."""

    DRIVER = "driver"
    """It belongs to the kernel module of the machine that runs it: a copy works on no other one."""

    SYSTEM = "system"
    """It finds its plugins, network devices or daemons by the configuration of its machine."""

    TOOLKIT = "toolkit"
    """It is large and comes as a package; two copies in one process do not share their state."""

    FRAMEWORK = "framework"
    """A Python package brings it and loads it first; a second copy has other objects and types."""


class Vendor(NamedTuple):
    """Libraries of one source; `source` completes the sentence "it belongs to …".

    `agreement` is what their vendor allows to pass them on by, "" for free software.
    """

    kind: Kind
    source: str
    names: tuple[str, ...]
    agreement: str = ""


NVIDIA = "NVIDIA's licence agreement, which lists what may be redistributed"
INTEL = "Intel's licence agreement, which lists what may be redistributed"

VENDORS = (
    Vendor(
        Kind.DRIVER,
        "the NVIDIA driver",
        (
            *("libcuda", "libcudadebugger", "libnvcuvid", "libnvoptix", "libnvidia-*"),
            *("libGLX_nvidia", "libEGL_nvidia", "libGLESv1_CM_nvidia", "libGLESv2_nvidia"),
            *("libvdpau_nvidia", "libnvrm_*", "libnvsci*"),  # the last two: of Jetson's driver
        ),
    ),
    Vendor(
        Kind.DRIVER,
        "the Intel GPU driver",
        ("libze_intel_gpu", "libze_intel_npu", "libigdrcl", "libigc", "libigdfcl", "libigdgmm"),
    ),
    Vendor(Kind.DRIVER, "the AMD GPU driver", ("libamdocl64",)),
    # Loaders find the drivers of the machine, by files of /etc.
    Vendor(Kind.SYSTEM, "the OpenCL loader of the system", ("libOpenCL",)),
    Vendor(Kind.SYSTEM, "the Vulkan loader of the system", ("libvulkan",)),
    # Finds drivers of databases by files of /etc.
    Vendor(
        Kind.SYSTEM,
        "the ODBC driver manager of the system",
        ("libodbc", "libodbcinst", "libiodbc", "libiodbcinst"),
    ),
    Vendor(
        Kind.SYSTEM,
        "the Level Zero loader of the system",
        ("libze_loader", "libze_tracing_layer", "libze_validation_layer"),
    ),
    # The provider of a network card must be as old as libibverbs and the kernel's interface.
    Vendor(
        Kind.SYSTEM,
        "the RDMA software of the system (rdma-core)",
        ("libibverbs", "librdmacm", "libibumad", "libibmad", "libmlx4", "libmlx5", "libefa"),
    ),
    Vendor(
        Kind.SYSTEM,
        "the network software of the system",
        ("libfabric", "libgdrapi", "libsharp", "libsharp_coll", "libhcoll", "libnvfm"),
    ),
    Vendor(Kind.SYSTEM, "NVIDIA DCGM, a service of the system", ("libdcgm",)),
    # It must be the one that mpirun of the cluster belongs to.
    Vendor(
        Kind.SYSTEM,
        "the MPI of the system",
        (
            *("libmpi", "libmpi_*", "libmpicxx", "libmpifort", "libmpich*", "liboshmem"),
            *("libopen-rte", "libopen-pal", "libpmix", "libprrte"),
        ),
    ),
    Vendor(
        Kind.TOOLKIT,
        "the CUDA toolkit (nvidia-*-cu12 and -cu13 packages)",
        (
            *("libcudart", "libcublas", "libcublasLt", "libnvblas", "libcufft", "libcufftw"),
            *("libcurand", "libcusolver", "libcusolverMg", "libcusparse", "libnvrtc"),
            *("libnvrtc.alt", "libnvrtc-builtins", "libnvrtc-builtins.alt", "libnvJitLink"),
            *("libnvfatbin", "libnvvm", "libnvToolsExt", "libnvtx3interop", "libcupti"),
            *("libnvperf_host", "libnvperf_target", "libpcsamplingutil", "libaccinj64"),
            *("libcuinj64", "libcufile", "libcufile_rdma", "libcudla", "libnvjpeg"),
            *("libnppc", "libnpps", "libnppi*"),
        ),
        NVIDIA,
    ),
    Vendor(Kind.TOOLKIT, "cuDNN (nvidia-cudnn-cu12, -cu13)", ("libcudnn", "libcudnn_*"), NVIDIA),
    Vendor(Kind.TOOLKIT, "NCCL (nvidia-nccl-cu12, -cu13)", ("libnccl",)),
    Vendor(
        Kind.TOOLKIT,
        "NVSHMEM (nvidia-nvshmem-cu12, -cu13)",
        ("libnvshmem", "libnvshmem_*", "nvshmem_bootstrap_*", "nvshmem_transport_*"),
        NVIDIA,
    ),
    Vendor(
        Kind.TOOLKIT,
        "TensorRT (tensorrt-cu12, -cu13)",
        ("libnvinfer", "libnvinfer_*", "libnvonnxparser", "libnvparsers", "libtensorrt*"),
        NVIDIA,
    ),
    Vendor(Kind.TOOLKIT, "cuSPARSELt (nvidia-cusparselt-cu12, -cu13)", ("libcusparseLt",), NVIDIA),
    Vendor(
        Kind.TOOLKIT,
        "cuTENSOR (cutensor-cu12, -cu13)",
        ("libcutensor", "libcutensorMg", "libcutensorMp"),
        NVIDIA,
    ),
    Vendor(
        Kind.TOOLKIT,
        "cuDSS (nvidia-cudss-cu12, -cu13)",
        ("libcudss", "libcudss_mtlayer_*", "libcudss_commlayer_*"),
        NVIDIA,
    ),
    Vendor(
        Kind.TOOLKIT,
        "nvCOMP (nvidia-libnvcomp-cu12, -cu13)",
        ("libnvcomp", "libnvcomp_*"),
        NVIDIA,
    ),
    Vendor(
        Kind.TOOLKIT,
        "an NVIDIA library with a package of its own (nvidia-*)",
        (
            *("libcublasMp", "libcublasmp", "libcusolverMp", "libcufftMp", "libmathdx"),
            *("libnvjpeg2k", "libnvtiff", "libnvimgcodec", "libnvpl_*"),
            *("libcustatevec", "libcutensornet", "libcudensitymat"),
        ),
        NVIDIA,
    ),
    Vendor(
        Kind.TOOLKIT,
        "UCX (libucx-cu12, -cu13)",
        ("libucm", "libucp", "libucs", "libucs_signal", "libuct"),
    ),
    Vendor(
        Kind.TOOLKIT,
        "ROCm (rocm-sdk-* packages)",
        (
            *("libamdhip64", "libhiprtc", "libhiprtc-builtins", "libhsa-runtime64", "libhsakmt"),
            *("libamd_comgr", "libamd_smi", "librocm*", "librccl", "libMIOpen", "libmigraphx*"),
            *("librocblas", "librocfft*", "librocprofiler*", "librocrand", "librocsolver"),
            *("librocsparse", "libroctracer*", "libroctx64", "libhipblas*", "libhipfft*"),
            *("libhiprand", "libhipsolver", "libhipsparse*", "libhiptensor"),
        ),
    ),
    Vendor(
        Kind.TOOLKIT,
        "oneAPI (mkl, intel-openmp, intel-sycl-rt and other packages of Intel)",
        (
            *("libsycl", "libur_loader", "libur_adapter_*", "libpi_level_zero", "libpi_opencl"),
            *("libmkl_*", "libiomp5", "libccl", "libonedal*", "libpti_view"),
        ),
        INTEL,
    ),
    Vendor(
        Kind.FRAMEWORK,
        "PyTorch (torch)",
        (
            *("libtorch", "libtorch_*", "libtorchaudio*", "libtorchvision*", "libtorchcodec*"),
            *("libc10", "libc10_*", "libcaffe2_*"),
        ),
    ),
    Vendor(Kind.FRAMEWORK, "TensorFlow (tensorflow)", ("libtensorflow", "libtensorflow_*")),
    Vendor(Kind.FRAMEWORK, "the Triton inference server", ("libtritonserver",)),
    Vendor(
        Kind.FRAMEWORK,
        "RAPIDS (libcudf-cu12, librmm-cu12, -cu13 and other packages)",
        (
            *("libcudf", "libcudf_*", "librmm", "librapids_logger", "librapidsmpf", "libkvikio"),
            *("libraft", "libcuml", "libcuml++", "libcumlprims_mg", "libcugraph", "libcugraph_c"),
            *("libcuvs", "libcuvs_c", "libcuopt", "libcucim", "libucxx", "libucxx_python"),
        ),
    ),
)

LIBPYTHON = re.compile(r"libpython\d+(?:\.\d+)?[a-z]*\.so(?:\.\d+)*\Z")
"""Names of CPython's own library, of free-threaded and debug builds and the stable ABI, too.

An extension module gets its symbols from the interpreter that loads it; a program has none.
"""

# Where the wheels of NVIDIA for CUDA 12 put their libraries, below site-packages/nvidia; those for
# CUDA 13 put all of the toolkit into nvidia/cu13/lib.
_CUDA_FOLDERS = {
    "libcudart": "cuda_runtime", "libcublas*": "cublas", "libnvblas": "cublas",
    "libcufft*": "cufft", "libcurand": "curand", "libcusolver*": "cusolver",
    "libcusparse": "cusparse", "libnvrtc*": "cuda_nvrtc", "libnvJitLink": "nvjitlink",
    "libnvToolsExt": "nvtx", "libcupti": "cuda_cupti", "libcufile*": "cufile", "libnpp*": "npp",
    "libnvjpeg": "nvjpeg",
}  # fmt: skip
_FOLDERS = {
    "libcudnn*": "nvidia/cudnn/lib", "libnccl": "nvidia/nccl/lib",
    "libnvshmem*": "nvidia/nvshmem/lib", "libcusparseLt": "nvidia/cusparselt/lib",
    "libtorch*": "torch/lib", "libc10*": "torch/lib",
}  # fmt: skip
_NUMBERED_AS_CUDA = frozenset(
    {"libcudart", "libcublas", "libcublasLt", "libnvrtc", "libnvJitLink", "libcupti"}
)

_LIBRARY = re.compile(r"(?:.*/)?([^/]+?)\.so(?:\.\d+)*")


@cache
def _pattern(vendor: Vendor) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, vendor.names)))


def vendor_of(library: str) -> Vendor | None:
    """Return the vendor of a library by the name that is needed, such as `libcudart.so.12`.

    None for any other library: it is grafted where the floor does not promise it.
    """
    match = _LIBRARY.fullmatch(library)
    if match is None:
        return None
    return next((vendor for vendor in VENDORS if _pattern(vendor).match(match[1])), None)


def package_folders(library: str) -> tuple[str, ...]:
    """Return the folders below site-packages in which a package would bring a library.

    Empty where that is not known.
    """
    stem, _, version = library.partition(".so")
    major = version.lstrip(".").partition(".")[0]
    for pattern, folder in _CUDA_FOLDERS.items():
        if fnmatchcase(stem, pattern):
            single, joint = f"nvidia/{folder}/lib", f"nvidia/cu{major}/lib"
            if stem not in _NUMBERED_AS_CUDA:
                return single, "nvidia/cu13/lib"
            return (joint,) if major.isdigit() and int(major) >= 13 else (single,)
    return tuple(folder for pattern, folder in _FOLDERS.items() if fnmatchcase(stem, pattern))[:1]
