"""A script of a person: the HTTP calls of the design with a token."""

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

from tests.program import Program, wait_for


class Client:
    """Calls the API as one person; answers are (status, body)."""

    def __init__(self, program: Program, username: str, *, key: str = "") -> None:
        self._base = f"{program.base_url}/api/v1/"
        key = key or program.manage("create_token", username).stdout.strip().split()[-1]
        self._headers = {"Authorization": f"Token {key}", "Accept": "application/json"}

    def get(self, path: str) -> Any:
        return self._expect("GET", path, None, 200)

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self._expect("POST", path, body, status)

    def put(self, path: str, body: Any, *, status: int = 200) -> Any:
        return self._expect("PUT", path, body, status)

    def _expect(self, method: str, path: str, body: Any, status: int) -> Any:
        got, answer = self.call(method, path, body)
        assert got == status, f"{method} {path}: {got}, {answer}"
        return answer

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json")

    def upload(self, address: str, files: dict[str, bytes], *, status: int = 200) -> Any:
        """POST files as a form, as a browser does."""
        boundary = uuid.uuid4().hex
        start = f"--{boundary}\r\nContent-Disposition: form-data; name=".encode()
        parts = []
        for path, content in files.items():
            name = path.rpartition("/")[2]  # browsers cut folders off: `paths` carries them
            parts.append(start + f'"files[]"; filename="{name}"\r\n\r\n'.encode() + content)
            parts.append(start + f'"paths"\r\n\r\n{path}'.encode())
        data = b"\r\n".join(parts) + f"\r\n--{boundary}--\r\n".encode()
        got, answer = self._send("POST", address, data, f"multipart/form-data; boundary={boundary}")
        assert got == status, f"POST {address}: {got}, {answer}"
        return answer

    def _send(self, method: str, path: str, data: bytes | None, kind: str) -> tuple[int, Any]:
        request = urllib.request.Request(self._base + path, data=data, method=method)
        for name, value in self._headers.items():
            request.add_header(name, value)
        if data is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, _decoded(response)
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error)

    def wait_for_job(self, answer: Any, *, timeout: float = 120) -> Any:
        """Wait until the workers have ended the job of a 202 answer; it must not have failed."""
        number = answer["job"]["id"]
        seen: dict[str, Any] = {}

        def ended() -> bool:
            seen.update(self.get(f"jobs/{number}/"))
            return seen["state"] not in {"pending", "running"}

        wait_for(ended, timeout=timeout, what=f"job {number} ({answer['job']['title']})")
        assert seen["state"] == "done", seen
        return seen


def _decoded(response: Any) -> Any:
    content = response.read()
    kind = response.headers.get("Content-Type", "")
    return json.loads(content) if "json" in kind else content
