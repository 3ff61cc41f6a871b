"""An S3-compatible object store as Django's storage. boto3 is large: imported where one is set.

Objects appear whole or not at all, also large ones, which are sent in parts. Every byte that is
sent is covered by the SHA-256 in the request's signature, and every file that is read is compared
with the checksum in its row by `apps.common.storage`. Nothing here makes an address that would let
somebody else read an object.
"""

import io
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import IO, Any, cast

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
)
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from apps.common.errors import DomainError
from apps.common.storage.cache import Opened
from apps.common.storage.errors import (
    DamagedFileError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)
from apps.common.storage.local import BLOCK, sha256_of

ATTEMPTS = 4  # of one request, with growing pauses between
CONNECT_SECONDS, READ_SECONDS = 5, 30
SOON_SECONDS = 2  # where a page waits
IN_ONE_REQUEST = 256 * 2**20  # larger files are sent in parts,
PART = 32 * 2**20  # one at a time in memory
WINDOW, WIDEST_WINDOW = 2**20, 2**24  # bytes that a file opened in place reads ahead

TRANSIENT = (ConnectionError, HTTPClientError, IncompleteReadError)
# MinIO and Ceph say so in words; AWS has no end.
FULL = {"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "507"}
REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "401", "403"}


class ObjectStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Files as objects of one bucket, under a prefix.

    Args:
        bucket_name, location, endpoint_url, region_name, access_key, secret_key: as django-storages
            has them. One client serves all threads of a process.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            client_config=_config(attempts=ATTEMPTS, endpoint=options.get("endpoint_url")),
            transfer_config=TransferConfig(
                multipart_threshold=PART, multipart_chunksize=PART, use_threads=False
            ),
            **options,
        )
        self._lock = threading.Lock()
        self._clients: dict[tuple[int, bool], Any] = {}

    @property
    def place(self) -> str:
        """The same from wherever it is reached: `s3://bucket/prefix`."""
        return f"s3://{self.bucket_name}/{self.location}".rstrip("/")

    @property
    def label(self) -> str:
        """The store in words, without any secret."""
        return f"{self.place} at {self.endpoint_url}" if self.endpoint_url else self.place

    def client(self, *, patient: bool = True) -> Any:
        """The process's client; an impatient one asks once and waits for `SOON_SECONDS`."""
        key = (os.getpid(), patient)  # a forked process opens connections of its own
        with self._lock:
            if key not in self._clients:
                config = self.client_config
                if not patient:
                    config = _config(attempts=1, endpoint=self.endpoint_url, seconds=SOON_SECONDS)
                self._clients[key] = _session().client(
                    "s3",
                    region_name=self.region_name,
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    aws_session_token=self.security_token,
                    config=config,
                )
            return self._clients[key]

    # --- what apps.common.storage uses ------------------------------------------------------------

    def put(self, name: str, content: IO[bytes], *, sha256: str) -> None:
        """Store a seekable file whole; the object that was there stays until then."""
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        more = {"ContentType": "application/octet-stream", "Metadata": {"sha256": sha256}}
        place = {"Bucket": self.bucket_name, "Key": self._key(name)}
        with self._answering():
            if size <= IN_ONE_REQUEST:
                self.client().put_object(**place, **more, Body=content)
            else:
                self.client().upload_fileobj(
                    content, *place.values(), ExtraArgs=more, Config=self.transfer_config
                )

    def blocks(self, name: str) -> Opened:
        """Size and content; where a connection breaks another goes on, up to `ATTEMPTS` in all.

        Raises:
            FileNotFoundError: there is no such object.
        """
        key = self._key(name)
        answer = self._get(key)
        return answer["ContentLength"], closing(self._blocks(key, answer))

    def _blocks(self, key: str, answer: dict[str, Any]) -> Generator[bytes, None, None]:
        at, size, etag = 0, answer["ContentLength"], answer["ETag"]
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with closing(answer["Body"]) as body:
                    while block := body.read(BLOCK):
                        at += len(block)
                        yield block
                if at == size:
                    return
            except TRANSIENT as error:
                if attempt == ATTEMPTS:
                    raise self._refusal(error) from error
            time.sleep(0.1 * 2**attempt)
            answer = self._get(key, Range=f"bytes={at}-", IfMatch=etag)
        raise StoreUnavailableError(f"The object store {self.label} cuts its answers off.")

    def read_soon(self, name: str) -> bytes:
        """All of a small file, asked for once: a page waits for it, and a thread of the web server.

        Raises:
            FileNotFoundError: there is no such object.
        """
        with self._answering():
            answer = self.client(patient=False).get_object(
                Bucket=self.bucket_name, Key=self._key(name)
            )
            with closing(answer["Body"]) as body:
                return cast("bytes", body.read())

    def names(self, folder: str = "") -> Iterator[str]:
        """Names of all objects in a folder and below, in order."""
        root = f"{self.location.strip('/')}/".lstrip("/")
        prefix = root + (f"{folder.strip('/')}/" if folder.strip("/") else "")
        pages = self.client().get_paginator("list_objects_v2")
        with self._answering():
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(root)

    def ask(self) -> None:
        """Ask for one name, once: raises within seconds when the store is not fit for work."""
        with self._answering():
            self.client(patient=False).list_objects_v2(
                Bucket=self.bucket_name, Prefix=self.location, MaxKeys=1
            )

    # --- what Django's storages have -------------------------------------------------------------

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]  # no parameter at run time
        if mode != "rb":
            raise ValueError("Stored files are written by `publish` only.")
        return File(io.BufferedReader(_InPlace(self, self._key(name)), 2**16), name)

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        content.seek(0)
        self.put(name, content, sha256=sha256_of(content))
        return cast("str", clean_name(name))

    def delete(self, name: str) -> None:
        with self._answering():
            self.client().delete_object(Bucket=self.bucket_name, Key=self._key(name))

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> Any:
        return self._head(name)["LastModified"]

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        prefix = f"{self._key(path).rstrip('/')}/".lstrip("/")
        folders, names = [], []
        pages = self.client().get_paginator("list_objects_v2")
        with self._answering():
            for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix, Delimiter="/"):
                folders += [
                    entry["Prefix"].removeprefix(prefix).rstrip("/")
                    for entry in page.get("CommonPrefixes", ())
                ]
                names += [
                    entry["Key"].removeprefix(prefix)
                    for entry in page.get("Contents", ())
                    if entry["Key"] != prefix
                ]
        return folders, names

    def url(self, name: str, *args: Any, **options: Any) -> str:
        raise NotImplementedError("Stored files have no address of their own: views serve them.")

    # --- requests -----------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        return cast("str", self._normalize_name(clean_name(name)))

    def _get(self, key: str, **more: str) -> dict[str, Any]:
        with self._answering():
            return cast(
                "dict[str, Any]",
                self.client().get_object(Bucket=self.bucket_name, Key=key, **more),
            )

    def _head(self, name: str) -> dict[str, Any]:
        with self._answering():
            return cast(
                "dict[str, Any]",
                self.client().head_object(Bucket=self.bucket_name, Key=self._key(name)),
            )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> DomainError | FileNotFoundError:
        """The error of a request that was tried as often as it will be, in a sentence."""
        where = f"The object store {self.label}"
        if isinstance(error, NoCredentialsError):
            return StoreRefusedError(
                f"{where} needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if not isinstance(error, ClientError):
            return StoreUnavailableError(
                f"{where} does not answer ({type(error).__name__}): try again later."
            )
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(error.response.get("Error", {}).get("Code", status))
        if code in FULL or status == 507:
            return StoreFullError(
                f"Disk full: {where[0].lower()}{where[1:]} has no room left; free some space and "
                "try again."
            )
        if code == "NoSuchBucket":
            return StoreRefusedError(f"{where} has no bucket {self.bucket_name}: create it first.")
        if status == 404:
            return FileNotFoundError(f"{where} has no such object.")
        if status == 412:
            return DamagedFileError("A stored file was replaced while it was being read.")
        if code in REFUSED or status in (401, 403):
            return StoreRefusedError(
                f"{where} refuses access ({code}): check its keys and what they may do."
            )
        if status >= 500 or status == 429:
            return StoreUnavailableError(f"{where} is out of order ({code}): try again later.")
        return StoreRefusedError(f"{where} refused a request ({code}).")


@lru_cache(maxsize=1)
def _session() -> boto3.Session:
    """One for all clients: it holds the description of S3, which takes long to read."""
    return boto3.Session()


def _config(*, attempts: int, endpoint: str | None, seconds: float | None = None) -> Config:
    return Config(
        signature_version="s3v4",
        # Stores at home rarely have a name for each bucket.
        s3={"addressing_style": "path" if endpoint else "auto", "payload_signing_enabled": True},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=seconds or CONNECT_SECONDS,
        read_timeout=seconds or READ_SECONDS,
        max_pool_connections=16,
        tcp_keepalive=True,
        # Not every compatible store knows the newer checksums; ours cover the same bytes.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


class _InPlace(io.RawIOBase):
    """Reads an object by ranges, so that one entry of a large archive costs what it weighs."""

    def __init__(self, store: ObjectStorage, key: str) -> None:
        self._store = store
        self._key = key
        self._at = 0
        self._start, self._window = 0, b""
        self._width = WINDOW
        self._etag = ""
        self._size = 0
        self._load()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        end = self._start + len(self._window)
        if not self._start <= self._at < end:
            # Twice as much each time while it is read from front to back.
            self._width = min(2 * self._width, WIDEST_WINDOW) if self._at == end else WINDOW
            self._load()
        begin = self._at - self._start
        some = self._window[begin : begin + len(buffer)]
        buffer[: len(some)] = some
        self._at += len(some)
        return len(some)

    def _load(self) -> None:
        more = {"IfMatch": self._etag} if self._etag else {}
        last = self._at + self._width - 1
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._store._get(self._key, Range=f"bytes={self._at}-{last}", **more)
                with closing(answer["Body"]) as body:
                    self._window = body.read()
                break
            except StoreRefusedError as error:
                # An empty object has no range at all.
                cause = error.__cause__
                if isinstance(cause, ClientError) and _status_of(cause) == 416:
                    self._window = b""
                    return
                raise
            except TRANSIENT as error:
                if attempt == ATTEMPTS:
                    raise self._store._refusal(error) from error
                time.sleep(0.1 * 2**attempt)
        self._start = self._at
        self._etag = answer["ETag"]
        self._size = int(answer["ContentRange"].rpartition("/")[2])


def _status_of(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
