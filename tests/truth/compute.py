#!/usr/bin/env python3
"""Computes expected.json from story.json by the rules of the README and of the feedback's semantics, and by nothing of the program.

    python tests/truth/compute.py          # writes expected.json; needs `blake3`, for the ids of rows and for splits

Names are session/lineage/cycle/number. What the rules say, in short: a lineage's last good attempt stands for it in a cycle; a later score of
one reviewer replaces the earlier; strict differences of a ranking, choices, locks, gaps of 2 in one reviewer's scores, and corrections make
pairs; the majority of distinct reviewers decides, even counts reject; failed attempts make none; one content goes once, the earliest; opposite
opinions on one content likewise by majority.
"""

import json
import os
from collections import defaultdict

from blake3 import blake3

HERE = os.path.dirname(os.path.abspath(__file__))
STORY = json.load(open(os.path.join(HERE, "story.json"), encoding="utf-8"))
ATTEMPTS = {"{session}/{lineage}/{cycle}/{number}".format(**a): a for a in STORY["attempts"]}
START = {name: place for place, name in enumerate(ATTEMPTS)}  # they start one after the other
BY_MARGIN = ["ranking", "pairwise", "score", "lock", "correction"]


def ok(name):
    return ATTEMPTS[name].get("status", "ok") == "ok"


def stands_for(session, lineage, cycle, number=None):
    """The attempt that a target means: the one named, else the last good one, else the last."""
    names = [n for n, a in ATTEMPTS.items() if (a["session"], a["lineage"], a["cycle"]) == (session, lineage, cycle)]
    if number is not None:
        return next(n for n in names if ATTEMPTS[n]["number"] == number)
    return max(names, key=lambda n: (ok(n), ATTEMPTS[n]["number"]))


def said(selection):
    """Feedback in force within the selection: not retracted, of the sources and reviewers asked for."""
    retracted = {item["retract"] for item in STORY["feedback"] if "retract" in item}
    latest, others = {}, []
    for item in STORY["feedback"]:
        if item["id"] in retracted or "retract" in item:
            continue
        if "score" in item:
            attempt = stands_for(item["session"], item["lineage"], item["cycle"], item.get("number"))
            latest[(item["reviewer"], attempt, item.get("criterion"))] = {**item, "attempt": attempt}
        else:
            others.append(item)
    items = list(latest.values()) + others
    sources, reviewers = selection.get("source"), selection.get("select", {}).get("reviewer")
    return [i for i in items if (not sources or i["source"] in sources) and (not reviewers or i["reviewer"] in reviewers)]


def votes(selection):
    """(better, worse, rule, margin, reviewer); a correction's better side is ("text", attempt, text)."""
    criterion = selection.get("select", {}).get("criterion")
    items = [i for i in said(selection) if i.get("criterion") == criterion]
    out = []
    for item in items:
        who = (item["reviewer"], item["source"])
        at = lambda lineage: stands_for(item["session"], lineage, item["cycle"])  # noqa: E731
        if "ranking" in item:
            place = {lineage: rank for rank, group in enumerate(item["ranking"]) for lineage in group}
            out += [(at(b), at(w), "ranking", float(place[w] - place[b]), who) for b in place for w in place if place[b] < place[w]]
        if "prefer" in item:
            out.append((at(item["prefer"][0]), at(item["prefer"][1]), "pairwise", 1.0, who))
        if "lock" in item:
            there = {a["lineage"] for a in STORY["attempts"] if (a["session"], a["cycle"]) == (item["session"], item["cycle"])}
            over = item["over"] or sorted(there - set(item["lock"]))
            out += [(at(b), at(w), "lock", 1.0, who) for b in item["lock"] for w in over]
        if "correction" in item:
            of = at(item["lineage"])
            out.append((("text", of, item["correction"]), of, "correction", 1.0, who))
    scores = [i for i in items if "score" in i and i["attempt"] == stands_for(i["session"], i["lineage"], i["cycle"])]
    for b in scores:
        for w in scores:
            same = all(b[key] == w[key] for key in ("session", "cycle", "reviewer", "source"))
            if same and b["lineage"] != w["lineage"] and b["score"] - w["score"] >= 2:
                out.append((b["attempt"], w["attempt"], "score", float(b["score"] - w["score"]), (b["reviewer"], b["source"])))
    return [v for v in out if ok(v[1]) and (isinstance(v[0], tuple) or ok(v[0]))]


