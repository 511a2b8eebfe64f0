"""ETag and If-Match: the version of the books, which changes with the books and not with prices."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from portfolio_service.api.deps import ThePortfolio
from portfolio_service.domain.errors import PreconditionFailed
from portfolio_service.domain.models import Portfolio

_TAG = r'(W/)?"([!#-~]*)"'
IF_MATCH_PATTERN = rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$"


def etag(portfolio: Portfolio) -> str:
    return f'"{portfolio.version}"'


async def get_if_match(
    request: Request,
    portfolio: ThePortfolio,
    _if_match: Annotated[
        str | None,
        # a header is never null
        WithJsonSchema({"type": "string", "pattern": IF_MATCH_PATTERN, "examples": ["*", '"7"']}),
        Header(
            alias="If-Match",
            pattern=IF_MATCH_PATTERN,
            description="Change the books only at this version: an ETag, a list of them, or *",
        ),
    ] = None,
) -> int | None:
    """The version that a change may be made at, None for any; 412 when no tag sent is the current one."""
    sent = ", ".join(request.headers.getlist("if-match"))
    if not sent or sent == "*":
        return None
    tags = [tag for weak, tag in re.findall(_TAG, sent) if not weak]  # weak ones never match (RFC 9110, 13.1.1)
    if str(portfolio.version) not in tags:
        detail = f"the books are at version {portfolio.version}, If-Match asks for {sent[:60]}; read them again"
        raise PreconditionFailed("stale_version", detail)
    return portfolio.version


IfMatch = Annotated[int | None, Depends(get_if_match)]
