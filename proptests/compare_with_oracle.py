#!/usr/bin/env python3
"""Compares the validator with the design's executable model (qasr.py) on histories that were exchanged as files.

    cargo run -p parv-proptests --example histories -- 0 2000 | ./compare_with_oracle.py path/to/qasr.py --rule-0006

Reads one history a line (fixtures/README.md). Histories with an unban or a vote on a device are left out, since the model
knows only one kind of unban (decision 0002) and no devices. --rule-0006 adds decision 0006 to the model: what makes a vote stale is knowing a control event that it
does not know, and a text is known to whoever knows what its author knew. Ends with an error if they differ in roles or in what is undecided.
"""
import json
import sys
import types
from collections import Counter

STALE = "if g.par(k,v) and "
RULE_0006 = STALE + "any(g.c[x][1] not in('msg','merge') and g.le(x,k) and not g.le(x,v) for x in L) and "
WHO = "up=[k for k in L if g.le(x,k) and not g.le(y,k)]"
TEXTS_0006 = "up=[k for k in L if g.knows(k,x) and not g.knows(k,y)]"
VOTERS = "if not g.le(y,v) and not g.le(v,y)]"
VOTERS_0006 = "if not g.knows(v,y) and not g.le(v,y)]"


def load(path, rule_0006):
    source = open(path).read()
    if rule_0006:
        for theirs, ours in [(STALE, RULE_0006), (WHO, TEXTS_0006), (VOTERS, VOTERS_0006)]:
            assert source.count(theirs) == 1, f"the model does not look as expected: {theirs}"
            source = source.replace(theirs, ours)
    oracle = types.ModuleType("qasr")
    exec(compile(source, path, "exec"), oracle.__dict__)
    oracle.Dag.knows = knows
    return oracle


def knows(graph, k, x):
    """Whether k knows x; of what changes nothing, only what its author knew counts."""
    is_control = lambda event: graph.c[event][1] not in ("msg", "merge")
    if is_control(x):
        return graph.le(x, k)
    return all(graph.le(event, k) for event in graph.bits(graph.anc[x]) if is_control(event))


def brings_certificate(graph, alive, closure, step, devices):
    """Whether the author's device is unknown in the state of this past, so that its certificate rides along."""
    who = step["who"]
    ends = [e for e in alive if closure >> e & 1 and (graph.c[e][:2] == (who, "leave") or graph.c[e][1:3] == ("ban", who))]
    return not any(
        devices[e] == (who, step.get("device", 0)) and all(graph.le(end, e) for end in ends)
        for e in alive
        if closure >> e & 1 and graph.c[e][1] not in ("msg", "merge", "leave")
    )


def came_back(history):
    """Whether somebody leaves and joins again: the model lets them be an admin still, while here a leave ends everything."""
    gone = set()
    for step in history["events"]:
        if step["does"] == "leave":
            gone.add(step["who"])
        elif step["does"] == "join" and step["who"] in gone:
            return True
    return False


def deed(step):
    words = {"begin": "init", "text": "msg"}
    argument = step.get("whom")
    return words.get(step["does"], step["does"]), (step["kind"], argument) if step["does"] == "vote" else argument


def main():
    oracle = load(sys.argv[1], "--rule-0006" in sys.argv[2:])
    seen = Counter()
    for line in sys.stdin:
        history = json.loads(line)
        if any("unban" in (step["does"], step.get("kind")) for step in history["events"]):
            seen["histories with an unban, left out"] += 1
            continue
        if any("whose_device" in step for step in history["events"]):
            seen["histories with votes on devices, left out"] += 1
            continue
        seen["histories"] += 1
        # qasr.py looks at a graph of this name.
        graph = oracle.__dict__["g"] = oracle.Dag()
        devices = []
        for step in history["events"]:
            kind, argument = deed(step)
            past = graph.closure(step["on"])
            if kind == "msg" and brings_certificate(graph, graph.resolve(past).alive, past, step, devices):
                kind = "certificate"
            devices.append((step["who"], step.get("device", 0)))
            graph.add(step["who"], kind, argument, tuple(step["on"]), tag=step["id"])
        for outcome in history["outcomes"]:
            state = graph.resolve(graph.closure(outcome["heads"]))
            plain = sorted(u for u in state.members if u not in state.admins)
            theirs = (sorted(state.admins), plain, sorted(state.invited), sorted(state.banned), sorted(state.undecided))
            ours = (sorted(outcome["admins"]), outcome["members"], outcome["invited"])
            ours += (sorted(map(int, outcome["banned"])), outcome["undecided"])
            seen["states"] += 1
            if theirs != ours and came_back(history):
                seen["states that differ where somebody left and came back"] += 1
            elif theirs != ours:
                seen["states that differ"] += 1
                if seen["states that differ"] <= 5:
                    print(f"history {seen['histories']}, heads {outcome['heads']}: oracle {theirs}, validator {ours}")
            elif list(state.admins) != outcome["admins"]:
                seen["states with another order of admins"] += 1
    for what, count in seen.items():
        print(f"{count} {what}")
    return 1 if seen["states that differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
