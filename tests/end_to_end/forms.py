# SPDX-License-Identifier: Apache-2.0
"""What must not change what is emitted, and the forms in which masks come.

The same masks as (a) zeros in the weights, (b) a Mul of the weight with a
constant, (c) metadata of the model, (d) a file, (e) sparse initialisers, give
the same traffic and the same weights on every node. Two compilations, from another directory, under
another locale, under another name of OUT, give the same bytes.
"""

import copy
import json
import os
import sys
import tempfile

import numpy as np
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import samples  # noqa: E402  (puts the oracles on the path)
import cluster  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402
import ort  # noqa: E402

NODES = 3


def with_mul(sample, zeroed):
    """Form (b): every masked weight becomes Mul(weight, 0/1 constant)."""
    model = copy.deepcopy(sample.traced.model)
    keep = {}
    for c, outs, channels in zeroed:
        entry = keep.setdefault(c.index, (c, np.ones_like(c.weight)))
        c.zero(entry[1], outs, channels)
    muls = []
    for index, (c, mask) in keep.items():
        name = f"{c.w}.mask.{index}"
        model.graph.initializer.append(numpy_helper.from_array(mask, name))
        muls.append(helper.make_node("Mul", [c.w, name], [name + ".product"],
                                     name + ".mul"))
        model.graph.node[index].input[c.w_slot] = name + ".product"
    nodes = muls + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def with_metadata(sample):
    """Form (c)."""
    model = copy.deepcopy(sample.traced.model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "discoc.masks", json.dumps(sample.document)
    return model


def as_sparse(masked):
    """Form (e): weights with zeros in coordinate form, as pruned ones are stored."""
    model = copy.deepcopy(masked)
    dense = list(model.graph.initializer)
    del model.graph.initializer[:]
    for tensor in dense:
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.ndim < 2 or value.all():
            model.graph.initializer.append(tensor)
            continue
        flat = value.reshape(-1)
        at = np.flatnonzero(flat)
        model.graph.sparse_initializer.append(helper.make_sparse_tensor(
            numpy_helper.from_array(flat[at], tensor.name),
            numpy_helper.from_array(at.astype(np.int64)), value.shape))
    assert model.graph.sparse_initializer
    return model


def files_of(out):
    """{path inside OUT: bytes}, but for the place of the model's file, which the manifest of OUT
    says so that verify finds it: the one thing that depends on where the model lies."""
    result = {}
    for folder, _, names in os.walk(out):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as stream:
                result[os.path.relpath(path, out)] = stream.read()
    place = json.loads(result["manifest.json"])["model"]["path"]
    stated = json.dumps(place).encode()
    assert result["manifest.json"].count(stated) == 1
    result["manifest.json"] = result["manifest.json"].replace(stated, b'""')
    return result


def different(one, two):
    """Why two emitted directories differ, or None."""
    a, b = files_of(one), files_of(two)
    if set(a) != set(b):
        return f"files {sorted(set(a) ^ set(b))[:5]}"
    differing = sorted(k for k in a if a[k] != b[k])
    return f"bytes of {differing[:5]}" if differing else None


def weights_of(out):
    return {k: v.rsplit(b"{", 1)[-1] if k.endswith(".cpp") else v
            for k, v in files_of(out).items()
            if os.path.basename(k) in ("weights.cpp", "weights.bin")}


def check_forms(sample, folder, tally):
    _, zeroed, _ = mask_files.draw(sample.traced, sample.owners, 0.2, 7)
    forms = {"zeros in the weights": sample.masked,
             "Mul with a constant": with_mul(sample, zeroed),
             "metadata": with_metadata(sample),
             "sparse initialisers": as_sparse(sample.masked)}
    stated = cluster.load_json(os.path.join(sample.out, "report.json"))
    want = cluster.report_traffic(stated)
    stem = os.path.basename(samples.DIGITS)
    for name, model in forms.items():
        place = os.path.join(folder, name.replace(" ", "-"))
        os.makedirs(place)
        path = os.path.join(place, stem)
        with open(path, "wb") as stream:
            stream.write(model.SerializeToString())
        out = os.path.join(place, "out")
        try:
            discoc.compile(path, NODES, out, shapes=sample.shapes)
        except discoc.CompileError as error:
            tally.fail(f"masks as {name}", str(error))
            continue
        got = cluster.report_traffic(cluster.load_json(
            os.path.join(out, "report.json")))
        tally.check(f"masks as {name}: traffic", got == want,
                    f"{got}, as a file {want}")
        tally.check(f"masks as {name}: weights",
                    weights_of(out) == weights_of(sample.out),
                    "other weights than with a file")


def check_same_bytes(sample, folder, tally):
    model = samples.DIGITS
    masks = os.path.join(folder, "masks.json")
    elsewhere = os.path.join(folder, "a place", "elsewhere")
    os.makedirs(elsewhere)
    copied = os.path.join(elsewhere, os.path.basename(model))
    with open(model, "rb") as source, open(copied, "wb") as target:
        target.write(source.read())
    runs = {
        "again": dict(model=model, out=os.path.join(folder, "again")),
        "in another directory": dict(
            model=os.path.basename(copied), cwd=elsewhere,
            out=os.path.join(elsewhere, "out")),
        "in another locale": dict(
            model=model, out=os.path.join(folder, "locale"),
            env=dict(os.environ, LC_ALL="de_DE.UTF-8", LANG="tr_TR.UTF-8",
                     TZ="Asia/Tokyo")),
    }
    for name, settings in runs.items():
        try:
            discoc.compile(settings.pop("model"), NODES, settings["out"],
                           masks=masks, shapes=sample.shapes,
                           env=settings.get("env"), cwd=settings.get("cwd"))
        except discoc.CompileError as error:
            tally.fail(f"same bytes {name}", str(error))
            continue
        why = different(sample.out, settings["out"])
        tally.check(f"same bytes {name}", why is None, why)


def check_no_rest(sample, folder, tally):
    """A failed compilation leaves nothing, and spares what was there."""
    bad = os.path.join(folder, "bad.json")
    with open(bad, "w", encoding="utf-8") as stream:
        json.dump(mask_files.mask_document(
            [{"op": "nothing", "from": 0, "to": 1, "channels": []}], NODES),
            stream)
    out = os.path.join(folder, "unborn")
    try:
        discoc.compile(samples.DIGITS, NODES, out, masks=bad,
                       shapes=sample.shapes)
        tally.fail("failure", "compiled with masks of no op")
        return
    except discoc.CompileError as error:
        tally.check("failure names the op", "nothing" in error.text,
                    error.text[:200])
    tally.check("failure leaves no OUT", not os.path.exists(out),
                "OUT is there")
    left = [n for n in os.listdir(folder) if n.startswith("unborn")]
    tally.check("failure leaves nothing beside OUT", not left, str(left))


def check_paths(sample, tally):
    """No file of OUT names a directory of this machine."""
    names = {os.path.dirname(samples.DIGITS).encode(),
             os.path.dirname(sample.out).encode(), discoc.ROOT.encode()}
    guilty = [k for k, v in files_of(sample.out).items()
              if any(n in v for n in names)]
    tally.check("no paths in what is emitted", not guilty, str(guilty[:5]))


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-forms-") as folder:
        sample = samples.Sample(samples.DIGITS, NODES, folder)
        check_forms(sample, folder, tally)
        check_same_bytes(sample, folder, tally)
        check_no_rest(sample, folder, tally)
        check_paths(sample, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
