/** A refusal of the server (RFC 9457) or of the network. `message` is meant to be shown. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** Stable name of the refusal, such as `conflicting_retry`; `offline` when no answer came. */
    readonly code: string,
    /** A sentence for the person. */
    readonly detail: string,
    /** The field at fault, as a dotted path. */
    readonly field?: string,
    /** Seconds after which the server asks to try again. */
    readonly retryAfter?: number,
  ) {
    super(detail);
  }

  /** The session has ended: signing in again mends it. */
  get isSignedOut(): boolean {
    return this.status === 401 || (this.status === 403 && this.code === "not_authenticated");
  }

  /** Waiting may mend it: no answer, overload, or a server error. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const SENTENCES: Record<number, string> = {
  403: "You may not do this.",
  404: "There is nothing at this address.",
  413: "This is too large to send.",
  429: "Too many attempts: wait a little and try again.",
  502: "The server is not answering. Try again in a moment.",
  503: "The server is not ready. Try again in a moment.",
  504: "The server took too long. Try again in a moment.",
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value ? value : undefined;

/** Read an answer that is not a success. Never throws, whatever a proxy in between wrote. */
export async function problemOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = isRecord(body) ? body : {};
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(
    response.status,
    text(problem.code) ?? `http_${response.status}`,
    text(problem.detail) ??
      SENTENCES[response.status] ??
      `The server answered with an error (${response.status}).`,
    text(problem.field),
    Number.isFinite(wait) ? wait : undefined,
  );
}

/** What to say about anything that was thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.detail;
  if (error instanceof Error && error.message) return error.message;
  return "Something went wrong.";
}
