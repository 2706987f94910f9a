"""The names of methods and header fields, as constants.

Only spelling: what a field means is known to the module that reads it. The constants are called as in
aiohttp's ``hdrs``. The names of fields are `multidict.istr`, which carries its own folded form: a lookup
in a ``CIMultiDict`` by one of them does not have to fold it again.
"""

from typing import Final

from multidict import istr

# Methods (RFC 9110, section 9; RFC 5789).
METH_ANY: Final = "*"
METH_GET: Final = "GET"
METH_HEAD: Final = "HEAD"
METH_POST: Final = "POST"
METH_PUT: Final = "PUT"
METH_PATCH: Final = "PATCH"
METH_DELETE: Final = "DELETE"
METH_CONNECT: Final = "CONNECT"
METH_OPTIONS: Final = "OPTIONS"
METH_TRACE: Final = "TRACE"
METH_ALL: Final = frozenset(
    {
        METH_GET,
        METH_HEAD,
        METH_POST,
        METH_PUT,
        METH_PATCH,
        METH_DELETE,
        METH_CONNECT,
        METH_OPTIONS,
        METH_TRACE,
    }
)

# Messages, connections and routing (RFC 9110, section 7; RFC 9112).
CONNECTION: Final = istr("Connection")
DATE: Final = istr("Date")
HOST: Final = istr("Host")
KEEP_ALIVE: Final = istr("Keep-Alive")
MAX_FORWARDS: Final = istr("Max-Forwards")
TE: Final = istr("TE")
TRAILER: Final = istr("Trailer")
TRANSFER_ENCODING: Final = istr("Transfer-Encoding")
UPGRADE: Final = istr("Upgrade")
VIA: Final = istr("Via")
FORWARDED: Final = istr("Forwarded")
EARLY_DATA: Final = istr("Early-Data")
PRIORITY: Final = istr("Priority")
ALT_SVC: Final = istr("Alt-Svc")
ALT_USED: Final = istr("Alt-Used")
CDN_LOOP: Final = istr("CDN-Loop")
PROXY_AUTHENTICATE: Final = istr("Proxy-Authenticate")
PROXY_AUTHENTICATION_INFO: Final = istr("Proxy-Authentication-Info")
PROXY_AUTHORIZATION: Final = istr("Proxy-Authorization")

# The representation (RFC 9110, section 8).
CONTENT_DISPOSITION: Final = istr("Content-Disposition")
CONTENT_ENCODING: Final = istr("Content-Encoding")
CONTENT_ID: Final = istr("Content-ID")
CONTENT_LANGUAGE: Final = istr("Content-Language")
CONTENT_LENGTH: Final = istr("Content-Length")
CONTENT_LOCATION: Final = istr("Content-Location")
CONTENT_MD5: Final = istr("Content-MD5")
CONTENT_DIGEST: Final = istr("Content-Digest")
CONTENT_RANGE: Final = istr("Content-Range")
CONTENT_TRANSFER_ENCODING: Final = istr("Content-Transfer-Encoding")
CONTENT_TYPE: Final = istr("Content-Type")
ETAG: Final = istr("Etag")
LAST_MODIFIED: Final = istr("Last-Modified")
LINK: Final = istr("Link")
DIGEST: Final = istr("Digest")
REPR_DIGEST: Final = istr("Repr-Digest")
WANT_DIGEST: Final = istr("Want-Digest")
WANT_CONTENT_DIGEST: Final = istr("Want-Content-Digest")
WANT_REPR_DIGEST: Final = istr("Want-Repr-Digest")

# What a client asks, and about whom (RFC 9110, sections 10 to 14).
ACCEPT: Final = istr("Accept")
ACCEPT_CHARSET: Final = istr("Accept-Charset")
ACCEPT_ENCODING: Final = istr("Accept-Encoding")
ACCEPT_LANGUAGE: Final = istr("Accept-Language")
AUTHORIZATION: Final = istr("Authorization")
COOKIE: Final = istr("Cookie")
DESTINATION: Final = istr("Destination")
EXPECT: Final = istr("Expect")
FROM: Final = istr("From")
IF_MATCH: Final = istr("If-Match")
IF_MODIFIED_SINCE: Final = istr("If-Modified-Since")
IF_NONE_MATCH: Final = istr("If-None-Match")
IF_RANGE: Final = istr("If-Range")
IF_UNMODIFIED_SINCE: Final = istr("If-Unmodified-Since")
ORIGIN: Final = istr("Origin")
RANGE: Final = istr("Range")
REFERER: Final = istr("Referer")
USER_AGENT: Final = istr("User-Agent")

# What a server answers (RFC 9110, sections 10 to 15).
ACCEPT_RANGES: Final = istr("Accept-Ranges")
ALLOW: Final = istr("Allow")
AUTHENTICATION_INFO: Final = istr("Authentication-Info")
LOCATION: Final = istr("Location")
RETRY_AFTER: Final = istr("Retry-After")
SERVER: Final = istr("Server")
SET_COOKIE: Final = istr("Set-Cookie")
VARY: Final = istr("Vary")
WWW_AUTHENTICATE: Final = istr("WWW-Authenticate")
URI: Final = istr("URI")

# Caches (RFC 9111, RFC 9211, RFC 9213).
AGE: Final = istr("Age")
CACHE_CONTROL: Final = istr("Cache-Control")
CACHE_STATUS: Final = istr("Cache-Status")
CDN_CACHE_CONTROL: Final = istr("CDN-Cache-Control")
EXPIRES: Final = istr("Expires")
PRAGMA: Final = istr("Pragma")
WARNING: Final = istr("Warning")

