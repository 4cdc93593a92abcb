"""The HTTP application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from salesforecast_lib.production.server import answers, requests
from salesforecast_lib.production.server.config import ServerConfig
from salesforecast_lib.production.server.gate import Gate, log_line
from salesforecast_lib.production.server.page import docs_page, examples
from salesforecast_lib.production.server.problems import Problem, from_validation
from salesforecast_lib.production.server.service import Replenish, Service
from salesforecast_lib.production.server.snapshot import Snapshot
from salesforecast_lib.production.server.source import Source

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_ABOUT = (
    "Forecasts of a shop's products, what to order, and what another plan would change; each answer names the model."
)
_WRONG = {
    400: "the body is no JSON", 401: "the key is missing or wrong", 408: "the body came too slowly",
    409: "it does not fit what is known", 413: "the body is too long", 415: "the body is not declared as JSON",
    422: "a field is wrong", 429: "too much waits: later", 500: "the server failed", 503: "no model yet",
}  # fmt: skip


def create_app(
    source: Source,
    store: Path,
    replenish: Replenish | None = None,
    config: ServerConfig | None = None,
    key: str = "",
    log: Callable[..., None] = log_line,
    load: Callable[[str, Path], Snapshot] = Snapshot.load,
) -> FastAPI:
    """The server's application.

    Parameters
    ----------
    source : says the current version of the model and its folder; asked again and again.
    store : file of the observations; made where there is none.
    replenish : rule of the orders, see `Service`; None leaves /replenish unanswered.
    key : that clients must send, "" for none.
    log : takes the log's lines.
    load : reads a version from its folder.
    """
    config = config or ServerConfig()
    service = Service(source, store, replenish, config, load)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if await service.take_newest():
            log("ready", version=service.snapshot.version)
            if service.trouble:
                log("model_refused", reason=service.trouble)
        else:
            log("not_ready", reason=service.trouble)
        watching = asyncio.create_task(service.watch(lambda event, told: log(event, **told)))
        yield
        watching.cancel()
        await service.close()
        log("stopped")

    app = FastAPI(title="Sales forecasts", description=_ABOUT, lifespan=life, docs_url=None, redoc_url=None)
    app.state.service = service
    app.add_middleware(Gate, config=config, metrics=service.metrics, key=key, log=log)
    _routes(app, service, bool(key))
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value, option=_OPTIONS), status, headers, "application/json")


def _routes(app: FastAPI, service: Service, closed: bool) -> None:
    def ask(path: str, shape: type[BaseModel], answer: type[BaseModel], about: str, call: Callable[..., Any]) -> None:
        async def route(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":  # a page of another site cannot send this without being asked
                raise Problem(415, "content-type: expected application/json")
            body = await request.body()
            try:
                asked = shape.model_validate_json(body)
            except ValidationError as error:
                raise from_validation(error) from None
            return _json(await (call(asked, body) if path == "/observe" else call(asked)))

        body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}}
        extra = {"requestBody": {**body, "required": True}}
        app.add_api_route(
            path, route, methods=["POST"], description=about, name=path[1:], openapi_extra=extra,
            response_model=None, responses=_responses(answer, *_WRONG),
        )  # fmt: skip

    def give(path: str, answer: type[BaseModel] | None, about: str, call: Callable[[], Response], *codes: int) -> None:
        async def route() -> Response:
            return call()

        app.add_api_route(
            path, route, methods=["GET"], description=about, name=path[1:], response_model=None,
            responses=_responses(answer, 500, *codes),
        )  # fmt: skip

    ask("/forecast", requests.ForecastRequest, answers.ForecastAnswer,
        "Mean and quantiles of the periods to come, by ids or from histories.", service.forecast)  # fmt: skip
    ask("/observe", requests.ObserveRequest, answers.ObserveAnswer,
        "Yesterday's sales; answered once they are on the disk. The same again changes nothing.",
        service.observe)  # fmt: skip
    ask("/replenish", requests.ReplenishRequest, answers.ReplenishAnswer,
        "What to order today, from stock, lead time and service level or costs.", service.replenish)  # fmt: skip
    ask("/whatif", requests.WhatIfRequest, answers.WhatIfAnswer,
        "What other values of the known-ahead columns would change.", service.whatif)  # fmt: skip
    give("/model", answers.ModelAnswer, "The model that answers, and what it can be told.",
         lambda: _json(service.model()), 401, 503)  # fmt: skip
    give("/health", None, "Is the process alive?", lambda: _json({"status": "alive"}))
    give("/ready", None, "Can it answer?", lambda: _ready(service), 503)
    give("/metrics", None, "Counters for Prometheus.",
         lambda: Response(service.metrics.text(), media_type="text/plain; version=0.0.4"), 401)  # fmt: skip

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        shown = {} if service.current is None else examples(service.current, closed)  # the page needs no key
        return Response(docs_page(app.openapi(), shown, request.scope.get("server")), media_type="text/html")

    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> Response:
        return _json(problem.body(), problem.status, problem.headers())

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        sentence = {404: "no such address; /docs lists them", 405: "another method is expected here; /docs lists them"}
        told = sentence.get(error.status_code, str(error.detail))
        return _json({"error": told, "field": ""}, error.status_code, dict(error.headers or {}))


def _ready(service: Service) -> Response:
    if service.current is None or service.stopping:
        return _json({"ready": False, "error": service.trouble or "stopping", "field": ""}, 503)
    return _json({"ready": True, "version": service.current.version, "waiting": service.batcher.waiting})


def _responses(answer: type[BaseModel] | None, *codes: int) -> dict[int | str, dict[str, Any]]:
    good: dict[str, Any] = {"description": "the answer"} | ({} if answer is None else {"model": answer})
    return {200: good, **{code: {"model": answers.Wrong, "description": _WRONG[code]} for code in codes}}


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the shapes of the requests, which the routes read themselves."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version="1", description=app.description, routes=app.routes)
        shapes = found.setdefault("components", {}).setdefault("schemas", {})
        for shape in (
            requests.ForecastRequest,
            requests.ObserveRequest,
            requests.ReplenishRequest,
            requests.WhatIfRequest,
        ):
            told = shape.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes.update(told.pop("$defs", {}))
            shapes[shape.__name__] = told
        app.openapi_schema = found
    return app.openapi_schema
