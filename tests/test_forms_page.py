"""The programs of docs/forms.md do what the page says."""

import re
from pathlib import Path
from typing import Any

from sketch import web
from tests.asking import ask, text_of

PAGE = Path(__file__).parent.parent / "docs" / "forms.md"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def programs() -> dict[str, Any]:
    """What the page's programs define."""
    names: dict[str, Any] = {}
    for program in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(program, str(PAGE), "exec"), names)
    return names


def test_the_programs_run() -> None:
    names = programs()
    app: web.Application = names["app"]
    app.router.add_post("/backup", names["backup"])
    body = (
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n'
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename="me.png"\r\n\r\n12345\r\n--b--\r\n'
    )
    assert text_of(ask(app, "POST", "/signup", FORM, body)) == "Ada, with me.png of 5 bytes"
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    assert text_of(ask(app, "POST", "/signup", urlencoded, b"name=Ada")) == "Ada, without a photo"
    assert text_of(ask(app, "POST", "/backup", FORM, body)).endswith(
        "\nme.png 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    )
