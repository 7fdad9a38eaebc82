# SPDX-License-Identifier: Apache-2.0
"""`cmake --install` of a build in which only discoc was made; the installed discoc works with the source tree out of sight.

    install.py
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

DIGITS = os.path.join(discoc.ROOT, "samples", "digits", "digits_dense.onnx")
PARTS = ("runtime_stub", os.path.join("codegen", "boards"), os.path.join("compiler", "page"))  # of the source tree, that an installed discoc has its own of


def call(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=600, **more)  # fmt: skip


def hidden(command):
    """The command where the parts of the source tree are empty folders, in a mount namespace of its own."""
    empty = "".join(f"mount -t tmpfs none '{os.path.join(discoc.ROOT, part)}' && " for part in PARTS)
    return ["unshare", "-rm", "sh", "-c", empty + 'exec "$@"', "sh", *command]


def configure(folder, *settings):
    """A build folder of its own in which nothing is built."""
    ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
    cache = os.path.join(os.environ.get("DISCOC_BUILD", os.path.join(discoc.ROOT, "build", "release")), "CMakeCache.txt")
    kept = []
    with open(cache, encoding="utf-8") as file:
        for line in file:
            if line.startswith(("CMAKE_C_COMPILER:", "CMAKE_CXX_COMPILER:", "CMAKE_BUILD_TYPE:")):
                kept.append("-D" + line.strip())
    return call(["cmake", "-S", discoc.ROOT, "-B", folder, *ninja, *kept, "-DDISCOC_TESTS=OFF", *settings])


def check_installed(tally, prefix, folder, data="share"):
    program = os.path.join(prefix, "bin", "discoc")
    tally.check("no discoc-opt", not os.path.exists(program + "-opt"), "something came that was not built")
    out = os.path.join(folder, "out")
    compile = [program, "compile", DIGITS, "--pin", "batch=1", "-n", "2", "-o", out]
    probe = call(hidden(["ls", os.path.join(discoc.ROOT, "runtime_stub")]))
    if probe.returncode or probe.stdout:
        tally.skip("source tree hidden", "no mount namespaces here: " + probe.stdout.strip()[:80])
        call(compile)
    else:
        for title, command in (("compile", compile), ("boards", [program, "boards"]),
                               ("a page", [program, "report", out, "--html", os.path.join(folder, "page.html")]),
                               ("a board", [*compile, "--board", "mps2-an386"])):  # fmt: skip
            done = call(hidden(command))
            tally.check(f"{title}, source tree hidden", done.returncode == 0, done.stdout)
    done = call(["cmake", "-S", os.path.join(out, "node0"), "-B", os.path.join(out, "node0", "build")])
    tally.check("what it wrote configures", done.returncode == 0, done.stdout)
    # Half of it: an error, not the source tree's files.
    shutil.rmtree(os.path.join(prefix, data, "discoc", "runtime_stub"))
    done = call(compile)
    tally.check("without its runtime", done.returncode == 1 and "not beside discoc" in done.stdout, done.stdout)
    shutil.rmtree(os.path.join(prefix, data, "discoc", "boards"))
    done = call([program, "boards"])
    tally.check("without its boards", done.returncode == 1 and "no boards are there" in done.stdout, done.stdout)


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-install-") as folder:
        build, prefix = os.path.join(folder, "build"), os.path.join(folder, "prefix")
        done = configure(build)
        if not tally.check("configure", done.returncode == 0, done.stdout[-2000:]):
            return tally.close()
        done = call(["cmake", "--install", build, "--prefix", prefix])
        tally.check("nothing built", done.returncode != 0 and "discoc is not built" in done.stdout, done.stdout)
        tally.check("nothing installed", not os.path.exists(prefix), "something was installed")
        # The program of the tested build, as if it had been built here.
        os.makedirs(os.path.join(build, "bin"), exist_ok=True)
        shutil.copy2(discoc.binary(), os.path.join(build, "bin", "discoc"))
        done = call(["cmake", "--install", build, "--prefix", prefix])
        tally.check("discoc alone", done.returncode == 0, done.stdout)
        check_installed(tally, prefix, folder)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
