#!/usr/bin/env bash
# Apache (Debian's apache2 2.4.71-1~deb12u1) says of `ProxyPass … nocanon` that the path goes to the service "raw". It does, but for slashes
# at its beginning, which are one by then, also with `MergeSlashes Off`: they are dropped as the request is read. Without `nocanon`,
# paths are decoded and resolved first. Seen:
#
#   sent                      nocanon                   without
#   /a//b                     /a//b                     /a/b
#   /a/%2e%2e/b               /a/%2e%2e/b               /b
#   /%61                      /%61                      /a
#   //a                       /a                        /a
#   ///a                      /a                        /a
#
# Why it matters here: the layer never excludes `//public/x`, and behind Apache that is `/public/x`, which it may exclude. Nothing else is
# opened, but what one sees in Apache's log is not what the layer has judged (docs/proxies.md).
#
# Usage: findings/apache-nocanon-drops-leading-slashes.sh   Needs Python 3, and Debian's apache2. Fails if any of this changes.
set -euo pipefail
PATH="$PATH:/usr/sbin"
room="$(mktemp -d)"
servers=()
trap '[ ${#servers[@]} = 0 ] || kill "${servers[@]}"; wait; rm -rf "$room"' EXIT
chmod 755 "$room"
cd "$room"

cat >echo.py <<'PYTHON'
import socketserver
import sys


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        target = self.rfile.readline().split()[1]
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(target), target))


socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
PYTHON
read -r behind raw canonical < <(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(it.getsockname()[1] for it in free))')
python3 echo.py "$behind" & servers+=($!)

serve() {
  local name=$1 port=$2 nocanon=$3 module
  mkdir "$name"
  {
    for module in mpm_event authz_core proxy proxy_http; do
      echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
    done
    printf '%s\n' "DefaultRuntimeDir $room/$name" "PidFile $room/$name/pid" "Mutex file:$room/$name" "ErrorLog $room/$name/log" \
      'User nobody' 'Group nogroup' 'ServerName test' "Listen 127.0.0.1:$port" 'MergeSlashes Off' \
      "ProxyPass / http://127.0.0.1:$behind/ $nocanon"
  } >"$name/config"
  if [ -z "$nocanon" ]; then sed -i '/MergeSlashes/d' "$name/config"; fi
  apache2 -D FOREGROUND -f "$room/$name/config" & servers+=($!)
}
serve raw "$raw" nocanon
serve canonical "$canonical" ''

python3 - "$raw" "$canonical" >seen <<'PYTHON'
import socket
import sys
import time


def passed(port, target):
    for _ in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", int(port)))
            break
        except OSError:
            time.sleep(0.1)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while chunk := connection.recv(4096):
        answer += chunk
    return answer.split(b"\r\n\r\n")[1].decode()


for target in ["/a//b", "/a/%2e%2e/b", "/%61", "//a", "///a"]:
    print(target, *(passed(port, target) for port in sys.argv[1:]))
PYTHON
apache2 -v | head -n 1
cat seen

expect() { grep -qxF "$1" seen || { echo "this has changed: no more \"$1\"" >&2; exit 1; }; }
expect '/a//b /a//b /a/b'
expect '/a/%2e%2e/b /a/%2e%2e/b /b'
expect '/%61 /%61 /a'
expect '//a /a /a'
expect '///a /a /a'