def attempt_of(side):
    return side[1] if isinstance(side, tuple) else side


def answer(side):
    return side[2] if isinstance(side, tuple) else ATTEMPTS[side]["answer"]


def message(role, content):
    return {"role": role, "content": content}


def prompt(sides):
    systems = {STORY["systems"][ATTEMPTS[attempt_of(s)]["lineage"]] for s in sides}
    system = [message("system", systems.pop())] if len(systems) == 1 else []
    return system + [message("user", ATTEMPTS[attempt_of(sides[0])]["question"])]


def row_id(kind, content):
    parts = ["row", kind, json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)]
    return blake3(b"".join(len(p.encode()).to_bytes(8, "little") + p.encode() for p in parts)).hexdigest()[:32]


def side_of_split(selection, session):
    hygiene = selection.get("hygiene", {})
    if "split" not in hygiene:
        return None
    seed = hygiene["split_seed"].to_bytes(8, "little")
    point = (int.from_bytes(blake3(seed + session.encode()).digest()[:8], "big") >> 11) / 2**53
    for part in hygiene["split"].split(","):
        name, share = part.split("=")
        point -= float(share)
        if point < 0:
            return name


def session_of(side):
    return ATTEMPTS[attempt_of(side)]["session"]


def preference(selection):
    groups = defaultdict(list)
    for vote in votes(selection):
        groups[frozenset(vote[:2])].append(vote)
    rows, rejected = [], []
    for group in groups.values():
        names = sorted({attempt_of(side) for vote in group for side in vote[:2]})
        reject = lambda reason, names=names: rejected.append({"reason": reason, "attempts": names})  # noqa: E731
        first, second = group[0][:2]
        for_first = [v for v in group if v[0] == first]
        for_second = [v for v in group if v[0] == second]
        count = lambda side: len({v[4] for v in side})  # noqa: E731
        if count(for_first) == count(for_second):
            reject("contested")
            continue
        winners, losers = (for_first, for_second) if count(for_first) > count(for_second) else (for_second, for_first)
        best, worse = winners[0][:2]
        if ATTEMPTS[attempt_of(best)]["question"] != ATTEMPTS[attempt_of(worse)]["question"]:
            reject("prompts_differ")
            continue
        if answer(best).strip() == answer(worse).strip():
            reject("chosen_equals_rejected")
            continue
        rule = next(rule for rule in BY_MARGIN if any(v[2] == rule for v in winners))
        margins = [v[3] for v in winners if v[2] == rule]
        row = {
            "chosen": None if isinstance(best, tuple) else best,
            "rejected": worse,
            "margin": sum(margins) / len(margins),
            "rules": ",".join(sorted({v[2] for v in winners})),
            "votes": count(winners),
            "votes_against": count(losers),
        }
        if row["margin"] < selection.get("hygiene", {}).get("min_margin", 0):
            reject("margin_too_small")
            continue
        content = {"prompt": prompt([best, worse]), "chosen": [message("assistant", answer(best))], "rejected": [message("assistant", answer(worse))], "tools": []}
        rows.append({"row": row, "sides": (best, worse), "names": names, "content": content, "who": {v[4] for v in winners}})
    return decide_pairs(selection, rows, rejected)


