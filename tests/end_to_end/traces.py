# SPDX-License-Identifier: Apache-2.0
"""Traces of the digits sample on two nodes: what protoc decodes of them, failed runs, other builds; programs that are not traced.

    traces.py
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402

SAMPLE = os.path.join(discoc.ROOT, "samples", "digits")
PROTO = os.path.join(discoc.ROOT, "compiler", "trace")
NODES, REPEATS = 2, 20


class Tally(discoc.Tally):
    def check(self, name, good, why=""):
        super().check(name, good, why)


def tool(*arguments, **more):
    return subprocess.run([discoc.binary(), *arguments], capture_output=True, text=True, timeout=600, **more)


def compiled(out, *more):
    done = tool("compile", os.path.join(SAMPLE, "digits_dense.onnx"), "-n", str(NODES), "--pin", "batch=1", "-o", out, *more)
    if done.returncode:
        raise discoc.CompileError(done.returncode, done.stderr)


def run(out, *more):
    return tool("run", out, "--input", "image=" + os.path.join(SAMPLE, "digits_test_images.npy"), *more)


def decoded(path, folder):
    """The packets of a trace as protoc's own classes have them, with its names put in."""
    if folder not in sys.path:
        subprocess.run(["protoc", "--proto_path", PROTO, "--python_out", folder, "perfetto.proto"], check=True, timeout=60)
        sys.path.insert(0, folder)
    import perfetto_pb2
    trace = perfetto_pb2.Trace()
    with open(path, "rb") as stream:
        trace.ParseFromString(stream.read())
    names, keys = {}, {}
    for packet in trace.packet:
        names.update((each.iid, each.name) for each in packet.interned_data.event_names)
        keys.update((each.iid, each.name) for each in packet.interned_data.debug_annotation_names)
    events, tracks = [], {}
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor.name
        if packet.HasField("track_event"):
            event = packet.track_event
            notes = {keys[each.name_iid]: getattr(each, each.WhichOneof("value")) for each in event.debug_annotations}
            events.append((packet.timestamp, event, names.get(event.name_iid, ""), notes))
    return perfetto_pb2.TrackEvent, tracks, events


def slices(kinds, events):
    """(track, begin, end, depth, name, notes) of all slices; None where they do not nest."""
    found, stacks = [], {}
    for time, event, name, notes in events:
        stack = stacks.setdefault(event.track_uuid, [])
        if event.type == kinds.TYPE_SLICE_BEGIN:
            if stack and time < stack[-1][1]:
                return None
            stack.append([event.track_uuid, time, None, len(stack), name, notes])
        elif event.type == kinds.TYPE_SLICE_END:
            if not stack or time < stack[-1][1]:
                return None
            stack[-1][2] = time
            found.append(stack.pop())
    return None if any(stacks.values()) else found


