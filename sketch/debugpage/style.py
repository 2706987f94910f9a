"""The look of the debug page: one style sheet, in the page itself, named by its hash in the policy."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --sheet: #fff; --ink: #23221f; --soft: #6d6a63; --faint: #a19d94; --rule: #e7e3db;
  --alarm: #b3261e; --alarm-paper: #fdf1ef; --alarm-mark: #f7c9c4; --well: #f6f4ef; --link: #38618c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171715; --sheet: #1e1d1b; --ink: #e8e5de; --soft: #a8a49a; --faint: #716d65; --rule: #33312d;
    --alarm: #ff8b80; --alarm-paper: #2e1e1c; --alarm-mark: #6d2a25; --well: #252421; --link: #8fb5de;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%;
}
code, pre, .mono, dd {
  font-family: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas,
    "DejaVu Sans Mono", monospace;
  font-size: 13px; line-height: 1.6;
}
main { max-width: 62rem; margin: 0 auto; padding: 3.5rem 1.5rem 4rem; }
header.top { border-top: 3px solid var(--alarm); padding-top: 1.25rem; margin-bottom: 2.75rem; }
.request-line { color: var(--soft); overflow-wrap: anywhere; }
.request-line b { color: var(--ink); font-weight: 600; }
.kind { color: var(--alarm); font-weight: 600; margin-top: 1.5rem; overflow-wrap: anywhere; }
h1, h2.message {
  font-weight: 600; letter-spacing: -0.012em; line-height: 1.3; white-space: pre-wrap;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; max-height: 24rem; overflow-y: auto; text-wrap: pretty; }
h2.message { font-size: 1.2rem; max-height: 16rem; overflow-y: auto; }
h2.title { font-size: 0.8rem; font-weight: 600; color: var(--soft); margin: 2.25rem 0 0.5rem; }
.note { white-space: pre-wrap; overflow-wrap: anywhere; color: var(--soft); margin-top: 0.5rem; }
.link { color: var(--soft); margin: 3rem 0 -0.75rem; font-style: italic; }
.omitted { color: var(--soft); padding: 0.75rem 0 0; }
.frame { margin-top: 1.5rem; }
.where { display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; margin-bottom: 0.4rem; }
.where b { font-weight: 600; overflow-wrap: anywhere; }
.where span { color: var(--soft); overflow-wrap: anywhere; }
.where span b { color: var(--ink); font-weight: 400; }
pre.source {
  background: var(--sheet); border: 1px solid var(--rule); border-radius: 6px; overflow-x: auto;
  padding: 0.5rem 0; tab-size: 4;
}
pre.source span.row { display: block; width: max-content; min-width: 100%; padding-right: 1rem; }
pre.source span.number {
  display: inline-block; width: 4.25rem; padding-right: 1.25rem; text-align: right; color: var(--faint);
  user-select: none; -webkit-user-select: none;
}
pre.source span.current { background: var(--alarm-paper); box-shadow: inset 3px 0 var(--alarm); }
pre.source span.current span.number { color: var(--alarm); }
mark { background: var(--alarm-mark); color: inherit; border-radius: 2px; padding: 1px 0; }
summary { cursor: pointer; color: var(--soft); width: fit-content; padding: 0.2rem 0; border-radius: 3px; }
summary:hover, summary:focus-visible { color: var(--link); }
summary::marker { color: var(--faint); }
summary b { font-weight: 600; }
details.library { margin-top: 1.5rem; }
details.library > .frame { margin: 0.9rem 0 0 0; padding-left: 1rem; border-left: 1px solid var(--rule); }
details.library .where b { font-weight: 400; }
details.variables { margin-top: 0.4rem; }
dl {
  display: grid; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); gap: 0 1.25rem;
  border-top: 1px solid var(--rule); margin-top: 0.35rem;
}
dt, dd { border-bottom: 1px solid var(--rule); padding: 0.28rem 0; overflow-wrap: anywhere; }
dt { color: var(--soft); max-width: 16rem; font-size: 14px; }
dd { white-space: pre-wrap; padding: 0.33rem 0 0.28rem 1.25rem; margin-left: -1.25rem; }
.members { border-left: 3px solid var(--rule); padding-left: 1.5rem; margin-top: 1.5rem; }
.members > section { margin-bottom: 2.5rem; }
.members .count { color: var(--faint); }
.count + .kind { margin-top: 0.25rem; }
pre.text {
  background: var(--well); border-radius: 6px; padding: 1rem; margin-top: 0.5rem; overflow: auto;
  max-height: 30rem; user-select: all; -webkit-user-select: all;
}
footer {
  color: var(--faint); font-size: 13px; margin-top: 3.5rem; border-top: 1px solid var(--rule);
  padding-top: 1rem;
}
@media (max-width: 40rem) {
  main { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  dl { grid-template-columns: minmax(0, 1fr); }
  dt { border-bottom: 0; padding-bottom: 0; max-width: none; }
  dd { padding: 0 0 0.28rem; margin-left: 0; }
  pre.source span.number { width: 3rem; padding-right: 0.75rem; }
}
"""


STYLE_HASH: Final = "5CoZ0/ISqqLdxCeuh7sL/joZ+jEwpwlkUe68JarQEK8="
"""The SHA-256 of the style sheet. Written down, since `hashlib` takes longer to import than all of this; a
test computes it."""

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Allows this style sheet and nothing else: no script, no image, no frame, no form."""
