"""/docs: the API's own description, to read and to try; nothing of it is loaded from elsewhere."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from ..engine.advice import ADVICE
from ..errors import PAGES, RouteUnknown
from .description import describe
from .problems import every_error

reads = APIRouter(tags=["reference"])
_ASSETS = "/docs/assets/"
_MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
# The page holds one inline script of its own; everything else it loads is ours.
_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


@reads.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> JSONResponse:
    """The API's description, OpenAPI 3.1."""
    return JSONResponse(describe(request.app))


@reads.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> HTMLResponse:
    """The API's description to read and try."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=request.app.title,
        swagger_js_url=f"{_ASSETS}swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS}swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS}favicon.png",
    )
    page.headers["Content-Security-Policy"] = _POLICY
    return page


@reads.get(_ASSETS + "{name}", include_in_schema=False)
def get_asset(name: str) -> Response:
    """A file that the page loads; read in a thread, once."""
    if name not in _MEDIA_TYPES:
        raise RouteUnknown(f"the documentation has no file {name[:64]!r}")
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_asset(name), media_type=_MEDIA_TYPES[name], headers=headers)


@reads.get(PAGES + "{code}", include_in_schema=False, response_class=PlainTextResponse)
async def get_error_page(code: str) -> PlainTextResponse:
    """What an error's or a failure's code means: where the `type` of a problem leads."""
    for error in every_error():
        if error.code == code:
            lines = [f"{code} (HTTP {error.status}, {error.category})", "", error.title()]
            lines += ["", error.hint] if error.hint else []
            return PlainTextResponse("\n".join(lines) + "\n")
    if code in ADVICE:
        return PlainTextResponse(f"{code} (a failure of an attempt or a node)\n\n{ADVICE[code]}\n")
    raise RouteUnknown(f"no error has the code {code[:64]!r}")


@cache
def _asset(name: str) -> bytes:
    return files("fastapi_offline").joinpath("static", name).read_bytes()
