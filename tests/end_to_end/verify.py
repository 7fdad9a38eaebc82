# SPDX-License-Identifier: Apache-2.0
"""`discoc verify` and `discoc run --transport inproc` on the digits sample:
programs that are right, a node whose weights were damaged, and all that
verify refuses."""

import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

SAMPLES = os.path.join(discoc.ROOT, "samples", "digits")
MASKED = os.path.join(SAMPLES, "digits_masks2.onnx")
DENSE = os.path.join(SAMPLES, "digits_dense.onnx")
PIN = ["--pin", "batch=1"]


def call(*arguments, cwd=None):
    return subprocess.run([discoc.binary(), *map(str, arguments)], cwd=cwd,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def damage_weights(node):
    """Changes every seventh weight of a node: one alone may meet zeros. The
    program would notice, so it is given their CRC."""
    path = os.path.join(node, "weights.cpp")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    words = iter(range(1 << 30))
    text = re.sub(r"0x(?!0{8})[0-9a-f]{8}u", lambda word:
                  word.group() if next(words) % 7 else "0x40000000u", text)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    data = b"".join(int(word, 16).to_bytes(4, "little") for word in
                    re.findall(r"0x[0-9a-f]{8}(?=u)", text))
    path = os.path.join(node, "model.cpp")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    text = re.sub(r"(::words, )0x[0-9a-f]{8}u", rf"\g<1>{crc32c(data):#x}u",
                  text)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def same_tree(a, b):
    """Whether two outputs of compile are equal, what was built aside."""
    compared = filecmp.dircmp(a, b, ignore=["build", ".build.lock"])
    _, wrong, odd = filecmp.cmpfiles(a, b, compared.common_files,
                                     shallow=False)
    return not (wrong or odd or compared.left_only or compared.right_only) \
        and all(same_tree(os.path.join(a, d), os.path.join(b, d))
                for d in compared.common_dirs)


class Suite:
    def __init__(self, folder):
        self.folder, self.tally = folder, discoc.Tally()

    def path(self, name):
        return os.path.join(self.folder, name)

    def expect(self, name, code, parts, *arguments, cwd=None):
        """One call: its exit code, and what it has to say."""
        done = call(*arguments, cwd=cwd or self.folder)
        said = done.stdout + done.stderr
        missing = [p for p in parts if p not in said]
        self.tally.check(
            name, done.returncode == code and not missing,
            f"exit code {done.returncode} instead of {code}; lacks {missing}; "
            f"it said:\n{said}")
        return done

    def right_programs(self):
        out = self.path("out")
        done = self.expect("equal", 0, [], "verify", out, "--model", MASKED,
                           "--json")
        if done.returncode == 0:
            report = json.loads(done.stdout)
            ranks = [n["rank"] for n in report["outputs"][0]["nodes"]]
            self.tally.check("both nodes are named", ranks == [0, 1], report)
        # The model lies beside OUT.
        shutil.copy(MASKED, self.folder)
        self.expect("another seed, all in one process", 0, ["equal:"],
                    "verify", out, "--seed", 7, "--samples", 3,
                    "--transport", "inproc", cwd="/")
        library = os.environ.get("DISCOC_ORT")
        if library and os.path.exists(library):
            self.expect("against ONNX Runtime", 0, ["ONNX Runtime", "equal:"],
                        "verify", out, "--against", "onnxruntime=" + library)
            self.small_values(library)
        else:
            self.tally.skip("against ONNX Runtime", "DISCOC_ORT is not set")

    def small_values(self, library):
        """Sigmoids of 1e-5, as detectors have them: ONNX Runtime's are 1e-7
        off, which is much of their range. A larger error is one."""
        from onnx import TensorProto, helper
        for name, scale, code in (("small values", 1.0, 0),
                                  ("small values of another model", 1.1, 5)):
            nodes = [helper.make_node("Mul", ["x", "s"], ["m"]),
                     helper.make_node("Sub", ["m", "c"], ["d"]),
                     helper.make_node("Sigmoid", ["d"], ["y"])]
            float32 = TensorProto.FLOAT
            model = helper.make_model(helper.make_graph(
                nodes, "small",
                [helper.make_tensor_value_info("x", float32, [1, 64])],
                [helper.make_tensor_value_info("y", float32, [1, 64])],
                [helper.make_tensor("s", float32, [], [scale]),
                 helper.make_tensor("c", float32, [], [11.5])]),
                ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
            path, out = self.path("small.onnx"), self.path("small")
            with open(path, "wb") as stream:
                stream.write(model.SerializeToString())
            if code == 0:
                discoc.compile(path, 2, out)
                said = ["ONNX Runtime itself", "equal:"]
            else:
                said = ["is wrong in"]
                # The programs are those of the model before.
                with open(path, "rb") as stream:
                    digest = hashlib.sha256(stream.read()).hexdigest()
                manifest = os.path.join(out, "manifest.json")
                with open(manifest, encoding="utf-8") as stream:
                    stated = json.load(stream)
                stated["model"]["sha256"] = digest
                with open(manifest, "w", encoding="utf-8") as stream:
                    json.dump(stated, stream)
            self.expect(name, code, said, "verify", out, "--model", path,
                        "--against", "onnxruntime=" + library)

    def transports(self):
        images = os.path.join(SAMPLES, "digits_test_images.npy")
        written = []
        for name, extra in (("tcp", []), ("inproc", []),
                            ("exact", ["--exact"])):
            kind = "inproc" if name == "exact" else name
            self.expect("run over " + name, 0, ["exchanged"], "run",
                        self.path("out"), "--input", "image=" + images,
                        "--output-dir", self.path(name), "--transport", kind,
                        *extra)
            path = os.path.join(self.path(name), "scores.npy")
            if os.path.exists(path):
                with open(path, "rb") as stream:
                    written.append(stream.read())
        self.tally.check("the same over every transport",
                         len(written) == 3 and len(set(written)) == 1,
                         "the outputs differ")
        self.expect("--exact needs inproc", 2, ["--exact"], "run",
                    self.path("out"), "--transport", "tcp", "--exact")

    def stated_masks(self):
        """The dense model with the other's masks, as its OUT states them."""
        out, dense = self.path("out"), self.path("dense")
        stated = ["--masks", os.path.join(out, "masks.json"),
                  "--owners", os.path.join(out, "owners.json")]
        discoc.compile(MASKED, 2, self.path("again"), extra=PIN + stated)
        self.tally.check("OUT's masks and owners give the same programs",
                         same_tree(out, self.path("again")), "they differ")
        discoc.compile(DENSE, 2, dense, extra=PIN + stated)
        self.expect("masks that zero weights", 0, ["equal:"], "verify", dense,
                    "--model", DENSE)

    def damaged_node(self):
        bad = self.path("bad")
        discoc.compile(MASKED, 2, bad, extra=PIN + ["--name", "other"])
        damage_weights(os.path.join(bad, "node1"))
        done = self.expect("a node with other weights", 5,
                           ["node 1 is wrong", "node1/weights.cpp",
                            "is not as compile writes it"],
                           "verify", bad, "--model", MASKED)
        files = re.findall(r"(\S+): is not as compile",
                           done.stdout + done.stderr)
        self.tally.check("what was changed, and nothing else", sorted(
            os.path.relpath(f, bad) for f in files) ==
            ["node1/model.cpp", "node1/weights.cpp"], str(files))

    def refusals(self):
        out, empty = self.path("out"), self.path("empty")
        os.makedirs(empty)
        self.expect("no OUT", 1, ["manifest.json"], "verify",
                    self.path("nowhere"))
        self.expect("no manifest", 1, ["manifest.json"], "verify", empty)
        with open(os.path.join(empty, "manifest.json"), "w",
                  encoding="utf-8") as stream:
            stream.write('{"format": "discoc-manifest"')
        self.expect("a damaged manifest", 1, ["is not JSON"], "verify", empty)
        self.expect("another model", 1, ["sha256"], "verify", out, "--model",
                    DENSE)
        self.expect("no such model", 1, ["no-such.onnx"], "verify", out,
                    "--model", self.path("no-such.onnx"))
        deep = self.path("a/b/c/d")
        os.makedirs(deep)
        shutil.copytree(out, os.path.join(deep, "out"))
        manifest = os.path.join(deep, "out", "manifest.json")
        with open(manifest, encoding="utf-8") as stream:
            stated = json.load(stream)
        self.expect("the model is where it was", 0, ["equal"], "verify",
                    os.path.join(deep, "out"), cwd="/")
        stated["model"]["path"] = self.path("gone.onnx")
        with open(manifest, "w", encoding="utf-8") as stream:
            json.dump(stated, stream)
        self.expect("the model is nowhere", 1, ["name it with --model"],
                    "verify", os.path.join(deep, "out"), cwd="/")
        self.expect("no ONNX Runtime", 1, ["cannot be loaded"], "verify", out,
                    "--model", MASKED, "--against", "onnxruntime=/no/such.so")
        self.expect("against what?", 2, ["--against"], "verify", out,
                    "--against", "nothing")
        os.remove(os.path.join(deep, "out", "masks.json"))
        self.expect("no masks.json", 1, ["masks.json"], "verify",
                    os.path.join(deep, "out"), "--model", MASKED)

    def run(self):
        discoc.compile(MASKED, 2, self.path("out"), extra=PIN)
        self.right_programs()
        self.transports()
        self.stated_masks()
        self.damaged_node()
        self.refusals()
        return self.tally.close()


def main():
    discoc.need_compiler()
    with tempfile.TemporaryDirectory(prefix="discoc-verify-") as folder:
        return Suite(folder).run()


if __name__ == "__main__":
    sys.exit(main())
