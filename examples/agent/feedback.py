"""Sends scores, a ranking and a lock for one session to Gleaner's feedback service, and prints the answer to each item.

The stubs `gleaner.feedback.v1` are generated from ../../proto; the command is in README.md.
"""

import os
import sys

import grpc

from gleaner.feedback.v1 import feedback_pb2 as feedback
from gleaner.feedback.v1 import feedback_pb2_grpc

REVIEWER = "pat"
CYCLE = 1
SCORES = {
    "A": (9, "Clear, and names the date."),
    "B": (7, ""),
    "C": (8, "Good opening."),
    "D": (3, "Not for customers; no date."),
}
RANKING = [["A"], ["B", "C"], ["D"]]
LOCKED = "A"


def items(session):
    """The keys make it harmless to run this twice."""

    def item(name, **kind):
        key = f"{session}/{name}"
        return feedback.Item(idempotency_key=key, reviewer=REVIEWER, source=feedback.SOURCE_HUMAN, **kind)

    def target(lineage):
        return feedback.Target(session=session, lineage=lineage, cycle=CYCLE)

    for lineage, (score, comment) in SCORES.items():
        evaluation = feedback.Evaluation(target=target(lineage), score=score, comment=comment)
        yield f"score {lineage} {score}", item(f"score-{lineage}", evaluation=evaluation)

    groups = [feedback.Ranking.Group(targets=[target(lineage) for lineage in group]) for group in RANKING]
    ranking = feedback.Comparison(session=session, cycle=CYCLE, ranking=feedback.Ranking(groups=groups))
    yield "ranking A > B = C > D", item("ranking", comparison=ranking)

    lock = feedback.Comparison(session=session, cycle=CYCLE, lock=feedback.Lock(locked=[target(LOCKED)]))
    yield f"lock {LOCKED}", item("lock", comparison=lock)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python feedback.py SESSION   (agent.py prints the session)")
    names, messages = zip(*items(sys.argv[1]))
    address = os.environ.get("GLEANER_API", "127.0.0.1:4319")
    with grpc.insecure_channel(address) as channel:
        stub = feedback_pb2_grpc.FeedbackServiceStub(channel)
        try:
            response = stub.Submit(feedback.SubmitRequest(items=messages), timeout=30)
        except grpc.RpcError as error:
            sys.exit(f"{address} does not take feedback: {error.code().name}: {error.details()}")
    refused = 0
    for name, result in zip(names, response.results, strict=True):
        status = feedback.ItemResult.Status.Name(result.status)
        refused += status not in ("ACCEPTED", "REPEATED")
        print(f"{name:<24} {status:<10} {result.item_id} {result.field} {result.message}".rstrip())
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
