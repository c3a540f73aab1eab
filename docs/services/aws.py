"""Signs requests to AWS (Signature 4)."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

import neatfool
from neatfool_plugins.http import HttpRequest

CREDENTIALS = Session().get_credentials()
SIGNED = ("content-type", "x-amz-target")


@neatfool.hookimpl
def neatfool_sign_request(request: HttpRequest) -> None:
    headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
    signed = AWSRequest(request.method, request.url, headers=headers, data=request.body)
    SigV4Auth(CREDENTIALS, "rekognition", "eu-west-1").add_auth(signed)
    request.headers.update(signed.headers.items())
