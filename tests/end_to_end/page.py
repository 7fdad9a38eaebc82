# SPDX-License-Identifier: Apache-2.0
"""The page of `discoc report --html` in a browser: Debian's Chromium without a head, driven by selenium.

Whole outputs of the compiler are compiled, written as pages and opened without a network: no error on the console, no
request, every number that of report.json; clicks, search, sorting, keys, narrow windows, names that look like markup.
A picture of every view is left in the build folder, in page-pictures.

    page.py [--only REGEX] [--write-pictures]   --write-pictures: three of them for the documentation, in docs/pictures
"""

import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import resnet50  # noqa: E402

SAMPLES = os.path.join(discoc.ROOT, "samples")
CHAIN = '[[node]]\nboard = "mps2-an386"\ncount = 3\n\n[network]\ntopology = "chain"\n'
VIEWS = ("Summary", "Network", "Traffic", "Timeline", "Memory", "Layers")
DOCUMENTED = {"summary.png": "resnet50-Summary.png", "network.png": "cifar10-op.png", "timeline.png": "boards-Timeline.png",
              "measured.png": "measured-Timeline.png"}
PATIENCE = 60  # seconds, of a machine that is busy
HOSTILE = ("</script><script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>", "<!--", "a\"b'c`d${window.hacked = 1}",
           "\u202egnp.live\u202c \u05e9\u05dc\u05d5\u05dd", "x" * 10000, "line\u2028break", "__proto__", "@data@", "=1+1")


