"""nginx with one worker and canned answers: the limit that a web server in C sets.

It echoes nothing: the answer to the POST is a constant, and it does not wait for the body.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from options import HOST, parse

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    default_type "text/plain; charset=utf-8";
    server {{
        listen {host}:{port};
        location /files/ {{
            root {files};
            sendfile on;
            tcp_nopush on;
            default_type application/octet-stream;
        }}
        location = / {{ return 200 "Hello, World!"; }}
        location = /json {{ default_type application/json; return 200 '{greeting}'; }}
        location ~ ^/user/(?<name>[^/]+)$ {{ return 200 $name; }}
        location = /echo {{ default_type application/json; return 200 '{echo}'; }}
    }}
}}
"""

options = parse()
directory = Path(tempfile.mkdtemp(prefix="nginx-", dir=os.environ["BENCH_WORK_DIRECTORY"]))
configuration = directory / "nginx.conf"
configuration.write_text(
    CONFIGURATION.format(
        directory=directory,
        files=os.environ["BENCH_WORK_DIRECTORY"],
        host=HOST,
        port=options.port,
        greeting=json.dumps({"message": "Hello, World!"}),
        echo=os.environ["BENCH_ECHO_BODY"],
    )
)
os.chmod(directory, 0o755)
sys.stdout.flush()
os.execvp("nginx", ["nginx", "-p", str(directory), "-c", str(configuration), "-e", "stderr"])
