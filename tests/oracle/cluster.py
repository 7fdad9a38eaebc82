# SPDX-License-Identifier: Apache-2.0
"""Builds and runs what `discoc compile` wrote: all shards in one process, or
a process each over TCP.

The in-process build is one program a set of emitted directories: quicker than
their own CMake builds, and links hold nothing with `exact`, which is what the
proof of the schedule assumes.
"""

import concurrent.futures
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time

import numpy as np

import discoc

_HERE = os.path.dirname(os.path.abspath(__file__))
_RUNTIME_SOURCES = ("disco*.cpp", "kernels/*.cpp", "transport/*.cpp", "host/*.cpp")
_SYMBOL = re.compile(r"\bconst\s+disco_program\s+(?:\w+::)*(\w+)\b")
# The stub's own files and the copies that discoc writes have one name here.
_ONE_RUNTIME = "-DDISCO_RUNTIME=disco_runtime"
# Whatever the model was compiled for: the flags say what is built.
_ANY_PROCESSOR = "-DDISCO_ANY_PROCESSOR"


class BuildError(RuntimeError):
    """The emitted sources do not compile."""


class RunError(RuntimeError):
    """The programs ended with an error."""

    def __init__(self, code, text, report=None):
        super().__init__(f"exit code {code}: {text.strip()[-500:]}")
        self.code, self.report = code, report


def compiler():
    """The C++ compiler for emitted code."""
    name = os.environ.get("CXX")
    return name or shutil.which("clang++-19") or "g++"


def call(command, cwd=None, timeout=1800):
    """Runs a step of a build; BuildError with its first error line."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    if done.returncode:
        text = done.stdout.decode(errors="replace")
        lines = [l for l in text.splitlines() if "error" in l] or \
            text.splitlines()
        raise BuildError((lines or ["no message"])[0][:400])


class Runtime:
    """The runtime stub's objects, built once into a folder."""

    def __init__(self, folder, flags=("-O1",), source=discoc.RUNTIME):
        self.folder, self.flags = folder, list(flags)
        os.makedirs(folder, exist_ok=True)
        self.objects = []
        for pattern in _RUNTIME_SOURCES:
            for path in sorted(glob.glob(os.path.join(source, pattern))):
                name = os.path.relpath(path, source).replace("/", "_")
                target = os.path.join(folder, name + ".o")
                call([compiler(), "-std=c++17", _ONE_RUNTIME, *self.flags,
                      "-c", path, "-o", target])
                self.objects.append(target)


def ranks_of(out):
    """The node directories of an emitted directory, in rank order."""
    found = glob.glob(os.path.join(out, "node[0-9]*"))
    return sorted(found, key=lambda p: int(re.sub(r"\D", "",
                                                  os.path.basename(p))))


