# SPDX-License-Identifier: Apache-2.0
"""Several emitted programs in one program, each of which must stay right.

Two models whose files have the same name, one model for one and for two nodes,
and programs of two versions of the runtime; linked statically, as shared
libraries that a program is linked with, and loaded at run time; with g++ and
with clang++. Programs of one name do not link statically, and do not mix as
shared libraries.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"),
                os.path.join(HERE, "..", "bench")]
import cluster  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

INPUTS, OUTPUTS = 16, 8
FLAGS = ["-std=c++17", "-O1", "-fPIC", "-Wall", "-Wextra", "-Werror",
         "-fno-exceptions", "-fno-rtti", "-DDISCO_ANY_PROCESSOR"]

# Runs all nodes of one output, a thread each.
RUNNER = """
%(includes)s
#include <pthread.h>
#include <time.h>
namespace {
const disco_program *const programs[] = {%(programs)s};
constexpr uint32_t nodes = sizeof programs / sizeof programs[0];
uint64_t now(void *) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_nsec) / 1000u;
}
struct job {
  disco_node node;
  disco_config config;
  disco_peer peers[nodes];
  disco_slot slots[64];
  const void *inputs[1];
  void *outputs[1];
  uint32_t rank;
  int code;
} jobs[nodes];
void *work(void *at) {
  job *j = static_cast<job *>(at);
  j->code = disco_init(&j->node, programs[j->rank], &j->config);
  j->code = j->code ? j->code : disco_start(&j->node);
  j->code = j->code ? j->code : programs[j->rank]->infer(&j->node, j->inputs, j->outputs);
  const int stopped = disco_stop(&j->node);
  j->code = j->code ? j->code : stopped;
  return nullptr;
}
} // namespace
extern "C" __attribute__((visibility("default"))) int %(run)s(const float *x, float *y) {
  pthread_t threads[nodes];
  %(links)s
  for (uint32_t i = 0; i < nodes; ++i) {
    job *j = &jobs[i];
    *j = job();
    j->rank = i;
    j->config.transport.now_us = now;
    %(transport)s
    j->config.deadline_us = j->config.start_us = 5000000;
    j->config.peers = j->peers;
    j->config.slots = j->slots;
    j->inputs[0] = x;
    j->outputs[0] = y;
    if (programs[i]->message_count > 64 || pthread_create(&threads[i], nullptr, work, j) != 0)
      return 99;
  }
  int code = 0;
  for (uint32_t i = 0; i < nodes; ++i) {
    pthread_join(threads[i], nullptr);
    code = code ? code : jobs[i].code;
  }
  return code;
}
"""

MAIN = """
#include <stdio.h>
%(declarations)s
int main() {
  static float x[%(inputs)d], y[%(outputs)d];
  int (*const runs[])(const float *, float *) = {%(runs)s};
  if (fread(x, sizeof x, 1, stdin) != 1)
    return 90;
  for (auto *run : runs) {
    if (int code = run(x, y))
      return 100 - code;
    fwrite(y, sizeof y, 1, stdout);
  }
  return 0;
}
"""


class Net:
    """y = relu(x A) B, with its own weights and its own hidden size."""

    def __init__(self, seed, hidden, path):
        rng = np.random.default_rng(seed)
        self.a = rng.standard_normal((INPUTS, hidden)).astype(np.float32)
        self.b = rng.standard_normal((hidden, OUTPUTS)).astype(np.float32)
        self.path = path
        os.makedirs(os.path.dirname(path))
        ops = [helper.make_node("MatMul", ["x", "a"], ["h"], "first"),
               helper.make_node("Relu", ["h"], ["r"], "relu"),
               helper.make_node("MatMul", ["r", "b"], ["y"], "second")]
        graph = helper.make_graph(
            ops, "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                           [1, INPUTS])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT,
                                           [1, OUTPUTS])],
            [numpy_helper.from_array(self.a, "a"),
             numpy_helper.from_array(self.b, "b")])
        onnx.save(helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)],
            ir_version=8), path)

    def want(self, x):
        return np.maximum(x @ self.a, 0) @ self.b


class Program:
    """One output of discoc, and its objects of one compiler."""

    def __init__(self, net, nodes, out, run, name=None, env=None):
        self.net, self.out, self.run = net, out, run
        discoc.compile(net.path, nodes, out, env=env,
                       extra=["--name", name] if name else ())
        self.directories = cluster.ranks_of(out)
        self.names = [cluster.symbol_of(d) for d in self.directories]

    def runner(self, path):
        many = len(self.directories) > 1
        includes = [f'#include "{d}/model.h"' for d in self.directories]
        if many:
            includes.append(
                f'#include "{self.out}/cluster/runtime/transport/inproc.h"')
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(RUNNER % {
                "includes": "\n".join(includes), "run": self.run,
                "programs": ", ".join("&" + n for n in self.names),
                "links": "disco_inproc *links = disco_inproc_create(nodes, "
                         "65536);" if many else "",
                "transport": "j->config.transport = disco_inproc_transport("
                             "links, i);" if many else ""})

    def compile(self, tool, folder, extra=()):
        """Objects of the model, and of the runner."""
        os.makedirs(folder, exist_ok=True)
        runner = os.path.join(folder, "runner.cpp")
        self.runner(runner)
        model = []
        for rank, d in enumerate(self.directories):
            for name in ("model.cpp", "weights.S", "weights.cpp"):
                if os.path.exists(os.path.join(d, name)):
                    target = os.path.join(folder, f"{rank}{name}.o")
                    cluster.call([tool, *FLAGS, *extra, "-I", d, "-c",
                                  os.path.join(d, name), "-o", target])
                    model.append(target)
        target = os.path.join(folder, "runner.o")
        cluster.call([tool, *FLAGS, *extra, "-I", self.headers, "-c", runner,
                      "-o", target])
        return model, [target]

    @property
    def headers(self):
        return os.path.join(self.directories[0], "runtime", "host")

    def runtime(self, tool, folder, extra=()):
        """Objects of the runtime that this output brings."""
        os.makedirs(folder, exist_ok=True)
        own = os.path.join(self.directories[0], "runtime")
        sources = [os.path.join(own, n) for n in sorted(os.listdir(own))
                   if n.endswith(".cpp")]
        sources.append(os.path.join(self.out, "cluster", "runtime",
                                    "transport", "inproc.cpp"))
        objects = []
        for path in sources:
            if not os.path.exists(path):
                continue
            objects.append(os.path.join(folder, os.path.basename(path) + ".o"))
            cluster.call([tool, *FLAGS, *extra, "-I", self.headers, "-c", path,
                          "-o", objects[-1]])
        return objects


def other_runtime(folder):
    """A version of the runtime whose structs are laid out in another way."""
    shutil.copytree(discoc.RUNTIME, folder)
    path = os.path.join(folder, "disco.h")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    for struct in ("disco_node", "disco_config"):  # a program's is emitted
        text, found = re.subn(rf"\nstruct {struct} {{\n",
                              f"\nstruct {struct} {{\n  uint64_t more[9];\n",
                              text)
        assert found == 1, struct
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return folder


class Suite:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()
        self.x = np.random.default_rng(5).standard_normal(
            (1, INPUTS)).astype(np.float32)
        self.a = Net(1, 24, self.path("a/model.onnx"))
        self.b = Net(2, 2048, self.path("b/model.onnx"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def near(self, got, net):
        got, want = np.asarray(got).reshape(1, OUTPUTS), net.want(self.x)
        worst = np.abs(got - want).max() / np.abs(want).max()
        return worst < 1e-4

    def main(self, programs):
        path = self.path("main.cpp")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(MAIN % {
                "declarations": "\n".join(
                    f'extern "C" int {p.run}(const float *, float *);'
                    for p in programs),
                "runs": ", ".join(p.run for p in programs),
                "inputs": INPUTS, "outputs": OUTPUTS})
        return path

    def judge(self, title, program, programs):
        done = subprocess.run([program], input=self.x.tobytes(),
                              capture_output=True, timeout=60)
        if done.returncode:
            self.tally.fail(title, f"exit code {done.returncode}")
            return
        got = np.frombuffer(done.stdout, np.float32).reshape(-1, OUTPUTS)
        wrong = [p.run for p, row in zip(programs, got)
                 if not self.near(row, p.net)]
        self.tally.check(title, not wrong, f"wrong: {wrong}")

    def link(self, tool, objects, target):
        cluster.call([tool, *objects, "-o", target, "-lpthread", "-lm",
                      f"-Wl,-rpath,{self.folder}"])

    def static(self, title, tool, programs, parts, runtimes):
        target = self.path("static")
        try:
            self.link(tool, ["-std=c++17", self.main(programs),
                             *sum((m + r for m, r in parts), []),
                             *runtimes], target)
        except cluster.BuildError as error:
            self.tally.fail(title, str(error))
            return
        self.judge(title, target, programs)

    def shared(self, title, tool, programs, parts, runtimes):
        """The runner in the library, then in the program that is linked with
        it; then both libraries loaded by this process."""
        for inside in (True, False):
            libraries = []
            for p, (model, runner), runtime in zip(programs, parts, runtimes):
                libraries.append(self.path(f"lib{p.run}{inside:d}.so"))
                cluster.call([tool, "-shared", *model, *(runner if inside
                                                         else []),
                              *runtime, "-o", libraries[-1], "-lm",
                              "-lpthread"])
            where = "in the libraries" if inside else "in the program"
            for order in (libraries, libraries[::-1]):
                target = self.path("shared")
                own = [] if inside else sum((r for _, r in parts), [])
                self.link(tool, ["-std=c++17", self.main(programs), *own,
                                 *order], target)
                self.judge(f"{title}, calls {where}", target, programs)
            if inside:
                self.loaded(f"{title}, loaded", libraries, programs)

    def loaded(self, title, libraries, programs):
        floats = ctypes.POINTER(ctypes.c_float)
        for path, p in zip(libraries, programs):
            # The loader knows a library again by its file: each has its own.
            private = os.path.join(tempfile.mkdtemp(dir=self.folder), "lib.so")
            shutil.copy(path, private)
            y = np.zeros(OUTPUTS, np.float32)
            code = getattr(ctypes.CDLL(private), p.run)(
                self.x.ctypes.data_as(floats), y.ctypes.data_as(floats))
            self.tally.check(f"{title}: {p.run}",
                             code == 0 and self.near(y, p.net),
                             f"code {code}, {y}")

    def disjoint(self, title, one, two, shared=frozenset()):
        """No function or table of two programs has the same name: they may
        have been compiled for other instructions."""
        both = defined(one) & defined(two) - shared
        self.tally.check(title, not both, str(sorted(both)[:5]))

    def hidden(self, tool, program):
        """With hidden visibility only the program is seen, and the runner."""
        model, runner = program.compile(tool, self.path("hidden"),
                                        ["-fvisibility=hidden"])
        target = self.path("libhidden.so")
        cluster.call([tool, "-shared", *model, *runner,
                      *program.runtime(tool, self.path("hidden"),
                                       ["-fvisibility=hidden"]),
                      "-o", target, "-lpthread", "-lm"])
        odd = {n for n in exported(target) if n != program.run and
               not re.fullmatch(program.names[0] + "(_[0-9a-f]{16})?", n)}
        self.tally.check(f"{tool}: only the program is public", not odd,
                         str(sorted(odd)[:5]))

    def one_header(self, tool, title, one, two, word):
        """Both model.h in one file: the compiler says what is wrong."""
        path = self.path("headers.cpp")
        with open(path, "w", encoding="utf-8") as stream:
            stream.writelines(f'#include "{p.directories[0]}/model.h"\n'
                              for p in (one, two))
        done = subprocess.run([tool, "-std=c++17", "-fsyntax-only", path],
                              capture_output=True, text=True)
        self.tally.check(title, (word in done.stderr) if word
                         else done.returncode == 0, done.stderr[:300])

    def collide(self, tool, title, programs, parts, runtime):
        done = subprocess.run(
            [tool, "-std=c++17", self.main(programs),
             *sum((m + r for m, r in parts), []), *runtime, "-o",
             self.path("never"), "-lpthread", "-lm"],
            capture_output=True, text=True)
        self.tally.check(title, done.returncode != 0 and re.search(
            "multiple definition of .model_r0_program", done.stderr),
            done.stderr[:300] or "they link")

    def run(self):
        other = dict(os.environ,
                     DISCOC_RUNTIME=other_runtime(self.path("other")))
        same_a = Program(self.a, 1, self.path("same-a"), "run_a")
        same_b = Program(self.b, 1, self.path("same-b"), "run_b")
        two_a = Program(self.a, 2, self.path("two-a"), "run_2")
        named = Program(self.a, 2, self.path("named"), "run_n", name="pair")
        named_b = Program(self.b, 1, self.path("named-b"), "run_m", name="b")
        newer = Program(self.b, 1, self.path("newer"), "run_v", name="newer",
                        env=other)
        for tool in ("g++", "clang++-19"):
            if not shutil.which(tool):
                self.tally.skip(tool, "not installed")
                continue
            self.one_compiler(tool, same_a, same_b, two_a, named, named_b,
                              newer)
        self.benchmark()
        return self.tally.close()

    def benchmark(self):
        """tests/bench/rivals.py has several models in its own process."""
        if not ort.library_path():
            self.tally.skip("rivals.py", "no ONNX Runtime (DISCOC_ORT)")
            return
        import rivals
        for number, net in enumerate((self.a, self.b, self.a)):
            error = rivals.measure(net.path, number, self.path("rivals"), 1,
                                   min(os.sched_getaffinity(0)))[-1]
            self.tally.check(f"rivals.py, {net.path}", error < 1e-3,
                             f"error {error}")

    def one_compiler(self, tool, same_a, same_b, two_a, named, named_b, newer):
        def parts(p):
            return p.compile(tool, self.path(f"{tool}/{p.run}"))
        a, b, two, n, m, v = map(parts, (same_a, same_b, two_a, named,
                                         named_b, newer))
        runtime = two_a.runtime(tool, self.path(f"{tool}/runtime"))
        later = newer.runtime(tool, self.path(f"{tool}/later"))
        shared = [runtime, runtime]
        self.shared(f"{tool}: two files of one name, shared", tool,
                    [same_a, same_b], [a, b], shared)
        self.shared(f"{tool}: one model for 1 and 2 nodes, shared", tool,
                    [same_a, two_a], [a, two], shared)
        self.static(f"{tool}: two files of one name, --name", tool,
                    [same_a, named_b], [a, m], runtime)
        self.static(f"{tool}: 1 and 2 nodes, --name", tool, [same_a, named],
                    [a, n], runtime)
        self.static(f"{tool}: two versions of the runtime", tool,
                    [same_a, newer], [a, v], runtime + later)
        self.shared(f"{tool}: two versions of the runtime, shared", tool,
                    [same_a, newer], [a, v], [runtime, later])
        self.disjoint(f"{tool}: names of two models", a[0], m[0])
        self.disjoint(f"{tool}: names of two models of one name", a[0], b[0],
                      {"model_r0_program"})
        self.disjoint(f"{tool}: names of 1 and 2 nodes", a[0], two[0],
                      {"model_r0_program"})
        self.disjoint(f"{tool}: names of two runtimes", runtime, later)
        self.collide(tool, f"{tool}: two files of one name do not link",
                     [same_a, same_b], [a, b], runtime)
        self.collide(tool, f"{tool}: 1 and 2 nodes of one name do not link",
                     [same_a, two_a], [a, two], runtime)
        self.one_header(tool, f"{tool}: headers of one name", same_a, same_b,
                        "two programs have the name model_r0")
        self.one_header(tool, f"{tool}: headers of two names", same_a, named_b,
                        None)
        self.one_header(tool, f"{tool}: headers of two versions", same_a,
                        newer, "of another version of discoc")
        self.hidden(tool, same_a)


def defined(objects):
    """What the linker may take from one of the objects for another's."""
    text = subprocess.run(["nm", "-g", "--defined-only", *objects],
                          check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in text.splitlines()
            if len(line.split()) == 3} - {"DW.ref.__gxx_personality_v0"}


def exported(path):
    text = subprocess.run(["nm", "-D", "--defined-only", path], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[-1] for line in text.splitlines()}


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-together-") as folder:
        return Suite(folder).run()


if __name__ == "__main__":
    sys.exit(main())