def missing():
    """Why there is no browser here, or nothing."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "no selenium (scripts/setup test)"
    return "" if shutil.which("chromium") and shutil.which("chromedriver") else "no chromium, or no chromedriver (scripts/setup test)"


class Browser:
    """A browser without a network that notes what pages ask for."""

    def __init__(self, folder):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
                         "--user-data-dir=" + os.path.join(folder, "profile"), "--window-size=1280,1000", "--lang=en"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(PATIENCE)
        self.driver.set_script_timeout(PATIENCE)
        self.log = []

    def open(self, path):
        self.faults()  # what was before does not count
        self.driver.get("file://" + path)
        self.wait("document.querySelector('main > *')")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, *arguments):
        """Whether the condition comes true in time."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"return Boolean({condition});", *arguments):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def show(self, view):
        self.run("location.hash = arguments[0]", view)
        return self.wait("document.querySelector('main').classList.contains('view-' + arguments[0])", view.split("/")[0])

    def click(self, selector):
        self.driver.find_element("css selector", selector).click()

    def type(self, selector, text):
        field = self.driver.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)

    def key(self, name):
        from selenium.webdriver.common.keys import Keys
        self.driver.switch_to.active_element.send_keys(getattr(Keys, name))

    def column(self, table, at):
        """The exact numbers of a column, as the page has them; None where a cell has none."""
        script = ("return [...document.querySelectorAll('#' + arguments[0] + ' tbody tr')].map(row => "
                  "{ const data = row.cells[arguments[1]].querySelector('data'); return data && Number(data.value); });")
        return self.run(script, table, at)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null;", selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(element => element.textContent);", selector)

    def faults(self):
        """What the console says, and what was asked for beside the page."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(("file:", "data:", "blob:")):
                    said.append("asked for " + url)
        return said

    def picture(self, path):
        self.driver.save_screenshot(path)


def write_page(out, *more):
    """(exit code, what it said, the page) of `discoc report --html`."""
    page = out + ".html"
    done = subprocess.run([discoc.binary(), "report", out, "--html", page, *more], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stderr, page


def sentences(out):
    """The lines at the head of `discoc report`, by their first word."""
    done = subprocess.run([discoc.binary(), "report", out], capture_output=True, text=True, timeout=600, check=True)
    head = re.sub(r"\n {11}", " ", done.stdout.split("\n\n")[0]).splitlines()[1:]
    return dict(line.split(None, 1) for line in head)


def read_bytes(layer):
    return sum(layer["received_bytes"].values())


class Check:
    """The checks of one page."""

    def __init__(self, browser, tally, name, out, pictures):
        self.browser, self.tally, self.name, self.out, self.pictures = browser, tally, name, out, pictures
        self.report = cluster.load_json(os.path.join(out, "report.json"))

    def check(self, what, good, why=""):
        return self.tally.check(f"{self.name}: {what}", good, str(why)[:400])

    def equal(self, what, shown, wanted):
        return self.check(what, shown == wanted, f"shows {shown}, not {wanted}")

    def summary(self):
        browser, report = self.browser, self.report
        browser.show("Summary")
        for word, sentence in sentences(self.out).items():
            self.equal(f"the sentence '{word}'", browser.text("#" + word), sentence)
        totals = ("macs", "weight_bytes", "arena_bytes", None, None)
        traffic = (None, None, None, "bytes", "messages")
        value = lambda of, at: report[of][totals[at]] if totals[at] else report[of]["exchanged"][traffic[at]]  # noqa: E731
        self.equal("the largest node", browser.column("totals", 1), [value("largest_node", at) for at in range(5)])
        self.equal("all nodes", browser.column("totals", 2), [value("cluster", at) for at in range(5)])
        for at, key in ((0, "rank"), (3, "macs"), (4, "weight_bytes"), (5, "arena_bytes")):
            self.equal(f"{key} of nodes", browser.column("node-table", at), [node[key] for node in report["nodes"]])
        times = [report["schedule"][key] for key in ("latency_ns", "sequential_ns", "period_ns", "chain_ns") if key in report["schedule"]]
        self.equal("times", [int(v) for v in browser.run("return [...document.querySelectorAll('#times data')].map(d => d.value);")], times)

    def layers(self):
        browser, layers = self.browser, self.report["layers"]
        browser.show("Layers")
        for at, key in ((2, lambda l: l["macs"]), (5, lambda l: l["weight_bytes"]), (6, read_bytes), (7, lambda l: l["dense_bytes"])):
            self.equal(f"column {at} of the layers", browser.column("layer-table", at), [key(layer) for layer in layers])
        browser.click("#layer-table thead th:nth-child(3) button")
        self.equal("sorted by MACs", browser.column("layer-table", 2), sorted((layer["macs"] for layer in layers), reverse=True))
        kind = layers[0]["type"]
        browser.type("#filter", kind)
        wanted = [layer for layer in layers if kind.lower() in (layer["op"] + "\n" + layer["type"]).lower()]
        self.equal("filtered", browser.text("#shown"), f"{len(wanted)} of {len(layers)} layers")
        browser.run("window.saved = ''; URL.createObjectURL = blob => { blob.text().then(text => { window.saved = text; }); return 'data:,'; };"
                    "HTMLAnchorElement.prototype.click = () => {};")
        browser.click("#csv")
        browser.wait("window.saved")
        rows = list(csv.DictReader(io.StringIO(browser.run("return window.saved;"))))
        self.equal("CSV", [(int(row["macs"]), int(row["read_bytes"])) for row in rows], [(layer["macs"], read_bytes(layer)) for layer in wanted])

    def traffic(self):
        browser, nodes = self.browser, self.report["nodes"]
        browser.show("Traffic")
        sent = {(node["rank"], peer["peer"]): peer["sent"]["bytes"] for node in nodes for peer in node["peers"] if peer["sent"]["messages"] or peer["root_sent"]["messages"]}
        self.equal("pairs of nodes", browser.column("pairs", 3)[:40], [sent[pair] for pair in sorted(sent)][:40])
        shown = browser.run("return [...document.querySelectorAll('#matrix tbody tr')].map(row => [...row.cells].slice(1).map(cell => Number(cell.querySelector('data')?.value ?? -1)));")
        self.equal("the matrix", shown, [[sent.get((source["rank"], to["rank"]), -1) for to in nodes] for source in nodes])
        self.equal("kinds", browser.column("kinds", 1), list(self.report["exchanged_bytes"].values()))
        (source, to), _ = max(sent.items(), key=lambda item: item[1])
        browser.run("document.querySelectorAll('#matrix tbody tr')[arguments[0]].cells[arguments[1] + 1].querySelector('button').click();", source, to)
        browser.wait("document.querySelector('#pair-layers')")
        read = [part["bytes"] for layer in self.report["layers"] for node in layer["nodes"] if node["rank"] == to
                for part in node.get("received_from", []) if part["from"] == source]
        self.equal("a pair by layer", browser.column("pair-layers", 2), read)
        if "wires" in self.report:
            self.equal("bytes of links", browser.column("wires", 4), [wire["carried"]["bytes"] for wire in self.report["wires"]])
            self.equal("passed on", browser.column("forwarded", 2), [node["forwarded"]["bytes"] for node in nodes if "forwarded" in node])

    def timeline(self):
        browser, events = self.browser, self.report["schedule"]["events"]
        browser.show("Timeline")
        browser.wait("document.querySelector('#timeline')?.width > 0")
        painted = browser.run("const canvas = document.querySelector('#timeline'); const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
                              "let some = 0; for (let i = 3; i < data.length; i += 4) some += data[i] > 0; return some;")
        self.check("the time line is painted", painted > 5000, painted)
        waits = sorted((event["end_ns"] - event["start_ns"] for event in events if event["kind"] == "wait"), reverse=True)
        if waits:
            self.equal("the longest waits", browser.column("waits", 1), [wait for wait in waits if wait][:12])
        # Where the first node computes first, the words under the picture say so.
        browser.run("const canvas = document.querySelector('#timeline'), box = canvas.getBoundingClientRect();"
                    "for (let x = 151; x < box.width; x += 1) { canvas.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.left + x, clientY: box.top + 35}));"
                    "  if (x === 151 + 200) break; }")
        self.check("pointing says what it is", browser.wait("document.querySelector('#said').textContent.length > 0"), browser.text("#said"))

    def memory(self):
        browser, nodes = self.browser, self.report["nodes"]
        browser.show("Memory")
        for node in nodes[:2]:
            browser.run("const box = document.querySelector('#node'); box.value = arguments[0]; box.dispatchEvent(new Event('change', {bubbles: true}));", str(node["rank"]))
            browser.wait("document.querySelector('#node').value === arguments[0]", str(node["rank"]))
            self.equal(f"buffers of node {node['rank']}", browser.column("buffers", 2), [buffer["bytes"] for buffer in node["buffers"]][:12])
            self.equal(f"rectangles of node {node['rank']}", browser.run("return document.querySelectorAll('#arena .buffer').length;"), len(node["buffers"]))
            over = [buffer for buffer in node["buffers"] if buffer["offset"] + buffer["bytes"] > node["arena_bytes"]]
            self.check(f"buffers of node {node['rank']} lie in its arena", not over, over)
            if "memory" in node:
                self.equal(f"memories of node {node['rank']}", browser.column("memory-parts", 2), [part["bytes"] for part in node["memory"]])

    def opened(self, layer, what):
        browser = self.browser
        browser.wait("document.querySelector('#op h2')?.textContent === arguments[0]", layer["op"])
        self.equal(what, browser.text("#op h2"), layer["op"])
        self.equal(f"{what}: MACs of nodes", browser.column("op-nodes", 3), [part["macs"] for part in layer["nodes"]][:16])
        self.equal(f"{what}: bytes read", browser.column("op-nodes", 6), [part["receive_bytes"] for part in layer["nodes"]][:16])

    def clicks(self):
        browser, layers = self.browser, self.report["layers"]
        most = max(layers, key=lambda layer: layer["macs"])
        browser.show("Network")
        browser.type("#search", most["op"])
        browser.wait("document.querySelectorAll('#network .found').length")
        self.check("search", browser.run("return document.querySelectorAll('#network .found').length;") >= 1, browser.text("#found"))
        browser.run("[...document.querySelectorAll('#network .found')].find(g => g.querySelector('title').textContent.startsWith(arguments[0] + ','))"
                    "?.dispatchEvent(new MouseEvent('click', {bubbles: true}));", most["op"])
        self.opened(most, "a click opens the op")
        masks = [entry for entry in cluster.load_json(os.path.join(self.out, "masks.json"))["masks"] if entry["op"] == most["op"] and entry["channels"]]
        other = "sum" if most["received_bytes"]["partial_sums"] else "sent"
        runs = {kind: sum(len(entry["channels"]) for entry in masks if (entry["from"] == entry["to"]) == (kind == "own")) if kind in ("own", other) else 0
                for kind in ("own", "sent", "sum")}
        shown = {kind: browser.run(f"return document.querySelectorAll('#op .mask rect.{kind}').length;") for kind in runs}
        self.equal("runs of its mask", shown, runs)

    def density(self):
        """Of a layer whose weights are not all there, a tile for a tile."""
        browser = self.browser
        layer = next((layer for layer in self.report["layers"] if "density" in layer), None)
        if not layer:
            return
        browser.run("location.hash = 'Layers/' + encodeURIComponent(arguments[0])", layer["op"])
        browser.wait("document.querySelector('#op h2')?.textContent === arguments[0]", layer["op"])
        tiles = "".join(layer["density"]["tiles"])
        shown = browser.run("return [...document.querySelectorAll('#op .density .tile')].map(tile => Math.round(tile.getAttribute('fill-opacity') * 255));")
        self.equal("tiles of the weights", shown, list(bytes.fromhex(tiles)))

    def summed(self):
        """Of a layer that partial sums are sent for: drawn as such, and nothing as sent."""
        browser = self.browser
        layer = next((layer for layer in self.report["layers"] if layer["received_bytes"]["partial_sums"]), None)
        if not layer:
            return
        browser.run("location.hash = 'Network/' + encodeURIComponent(arguments[0])", layer["op"])
        browser.wait("document.querySelector('#op h2')?.textContent === arguments[0]", layer["op"])
        masks = [entry for entry in cluster.load_json(os.path.join(self.out, "masks.json"))["masks"] if entry["op"] == layer["op"]]
        runs = sum(len(entry["channels"]) for entry in masks if entry["from"] != entry["to"])
        shown = [browser.run(f"return document.querySelectorAll('#op .mask rect.{kind}').length;") for kind in ("sum", "sent")]
        self.equal("runs of partial sums", shown, [runs, 0])
        browser.run("document.querySelector('#op .mask')?.scrollIntoView();")
        browser.picture(os.path.join(self.pictures, f"{self.name}-sums.png"))

    def keys(self):
        browser, layers = self.browser, self.report["layers"]
        browser.show("Summary")
        browser.run("document.querySelector('#tab-Summary').focus();")
        for view in VIEWS[1:]:
            browser.key("ARROW_RIGHT")
            self.check(f"the arrow key shows {view}", browser.wait("document.querySelector('main').classList.contains('view-' + arguments[0])", view))
            self.equal("the tab is chosen", browser.text("[role=tab][aria-selected=true]"), view)
        browser.show("Layers")
        browser.run("document.querySelector('#layer-table tbody tr').focus();")
        browser.key("ENTER")
        self.opened(layers[0], "Enter opens the op")

    def narrow(self):
        browser = self.browser
        # A window cannot be that narrow, but a page can be shown so.
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False})
        for view in VIEWS:
            browser.show(view)
            wide = browser.run("return document.documentElement.scrollWidth;")
            self.check(f"{view} fits into 400 pixels", wide <= 400, f"{wide} pixels wide")
            if self.pictures and view in ("Summary", "Network"):
                browser.picture(os.path.join(self.pictures, f"{self.name}-narrow-{view}.png"))
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def look(self):
        """A picture of each view."""
        most = max(self.report["layers"], key=lambda layer: layer["macs"])
        for view in VIEWS:
            self.browser.show(view)
            self.browser.picture(os.path.join(self.pictures, f"{self.name}-{view}.png"))
        self.browser.run("location.hash = 'Network/' + encodeURIComponent(arguments[0])", most["op"])
        self.browser.wait("document.querySelector('#op')")
        self.browser.picture(os.path.join(self.pictures, f"{self.name}-op.png"))

    def whole(self, quick=False):
        code, said, page = write_page(self.out)
        if not self.check("written", code == 0, said):
            return
        beside = os.path.join(os.path.dirname(self.out), "compiled.html")
        if self.name == "cifar10":
            with open(page, encoding="utf-8") as one, open(beside, encoding="utf-8") as other:
                self.check("compile --html writes the same", one.read() == other.read())
        self.check("at most 2.5 MB", os.path.getsize(page) <= 2_500_000, os.path.getsize(page))
        self.browser.open(page)
        for part in (self.summary, self.traffic, self.timeline, self.memory, self.layers):
            part()
        self.summed()
        if not quick:
            self.browser.open(page)
            self.clicks()
            self.density()
            self.keys()
            self.narrow()
        self.look()
        faults = self.browser.faults()
        self.check("no error, no request", not faults, faults)


def compiled(folder, name, model, nodes, *more):
    out = os.path.join(folder, name)
    discoc.compile(model, nodes, out, extra=more)
    return out


def shared(folder, name, model, nodes, *more):
    if not discoc.shared():
        return None
    return compiled(folder, name, os.path.join(discoc.shared(), "models", model, "model.onnx"), nodes, *more)


def cifar(folder):
    return compiled(folder, "cifar10", os.path.join(SAMPLES, "cifar10", "cifar10_masks2.onnx"), 2, "--html", os.path.join(folder, "compiled.html"))


def boards(folder):
    path = os.path.join(folder, "chain.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CHAIN)
    return compiled(folder, "boards", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 3, "--cluster", path, "--pin", "batch=1")


def int8(folder):
    return shared(folder, "int8", "mobilenet_v2_int8_qdq", 2)


def transformer(folder):
    return shared(folder, "transformer", "vit_pgd_2_3_16_cifar10", 7, "--pin", "batch_size=1")


def resnet(folder):
    import onnx
    path = os.path.join(folder, "resnet50.onnx")
    onnx.save(resnet50.resnet50(), path)
    return compiled(folder, "resnet50", path, 4)


CASES = {"cifar10": (cifar, False), "boards": (boards, False), "int8": (int8, True), "transformer": (transformer, True), "resnet50": (resnet, True)}


def hostile(browser, tally, folder, pictures):
    """Names that look like markup, in every place where a name can be."""
    out = compiled(folder, "hostile", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 2, "--pin", "batch=1")
    path = os.path.join(out, "report.json")
    report = cluster.load_json(path)
    report["model"] = report["nodes"][0]["name"] = HOSTILE[0]
    names = [layer["op"] for layer in report["layers"]]
    for i, name in enumerate(HOSTILE):
        if i < len(names):
            report["layers"][i].update(op=name, type=HOSTILE[(i + 1) % len(HOSTILE)], kernels=[name])
        else:
            report["layers"].append({**report["layers"][0], "op": name})
    for layer in report["layers"]:
        layer["inputs"] = [HOSTILE[names.index(op)] if op in names[:len(HOSTILE)] else op for op in layer.get("inputs", [])]
    for node in report["nodes"]:
        for i, buffer in enumerate(node["buffers"]):
            buffer["name"] = HOSTILE[i % len(HOSTILE)]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report, file)
    code, said, page = write_page(out)
    if not tally.check("hostile: written", code == 0, said):
        return
    browser.open(page)
    tally.check("hostile: title", browser.text("h1") == HOSTILE[0], browser.text("h1"))
    for view in VIEWS:
        browser.show(view)
    for name in HOSTILE:
        browser.run("location.hash = 'Layers/' + encodeURIComponent(arguments[0])", name)
        good = browser.wait("document.querySelector('#op h2')?.textContent === arguments[0]", name)
        tally.check(f"hostile: {name[:20]!a}", good, browser.text("#op h2"))
    browser.picture(os.path.join(pictures, "hostile-Layers.png"))
    faults = browser.faults()
    if browser.run("return window.hacked;"):
        faults.append("a name was run")
    tally.check("hostile: text and nothing else", not faults, faults)


def compared(browser, tally, folder, pictures):
    """Two divisions of a model side by side, in the terminal and in the page."""
    model = os.path.join(SAMPLES, "cifar10", "cifar10_dense.onnx")
    outs = [compiled(folder, f"compared{nodes}", model, nodes) for nodes in (4, 2)]
    reports = [cluster.load_json(os.path.join(out, "report.json")) for out in outs]
    done = subprocess.run([discoc.binary(), "report", outs[0], "--against", outs[1]], capture_output=True, text=True, timeout=600)
    tally.check("compared: in the terminal", done.returncode == 0 and re.search(r"^  nodes +4 +2 +\+100\.0 %$", done.stdout, re.M), done.stdout + done.stderr)
    done = subprocess.run([discoc.binary(), "report", outs[0], "--against", outs[1], "--json"], capture_output=True, text=True, timeout=600)
    said = json.loads(done.stdout or "{}")
    want = [[report["largest_node"]["macs"] for report in reports], [report["cluster"]["exchanged"]["bytes"] for report in reports]]
    tally.check("compared: as JSON", done.returncode == 0 and [said["all"]["largest_macs"], said["all"]["sent_bytes"]] == want
                and [row["macs"][0] for row in said["nodes"]] == [node["macs"] for node in reports[0]["nodes"]]
                and said["layers"] and all(layer["op"] for layer in said["layers"]), done.stdout[:300] + done.stderr)
    other = compiled(folder, "other", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 2, "--pin", "batch=1")
    for more in ((), ("--html", os.path.join(folder, "none.html"))):
        done = subprocess.run([discoc.binary(), "report", outs[0], "--against", other, *more], capture_output=True, text=True, timeout=600)
        tally.check("compared: with another model", done.returncode == 1 and "layers in common" in done.stderr, done.stderr)
    tally.check("compared: with another model: no page", not os.path.exists(os.path.join(folder, "none.html")), "it was written")
    code, said, page = write_page(outs[0], "--against", outs[1])
    if not tally.check("compared: written", code == 0, said) or not browser:
        return
    browser.open(page)
    browser.show("Compare")
    field = lambda report: [len(report["nodes"]), report["largest_node"]["macs"], report["cluster"]["macs"]]  # noqa: E731
    for at in (0, 1):
        tally.check("compared: totals", browser.column("compare-totals", 1 + at)[:3] == field(reports[at]), browser.column("compare-totals", 1 + at))
    layers = {layer["op"]: layer for layer in reports[0]["layers"]}
    shown = dict(zip(browser.texts("#compare-layers tbody td:first-child"), browser.column("compare-layers", 2)))
    wrong = {op: value for op, value in shown.items() if value != read_bytes(layers[op])}
    tally.check("compared: layers", shown and not wrong, wrong)
    browser.picture(os.path.join(pictures, "compared-Compare.png"))
    faults = browser.faults()
    tally.check("compared: no error, no request", not faults, faults)


def traced(browser, tally, folder, pictures):
    """What was measured, under what was planned."""
    out = compiled(folder, "traced", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 2, "--pin", "batch=1", "--trace")
    path = os.path.join(folder, "run.trace")
    images = os.path.join(SAMPLES, "digits", "digits_test_images.npy")
    done = subprocess.run([discoc.binary(), "run", out, "--input", "image=" + images, "--trace", path], capture_output=True, text=True, timeout=600)
    tally.check("traced: run", done.returncode == 0, done.stderr)
    code, said, page = write_page(out, "--trace", path)
    if not tally.check("traced: written", code == 0, said) or not browser:
        return
    browser.open(page)
    browser.show("Timeline")
    measured = browser.run("return JSON.parse(document.getElementById('data').textContent).measured")
    waits = [event["end_ns"] - event["start_ns"] for event in measured["events"] if event["kind"] == "wait" and event["end_ns"] > event["start_ns"]]
    shown = browser.column("waits", 2)
    tally.check("traced: the longest waits", shown == sorted(waits, reverse=True)[:len(shown)], f"{shown[:3]}, not {sorted(waits, reverse=True)[:3]}")
    causes = browser.texts("#waits tbody td:last-child")
    tally.check("traced: waits have causes", causes and all(re.search(r"message \d+ (from|to) node \d", cause) for cause in causes), causes)
    rows = browser.run("return document.querySelector('#timeline').getAttribute('aria-label')")
    links = len({(event["node"], event["to"]) for event in measured["events"] if event["kind"] == "transfer"})
    tally.check("traced: rows of both", rows.startswith(f"time line of {2 * (2 + links)} rows"), rows)
    browser.picture(os.path.join(pictures, "traced-Timeline.png"))
    faults = browser.faults()
    tally.check("traced: no error, no request", not faults, faults)


def unsure(browser, tally, folder, pictures):
    """Two emulated boards: the plan with the measured inference under it, and clocks that are known within some microseconds."""
    if not shutil.which("qemu-system-arm") or not shutil.which("arm-none-eabi-g++"):
        tally.skip("traced boards", "no emulator or no toolchain here: scripts/setup boards")
        return
    wiring = os.path.join(folder, "two.toml")
    with open(wiring, "w", encoding="utf-8") as file:
        file.write('[[node]]\nboard = "mps2-an386"\ncount = 2\n\n[network]\ntopology = "chain"\n')
    out, path = compiled(folder, "unsure", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 2, "--cluster", wiring, "--pin", "batch=1", "--trace"), os.path.join(folder, "boards.trace")
    done = subprocess.run([discoc.binary(), "run", out, "--input", "image=" + os.path.join(SAMPLES, "digits", "digits_test_images.npy"), "--trace", path],
                          capture_output=True, text=True, timeout=600)
    tally.check("traced boards: run", done.returncode == 0, done.stderr)
    code, said, page = write_page(out, "--trace", path)
    if not tally.check("traced boards: written", code == 0, said) or not browser:
        return
    nodes = json.loads(subprocess.run([discoc.binary(), "trace", path, "--json"], capture_output=True, text=True, timeout=600).stdout)["nodes"]
    for title, clocks in (("within", None), ("open", [0, None])):
        if clocks:  # one side of the clock of node 1 is not known
            with open(page, encoding="utf-8") as file:
                text = file.read()
            with open(page, "w", encoding="utf-8") as file:
                file.write(re.sub(r'"clocks": \[[^\]]*\]', '"clocks": ' + json.dumps(clocks), text))
        browser.open(page)
        browser.show("Timeline")
        if not clocks:
            shown = browser.run("return JSON.parse(document.getElementById('data').textContent).clocks")
            tally.check("traced boards: clocks", shown == [node["around_ns"] for node in nodes], f"{shown}, not {nodes}")
            browser.picture(os.path.join(pictures, "measured-Timeline.png"))
        words = browser.text("#clocks")
        tally.check(f"traced boards: {title}", ("within" in words and "node 1" in words) if not clocks else "one side" in words, words)
    browser.picture(os.path.join(pictures, "open-Timeline.png"))
    faults = browser.faults()
    tally.check("traced boards: no error, no request", not faults, faults)


def damaged(tally, folder):
    """What is no report, or no mask, is refused, and nothing is written."""
    out = compiled(folder, "damaged", os.path.join(SAMPLES, "digits", "digits_dense.onnx"), 2, "--pin", "batch=1")
    for name in ("report.json", "masks.json"):
        path = os.path.join(out, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for broken in (text[:len(text) // 2], text.replace("discoc-", "other-", 1), None):
            if broken is None:
                os.remove(path)
            else:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(broken)
            code, said, page = write_page(out)
            tally.check(f"damaged {name}", code == 1 and name in said and not os.path.exists(page), f"exit code {code}: {said}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def fresh(tally):
    """The page in the tree is what its sources make."""
    done = subprocess.run([os.path.join(discoc.ROOT, "scripts", "bundle-report"), "--check"], capture_output=True, text=True, timeout=600)
    if done.returncode == 77:
        tally.skip("the page in the tree", done.stdout.strip().removeprefix("skipped: "))
    else:
        tally.check("the page in the tree", done.returncode == 0, done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--write-pictures", action="store_true")
    options = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    wanted = lambda name: re.search(options.only, name)  # noqa: E731
    pictures = os.path.join(os.environ.get("DISCOC_BUILD", os.path.join(discoc.ROOT, "build", "release")), "page-pictures")
    os.makedirs(pictures, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="discoc-page-", ignore_cleanup_errors=True) as folder:
        if wanted("fresh"):
            fresh(tally)
        if wanted("damaged"):
            damaged(tally, folder)
        reason = missing()
        browser = None if reason else Browser(folder)
        for name, (make, quick) in CASES.items():
            if not wanted(name):
                continue
            out = None if reason else make(folder)
            if out:
                Check(browser, tally, name, out, pictures).whole(quick)
            else:
                tally.skip(name, reason or "no trained models (DISCOC_SHARED)")
        if wanted("hostile"):
            if browser:
                hostile(browser, tally, folder, pictures)
            else:
                tally.skip("hostile", reason)
        if wanted("compared"):
            compared(browser, tally, folder, pictures)
        if wanted("traced"):
            traced(browser, tally, folder, pictures)
            unsure(browser, tally, folder, pictures)
        if browser:
            browser.driver.quit()
    if options.write_pictures:
        for name, picture in DOCUMENTED.items():
            shutil.copy(os.path.join(pictures, picture), os.path.join(discoc.ROOT, "docs", "pictures", name))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
