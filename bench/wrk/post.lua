-- A POST of the 70 bytes of JSON that bench/works.py names.
dofile("report.lua")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("BENCH_ECHO_BODY")
