"""What the clients' checks have in common: they are counted and told, and the first that fails ends the program."""

done = 0


def check(condition, what):
    """Tells that `what` holds, or ends the program."""
    global done
    done += 1
    assert condition, what
    print("ok ", what)


def refused(what, call, *reasons):
    """Checks that `call` fails for one of `reasons`, and names no path of the server."""
    try:
        call()
    except Exception as error:  # noqa: BLE001: whatever the client makes of the status
        text = str(error)
        check(any(reason in text for reason in reasons), f"refused: {what}: {text[:140]!r}")
        check("store.duckdb" not in text and "/journal" not in text, "… and no path in it")
        return
    raise AssertionError(f"not refused: {what}")


def passed():
    """Tells how many there were."""
    print(f"{done} checks passed")
