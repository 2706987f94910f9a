"""An exception and its request as something a developer reads.

`report` collects, once, small values that can be shown: nothing in them is longer than it should be,
secret by its name, or able to fail. `page` and `plain` make HTML and text of a report and look at nothing
else. When a page is shown, and to whom, is said by `sketch.errorpage`.
"""
