"""Calls of A2A 0.3 whose parameters do not fit: to the SDK they are no requests at all (-32600)."""

from __future__ import annotations

import json
from typing import Any

from a2a.compat.v0_3.jsonrpc_adapter import JSONRPC03Adapter
from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse

INVALID_PARAMS = -32602
LONGEST = 300
"""Characters of what is said of them."""


def refusal(body: bytes) -> JSONResponse | None:
    """Return what is answered to such a call; None where the SDK answers as it should."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    model = _model(said)
    if model is None:
        return None
    try:
        model.model_validate(said)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        if all(each["loc"][:1] == ("params",) for each in wrong):
            return _refused(said.get("id"), wrong[0])
    return None


def _model(said: Any) -> type[BaseModel] | None:
    """Return what a call has to look like, if it is one of 0.3."""
    method = said.get("method") if isinstance(said, dict) else None
    return JSONRPC03Adapter.METHOD_TO_MODEL.get(method) if isinstance(method, str) else None


def _refused(id: Any, wrong: Any) -> JSONResponse:
    words = f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    error = {"code": INVALID_PARAMS, "message": words[:LONGEST]}
    return JSONResponse({"jsonrpc": "2.0", "id": id, "error": error})
