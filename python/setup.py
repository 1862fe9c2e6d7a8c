"""Builds the extension, and puts the library beside it.

The library is what Meson makes of the tree that this folder lies in; BUCKETABLE_BUILD names a build
directory that is there already.
"""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SONAME = "libbucketable.so.0"
SOURCES = sorted(str(path.relative_to(HERE)) for path in (HERE / "src").glob("*.c"))
HEADERS = sorted(str(path.relative_to(HERE)) for path in (HERE / "src").glob("*.h"))
# For tests with a BUCKETABLE_BUILD that has the same: "address,undefined".
SANITIZE = [f"-fsanitize={kinds}" for kinds in [os.environ.get("BUCKETABLE_SANITIZE")] if kinds]


class BuildExt(build_ext):
    def library(self):
        if "BUCKETABLE_BUILD" in os.environ:
            return Path(os.environ["BUCKETABLE_BUILD"]).resolve() / "src" / SONAME
        build = Path(self.build_temp).resolve() / "meson"
        if not (build / "build.ninja").exists():
            subprocess.run(["meson", "setup", build, "--buildtype=release", "-Dtests=disabled",
                            "-Dbench=disabled"], cwd=ROOT, check=True)
        subprocess.run(["meson", "compile", "-C", build, "bucketable:shared_library"], check=True)
        return build / "src" / SONAME

    def build_extension(self, extension):
        package = Path(self.get_ext_fullpath(extension.name)).parent
        package.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.library(), package / SONAME)
        extension.include_dirs = [str(ROOT / "include")]
        extension.extra_link_args += [str(package / SONAME), "-Wl,-rpath,$ORIGIN"]
        super().build_extension(extension)


setup(
    packages=["bucketable"],
    package_data={"bucketable": ["py.typed", "*.pyi"]},
    ext_modules=[Extension("bucketable._bkt", SOURCES, depends=HEADERS, py_limited_api=True,
                           define_macros=[("_POSIX_C_SOURCE", "200809L")],
                           extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall",
                                               "-Wextra", "-Werror", *SANITIZE],
                           extra_link_args=SANITIZE)],
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
