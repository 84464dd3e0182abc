#!/usr/bin/env bash
# Python's requests 2.28.1 (Debian 12): a PUT or PATCH that is answered with 301 is sent to the new
# address with the same method and WITHOUT its body. The server there sees a valid request to replace
# the resource by nothing, and the caller sees 200. (POST becomes GET, DELETE stays; 307 and 308 keep
# the body.) Go's net/http turns all of them into GET instead.
#
# Why it matters: Airflow's HttpOperator uses requests. A task that uploads a file empties it when
# somebody adds a redirect. Dingdag fails such a task and names the new address.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
/usr/bin/python3 -c 'import requests' 2>/dev/null || apt-get install -qq -y python3-requests >/dev/null
cat >"$dir/finding.py" <<'EOF'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/new":
            self.send_response(int(self.path[1:]))
            self.send_header("Location", "/new")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.command} {len(body)} bytes".encode())

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = answer


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("requests", requests.__version__)
for method in ("PUT", "PATCH", "POST"):
    for status in (301, 308):
        answer = requests.request(method, f"http://127.0.0.1:{server.server_port}/{status}", data="report")
        print(method, status, "->", answer.status_code, answer.text)
EOF
/usr/bin/python3 "$dir/finding.py" | tee "$dir/out"
diff "$dir/out" - <<'EOF'
requests 2.28.1
PUT 301 -> 200 PUT 0 bytes
PUT 308 -> 200 PUT 6 bytes
PATCH 301 -> 200 PATCH 0 bytes
PATCH 308 -> 200 PATCH 6 bytes
POST 301 -> 200 GET 0 bytes
POST 308 -> 200 POST 6 bytes
EOF
echo "as found"
