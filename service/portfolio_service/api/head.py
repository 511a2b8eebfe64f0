"""HEAD wherever there is a GET."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """HEAD as GET without its body (RFC 9110, section 9.3.2); an endless answer ends after its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def receive_until_ended() -> Message:
            return {"type": "http.disconnect"} if ended else await receive()

        inner = {**scope, "method": "GET"}
        await self.app(inner, receive_until_ended, send_head)
        scope["route"] = inner.get("route")  # for those who count and log
