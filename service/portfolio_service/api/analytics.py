from fastapi import APIRouter

router = APIRouter()
performance_router = APIRouter()
