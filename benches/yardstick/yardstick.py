"""edgemem against CP-SAT (OR-tools) and HiGHS on the same candidates.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python yardstick.py ../../target/release/edgemem [--only NAME] [--limit SECONDS]

For edgemem the time is that of the whole process, catalogs, candidates and ties included, with no runners-up; for the
others it is that of the solver alone on a model that is already built from `edgemem candidates --format csv`. Everyone has
two threads and the same limit. The model: a binary for each device of a SKU in a mode, one for each candidate on it, each
pool and the load as a row, equal devices in order, price breaks with a binary for each level.
"""

import argparse
import concurrent.futures
import csv
import io
import json
import multiprocessing
import pathlib
import statistics
import subprocess
import tempfile
import time

import yaml

import scenarios

PPM = 1_000_000
RUNS = 5
# Above this many candidates times devices neither solver gets through its presolve in a minute.
TOO_MANY = 400_000


def scaled(text, decimals):
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(decimals, "0"))


class Model:
    """Integer rows over bounded integer variables; every coefficient is an exact integer."""

    def __init__(self):
        self.bounds, self.cost, self.rows = [], [], []

    def variable(self, most=1, cost=0):
        self.bounds.append(most)
        self.cost.append(cost)
        return len(self.bounds) - 1

    def row(self, terms, low, high):
        self.rows.append((terms, low, high))


def table(text):
    """Site by site: host -> price breaks, pools; candidates of each workload."""
    sites = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["allowed"] != "true":
            continue
        hosts, workloads = sites.setdefault(row["site"], ({}, {}))
        key = (row["device"], row["mode"])
        host = hosts.setdefault(key, {"pools": {}, "breaks": [], "power": None})
        host["breaks"] = [(int(q), scaled(p, 2)) for q, p in (b.split(":") for b in row["price_breaks"].split(";"))]
        host["power"] = scaled(row["power_w"], 3) if row["power_w"] else None
        host["pools"][row["pool"]] = (int(row["os_bytes"]), int(row["capacity_bytes"]))
        found = workloads.setdefault(row["workload"], {})
        candidate = found.setdefault(row["candidate"], {"host": key, "memory": {}})
        parts = ("weights_bytes", "kv_cache_bytes", "activation_bytes", "framework_bytes")
        candidate["memory"][row["pool"]] = sum(int(row[part]) for part in parts)
        candidate["load"] = scaled(row["load"], 6)
        if row["latency_target_s"]:
            candidate["latency"] = (scaled(row["latency_alone_s"], 6), scaled(row["latency_target_s"], 6))
    return sites