# WebSocket (RFC 6455).
SEC_WEBSOCKET_ACCEPT: Final = istr("Sec-WebSocket-Accept")
SEC_WEBSOCKET_EXTENSIONS: Final = istr("Sec-WebSocket-Extensions")
SEC_WEBSOCKET_KEY: Final = istr("Sec-WebSocket-Key")
SEC_WEBSOCKET_KEY1: Final = istr("Sec-WebSocket-Key1")
SEC_WEBSOCKET_PROTOCOL: Final = istr("Sec-WebSocket-Protocol")
SEC_WEBSOCKET_VERSION: Final = istr("Sec-WebSocket-Version")

# Cross-origin requests (WHATWG Fetch).
ACCESS_CONTROL_ALLOW_CREDENTIALS: Final = istr("Access-Control-Allow-Credentials")
ACCESS_CONTROL_ALLOW_HEADERS: Final = istr("Access-Control-Allow-Headers")
ACCESS_CONTROL_ALLOW_METHODS: Final = istr("Access-Control-Allow-Methods")
ACCESS_CONTROL_ALLOW_ORIGIN: Final = istr("Access-Control-Allow-Origin")
ACCESS_CONTROL_EXPOSE_HEADERS: Final = istr("Access-Control-Expose-Headers")
ACCESS_CONTROL_MAX_AGE: Final = istr("Access-Control-Max-Age")
ACCESS_CONTROL_REQUEST_HEADERS: Final = istr("Access-Control-Request-Headers")
ACCESS_CONTROL_REQUEST_METHOD: Final = istr("Access-Control-Request-Method")
CROSS_ORIGIN_EMBEDDER_POLICY: Final = istr("Cross-Origin-Embedder-Policy")
CROSS_ORIGIN_OPENER_POLICY: Final = istr("Cross-Origin-Opener-Policy")
CROSS_ORIGIN_RESOURCE_POLICY: Final = istr("Cross-Origin-Resource-Policy")
TIMING_ALLOW_ORIGIN: Final = istr("Timing-Allow-Origin")
ORIGIN_AGENT_CLUSTER: Final = istr("Origin-Agent-Cluster")

# What a page may do, and who is told when it tries.
CLEAR_SITE_DATA: Final = istr("Clear-Site-Data")
CONTENT_SECURITY_POLICY: Final = istr("Content-Security-Policy")
CONTENT_SECURITY_POLICY_REPORT_ONLY: Final = istr("Content-Security-Policy-Report-Only")
NEL: Final = istr("NEL")
PERMISSIONS_POLICY: Final = istr("Permissions-Policy")
REFERRER_POLICY: Final = istr("Referrer-Policy")
REPORT_TO: Final = istr("Report-To")
REPORTING_ENDPOINTS: Final = istr("Reporting-Endpoints")
STRICT_TRANSPORT_SECURITY: Final = istr("Strict-Transport-Security")
UPGRADE_INSECURE_REQUESTS: Final = istr("Upgrade-Insecure-Requests")
X_CONTENT_TYPE_OPTIONS: Final = istr("X-Content-Type-Options")
X_FRAME_OPTIONS: Final = istr("X-Frame-Options")
X_XSS_PROTECTION: Final = istr("X-XSS-Protection")

# Client hints and fetch metadata (RFC 8942, W3C).
ACCEPT_CH: Final = istr("Accept-CH")
SEC_CH_UA: Final = istr("Sec-CH-UA")
SEC_CH_UA_MOBILE: Final = istr("Sec-CH-UA-Mobile")
SEC_CH_UA_PLATFORM: Final = istr("Sec-CH-UA-Platform")
SEC_FETCH_DEST: Final = istr("Sec-Fetch-Dest")
SEC_FETCH_MODE: Final = istr("Sec-Fetch-Mode")
SEC_FETCH_SITE: Final = istr("Sec-Fetch-Site")
SEC_FETCH_USER: Final = istr("Sec-Fetch-User")
SEC_GPC: Final = istr("Sec-GPC")
SEC_PURPOSE: Final = istr("Sec-Purpose")

# Events, timing and tracing.
LAST_EVENT_ID: Final = istr("Last-Event-ID")
SERVER_TIMING: Final = istr("Server-Timing")
BAGGAGE: Final = istr("baggage")
TRACEPARENT: Final = istr("traceparent")
TRACESTATE: Final = istr("tracestate")
X_CORRELATION_ID: Final = istr("X-Correlation-ID")
X_REQUEST_ID: Final = istr("X-Request-ID")

# Added by proxies and applications by habit, without a specification.
X_FORWARDED_FOR: Final = istr("X-Forwarded-For")
X_FORWARDED_HOST: Final = istr("X-Forwarded-Host")
X_FORWARDED_PORT: Final = istr("X-Forwarded-Port")
X_FORWARDED_PROTO: Final = istr("X-Forwarded-Proto")
X_POWERED_BY: Final = istr("X-Powered-By")
X_RATELIMIT_LIMIT: Final = istr("X-RateLimit-Limit")
X_RATELIMIT_REMAINING: Final = istr("X-RateLimit-Remaining")
X_RATELIMIT_RESET: Final = istr("X-RateLimit-Reset")
X_REAL_IP: Final = istr("X-Real-IP")
X_REQUESTED_WITH: Final = istr("X-Requested-With")
