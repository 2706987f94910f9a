"""aiohttp-swagger3: requests that are checked against what is documented, and the pages of the documents."""

import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp_swagger3 import SwaggerDocs, SwaggerInfo, SwaggerUiSettings
from talking import Client, say, show, talk


async def get_pet(request: web.Request, pet_id: int, verbose: bool = False) -> web.Response:
    """
    ---
    summary: One pet
    tags: [pets]
    parameters:
      - {name: pet_id, in: path, required: true, schema: {type: integer, format: int32}}
      - {name: verbose, in: query, schema: {type: boolean}}
    responses:
      '200': {description: The pet}
    """
    return web.json_response({"id": pet_id, "verbose": verbose, "kind": type(pet_id).__name__})


async def add_pet(request: web.Request, body: dict[str, Any]) -> web.Response:
    """
    ---
    summary: A new pet
    requestBody:
      required: true
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Pet'}
    responses:
      '201': {description: The pet}
    """
    return web.json_response(body, status=201)


async def speak(client: Client) -> None:
    assert '"kind": "int"' in await show(await client.get("/pets/3", params={"verbose": "true"}))
    await show(await client.get("/pets/three"))
    await show(await client.post("/pets", json={"name": "Rex", "age": 3}))
    await show(await client.post("/pets", json={"age": -3}))
    await show(await client.post("/pets", data="<pet/>", headers={"Content-Type": "text/xml"}))


async def read_pages(client: Client) -> None:
    await show(await client.get("/docs", allow_redirects=False), "Location")
    documented = await (await client.get("/docs/swagger.json")).json()
    say(sorted(documented["paths"]))
    response = await client.get("/docs/")
    say(response.status, "swagger-ui" in await response.text())
    response = await client.get("/docs/swagger_ui_static/swagger-ui.css")
    say(response.status, len(await response.read()))
    assert response.status == 200, response


def make(*, has_pages: bool) -> web.Application:
    app = web.Application()
    swagger = SwaggerDocs(
        app,
        swagger_ui_settings=SwaggerUiSettings(path="/docs/") if has_pages else None,
        info=SwaggerInfo(title="Pets", version="1.0"),
        components=str(Path(__file__).parent / "templates" / "pets.yaml"),
    )
    swagger.add_routes([web.get("/pets/{pet_id}", get_pet), web.post("/pets", add_pet)])
    return app


if __name__ == "__main__":
    if "pages" in sys.argv:
        talk(make(has_pages=True), read_pages)
    else:
        talk(make(has_pages=False), speak)
