"""A stand-in for an OpenAI-compatible server, so that the example runs without an API key.

It knows one conversation: asked a question, it calls the tool `search_notes`; given the tool's result, it answers in the
style that the system prompt asks for. The same request always gets the same answer.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "bullet": "Release 2.4:\n- exports are three times faster\n- dark mode follows the system\n- upgrade before 1 March",
    "paragraph": "Release 2.4 makes exports three times faster and adds a dark mode that follows the system; "
    "please upgrade before 1 March, when 2.2 reaches its end.",
    "headline": "Exports, three times faster.\n\nRelease 2.4 is here, with dark mode. Upgrade before 1 March.",
    "joke": "We taught exports to run. They now do it three times faster, even in the dark (mode).",
}


def start():
    """Serves on a free local port until the program ends; returns the base URL for the client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps(_complete(json.loads(body), hashlib.sha256(body).hexdigest())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Keeps the terminal for the agent."""


def _complete(request, digest):
    messages = request["messages"]
    if messages[-1]["role"] == "tool":
        style = next((style for style in ANSWERS if style in messages[0]["content"]), "paragraph")
        message, finish = {"role": "assistant", "content": ANSWERS[style]}, "stop"
    else:
        function = {"name": "search_notes", "arguments": json.dumps({"query": "release 2.4"})}
        call = {"id": f"call_{digest[:12]}", "type": "function", "function": function}
        message, finish = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    read, written = len(json.dumps(messages)) // 4, len(json.dumps(message)) // 4
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
