# The ONNX file that comes out, and the file of costs that goes in.
# SPDX-License-Identifier: Apache-2.0

import copy
import json
import os

import numpy as np
import onnx
import onnx.numpy_helper
import torch

from .errors import MaskError
from .owners import OWNER_MAP, compress, expand, read_document
from .trace import to_onnx


def read_costs(path, nodes, columns):
    """Sets what columns and messages cost, from a file of `discoc inspect --advise`: microseconds where it has them, else bytes. What the file does
    not name costs its bytes, at the mean price of those that it names."""
    document = read_document(path, "discoc-costs")
    if document.get("nodes") != nodes:
        raise MaskError(f"{path} is for {document.get('nodes')} nodes, not for {nodes}: write it again with `discoc inspect MODEL.onnx -n {nodes} "
                        f"--advise {path}`")  # fmt: skip
    try:
        pairs = {(name, e["from"], e["to"]): e for name, tensor in document["tensors"].items() for e in tensor["pairs"]}
        timed = all("us" in e for e in pairs.values())
        prices = {key: (float(e["us" if timed else "bytes"]), float(e.get("message_us", 0)) if timed else 0.0) for key, e in pairs.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MaskError(f"{path}: not as discoc writes it: {error!r}") from error
    known = torch.zeros(columns.count, dtype=torch.bool)
    before = columns.cost.clone()
    for index, (tensor, p, q, rows) in enumerate(columns.exchanges):
        if (tensor, p, q) not in prices:
            continue
        mine, (channel, message) = columns.exchange == index, prices[tensor, p, q]
        if not channel > 0 or message < 0:
            raise MaskError(f"{path}: {tensor} from {p} to {q}: a channel costs more than nothing, and a message nothing or more")
        columns.message[index] = message
        if not rows:  # the price of a partial sum is another
            columns.cost[mine] = channel
            known |= mine
    if not known.any():
        raise MaskError(f"{path} names no tensor that this network's layers exchange ({columns.tensors[0]}, ...): is it of this network?")
    columns.cost[~known] *= float(columns.cost[known].sum() / before[known].sum())


def read_masks(path, masks):
    """The columns that a file of masks keeps: JSON, or an ONNX model with masks in its metadata. What it does not list stays."""
    document = read_document(path, "discoc-masks")
    columns, readers = masks.columns, {r.name: r for r in masks.columns.readers}
    if document.get("nodes") != columns.nodes:
        raise MaskError(f"{path} has masks for {document.get('nodes')} nodes, not for {columns.nodes}")
    listed, allowed = torch.zeros(columns.count, dtype=torch.bool), torch.zeros(columns.count, dtype=torch.bool)
    for entry in document["masks"]:
        if entry["op"] in readers and entry["from"] != entry["to"]:
            used = columns_read(masks, readers[entry["op"]], entry["from"], entry["to"])
            channels = torch.tensor(expand(entry["channels"]), dtype=torch.int64)
            check_owned(masks, readers[entry["op"]], entry["from"], channels, path)
            listed[used] = True
            allowed[used] |= torch.isin(columns.channel[used], channels)
    if not listed.any():
        raise MaskError(f"{path} lists none of this network's layers ({next(iter(readers))}, ...): was the model exported from it by discoc_masks?")
    return masks.kept & (allowed | ~listed)


def check_owned(masks, reader, p, channels, path):
    owners = masks.columns.ownership.of(reader.op.tensor, reader.op.input_axis)
    foreign = [c for c in channels.tolist() if isinstance(owners, str) or c >= len(owners) or owners[c] != p]
    if foreign:
        raise MaskError(f"{path}: {reader.name}: node {p} is to send channel {foreign[0]}, which it does not own here: attach(..., owners={str(path)!r}) "
                        "takes the owners of a model's metadata")  # fmt: skip


def columns_read(masks, reader, p, q):
    """The columns (not rows) by which q reads channels of p in this contraction."""
    columns, used = masks.columns, reader.keys[reader.keys >= 0].unique()
    wanted = [i for i, e in enumerate(columns.exchanges) if e == (reader.op.tensor, p, q, False)]
    return used[columns.exchange[used] == wanted[0]] if wanted else used[:0]


def document_of(masks):
    """The masks as docs/formats/masks.md has them."""
    columns, entries = masks.columns, []
    kept = masks.kept
    for reader in columns.readers:
        for p in range(columns.nodes):
            for q in range(columns.nodes):
                if p != q:
                    channels = channels_read(masks, reader, p, q, kept)
                    entries.append({"op": reader.name, "from": p, "to": q, "channels": compress(channels)})
    return {"format": "discoc-masks", "version": 1, "nodes": columns.nodes, "owner_map": OWNER_MAP, "masks": entries}


def channels_read(masks, reader, p, q, kept):
    """The channels of p that q reads by this contraction."""
    columns = masks.columns
    rows = [i for i, e in enumerate(columns.exchanges) if e == (reader.op.tensor, p, q, True)]
    if not rows:
        used = columns_read(masks, reader, p, q)
        return columns.channel[used[kept[used]]].tolist()
    # All of p's channels, for the rows that are left.
    used = reader.keys[reader.keys >= 0].unique()
    owners = columns.ownership.of(reader.op.tensor, reader.op.input_axis)
    return np.flatnonzero(owners == p).tolist() if kept[used[columns.exchange[used] == rows[0]]].any() else []


def export(network, example_inputs, path, metadata=None, **names):
    """Writes a network without masks, as `Masks.export` does one with masks."""
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    write(to_onnx(copy.deepcopy(network).cpu(), inputs, **names), path, metadata or {})


def export_masked(masks, path, metadata, names):
    check_folder(path)
    model = to_onnx(masks.plain().cpu(), masks.inputs, **names)
    produced = {o for n in model.graph.node for o in n.output}
    present = {n.name for n in model.graph.node} | produced
    missing = [r.name for r in masks.columns.readers if r.name not in present]
    if missing:
        raise MaskError(f"PyTorch names ops differently than when masks were attached ({missing[0]}): is the network still the same, "
                        "and are there no other dynamic_axes than the batch?")  # fmt: skip
    owners = masks.columns.ownership.document()
    renamed = rename(masks, model)
    owners["tensors"] = {renamed.get(n, n): e for n, e in owners["tensors"].items() if renamed.get(n, n) in produced}
    write(model, path, {"discoc.masks": document_of(masks), "discoc.owners": owners, **metadata})


def check_folder(path):
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise MaskError(f"{path}: there is no folder {folder}")


def write(model, path, entries):
    """The model with these metadata, as texts or what JSON can hold: whole, or not at all."""
    check_folder(path)
    onnx.helper.set_model_props(model, {k: v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for k, v in entries.items()})
    part = f"{path}.part"
    try:
        with open(part, "wb") as file:
            file.write(model.SerializeToString(deterministic=True))
        os.replace(part, path)
    except OSError as error:
        raise MaskError(f"{path} cannot be written: {error}") from error
    finally:
        if os.path.exists(part):
            os.remove(part)


def rename(masks, model):
    """Tensors that are called otherwise in this file, such as outputs to which names were given."""
    by_name = {n.name: n for n in model.graph.node if n.name}
    result = {}
    for tensor, made in masks.columns.ownership.ties.contractions.items():
        node = by_name.get(made.node.name)
        if node is not None and node.output[0] != tensor:
            result[tensor] = node.output[0]
    return result


def save_atomically(state, path):
    """torch.save, whole or not at all."""
    part = f"{path}.part"
    torch.save(state, part)
    os.replace(part, path)
