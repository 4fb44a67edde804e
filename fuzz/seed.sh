#!/bin/sh
# Seeds the corpora from the captures in tests/corpus and from small hand-made inputs.
set -eu
cd "$(dirname "$0")"
for target in protobuf normalize; do
    mkdir -p "corpus/$target"
    for file in ../tests/corpus/*/*.binpb ../crates/wire/tests/captures/*.binpb; do
        cp "$file" "corpus/$target/$(echo "$file" | tr / _)"
    done
done
# The packed captures: one zstd frame of a letter for the signal, four bytes of length, and the body, over and over.
for packed in ../tests/corpus/*/requests.zst; do
    zstd -dcq "$packed" | python3 -c '
import sys
data, at, number = sys.stdin.buffer.read(), 0, 0
while at < len(data):
    length = int.from_bytes(data[at + 1 : at + 5], "little")
    body, at, number = data[at + 5 : at + 5 + length], at + 5 + length, number + 1
    if length < 65536:
        for target in ("protobuf", "normalize"):
            open(f"corpus/{target}/{sys.argv[1]}-{number}", "wb").write(body)
' "$(basename "$(dirname "$packed")")"
done
mkdir -p corpus/json corpus/decompress corpus/recover
for file in ../crates/wire/tests/captures/*.json ../examples/*/*.json; do
    [ -f "$file" ] && cp "$file" "corpus/json/$(echo "$file" | tr / _)"
done
printf '{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":{"intValue":"7"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","kind":2,"startTimeUnixNano":"1","attributes":[{"key":"a","value":{"arrayValue":{"values":[{"doubleValue":"NaN"},{"kvlistValue":{"values":[{"key":"b","value":{"bytesValue":"-_8"}}]}}]}}}],"events":[{"timeUnixNano":1e9,"name":"\\ud83d\\ude00"}],"links":[{"traceId":"AA"}],"status":{"code":1}}]}]}]}' > corpus/json/spans
printf '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","severityNumber":9,"body":{"stringValue":"x\\u0000"},"eventName":"e"}]}]}]}' > corpus/json/logs
{ printf '\0'; printf 'some text, some text' | gzip -c; } > corpus/decompress/gzip
{ printf '\1'; printf 'some text, some text' | zstd -c 2>/dev/null || true; } > corpus/decompress/zstd
printf '\2\144\0\7' > corpus/recover/flip
printf '\1\100\0\7' > corpus/recover/flip-sealed
printf '\3\377\377\0' > corpus/recover/cut
mkdir -p corpus/guard
python3 - ../crates/query/tests/*.sql <<'END'
import hashlib, sys
for file in sys.argv[1:]:
    for entry in open(file).read().split("\n\n"):
        sql = "\n".join(line for line in entry.splitlines() if not line.startswith("#")).replace("/etc/passwd", "CANARY").replace("data.csv", "CANARY")
        if sql.strip():
            open(f"corpus/guard/{hashlib.sha1(sql.encode()).hexdigest()}", "w").write(sql)
END
