# lit's settings for the tests of the IR: what a RUN line may call.
# SPDX-License-Identifier: Apache-2.0
import os

import lit.formats

config.name = "discoc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.discoc_build, "tests", "ir", "Output")

# FileCheck dumps what it was given when a check fails; no colours, whatever the terminal.
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=annotation-full --dump-input-context=8"
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.discoc_build, "bin"), config.llvm_tools, os.environ.get("PATH", "/usr/bin:/bin")]
)

# Constants of more than a few elements are kept out of what FileCheck sees, unless a test wants them.
config.substitutions.append(("%opt", "discoc-opt --mlir-print-local-scope"))
config.substitutions.append(("%errors", "discoc-opt --split-input-file --verify-diagnostics"))
