"""Which handler answers a method and a path.

`pattern` is the language of paths, `resources` and `routes` are what is registered, `tree` is the compiled
form that requests are matched with, `matchinfo` is what handlers see of a match, `routedef` keeps routes to
be registered later, `shadow` and `doubts` are what routing says to programmers. The router itself,
`sketch.router.UrlDispatcher`, holds them together.
"""