def check_file(path, out, folder, tally):
    kinds, tracks, events = decoded(path, folder)
    times = [time for time, *_ in events]
    tally.check("time rises", times == sorted(times))
    for name in ("node 0: node0", "node 1: node1", "link 0 -> 1", "arena of node 0", "messages on link 1 -> 0"):
        tally.check(f"track '{name}'", name in tracks.values(), str(sorted(tracks.values())))
    all_slices = slices(kinds, events)
    tally.check("slices nest", all_slices is not None)
    report = cluster.load_json(os.path.join(out, "report.json"))
    manifest = cluster.load_json(os.path.join(out, "manifest.json"))
    depths = {notes["kind"]: depth for _, _, _, depth, _, notes in all_slices}
    tally.check("steps lie in inferences", all(depth == (0 if kind in ("inference", "transfer") else 1) for kind, depth in depths.items()), str(depths))
    for node in report["nodes"]:
        steps = [[each["step"], each["kind"]] for each in node["trace"]["steps"]]
        for inference in (0, REPEATS - 1):
            shown = [[notes["step"], notes["kind"]] for _, _, _, _, _, notes in sorted(all_slices, key=lambda each: each[1])
                     if "step" in notes and notes["inference"] == inference and _of(all_slices, notes) == node["rank"]]
            tally.check(f"node {node['rank']}, inference {inference}: the steps of the report, in order", shown == steps, f"{shown[:4]}, not {steps[:4]}")
    planned = {(event["node"], event["step"], event.get("op")) for event in report["schedule"]["events"] if event["kind"] == "compute"}
    noted = {(node["rank"], step["step"], step["op"]) for node in report["nodes"] for step in node["trace"]["steps"] if step["kind"] == "compute"}
    tally.check("the steps are those of the schedule", planned == noted, str(list(planned ^ noted)[:4]))
    flows = {}
    for time, event, _, notes in events:
        for flow in event.flow_ids:
            flows.setdefault(flow, []).append((time, notes["kind"]))
        for flow in event.terminating_flow_ids:
            flows.setdefault(flow, []).append((time, "received"))
    inferences = sum(1 for each in all_slices if each[4] == "inference") // NODES
    tally.check("a flow each message and inference", len(flows) == len(manifest["messages"]) * inferences, f"{len(flows)}")
    bad = [flow for flow in flows.values() if [kind for _, kind in sorted(flow, key=lambda each: each[0])][0] != "send"
           or sorted(kind for _, kind in flow) != ["received", "send", "transfer"]]
    tally.check("each is one send, then one transfer, then one receive", not bad, str(bad[:2]))
    routes = [notes["route"] for *_, notes in all_slices if notes["kind"] == "transfer"]
    tally.check("transfers have routes", routes and all(" -> " in route for route in routes))


def _of(all_slices, wanted):
    return next(track & 0xffff for track, *_, notes in all_slices if notes is wanted)


