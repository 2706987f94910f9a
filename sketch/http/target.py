"""Request targets: the four forms of RFC 9112, section 3.2."""

from typing import NamedTuple

from yarl import URL


class Target(NamedTuple):
    """A request target taken apart.

    ``relative``
        path and query, still encoded; the path of an authority-form target is empty.
    ``authority``
        host and port, without a user, where the target itself names them, as absolute-form and
        authority-form do; it then goes before the ``Host`` field (RFC 9112, section 3.2.2).
    """

    relative: URL
    authority: str | None


def parse_target(method: str, target: str) -> Target:
    """Take a request target apart. Raises `ValueError` for one that is in none of the four forms."""
    if target.startswith("/"):
        # Not URL(target): "//name/path" is a path here, never a host.
        path, _, fragment = target.partition("#")
        path, _, query = path.partition("?")
        return Target(URL.build(path=path, query_string=query, fragment=fragment, encoded=True), None)
    if target == "*":
        return Target(URL.build(path="*", encoded=True), None)
    if method == "CONNECT":
        return Target(URL(), target)
    url = URL(target, encoded=True)
    if not url.scheme or not url.raw_authority:
        raise ValueError(f"request target {target!r} is neither a path nor an absolute URL")
    relative = url.relative()
    if not relative.raw_path:
        # No path is the path "/" (RFC 9110, section 4.2.3).
        relative = URL.build(path="/", query_string=url.raw_query_string, encoded=True)
    return Target(relative, url.raw_authority.rpartition("@")[2])


def is_own_path(target: str) -> bool:
    """Whether a target is its own path, decoded: origin-form, without escapes, query or fragment."""
    return target[:1] == "/" and "%" not in target and "?" not in target and "#" not in target


def path_to_match(method: str, target: str) -> str:
    """What routes are matched against: the path with its escapes decoded, but ``%2F`` and ``%25``.

    Nearly all paths have no escapes, and cost no URL."""
    if "%" not in target and target[:1] == "/":
        if "?" in target:
            target = target[: target.index("?")]
        if "#" not in target:
            return target
    return parse_target(method, target).relative.path_safe
