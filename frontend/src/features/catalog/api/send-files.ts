import { addressOf, ApiError, csrfToken, problemOf } from "@/lib/api";
import type { NamedFile } from "../lib/chunks";

/**
 * Send files of an import with progress. By XMLHttpRequest: fetch does not say how far a body is.
 *
 * `paths` goes along because browsers and servers cut a file's name to its last part.
 */
export function sendFiles(
  id: number,
  files: readonly NamedFile[],
  onBytes: (sent: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const body = new FormData();
  for (const { file, path } of files) {
    body.append("files[]", file, path.slice(path.lastIndexOf("/") + 1));
    body.append("paths", path);
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const offline = () =>
      reject(new ApiError(0, "offline", "The server cannot be reached. Check your connection."));
    request.open("POST", addressOf(`imports/${id}/files/`));
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json, application/problem+json");
    request.upload.onprogress = (event) => onBytes(event.loaded);
    request.onload = () => {
      signal?.removeEventListener("abort", stop);
      if (request.status >= 200 && request.status < 300) resolve();
      else {
        const answer = new Response(request.responseText || null, { status: request.status });
        problemOf(answer).then(reject, reject);
      }
    };
    request.onerror = offline;
    request.ontimeout = offline;
    request.onabort = () => reject(new DOMException("Stopped", "AbortError"));
    signal?.addEventListener("abort", stop, { once: true });
    request.send(body);
  });
}
