-- What wrk counted, as one line of JSON that bench/load.py reads. Run with this directory as the current one.
function done(summary, latency, requests)
   io.write(string.format(
      'RESULT {"requests": %d, "bytes": %d, "seconds": %.6f, "connect_errors": %d, "read_errors": %d, ' ..
      '"write_errors": %d, "timeouts": %d, "status_errors": %d, "latency_p50_us": %.0f, "latency_p99_us": %.0f}\n',
      summary.requests, summary.bytes, summary.duration / 1e6, summary.errors.connect, summary.errors.read,
      summary.errors.write, summary.errors.timeout, summary.errors.status,
      latency:percentile(50), latency:percentile(99)))
end