def measured(folder, tally):
    """A run, its file, and what is said of it."""
    out, path = os.path.join(folder, "out"), os.path.join(folder, "run.trace")
    compiled(out, "--trace")
    done = run(out, "--trace", path, "--json")
    tally.check("the run", done.returncode == 0, done.stderr)
    plain = os.path.join(folder, "plain")
    compiled(plain)
    done = run(plain, "--trace", path)
    tally.check("a run of what is not traced", done.returncode == 1 and "was compiled without --trace" in done.stderr, done.stderr)
    check_file(path, out, folder, tally)
    shown = tool("trace", path)
    tally.check("discoc trace", shown.returncode == 0 and "layers, those that took most first" in shown.stdout, shown.stderr)
    said = json.loads(tool("trace", path, "--json").stdout)
    tally.check("discoc trace --json", said["inferences"] > 100 and said["layers"] and said["late"], str(said)[:200])
    tally.check("one clock", all(node["around_ns"] == 0 and node["lost"] == 0 for node in said["nodes"]), str(said["nodes"]))
    page = os.path.join(folder, "page.html")
    done = tool("report", out, "--html", page, "--trace", path)
    tally.check("the page", done.returncode == 0, done.stderr)
    done = tool("report", plain, "--html", page, "--trace", path)
    tally.check("another build's trace", done.returncode == 1 and "is of build" in done.stderr, done.stderr)
    done = run(out, "--trace", path, "--repeat", "20")
    said = json.loads(tool("trace", path, "--json").stdout)
    tally.check("a ring that is full", done.returncode == 0 and all(node["lost"] > 0 and node["notes"] == 65536 for node in said["nodes"]), str(said["nodes"]))
    done = subprocess.run([os.path.join(out, "node0", "build", "shard"), "--quiet"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "DISCO_TRACE": os.path.join(folder, "nowhere")})
    tally.check("no folder for notes", done.returncode == 3 and "(DISCO_TRACE) cannot be made" in done.stderr, done.stderr)
    by_hand(folder, out, tally)
    with open(path, "r+b") as stream:
        stream.truncate(os.path.getsize(path) // 2)
    done = tool("trace", path)
    tally.check("half a trace", done.returncode == 1 and "error: " in done.stderr, done.stderr)
    return out, plain


def by_hand(folder, out, tally):
    """Programs that were started by hand; their notes are put together afterwards."""
    notes, path = os.path.join(folder, "notes"), os.path.join(folder, "hand.trace")
    os.makedirs(notes)
    port = str(cluster.free_ports(1)[0])
    programs = [os.path.join(out, f"node{rank}", "build", "shard") for rank in range(NODES)]
    done = tool("trace", path, "--notes", notes, "--of", out)
    tally.check("notes that are not there", done.returncode == 1 and "node0.notes: is not there" in done.stderr, done.stderr)
    environment = {**os.environ, "DISCO_TRACE": notes}
    with subprocess.Popen([programs[1], "--quiet", "--peer", "0=127.0.0.1:" + port], env=environment) as other:
        done = subprocess.run([programs[0], "--quiet", "--listen", port, "--input", "image=" + os.path.join(SAMPLE, "digits_test_images.npy")],
                              env=environment, capture_output=True, text=True, timeout=120)
        tally.check("programs started by hand", done.returncode == 0 and other.wait(60) == 0, done.stderr)
    done = tool("trace", path, "--notes", notes, "--of", out, "--json")
    tally.check("their notes put together", done.returncode == 0 and json.loads(done.stdout)["inferences"] > 100, done.stderr)
    with open(os.path.join(notes, "node1.notes"), "r+b") as stream:
        stream.seek(24)
        stream.write(bytes(16))
    done = tool("trace", path, "--notes", notes, "--of", out)
    tally.check("notes of another build", done.returncode == 1 and "is of build 00000000" in done.stderr, done.stderr)


def failed(folder, out, tally):
    """A node dies in the middle of a run; the trace is there, and where the others stood."""
    path = os.path.join(folder, "failed.trace")
    source = os.path.join(out, "node1", "model.cpp")
    with open(source, encoding="utf-8") as stream:
        text = stream.read()
    note = re.search(r"\n  disco_note_begin\(\w+_notes, (\d+)\);\n  disco::conv", text)
    faulty = text[:note.end() - len("  disco::conv")] + "  if (node->sequence == 5) __builtin_trap();\n" + text[note.end() - len("  disco::conv"):]
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(faulty)
    done = run(out, "--trace", path)
    tally.check("a run that fails", done.returncode == 4 and "rank 1 failed first" in done.stderr, done.stderr)
    tally.check("where it died", re.search(r'rank 1 was in inference 4 at layer ".*": computing', done.stderr), done.stderr)
    # It may see that its neighbour is gone while it waits, while it sends, or between two steps.
    tally.check("where the other stood", re.search(r'rank 0 was in inference 4 (after layer ".*"|.*: (waiting for|sending) message \d+)', done.stderr), done.stderr)
    said = tool("trace", path, "--json")
    tally.check("its trace", said.returncode == 0 and json.loads(said.stdout)["inferences"] == 4, said.stderr)
    done = tool("verify", out, "--model", os.path.join(SAMPLE, "digits_dense.onnx"), "--samples", "8")
    tally.check("verify says where", re.search(r"rank 1 was in inference 4 at layer", done.stderr), done.stderr)


def untraced(plain, tally):
    """Without the option nothing of it is there."""
    left = [os.path.join(folder, name) for folder, _, names in os.walk(plain) for name in names if "note" in name or "trace" in name]
    tally.check("no file of traces", not left, str(left))
    for name in ("model.cpp", "model.h", "main.cpp", "CMakeLists.txt"):
        with open(os.path.join(plain, "node0", name), encoding="utf-8") as stream:
            tally.check(f"nothing of it in {name}", not re.search("note|trace", stream.read()))


def planned(folder, tally):
    """The schedule of boards as a trace."""
    text = '[[node]]\nboard = "mps2-an386"\ncount = 2\n\n[network]\ntopology = "chain"\n'
    clusterFile, out, path = (os.path.join(folder, name) for name in ("boards.toml", "boards", "planned.trace"))
    with open(clusterFile, "w", encoding="utf-8") as stream:
        stream.write(text)
    compiled(out, "--cluster", clusterFile)
    done = tool("report", out, "--planned-trace", path)
    tally.check("the plan as a trace", done.returncode == 0, done.stderr)
    kinds, _, events = decoded(path, folder)
    tally.check("its slices nest", slices(kinds, events) is not None)
    said = json.loads(tool("trace", path, "--json").stdout)
    tally.check("what it says", said["source"] == "computed" and said["layers"], str(said)[:200])


def boards(folder, tally):
    """Two emulated boards of different kinds: their rings, one time for both clocks, and what the page and `discoc trace` say."""
    if not shutil.which("qemu-system-arm") or not shutil.which("arm-none-eabi-g++"):
        tally.skip("boards", "no emulator or no toolchain here: scripts/setup boards")
        return
    out, path = os.path.join(folder, "traced-boards"), os.path.join(folder, "boards.trace")
    compiled(out, "--cluster", os.path.join(folder, "boards.toml"), "--trace")
    report = cluster.load_json(os.path.join(out, "report.json"))
    for node in report["nodes"]:
        ring, notes, steps = node["trace"]["bytes"], node["trace"]["notes"], len(node["trace"]["steps"])
        tally.check(f"ring of node {node['rank']}", ring == 72 + 24 * notes and 2 * (steps + 2) <= notes < 4 * (steps + 2), f"{ring} bytes, {notes} notes, {steps} steps")
        buffers = next(part for part in node["memory"] if part["part"] == "buffers")
        tally.check(f"it counts in the memory of node {node['rank']}", buffers["items"].get("notes") == ring and buffers["bytes"] >= ring, str(buffers))
    images = os.path.join(folder, "four.npy")
    import numpy
    numpy.save(images, numpy.load(os.path.join(SAMPLE, "digits_test_images.npy"))[:4])
    done = tool("run", out, "--input", "image=" + images, "--trace", path)
    if not tally.check("the run of boards", done.returncode == 0, done.stderr):
        return
    kinds, _, events = decoded(path, folder)
    shown = slices(kinds, events)
    tally.check("their slices nest", shown is not None)
    sent = {(notes["message"], notes["inference"]): begin for _, begin, _, _, _, notes in shown if notes["kind"] == "send"}
    early = [key for _, _, end, _, _, notes in shown if notes["kind"] == "wait"
             for key in [(notes["message"], notes["inference"])] if key in sent and end < sent[key]]
    tally.check("no message is there before it is sent", sent and not early, str(early))
    said = json.loads(tool("trace", path, "--json").stdout)
    tally.check("clocks of boards are aligned", said["inferences"] >= 1 and [node["around_ns"] is not None for node in said["nodes"]] == [True, True]
                and said["nodes"][1]["around_ns"] > 0 and all(node["lost"] > 0 for node in said["nodes"]), str(said["nodes"]))
    tally.check("how fine boards count", [node["tick_ns"] for node in said["nodes"]] == [1000, 1000], str(said["nodes"]))
    page = os.path.join(folder, "boards.html")
    done = tool("report", out, "--html", page, "--trace", path)
    tally.check("the page of boards", done.returncode == 0 and '"clocks": [' in open(page, encoding="utf-8").read(), done.stderr)
    done = run(out, "--trace", path, "--transport", "inproc")
    tally.check("the same in one process", done.returncode == 0 and json.loads(tool("trace", path, "--json").stdout)["inferences"] >= 1, done.stderr)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    discoc.need_compiler()
    tally = Tally()
    if not shutil.which("protoc"):
        tally.skip("traces", "no protoc here: scripts/setup build")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-traces-") as folder:
        out, plain = measured(folder, tally)
        untraced(plain, tally)
        failed(folder, out, tally)
        planned(folder, tally)
        boards(folder, tally)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
