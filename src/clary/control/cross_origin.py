"""What browsers ask before and read after requests from other origins (CORS): for S3 only, by the bucket's rules.

Preflights carry no signature; they learn nothing but whether a rule of the bucket fits. Whether the request itself is
allowed is decided when it comes, as for everybody.
"""

from __future__ import annotations

from clary.base.errors import ApiError
from clary.control.call import Call
from clary.services.s3 import cors
from clary.store import buckets
from clary.store.database import Database
from clary.wire.http import RequestHead, Response
from clary.wire.routing import Router


class CrossOrigin:
    """Threads may share one."""

    def __init__(self, database: Database, router: Router) -> None:
        self._database = database
        self._router = router

    @staticmethod
    def is_preflight(head: RequestHead) -> bool:
        return head.method == "OPTIONS"

    def preflight(self, head: RequestHead) -> Response:
        """The answer to OPTIONS; BadRequest or AccessForbidden as S3 words them."""
        origin, method = head.headers.get("origin"), head.headers.get("access-control-request-method")
        if not origin or not method:
            message = "Insufficient information. Origin request header needed."
            raise ApiError(message, code="BadRequest", status=400)
        announced = head.headers.get("access-control-request-headers", "")
        names = [name.strip() for name in announced.split(",") if name.strip()]
        granted = cors.grant(self._rules(head), origin, method, names)
        if granted is None:
            message = "CORSResponse: This CORS request is not allowed by the rules of the bucket."
            raise ApiError(message, code="AccessForbidden", status=403, Method=method, ResourceType="OBJECT")
        return Response(200, granted, b"")

    def headers_for(self, call: Call) -> dict[str, str]:
        """What goes with the answer to a request of S3 from another origin."""
        origin = call.head.headers.get("origin")
        if not origin or call.target is None or call.target.service != "s3":
            return {}
        return cors.grant(self._rules(call.head), origin, call.head.method) or {}

    def _rules(self, head: RequestHead) -> list[dict[str, object]]:
        bucket = self._router.bucket_of(head)
        with self._database.read() as tx:
            return buckets.setting_by_name(tx, bucket, cors.CORS) or []
