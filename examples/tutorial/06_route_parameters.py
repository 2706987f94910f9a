"""Chapter 6: route parameters.

`{name}` matches one segment of the path, `{name:regex}` what the regular expression matches; the handler
finds them in `request.match_info`. A path that exists under another method is answered 405, with the
methods that it has in `Allow`.

    curl http://127.0.0.1:8080/user/ada
    curl http://127.0.0.1:8080/user/ada/posts/12
    curl -X PUT -d "Ada L." http://127.0.0.1:8080/user/ada
    curl -i -X DELETE http://127.0.0.1:8080/user/ada
"""

from sketch.application import Application, run_app
from sketch.request import Request
from sketch.response import Response


async def show_user(request: Request) -> Response:
    username = request.match_info["username"]
    return Response(f"This is {username}\n")


async def rename_user(request: Request) -> Response:
    username = request.match_info["username"]
    return Response(f"{username} is now {await request.text()}\n")


async def show_post(request: Request) -> Response:
    number = int(request.match_info["number"])
    return Response(f"Post {number} of {request.match_info['username']}\n")


app = Application()
app.router.add_get("/user/{username}", show_user)
app.router.add_put("/user/{username}", rename_user)
app.router.add_get(r"/user/{username}/posts/{number:\d+}", show_post)

if __name__ == "__main__":
    run_app(app)
