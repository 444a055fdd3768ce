"""Who asks, by a signed token."""

from dataclasses import dataclass
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed


@dataclass(frozen=True)
class User:
    id: UUID
    is_authenticated: bool = True


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(token, settings.JWT_SECRET, algorithms=["HS256"], audience="authenticated")
            return User(UUID(claims["sub"])), claims
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise AuthenticationFailed(str(error)) from error

    def authenticate_header(self, request):
        return "Bearer"