def symbol_of(directory):
    for name in ("model.h", "main.cpp"):
        path = os.path.join(directory, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                found = _SYMBOL.search(stream.read())
            if found:
                return found.group(1)
    raise BuildError(f"{directory}: no disco_program is declared")


def build_inproc(outs, program, runtime, flags=("-O1",), apart=False,
                 jobs=1, numbered=False, mail=False):
    """One program of several emitted directories; `program N ...` runs the
    one for N nodes, or, `numbered`, the N-th from 0. `apart`: a translation
    unit a node, not one for all. `mail`: `program N PLACES ...`, data by
    mailboxes of so many places."""
    work = program + ".d"
    os.makedirs(work, exist_ok=True)
    units, weights, tables, includes = [], [], [], []
    header, call_main = (os.path.join(_HERE, "mail_main.h"), "mail_main") \
        if mail else (f"{discoc.RUNTIME}/host/inproc_main.h",
                      "disco_inproc_main")
    for number, out in enumerate(outs):
        directories = ranks_of(out)
        symbols = [symbol_of(d) for d in directories]
        key = number if numbered else len(symbols)
        tables.append(f"  static const disco_program *const n{key}[]"
                      f" = {{{', '.join('&' + s for s in symbols)}}};\n"
                      f"  if (n == {key})\n    return "
                      f"{call_main}(argc - 1, argv + 1, n{key},"
                      f" {len(symbols)});\n")
        for d in directories:
            includes.append(os.path.join(d, "model.h" if apart
                                         else "model.cpp"))
            if apart:
                units.append((os.path.join(d, "model.cpp"), d))
            for w in glob.glob(os.path.join(d, "weights.*")):
                if w.endswith((".S", ".cpp", ".c")):
                    weights.append((w, d))
    main = os.path.join(work, "all.cpp")
    with open(main, "w", encoding="utf-8") as stream:
        stream.write("#include <stdlib.h>\n")
        stream.writelines(f'#include "{path}"\n' for path in includes)
        stream.write(f'#include "{header}"\n'
                     "int main(int argc, char **argv) {\n"
                     "  int n = argc > 1 ? atoi(argv[1]) : -1;\n"
                     + "".join(tables) + "  return 99;\n}\n")
    units.append((main, work))

    def build(numbered):
        number, (path, cwd) = numbered
        target = os.path.join(work, f"{number}.o")
        settings = ["-std=c++17", _ONE_RUNTIME, _ANY_PROCESSOR, *flags] if path.endswith(".cpp") else []
        call([compiler(), *settings, "-I", cwd, "-I", discoc.RUNTIME, "-c",
              path, "-o", target], cwd)
        return target

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        objects = list(pool.map(build, enumerate(units + weights)))
    # The main program of a host, and its wires, are no part of this one.
    inproc = [o for o in runtime.objects
              if os.path.basename(o) not in ("host_host_main.cpp.o",
                                             "host_wires.cpp.o")]
    libraries = {name for out in outs for name in ("lz4", "zfp")
                 if load_json(os.path.join(out, "manifest.json"))
                 ["settings"].get("wire-compress", "").startswith(name)}
    call([compiler(), *flags, *objects, *inproc, "-o", program, "-lpthread",
           "-lm", *(f"-l{name}" for name in sorted(libraries))])
    shutil.rmtree(work)


def file_of(names, name):
    """The host programs' file name for an output."""
    def plain(text):
        return re.sub(r"[^A-Za-z0-9._-]", "_", text)
    before = names[:names.index(name)]
    same = sum(plain(n) == plain(name) for n in before)
    return plain(name) + (f"_{same + 1}" if same else "") + ".npy"


def save_inputs(feeds, folder):
    """--input arguments for {name: array}."""
    os.makedirs(folder, exist_ok=True)
    arguments = []
    for k, (name, array) in enumerate(feeds.items()):
        path = os.path.join(folder, f"in{k}.npy")
        np.save(path, np.ascontiguousarray(array).reshape(np.shape(array)))
        arguments += ["--input", f"{name}={path}"]
    return arguments


def load_outputs(names, folder):
    return {n: np.load(os.path.join(folder, file_of(names, n)))
            for n in names}


def run_inproc(program, nodes, feeds, outputs, work, exact=True, repeat=1,
               timeout=600, places=None, extra=()):
    """Returns ({output: array}, the JSON report). `places`: of a program with
    mailboxes."""
    arguments = save_inputs(feeds, work)
    target = os.path.join(work, f"out{nodes}")
    # A program without inputs runs until it is told to stop.
    count = [] if feeds else ["--count", "1"]
    mail = [] if places is None else [str(places)]
    command = [program, str(nodes), *mail, *arguments, "--output-dir", target,
               "--json", "--repeat", str(repeat), *count, *extra,
               *(["--exact"] if exact else [])]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RunError(-99, f"no end after {timeout} s") from None
    if done.returncode:
        raise RunError(done.returncode, done.stderr.decode(errors="replace"))
    report = json.loads(done.stdout)
    return load_outputs(outputs, target), report


def payload_of(report):
    """{(from, to): bytes of one inference} of a report of all nodes; checks
    that both ends counted alike."""
    sent, got = {}, {}
    for node in report["nodes"]:
        runs = max(1, node["inferences"])
        for peer in node["peers"]:
            if peer["tx_payload"]:
                sent[node["rank"], peer["rank"]] = peer["tx_payload"] / runs
            if peer["rx_payload"]:
                got[peer["rank"], node["rank"]] = peer["rx_payload"] / runs
    if sent != got:
        raise RunError(0, f"sent {sent}, received {got}")
    return sent


def build_shards(out, jobs=2):
    """Builds every node directory with its own CMakeLists.txt."""
    for directory in ranks_of(out):
        build = os.path.join(directory, "build")
        call(["cmake", "-S", directory, "-B", build,
               "-DCMAKE_BUILD_TYPE=Release"])
        call(["cmake", "--build", build, "-j", str(jobs)])


def shard_of(out, rank):
    return os.path.join(out, f"node{rank}", "build", "shard")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Tcp:
    """All shards of one emitted directory as processes on this machine.

    `address(i, j)` says where node i finds node j (a proxy's port, say).
    The manifest says who is given the inputs and who returns the outputs.
    """

    def __init__(self, out, nodes, feeds, work, ports=None, address=None,
                 extra=(), programs=None):
        self.nodes, self.work = nodes, work
        ports = ports or free_ports(nodes)
        address = address or (lambda i, j: ("127.0.0.1", ports[j]))
        self.target = os.path.join(work, "out")
        arguments = save_inputs(feeds, work)
        root = load_json(os.path.join(out, "manifest.json"))["root"]
        self.processes = []
        self.started = time.monotonic()
        for rank in range(nodes):
            program = programs[rank] if programs else shard_of(out, rank)
            command = [program, "--listen", f"127.0.0.1:{ports[rank]}",
                       "--json", *extra]
            for peer in range(nodes):
                if peer < rank:
                    host, port = address(rank, peer)
                    command += ["--peer", f"{peer}={host}:{port}"]
            if rank == root["input_at"]:
                command += arguments
            if rank == root["output_at"]:
                command += ["--output-dir", self.target]
            self.processes.append(subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def wait(self, timeout=120):
        """[(exit code, report or None, stderr, seconds since the start)]"""
        results, until = [], time.monotonic() + timeout
        for process in self.processes:
            try:
                out, err = process.communicate(
                    timeout=max(0.1, until - time.monotonic()))
                code = process.returncode
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                code = None
            try:
                report = json.loads(out) if out.strip() else None
            except ValueError:
                report = None
            results.append((code, report, err.decode(errors="replace"),
                            time.monotonic() - self.started))
        return results

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def outputs(self, names):
        return load_outputs(names, self.target)


def report_traffic(document):
    """(exchanged, root): {(from, to): bytes} of a report.json."""
    exchanged, root = {}, {}
    for node in document["nodes"]:
        for peer in node["peers"]:
            pair = node["rank"], peer["peer"]
            if peer["sent"]["bytes"]:
                exchanged[pair] = peer["sent"]["bytes"]
            if peer["root_sent"]["bytes"]:
                root[pair] = peer["root_sent"]["bytes"]
    return exchanged, root


def load_json(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)