def build(text, scenario):
    """The model of a scenario; nothing when it is too large. Costs in cents."""
    headroom, most_load = 250_000, 900_000
    limits = scenario.get("limits", {})
    slots = limits.get("devices", 1)
    counts = {site["name"]: site.get("count", 1) for site in scenario["sites"]}
    model, pieces, used = Model(), {}, {}
    sites = table(text)
    if sum(len(found) for _, workloads in sites.values() for found in workloads.values()) * slots > TOO_MANY:
        return None
    for name, (hosts, workloads) in sites.items():
        copies = min(slots, len(workloads))
        devices = {}
        for key in hosts:
            devices[key] = [model.variable() for _ in range(copies)]
            for first, second in zip(devices[key], devices[key][1:]):
                model.row([(first, 1), (second, -1)], 0, 1)
            for device in devices[key]:
                pieces.setdefault(key[0], []).append((device, counts[name]))
        everything = [(device, 1) for own in devices.values() for device in own]
        model.row(everything, 0, slots)
        for limit, figure in (("power_w", lambda h: h["power"]), ("price_usd", lambda h: h["breaks"][0][1])):
            if limit in limits:
                scale = 1000 if limit == "power_w" else 100
                terms = [(device, figure(hosts[key])) for key, own in devices.items() for device in own]
                model.row(terms, 0, limits[limit] * scale)
        on = {key: [[] for _ in range(copies)] for key in hosts}
        for found in workloads.values():
            places = []
            for candidate in found.values():
                for copy in range(copies):
                    x = model.variable()
                    places.append((x, 1))
                    on[candidate["host"]][copy].append((x, candidate))
            model.row(places, 1, 1)
        for key, host in hosts.items():
            for copy, device in enumerate(devices[key]):
                hosted = on[key][copy]
                for pool, (system, capacity) in host["pools"].items():
                    room = capacity * PPM // (PPM + headroom) - system
                    model.row([(x, c["memory"][pool]) for x, c in hosted] + [(device, -room)], None, 0)
                loads = [(x, c["load"]) for x, c in hosted]
                model.row(loads + [(device, -most_load)], None, 0)
                for x, candidate in hosted:
                    if "latency" in candidate:
                        alone, target = candidate["latency"]
                        total = PPM - -(-alone * PPM // target) + candidate["load"]
                        free = max(0, most_load - total)
                        terms = [(y, load + (free if y == x else 0)) for y, load in loads]
                        model.row(terms, None, total + free)
    breaks = {key[0]: host["breaks"] for hosts, _ in sites.values() for key, host in hosts.items()}
    most_skus = scenario.get("fleet", {}).get("max_skus")
    for device, terms in pieces.items():
        levels = breaks[device]
        if most_skus is not None:
            used[device] = model.variable()
            for variable, _ in terms:
                model.row([(variable, 1), (used[device], -1)], None, 0)
        if len(levels) == 1 and levels[0][0] <= 1:
            for variable, count in terms:
                model.cost[variable] += count * levels[0][1]
            continue
        most = sum(count for _, count in terms)
        quantities = []
        chosen = []
        for position, (least, price) in enumerate(levels):
            level, quantity = model.variable(), model.variable(most, price)
            below = levels[position + 1][0] - 1 if position + 1 < len(levels) else most
            model.row([(quantity, 1), (level, -least)], 0, None)
            model.row([(quantity, 1), (level, -min(below, most))], None, 0)
            quantities.append((quantity, -1))
            chosen.append((level, 1))
        model.row(terms + quantities, 0, 0)
        model.row(chosen, 0, 1)
    if most_skus is not None:
        model.row([(variable, 1) for variable in used.values()], 0, most_skus)
    return model


def cp_sat(model, limit):
    from ortools.sat.python import cp_model

    cp = cp_model.CpModel()
    variables = [cp.new_int_var(0, most, "") for most in model.bounds]
    for terms, low, high in model.rows:
        if not terms:
            continue
        sum_ = cp_model.LinearExpr.weighted_sum([variables[v] for v, _ in terms], [c for _, c in terms])
        low = cp_model.INT_MIN if low is None else low
        high = cp_model.INT_MAX if high is None else high
        cp.add_linear_constraint(sum_, low, high)
    priced = [(v, c) for v, c in enumerate(model.cost) if c]
    cp.minimize(cp_model.LinearExpr.weighted_sum([variables[v] for v, _ in priced], [c for _, c in priced]))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limit
    solver.parameters.num_workers = 2
    start = time.monotonic()
    status = solver.solve(cp)
    elapsed = time.monotonic() - start
    value = round(solver.objective_value) if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
    return elapsed, value, solver.status_name(status)


def highs(model, limit):
    import highspy
    import numpy

    lp = highspy.HighsLp()
    count = len(model.bounds)
    lp.num_col_, lp.num_row_ = count, len(model.rows)
    lp.col_cost_ = numpy.array(model.cost, dtype=float)
    lp.col_lower_, lp.col_upper_ = numpy.zeros(count), numpy.array(model.bounds, dtype=float)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * count
    starts, indices, values, lower, upper = [0], [], [], [], []
    for terms, low, high in model.rows:
        # Bytes and millionths as they are would be beyond the solver's tolerances.
        scale = float(max((abs(c) for _, c in terms), default=1)) or 1.0
        indices.extend(v for v, _ in terms)
        values.extend(c / scale for _, c in terms)
        starts.append(len(indices))
        lower.append(-highspy.kHighsInf if low is None else low / scale)
        upper.append(highspy.kHighsInf if high is None else high / scale)
    lp.row_lower_, lp.row_upper_ = numpy.array(lower), numpy.array(upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = numpy.array(starts)
    lp.a_matrix_.index_ = numpy.array(indices)
    lp.a_matrix_.value_ = numpy.array(values)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", float(limit))
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("threads", 2)
    solver.passModel(lp)
    start = time.monotonic()
    solver.run()
    elapsed = time.monotonic() - start
    info = solver.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    status = solver.modelStatusToString(solver.getModelStatus()).upper()
    return elapsed, round(info.objective_function_value) if found else None, status


def apart(solve, model, limit):
    """Each solver in a process of its own: the two packages bring different libraries of one name."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(solve, model, limit).result()


def edgemem(binary, folder, arguments, limit, runs):
    times = []
    for _ in range(runs):
        start = time.monotonic()
        plan = [binary, "plan", *arguments, "--alternatives", "0", "--compare", "never", "--format", "json"]
        answer = subprocess.run([*plan, "--time-limit", str(limit)], cwd=folder, capture_output=True, text=True)
        times.append(time.monotonic() - start)
        if times[-1] > limit / 2:
            break
    objective = json.loads(answer.stdout)["objective"]
    value = round(objective["value"] * 100) if objective else None
    proven = bool(objective) and objective["value"] == objective["bound"]
    gap = f"{100 * (1 - objective['bound'] / objective['value']):.2f} % gap" if objective else "UNKNOWN"
    return statistics.median(times), value, "OPTIMAL" if proven else gap


def told(answer):
    if answer is None:
        return "too large"
    elapsed, value, status = answer
    money = "no plan" if value is None else f"{value / 100:.2f}"
    return f"{elapsed:.3f} s, {money}" + ("" if status == "OPTIMAL" else f" ({status.lower()})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    print("| question | candidates | edgemem | CP-SAT | HiGHS |\n|---|---:|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        scenarios.write(folder)
        for name in ("robot", "twenty", "fleet", "hundred"):
            if arguments.only not in (None, name):
                continue
            words = [f"{name}.yaml"] + (["--prices", "fleet.csv"] if name == "fleet" else [])
            export = [binary, "candidates", *words, "--format", "csv"]
            text = subprocess.run(export, cwd=folder, capture_output=True, text=True, check=True).stdout
            count = len({row["candidate"] for row in csv.DictReader(io.StringIO(text))})
            ours = edgemem(binary, folder, words, arguments.limit, RUNS)
            model = build(text, yaml.safe_load(pathlib.Path(folder, f"{name}.yaml").read_text()))
            theirs = []
            for solve in (cp_sat, highs):
                runs = []
                while model and len(runs) < RUNS and (not runs or runs[-1][0] < 2):
                    runs.append(apart(solve, model, arguments.limit))
                theirs.append(sorted(runs)[len(runs) // 2] if runs else None)
            cells = [name, str(count), told(ours), *map(told, theirs)]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