def decide_pairs(selection, rows, rejected):
    hygiene = selection.get("hygiene", {})

    def out(one, reason):
        rejected.append({"reason": reason, "attempts": one["names"]})

    # Opposite opinions on one content, whoever's attempts they are of.
    opinions = defaultdict(lambda: defaultdict(set))
    for one in rows:
        sides = (answer(one["sides"][0]), answer(one["sides"][1]))
        one["about"] = (json.dumps(one["content"]["prompt"]), *sorted(sides))
        one["opinion"] = sides[0] < sides[1]
        opinions[one["about"]][one["opinion"]] |= one["who"]
    standing = []
    for one in rows:
        held = opinions[one["about"]]
        if len(held) == 2 and len(held[one["opinion"]]) <= len(held[not one["opinion"]]):
            out(one, "contested")
        else:
            standing.append(one)
    # One content goes once: the earliest.
    seen, kept, duplicates = set(), [], []
    for one in sorted(standing, key=lambda one: min(START[name] for name in one["names"])):
        one["id"] = row_id("preference", one["content"])
        (duplicates if one["id"] in seen else kept).append(one)
        seen.add(one["id"])
    for one in duplicates:
        out(one, "duplicate")
    # Place among the pairs of one session and question; what was said in a duplicate was said all the same.
    beats = defaultdict(set)
    for one in kept + duplicates:
        comparison = (session_of(one["sides"][0]), one["content"]["prompt"][-1]["content"])
        one["edge"] = [(comparison, side) for side in one["sides"]]
        beats[one["edge"][0]].add(one["edge"][1])
    beaten = set().union(*beats.values()) if beats else set()
    taken = []
    for one in kept:
        chosen, worse = one["edge"]
        between = any(worse in beats[middle] for middle in beats[chosen] - {worse})
        if (hygiene.get("pairs") == "adjacent" and between) or (hygiene.get("pairs") == "best-vs-rest" and chosen in beaten):
            out(one, "pair_rule")
        else:
            taken.append(one)
    limit, of_session, rows = hygiene.get("max_pairs_per_session"), defaultdict(int), []
    for one in sorted(taken, key=lambda one: one["id"]):
        session = session_of(one["sides"][0])
        of_session[session] += 1
        if limit and of_session[session] > limit:
            out(one, "session_limit")
        else:
            rows.append({**one["row"], "split": side_of_split(selection, session)})
    return rows, rejected


def singles(kind, selection):
    """sft and kto: one candidate for an attempt with an overall score, and one (kto: two) for a correction."""
    items = [i for i in said(selection) if i.get("criterion") is None]
    rows, rejected = [], []

    def put(name, fact, allowed=True):
        if not allowed:
            rejected.append({"reason": "failed_attempt", "attempts": [name]})
        else:
            split = side_of_split(selection, ATTEMPTS[name]["session"])
            rows.append({"attempt": name, **fact, "split": split})

    for name in ATTEMPTS:
        scores = [i["score"] for i in items if i.get("attempt") == name]
        if scores:
            score = min(scores) if selection.get("score_rule") == "min" else sum(scores) / len(scores)
            good, allowed = score >= selection.get("score_threshold", 8.0), ok(name) or selection.get("include_failed", False)
            if kind == "sft" and good:
                put(name, {"origin": "score", "score": float(score)}, allowed)
            if kind == "kto" and not good and score > 4 and allowed:
                rejected.append({"reason": "score_in_the_middle", "attempts": [name]})
            elif kind == "kto":
                put(name, {"origin": "score", "score": float(score), "label": good}, allowed)
        for item in items:
            if "correction" in item and stands_for(item["session"], item["lineage"], item["cycle"]) == name:
                if kind == "kto":
                    put(name, {"origin": "correction", "score": None, "label": False})
                put(name, {"origin": "correction", "score": None, **({"label": True} if kind == "kto" else {})})
    return rows, rejected


def main():
    order = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
    expected = []
    for export in STORY["exports"]:
        make = preference if export["kind"] == "preference" else lambda s, k=export["kind"]: singles(k, s)
        rows, rejected = make(export["selection"])
        expected.append({"name": export["name"], "rows": sorted(rows, key=order), "rejected": sorted(rejected, key=order)})
    with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
