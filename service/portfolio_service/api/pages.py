"""Pages for people: the landing page and the offline API documentation."""

from fastapi import APIRouter, FastAPI

router = APIRouter(include_in_schema=False)


def mount_assets(app: FastAPI) -> None: ...
