/** The one way to the server: JSON in, JSON out, refusals as `ApiError`. */
import { ApiError, problemOf } from "./problem";

const ROOT = "/api/v1/";

type QueryValue = string | number | boolean | null | undefined;
export type Query = Record<string, QueryValue>;

interface Options {
  query?: Query;
  signal?: AbortSignal;
  /** Let the request outlive the page (small bodies only). */
  keepalive?: boolean;
}

let whenSignedOut: (() => void) | undefined;

/** Say what to do when the server no longer knows the session. One listener: the router. */
export function onSignedOut(listener: (() => void) | undefined): void {
  whenSignedOut = listener;
}

/** Over TLS the cookie carries the `__Host-` prefix. */
export function csrfToken(cookies: string = document.cookie): string {
  const match = /(?:^|;\s*)(?:__Host-)?csrftoken=([^;]+)/.exec(cookies);
  return match?.[1] ? decodeURIComponent(match[1]) : "";
}

/** Address of a call: `path` below /api/v1/, empty query values left out. */
export function addressOf(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return ROOT + path.replace(/^\//, "") + (text ? `?${text}` : "");
}

async function request<T>(
  method: string,
  path: string,
  body: unknown,
  { query, signal, keepalive }: Options = {},
): Promise<T> {
  const headers = new Headers({ Accept: "application/json, application/problem+json" });
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
  let payload: BodyInit | undefined;
  if (body instanceof FormData) payload = body;
  else if (body !== undefined) {
    headers.set("Content-Type", "application/json");
    payload = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(addressOf(path, query), {
      method,
      headers,
      credentials: "same-origin",
      ...(payload !== undefined && { body: payload }),
      ...(signal && { signal }),
      ...(keepalive && { keepalive }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "offline", "The server cannot be reached. Check your connection.");
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.isSignedOut) whenSignedOut?.();
    throw problem;
  }
  if (response.status === 204) return undefined as T;
  if (response.headers.get("Content-Type")?.includes("json")) return (await response.json()) as T;
  return (await response.text()) as T;
}

export const api = {
  get: <T>(path: string, options?: Options) => request<T>("GET", path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: Options) =>
    request<T>("POST", path, body, options),
  put: <T>(path: string, body?: unknown, options?: Options) =>
    request<T>("PUT", path, body, options),
  patch: <T>(path: string, body?: unknown, options?: Options) =>
    request<T>("PATCH", path, body, options),
  delete: <T = void>(path: string, options?: Options) =>
    request<T>("DELETE", path, undefined, options),
};

/** A page of a list (DRF). */
export interface Page<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}
