"""edgemem against CP-SAT (OR-tools) and HiGHS on the same candidates.

    python -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python yardstick.py ../../target/release/edgemem [--only NAME] [--limit SECONDS] [--solver NAME]

For edgemem the time is that of the whole process, catalogs, candidates and ties included, with no runners-up, and beside
it what of that is the search; for the others it is that of the solver alone on a model that is already built from `edgemem
candidates --format csv`. Everyone has two threads and the same limit. The model: a binary for each device of a SKU in a
mode, one for each candidate on it, each pool and the load as a row, equal devices in order, price breaks with a binary for
each level.

The question `hundred` would have over a million binaries so. For it, and for `twenty` once more, the others are told what a
plan costs, and the model leaves out what no plan of that cost needs (`smaller`): rows `less`. How long building and handing
over a model takes, and how much memory, is told on stderr.
"""

import argparse
import concurrent.futures
import csv
import io
import json
import multiprocessing
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import yaml

import scenarios

PPM = 1_000_000
RUNS = 5
HEADROOM, MOST_LOAD = 250_000, 900_000
# Above this many candidates times devices neither solver gets through its presolve in a minute.
TOO_MANY = 400_000
# Before a solver takes more than this it is stopped.
MOST_BYTES = 8 << 30


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


def room(system, capacity):
    return capacity * PPM // (PPM + HEADROOM) - system


