# SPDX-License-Identifier: Apache-2.0
"""discoc partition: what its table says is what simulate says of the compiled directory; the same
answer twice; never slower than any fixed strategy; what nobody can meet, and what is no input, is refused.

    partition.py [--only REGEX]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), os.path.join(HERE, "..", "bench")]
import discoc  # noqa: E402
import seeded  # noqa: E402
from divisions import PI4  # noqa: E402

FAST = ("--bandwidth", "117.5e6", "--latency", "5e-5")
STRATEGIES = ("greedy", "stages", "stretches", "root")


def run(*command):
    return subprocess.run([discoc.binary(), *command], capture_output=True, text=True, timeout=600, check=False)


def found(path, *options):
    done = run("partition", path, "--json", *options)
    return json.loads(done.stdout) if done.stdout else {}


def simulated(path, folder, nodes, *options, link=FAST):
    """Nanoseconds of one inference, as simulate has it of what compile writes."""
    out = os.path.join(folder, "out")
    done = run("compile", path, "-n", str(nodes), "-o", out, *options)
    if done.returncode:
        raise discoc.CompileError(done.stderr)
    return json.loads(run("simulate", out, "--json", *link).stdout)["latency_ns"]


def check_schema(answer, tally):
    """What --json prints is what the schema in docs/formats says."""
    checker = os.path.join(HERE, "..", "unit", "formats", "check_schemas.py")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(answer, file)
        file.flush()
        done = subprocess.run([sys.executable, checker, file.name], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        tally.skip("schema", "no jsonschema")
    else:
        tally.check("schema", done.returncode == 0, done.stdout)


def check_numbers(path, folder, tally):
    """Every candidate without shares can be compiled by its options, and takes the time that the table has."""
    answer = found(path, "--nodes", "1..3", *FAST)
    for tried in answer["tried"]:
        if "shares" in tried:
            continue
        options = ["--strategy", tried["strategy"]]
        if tried.get("exchange") == "features":
            options.append("--features-only")
        wanted = simulated(path, folder, tried["nodes"], *options)
        tally.check(f"{tried['nodes']} nodes, {tried['name']}: the time that simulate has", wanted == tried["latency_ns"],
                    f"{tried['latency_ns']}, simulate {wanted}")
        report = json.load(open(os.path.join(folder, "out", "report.json"), encoding="utf-8"))
        tally.check(f"{tried['nodes']} nodes, {tried['name']}: bytes", tried["exchanged_bytes"] == report["cluster"]["exchanged"]["bytes"],
                    str(tried["exchanged_bytes"]))


def check_best(path, folder, tally):
    """Not more than 2 % behind any fixed strategy, over three kinds of links; the same twice."""
    for link in (("--bandwidth", "1.175e6", "--latency", "2e-4"), FAST, ("--bandwidth", "1e10", "--latency", "1e-6")):
        answer = found(path, "--nodes", "1..3", *link)
        best = answer["tried"][answer["chosen"]]["latency_ns"]
        for nodes in (1, 2, 3):
            for strategy in STRATEGIES:
                fixed = simulated(path, folder, nodes, "--strategy", strategy, link=link)
                tally.check(f"{link[1]} bytes/s, {nodes} nodes, {strategy}: not faster", best <= 1.02 * fixed, f"{best} against {fixed}")
        tally.check(f"{link[1]} bytes/s: the same twice", answer == found(path, "--nodes", "1..3", *link), "")


def check_objectives(path, tally):
    for name, key in (("latency", "latency_ns"), ("throughput", "period_ns"), ("memory", "memory_bytes"), ("bytes", "exchanged_bytes")):
        answer = found(path, "--nodes", "1..3", "--objective", name, *FAST)
        choices = [t[key] for t in answer["tried"] if t["choice"] and t["fits"]]
        chosen = answer["tried"][answer["chosen"]]
        tally.check(f"{name}: the least", chosen[key] == min(choices), str(chosen))
    done = run("partition", path, "--nodes", "1..2")
    tally.check("one node, and why", done.returncode == 0 and "one node" in done.stdout and " costs " in done.stdout, done.stdout + done.stderr)
    done = run("partition", path, "--nodes", "2", "--compare", *FAST)
    tally.check("side by side", all(word in done.stdout for word in ("dense gather", "dense hybrid", "channel groups", "x one node", "auto")),
                done.stdout + done.stderr)


def check_explain(path, folder, tally):
    report = os.path.join(folder, "out", "report.json")
    simulated(path, folder, 2)
    layer = json.load(open(report, encoding="utf-8"))["layers"][1]  # the first one reads what the root hands out
    answer = found(path, "--nodes", "2", "--compare", "--explain", layer["op"], *FAST)
    check_schema(answer, tally)
    same = [t for t in answer["tried"] if t["name"] == "greedy" and "shares" not in t]
    shares = {s["rank"]: s["channels"] for s in layer["nodes"]}
    covers = [t["cover"] for t in answer["tried"] if "cover" in t]
    tally.check("explain: what could travel instead", covers and all("why_features" in c or c["features"] > 0 for c in covers), str(covers))
    tally.check("explain: channels of the report", same and same[0]["layer"]["channels"] == [shares.get(r, 0) for r in range(2)], str(same))
    done = run("partition", path, "--nodes", "2", "--explain", "nothing")
    tally.check("explain: no such layer", done.returncode == 1 and "no layer has this name" in done.stderr, done.stderr)


def check_masks(tally):
    """The samples with masks: what their own number of nodes exchanges is what compile says; on half as many the channels of
    two owners stay together, which exchanges no more than the default division does."""
    path = os.path.join(discoc.ROOT, "samples", "cifar10", "cifar10_masks4.onnx")
    tried = found(path, "--nodes", "1..4", *FAST).get("tried", [])
    own = {t["name"] for t in tried if t["nodes"] == 4 and t["choice"]}
    tally.check("masks: the default owners alone", own == {"greedy", "greedy, features only"}, str(own))
    two = {t["name"]: t for t in tried if t["nodes"] == 2 and "shares" not in t}
    tally.check("masks for 4 on 2", two and two["greedy, as for 4"]["exchanged_bytes"] <= two["greedy"]["exchanged_bytes"], str(two))
    with tempfile.TemporaryDirectory() as folder:
        plan, out = os.path.join(folder, "two.toml"), os.path.join(folder, "out")
        slow = ("--bandwidth", "1e10", "--latency", "1e-7")
        run("partition", path, "-n", "2", "--objective", "bytes", "-o", plan, *slow)
        done = run("compile", path, "--plan", plan, "-o", out)
        done = run("verify", out, "--model", path) if done.returncode == 0 else done
        tally.check("masks for 4 on 2: verify", done.returncode == 0, done.stdout + done.stderr)


def check_cluster(path, folder, tally):
    """A link of a cluster file counts, and nodes that do not take part are named in the plan."""
    cluster = os.path.join(folder, "three.toml")
    with open(cluster, "w", encoding="utf-8") as file:
        file.write('[[node]]\nname = "a"\n[[node]]\nname = "b"\n[[node]]\nname = "c"\n'
                   '[[link]]\nbetween = ["a", "b"]\nbandwidth = 1e9\nlatency = 1e-6\n'
                   '[[link]]\nbetween = ["a", "c"]\nbandwidth = 1e4\nlatency = 1e-2\n'
                   '[[link]]\nbetween = ["b", "c"]\nbandwidth = 1e4\nlatency = 1e-2\n')
    plan = os.path.join(folder, "plan.toml")
    done = run("partition", path, "--cluster", cluster, "--nodes", "2..3", "-o", plan)
    text = open(plan, encoding="utf-8").read() if os.path.exists(plan) else ""
    tally.check("a slow node is left out", done.returncode == 0 and "left out   c" in done.stdout and 'leave_out = ["c"]' in text,
                done.stdout + done.stderr + text)


def check_stages(folder, tally):
    """Stages that were cut for other speeds than compile knows are in the plan: it makes the very pipeline that was found."""
    path, profile, plan, out = (os.path.join(folder, name) for name in ("chain.onnx", "odd.json", "stages.toml", "stages"))
    onnx.save(chain(), path)
    with open(profile, "w", encoding="utf-8") as file:  # an op takes a millisecond, whatever it computes
        json.dump(PI4 | {"compiler": run("--version").stdout.split()[1], "step_ns": 1000000, "memory_bytes_per_ns": 1000,
                         "message_ns": 1, "message_byte_ns": 0.001, "mac_ns": {"f32": 1e-6, "i8": 1e-6}}, file)  # fmt: skip
    options = ("--nodes", "2", "--objective", "throughput", "--in-flight", "4", "--profile", profile, *FAST)
    answer = found(path, *options)
    chosen = answer["tried"][answer["chosen"]]
    tally.check("stages: they are best", chosen["strategy"] == "stages", str(chosen))
    run("partition", path, "-o", plan, *options)
    done = run("compile", path, "--plan", plan, "--in-flight", "4", "-o", out)
    said = run("simulate", out, "--json", "--profile", profile, *FAST)
    period = json.loads(said.stdout)["period_ns"] if said.stdout else None
    tally.check("stages: as the plan has them", period == chosen["period_ns"], f"{period} {chosen}{done.stderr}{said.stderr}")


def check_speeds(path, folder, tally):
    """Boards of different speed: shares by speed are better than equal ones, and are what --shares makes of them."""
    cluster = os.path.join(folder, "speeds.toml")
    with open(cluster, "w", encoding="utf-8") as file:
        for name, board in (("slow", "mps2-an386"), ("middle", "mps2-an500"), ("quick", "mps3-an547")):
            file.write(f'[[node]]\nname = "{name}"\nboard = "{board}"\n')
        file.write('[network]\ntopology = "switch"\n')
    answer = found(path, "--cluster", cluster, "--nodes", "3")
    equal = next(t for t in answer["tried"] if t["name"] == "greedy" and "shares" not in t)
    shared = min((t for t in answer["tried"] if "shares" in t), key=lambda t: t["latency_ns"])
    tally.check("shares by speed are better", shared["latency_ns"] < 0.98 * equal["latency_ns"], f"{shared} {equal}")
    options = ("--shares", ",".join(str(s) for s in shared["shares"]), "--cluster", cluster)
    wanted = simulated(path, folder, 3, *options, link=())
    tally.check("the time that simulate has", wanted == shared["latency_ns"], f"{wanted} {shared}")
    best = answer["tried"][answer["chosen"]]["latency_ns"]
    eighths = [(a, b, 8 - a - b) for a in range(2, 5) for b in range(2, 5)]
    times = {s: simulated(path, folder, 3, "--shares", ",".join(map(str, s)), "--cluster", cluster, link=()) for s in eighths}
    tally.check("no division in eighths is much better", best <= min(times.values()) / 0.95, f"{best} {times}")


def check_small(folder, tally):
    """Four boards, two of them small: no one node nor an equal division over all has enough memory, and what is found fits."""
    path, cluster = os.path.join(folder, "small.onnx"), os.path.join(folder, "small.toml")
    onnx.save(large(width=64), path)
    with open(cluster, "w", encoding="utf-8") as file:
        for name, board in (("hub", "netduinoplus2"), ("bit", "microbit"), ("vl", "stm32vldiscovery"), ("big", "mps2-an386")):
            file.write(f'[[node]]\nname = "{name}"\nboard = "{board}"\n')
        for name in ("bit", "vl", "big"):
            file.write(f'[[link]]\nbetween = ["hub", "{name}"]\nkind = "uart"\n')
    answer = found(path, "--cluster", cluster)
    equal = next(t for t in answer["tried"] if t["name"] == "greedy" and t["nodes"] == 4 and "shares" not in t)
    best = answer["tried"][answer["chosen"]] if answer.get("chosen") is not None else {}
    one = next(t for t in answer["tried"] if t["nodes"] == 1)
    tally.check("neither one node nor equal shares fit", not equal["fits"] and not one["fits"], f"{equal} {one}")
    tally.check("what is found fits", best.get("fits"), str(best))


PLAN = 'format = "discoc-plan"\nversion = 2\nnodes = 2\n'


def check_plans(path, folder, tally):
    """What a plan in TOML pins holds, the rest is as usual; what cannot be is refused; verify repeats it."""
    plan, out = os.path.join(folder, "pins.toml"), os.path.join(folder, "pinned")

    def compiled(text, *options):
        with open(plan, "w", encoding="utf-8") as file:
            file.write(PLAN + text)
        return run("compile", path, "--plan", plan, "-o", out, *options)

    def owners():
        tensors = json.load(open(os.path.join(out, "plan.json"), encoding="utf-8"))["tensors"]
        return {t["name"]: t for t in tensors}

    done = compiled("")
    usual = owners()
    tally.check("an empty plan: as usual", done.returncode == 0, done.stderr)
    run("compile", path, "-n", "2", "-o", out + "-usual")
    with open(os.path.join(out, "owners.json"), encoding="utf-8") as a, open(os.path.join(out + "-usual", "owners.json"), encoding="utf-8") as b:
        tally.check("an empty plan: the same owners", a.read() == b.read(), "")
    first = next(t["name"] for t in usual.values() if t["shape"][1:2] == [32])
    for what, pin, wanted in (
            ("owners", "axis = 1\nowners = [[[0, 7]], [[8, 31]]]", [[[0, 7]], [[8, 31]]]),
            ("shares", "axis = 1\nshares = [1, 3]", [[[0, 7]], [[8, 31]]]),
            ("a node", "node = 1", [[], [[0, 31]]])):
        done = compiled(f'[[tensor]]\nname = "{first}"\n{pin}\n')
        tally.check(f"pinned: {what}", done.returncode == 0 and owners()[first].get("owners") == wanted, done.stderr + str(owners().get(first)))
    done = run("verify", out, "--model", path)
    tally.check("verify of a pinned plan", done.returncode == 0, done.stdout + done.stderr)
    for what, text, said in (
            ("an unknown tensor", f'[[tensor]]\nname = "{first}_"\nnode = 0\n', f"the nearest is '{first}'"),
            ("an unknown op", '[[op]]\nname = "nothing"\nnode = 0\n', "the simplified program has none"),
            ("an input", '[[tensor]]\nname = "x"\nnode = 1\n', "is an input of the model"),
            ("no such axis", f'[[tensor]]\nname = "{first}"\naxis = 7\nshares = [1, 1]\n', "no axis 7"),
            ("an axis that is never divided", f'[[tensor]]\nname = "{first}"\naxis = 2\nshares = [1, 1]\n', "along axis 2; it can be along 1"),
            ("owners that do not cover", f'[[tensor]]\nname = "{first}"\naxis = 1\nowners = [[[0, 7]], [[9, 31]]]\n', "owners: "),
            ("owners of three", f'[[tensor]]\nname = "{first}"\naxis = 1\nowners = [[], [], []]\n', "owners"),
            ("nobody", f'[[tensor]]\nname = "{first}"\n', "does not say who has it"),
            ("no such node", f'[[tensor]]\nname = "{first}"\nnode = 2\n', "node"),
            ("no such strategy", 'strategy = "best"\n', "the strategies are greedy"),
            ("no such key", "weights = 3\n", "weights"),
            ("no node of this name", 'leave_out = ["moon"]\n', "there is no node 'moon'"),
            ("shares of nothing", "shares = [0, 0]\n", "gives no node anything"),
            ("everywhere, of stages", f'strategy = "stages"\n[[tensor]]\nname = "{first}"\neverywhere = ""\n', "everywhere: the strategy 'stages'"),
            ("no TOML", "nodes = \n", "is not TOML")):
        done = compiled(text)
        tally.check(f"a plan with {what}", done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stdout + done.stderr)
    done = compiled("", "-n", "3")
    tally.check("a plan for other nodes", done.returncode == 1 and "the plan is for 2 nodes, and 3 take part" in done.stderr, done.stderr)


def check_auto(path, folder, tally):
    """compile --strategy auto compiles what partition finds, says so, and verify repeats it."""
    cluster, out, plan = (os.path.join(folder, name) for name in ("fast.toml", "auto", "found.toml"))
    with open(cluster, "w", encoding="utf-8") as file:
        file.write('[[node]]\nname = "a"\n[[node]]\nname = "b"\n[[link]]\nbetween = ["a", "b"]\nbandwidth = 1e10\nlatency = 1e-7\n')
    answer = found(path, "--cluster", cluster, "-o", plan)
    chosen = answer["tried"][answer["chosen"]]
    for options in (("--strategy", "auto"), ("--plan", plan)):
        done = run("compile", path, "--cluster", cluster, *options, "-o", out)
        tally.check(f"{options[0]}: compiled", done.returncode == 0 and ("chosen" in done.stdout) == ("auto" in options), done.stdout + done.stderr)
        latency = json.loads(run("simulate", out, "--json").stdout)["latency_ns"]
        tally.check(f"{options[0]}: as partition says", latency == chosen["latency_ns"], f"{latency} {chosen}")
        done = run("verify", out, "--model", path)
        tally.check(f"{options[0]}: verify", done.returncode == 0, done.stdout + done.stderr)
    done = run("inspect", path, "--cluster", cluster, "--strategy", "auto")
    tally.check("inspect --strategy auto", done.returncode == 0 and "chosen" in done.stdout, done.stdout + done.stderr)


def check_refusals(path, folder, tally):
    for what, options, code, said in (
            ("a deadline nobody can meet", ("--deadline", "1e-6"), 1, "no division meets"),
            ("an objective that is none", ("--objective", "beauty"), 1, "the objectives are latency"),
            ("energy of hosts", ("--objective", "energy"), 1, "nobody says what 'node0', a host, takes: [energy]"),
            ("energy of boards without figures", ("--objective", "energy", "--board", "mps2-an386"), 1, "a board mps2-an386, takes"),
            ("price without prices", ("--objective", "price"), 1, "'discoc fit --shop' takes a file"),
            ("a range that is none", ("--nodes", "4..2"), 1, "such as --nodes 1..8"),
            ("no number", ("--nodes", "few"), 1, "such as --nodes 1..8"),
            ("a board without memory for it", ("--board", "microbit", "--nodes", "1"), 1, "fits into no division"),
            ("a negative deadline", ("--deadline", "-1"), 2, "--deadline")):
        done = run("partition", path, *options)
        tally.check(what, done.returncode == code and said in done.stderr, done.stdout + done.stderr)
    check_profiles(path, folder, tally)


def check_profiles(path, folder, tally):
    """Of another version or discoc, or nonsense: refused, with what to do. Of another machine: a warning, once."""
    version = run("--version").stdout.split()[1]
    good = PI4 | {"compiler": version, "host": "a machine of long ago"}
    for what, profile, code, said in (
            ("format version", {"format": "discoc-profile", "version": 99}, 1, "this discoc knows only version 1"),
            ("discoc", good | {"compiler": "0.0.1"}, 1, "kernels may have changed: measure anew, with 'discoc calibrate'"),
            ("machine", good, 0, "'discoc calibrate' measures this one"),
            ("time that is negative", good | {"step_ns": -1}, 1, "step_ns"),
            ("time that is no number", good | {"mac_ns": {"f32": "fast"}}, 1, "mac_ns")):
        file = os.path.join(folder, "other.json")
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(profile, stream)
        for command in ("partition", "compile"):
            extra = () if command == "partition" else ("--strategy", "auto", "-o", os.path.join(folder, "other"))
            done = run(command, path, "--profile", file, "--nodes", "2", *extra)
            tally.check(f"{command}: a profile of another {what}", done.returncode == code and done.stderr.count(said) == 1, done.stdout + done.stderr)


def check_energy(path, folder, tally):
    """What boards take computing and waiting, for as long as the inference lasts, by hand; the least of it is chosen."""
    boards = os.path.join(discoc.ROOT, "codegen", "boards")
    for part in ("common", "mps2-an386"):
        shutil.copytree(os.path.join(boards, part), os.path.join(folder, part))
    file = os.path.join(folder, "mps2-an386", "board.toml")
    with open(file, "a", encoding="utf-8") as stream:
        stream.write('\n[energy]\nactive = 2.0\nwaiting = 0.5\nsource = "a test"\n')
    cluster = os.path.join(folder, "watts.toml")
    with open(cluster, "w", encoding="utf-8") as stream:
        stream.write('[[node]]\nboard = "./mps2-an386"\ncount = 2\n[network]\ntopology = "switch"\n')
    answer = found(path, "--cluster", cluster, "--objective", "energy")
    one = next(t for t in answer["tried"] if t["nodes"] == 1)
    tally.check("one board: two watts for all the time", abs(one["energy_uj"] - 2e-3 * one["latency_ns"]) <= 1, str(one))
    least = min(t["energy_uj"] for t in answer["tried"] if t["choice"] and t["fits"])
    tally.check("the least energy", answer["tried"][answer["chosen"]]["energy_uj"] == least, str(least))
    done = run("partition", path, "--cluster", cluster, "--objective", "energy")
    tally.check("an estimate, said so", done.returncode == 0 and "estimated" in done.stdout and " mJ" in done.stdout, done.stdout + done.stderr)


def check_host_speeds(path, folder, tally):
    """A host of a quarter of the speed computes four times as long, in partition as in simulate; it gets less, or nothing."""
    def cluster(speed):
        file = os.path.join(folder, "hosts.toml")
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(f'[[node]]\nname = "a"\n[[node]]\nname = "b"\nspeed = {speed}\n[[link]]\nbetween = ["a", "b"]\nbandwidth = 1e9\nlatency = 1e-6\n')
        return file
    even = found(path, "--cluster", cluster(1.0))["one_node_ns"]
    answer = found(path, "--cluster", cluster(0.25))
    a, b = answer["one_node_ns"]
    tally.check("one speed", even[0] == even[1], str(even))
    tally.check("a quarter of the speed", abs(b / a - 4) < 0.01 and a == even[0], f"{a} {b}")
    chosen = answer["tried"][answer["chosen"]]
    tally.check("the slow one gets less", chosen["nodes"] == 1 or chosen["shares"][1] < chosen["shares"][0], str(chosen))
    equal = next(t for t in answer["tried"] if t["name"] == "greedy" and t["nodes"] == 2 and "shares" not in t)
    wanted = simulated(path, folder, 2, "--cluster", os.path.join(folder, "hosts.toml"), link=())
    tally.check("the time that simulate has", wanted == equal["latency_ns"], f"{wanted} {equal['latency_ns']}")


def check_shop(path, folder, tally):
    """The cheapest boards that fit and are in time; prices and deadlines that cannot be."""
    def shop(*boards):
        file = os.path.join(folder, "shop.toml")
        with open(file, "w", encoding="utf-8") as stream:
            stream.write('format = "discoc-shop"\nversion = 1\ncurrency = "EUR"\n')
            for name, price in boards:
                stream.write(f'[[board]]\nname = "{name}"\nprice = {price}\nmost = 4\n')
        return file
    file = shop(("microbit", 2), ("mps2-an386", 300), ("mps3-an547", 400))
    done = run("fit", path, "--shop", file, "--json")
    answer = json.loads(done.stdout) if done.stdout else {"sets": [], "chosen": None}
    sets = answer["sets"]
    best = min((s["price"] for s in sets if s["fits"]), default=None)
    tally.check("the cheapest that fits", answer["chosen"] is not None and sets[answer["chosen"]]["price"] == best, done.stdout + done.stderr)
    done = run("fit", path, "--shop", file)
    tally.check("said so", "<- the cheapest" in done.stdout and "EUR" in done.stdout, done.stdout)
    quick = min(s["latency_ns"] for s in sets if s["fits"]) / 1e6
    done = run("fit", path, "--shop", file, "--deadline", str(quick / 100))
    tally.check("a deadline that no board meets", done.returncode == 1 and "ends an inference in time; the quickest is" in done.stderr, done.stderr)
    for what, boards, said in (("no price", (("mps2-an386", 0),), "is no price"), ("a negative price", (("mps2-an386", -2),), "is no price"),
                               ("no number", (("mps2-an386", '"cheap"'),), "price"), ("no such board", (("moon", 1),), "moon"),
                               ("a host", (("linux", 1),), "no memories to fit into"), ("no boards with memory for it", (("microbit", 2),), "has memory for it")):
        done = run("fit", path, "--shop", shop(*boards))
        tally.check(f"prices: {what}", done.returncode == 1 and said in done.stderr, done.stdout + done.stderr)
    done = run("fit", path)
    tally.check("neither a board nor prices", done.returncode == 2, done.stderr)


def large(width=96):
    """Too large for a microbit."""
    g = seeded.Graph(5)
    x = g.op("Relu", g.op("Conv", "x", g.weights(32, 3, 3, 3), g.weights(32), pads=[1] * 4))
    x = g.op("Relu", g.op("Conv", x, g.weights(width, 32, 3, 3), g.weights(width), pads=[1] * 4))
    y = g.reshape(g.op("GlobalAveragePool", g.op("Conv", x, g.weights(width, width, 3, 3), pads=[1] * 4)), 1, width)
    y = g.op("Gemm", y, g.weights(width, 10), g.weights(10))
    return g.model({"x": [1, 3, 16, 16]}, {y: [1, 10]})


def chain():
    """Two large convolutions and six small ones."""
    g = seeded.Graph(5)
    x = "x"
    for ins, outs, size in [(3, 64, 3), (64, 64, 3), (64, 8, 1)] + [(8, 8, 1)] * 5:
        x = g.op("Relu", g.op("Conv", x, g.weights(outs, ins, size, size), g.weights(outs), pads=[size // 2] * 4))
    return g.model({"x": [1, 3, 32, 32]}, {x: [1, 8, 32, 32]})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    with tempfile.TemporaryDirectory(prefix="discoc-partition-") as folder:
        path = os.path.join(folder, "large.onnx")
        onnx.save(large(), path)
        for name, check in (("numbers", lambda: check_numbers(path, folder, tally)),
                            ("best", lambda: check_best(path, folder, tally)),
                            ("objectives", lambda: check_objectives(path, tally)),
                            ("explain", lambda: check_explain(path, folder, tally)),
                            ("cluster", lambda: check_cluster(path, folder, tally)),
                            ("stages", lambda: check_stages(folder, tally)),
                            ("speeds", lambda: check_speeds(path, folder, tally)),
                            ("small", lambda: check_small(folder, tally)),
                            ("plans", lambda: check_plans(path, folder, tally)),
                            ("auto", lambda: check_auto(path, folder, tally)),
                            ("masks", lambda: check_masks(tally)),
                            ("energy", lambda: check_energy(path, folder, tally)),
                            ("hosts", lambda: check_host_speeds(path, folder, tally)),
                            ("shop", lambda: check_shop(path, folder, tally)),
                            ("refusals", lambda: check_refusals(path, folder, tally))):
            if not re.search(a.only, name):
                continue
            try:
                check()
            except (discoc.CompileError, KeyError, TypeError, json.JSONDecodeError) as error:
                tally.fail(name, f"{type(error).__name__}: {error}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
