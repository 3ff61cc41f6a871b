import { afterEach, expect, it, vi } from "vitest";
import { addressOf, api, csrfToken, onSignedOut } from "./client";
import { ApiError } from "./problem";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  vi.spyOn(globalThis, "fetch").mockResolvedValue(
    new Response(typeof body === "string" ? body : JSON.stringify(body), {
      status,
      headers: { "Content-Type": "application/problem+json", ...headers },
    }),
  );

const thrownBy = async (promise: Promise<unknown>): Promise<ApiError> => {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof ApiError) return error;
  throw new Error("no ApiError was thrown");
};

afterEach(() => onSignedOut(undefined));

it("reads a refusal in the server's own words", async () => {
  answer(409, { status: 409, code: "study_closed", detail: "The study is closed.", field: "x" });
  const error = await thrownBy(api.get("assess/"));
  expect(error).toMatchObject({ status: 409, code: "study_closed", field: "x" });
  expect(error.message).toBe("The study is closed.");
  expect(error.isPassing).toBe(false);
});

it("has a sentence for an answer that no program of ours wrote", async () => {
  answer(502, "<html>Bad gateway</html>");
  const error = await thrownBy(api.get("assess/"));
  expect(error.detail).toBe("The server is not answering. Try again in a moment.");
  expect(error.isPassing).toBe(true);
});

it("has a sentence for no answer at all", async () => {
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("Failed to fetch"));
  const error = await thrownBy(api.get("assess/"));
  expect(error).toMatchObject({ status: 0, code: "offline", isPassing: true });
});

it.each([
  ["401", 401, "authentication_failed", true],
  ["403 of a session that ended", 403, "not_authenticated", true],
  ["403 of someone who may not", 403, "permission_denied", false],
])("asks to sign in again after %s: %s", async (_, status, code, expected) => {
  answer(status, { code, detail: "No." });
  const listener = vi.fn();
  onSignedOut(listener);
  await thrownBy(api.get("assess/"));
  expect(listener).toHaveBeenCalledTimes(expected ? 1 : 0);
});

it("sends the csrf token of either cookie with writes", async () => {
  expect(csrfToken("a=1; csrftoken=abc")).toBe("abc");
  expect(csrfToken("__Host-csrftoken=xyz; a=1")).toBe("xyz");
  expect(csrfToken("notcsrftoken=1")).toBe("");
  document.cookie = "csrftoken=secret";
  const fetched = answer(200, {});
  await api.put("judgments/1/", { level: 1 });
  const sent = fetched.mock.calls[0]![1]!;
  expect(new Headers(sent.headers).get("X-CSRFToken")).toBe("secret");
  expect(sent.body).toBe('{"level":1}');
});

it("leaves empty query values out of the address", () => {
  expect(addressOf("collections/", { search: "", page: 2, excluded: undefined })).toBe(
    "/api/v1/collections/?page=2",
  );
});