def no_more(first, second):
    """Whether a candidate can always stand in for another one of the same workload: quality decides nothing here."""
    own, others = first["memory"], second["memory"]
    if own.keys() != others.keys() or any(own[pool] > others[pool] for pool in own) or first["load"] > second["load"]:
        return False
    if "latency" not in first:
        return True
    if "latency" not in second:
        return False
    # What the others on the machine may take.
    left = [PPM - -(-alone * PPM // target) for alone, target in (first["latency"], second["latency"])]
    return left[0] >= left[1]


def least(candidates):
    """Candidates of one workload on one host without those that another one can stand in for."""
    kept = []
    for candidate in sorted(candidates, key=lambda c: (c["load"], sum(c["memory"].values()))):
        if not any(no_more(other, candidate) for other in kept):
            kept.append(candidate)
    return kept


def replaces(first, second, hosts, on):
    """Whether a machine does all that another one does, for no higher price."""
    own, others = hosts[first], hosts[second]
    if own["breaks"][0][1] > others["breaks"][0][1] or own["pools"].keys() != others["pools"].keys():
        return False
    if any(room(*own["pools"][pool]) < room(*others["pools"][pool]) for pool in own["pools"]):
        return False
    return all(
        any(no_more(better, candidate) for better in on[first].get(name, ()))
        for name, candidates in on[second].items()
        for candidate in candidates
    )


def smaller(hosts, workloads, slots, known):
    """For one unit without limits on price and power, with one price for every quantity, and a plan of known cost: hosts
    and candidates that are enough for the best plan, and how many of each host it may hold.

    Left out: candidates that another one on the host can stand in for, machines that another one replaces for no higher
    price, and machines of which a single one costs more than the known plan.
    """
    on = {key: {} for key in hosts}
    for name, found in workloads.items():
        for number, candidate in found.items():
            on[candidate["host"]].setdefault(name, []).append({**candidate, "number": number})
    on = {key: {name: least(found) for name, found in mine.items()} for key, mine in on.items()}
    kept = []
    for key in sorted((k for k in hosts if hosts[k]["breaks"][0][1] <= known), key=lambda k: hosts[k]["breaks"][0][1]):
        # Of two that replace each other the first is kept.
        if any(replaces(other, key, hosts, on) for other in kept):
            continue
        kept = [other for other in kept if not replaces(key, other, hosts, on)] + [key]
    workloads = {
        name: {c["number"]: c for key in kept for c in on[key].get(name, ())} for name in workloads
    }
    copies = {key: min(slots, len(workloads), known // hosts[key]["breaks"][0][1]) for key in kept}
    return {key: hosts[key] for key in kept}, workloads, copies


def build(text, scenario, known=None):
    """The model of a scenario, without what no plan of a known cost needs if one is given; nothing when it is too large.
    Costs in cents."""
    limits = scenario.get("limits", {})
    slots = limits.get("devices", 1)
    counts = {site["name"]: site.get("count", 1) for site in scenario["sites"]}
    model, pieces, used = Model(), {}, {}
    sites = table(text)
    alike = {name: dict.fromkeys(hosts, min(slots, len(found))) for name, (hosts, found) in sites.items()}
    if known is not None:
        [(name, (hosts, workloads))] = sites.items()
        hosts, workloads, alike[name] = smaller(hosts, workloads, slots, known)
        sites[name] = (hosts, workloads)
    elif sum(len(found) for _, workloads in sites.values() for found in workloads.values()) * slots > TOO_MANY:
        return None
    for name, (hosts, workloads) in sites.items():
        devices = {}
        for key in hosts:
            devices[key] = [model.variable() for _ in range(alike[name][key])]
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
        on = {key: [[] for _ in own] for key, own in devices.items()}
        for found in workloads.values():
            places = []
            for candidate in found.values():
                for copy in range(len(devices[candidate["host"]])):
                    x = model.variable()
                    places.append((x, 1))
                    on[candidate["host"]][copy].append((x, candidate))
            model.row(places, 1, 1)
        for key, host in hosts.items():
            for copy, device in enumerate(devices[key]):
                hosted = on[key][copy]
                for pool, (system, capacity) in host["pools"].items():
                    free = room(system, capacity)
                    model.row([(x, c["memory"][pool]) for x, c in hosted] + [(device, -free)], None, 0)
                loads = [(x, c["load"]) for x, c in hosted]
                model.row(loads + [(device, -MOST_LOAD)], None, 0)
                for x, candidate in hosted:
                    if "latency" in candidate:
                        alone, target = candidate["latency"]
                        total = PPM - -(-alone * PPM // target) + candidate["load"]
                        free = max(0, MOST_LOAD - total)
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
    return elapsed, value, solver.best_objective_bound, solver.status_name(status)


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
    return elapsed, round(info.objective_function_value) if found else None, info.mip_dual_bound, status


def measured(solve, model, limit):
    """Runs in the process of its own: the answer, and the most memory that was taken."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    answer = solve(model, limit)
    return answer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def apart(solve, model, limit):
    """Each solver in a process of its own: the two packages bring different libraries of one name."""
    context = multiprocessing.get_context("spawn")
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            answer, peak = pool.submit(measured, solve, model, limit).result()
        except (concurrent.futures.process.BrokenProcessPool, MemoryError):
            return time.monotonic() - start, None, None, "out of memory"
    rest = time.monotonic() - start - answer[0]
    print(f"{solve.__name__}: {rest:.1f} s to hand the model over, {peak / 1e6:.0f} MB", file=sys.stderr)
    return answer


def timed(command, folder):
    start = time.monotonic()
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return time.monotonic() - start, answer.stdout


def edgemem(binary, folder, words, limit, runs):
    """Times of the whole process, and what it takes beyond a process that does everything but search.

    Two come near to that: `candidates`, which also writes them down, and a plan whose search ends as soon as it looks at
    the clock. The faster of the two counts; the second only if it was ended before it had a plan.
    """
    plan = [binary, "plan", *words, "--alternatives", "0", "--compare", "never", "--format", "json", "--time-limit"]
    whole, candidates, ended = [], [], []
    for _ in range(runs):
        candidates.append(timed([binary, "candidates", *words, "--format", "csv"], folder)[0])
        elapsed, answer = timed([*plan, "0.000001"], folder)
        if json.loads(answer)["status"] == "unknown":
            ended.append(elapsed)
        elapsed, answer = timed([*plan, str(limit)], folder)
        whole.append(elapsed)
        if elapsed > limit / 2:
            break
    total = statistics.median(whole)
    beyond = max(0, total - min(statistics.median(times) for times in (candidates, ended) if times))
    objective = json.loads(answer)["objective"]
    if not objective:
        return total, beyond, None, None, "UNKNOWN"
    value, bound = round(objective["value"] * 100), round(objective["bound"] * 100)
    return total, beyond, value, bound, "OPTIMAL" if value == bound else "FEASIBLE"


def told(value, bound, status):
    if value is None:
        return f"no plan ({status.lower()})"
    if status == "OPTIMAL":
        return f"{value / 100:.2f}"
    return f"{value / 100:.2f}, bound {bound / 100:.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--only")
    parser.add_argument("--solver")
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    print("| question | candidates | edgemem | of that the search | CP-SAT | HiGHS |\n|---|---:|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        scenarios.write(folder)
        for name, less in (("robot", 0), ("twenty", 0), ("twenty", 1), ("fleet", 0), ("hundred", 1)):
            if arguments.only not in (None, name):
                continue
            words = [f"{name}.yaml"] + (["--prices", "fleet.csv"] if name == "fleet" else [])
            _, text = timed([binary, "candidates", *words, "--format", "csv"], folder)
            count = len({row["candidate"] for row in csv.DictReader(io.StringIO(text))})
            whole, beyond, *ours = edgemem(binary, folder, words, arguments.limit, RUNS)
            start = time.monotonic()
            known = ours[0] if less else None
            model = build(text, yaml.safe_load(pathlib.Path(folder, f"{name}.yaml").read_text()), known)
            if model:
                binaries = sum(most == 1 for most in model.bounds)
                told_of = f"{name}: {binaries} binaries, {len(model.rows)} rows"
                print(f"{told_of}{', less' * less}, built in {time.monotonic() - start:.1f} s", file=sys.stderr)
            theirs = []
            for solve in (cp_sat, highs):
                runs = []
                if arguments.solver in (None, solve.__name__):
                    while model and len(runs) < RUNS and (not runs or runs[-1][0] < 2):
                        runs.append(apart(solve, model, arguments.limit))
                runs.sort(key=lambda run: run[0])
                elapsed, *answer = runs[len(runs) // 2] if runs else (None, None)
                theirs.append("not asked" if elapsed is None else f"{elapsed:.3f} s, {told(*answer)}")
            cells = [name + ", less" * less, str(count), f"{whole:.3f} s, {told(*ours)}", f"{beyond:.3f} s", *theirs]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
