import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { explorationQuery } from "./explore";

type Answer = { body: object; status?: number };

let asked: { method: string; path: string; body: unknown }[];
let answers: Answer[];

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push({ method: init.method ?? "", path, body: init.body });
    const { body, status = 200 } = answers.shift() ?? { body: {}, status: 500 };
    return Promise.resolve(Response.json(body, { status }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const state = (state: string, ...methods: string[]) => ({
  body: { id: "17", state, methods: methods.map((each) => ({ state: each })) },
});
const client = () => new QueryClient();

describe("looking an image up", () => {
  it("asks, looks until all is answered, and shows what is there meanwhile", async () => {
    answers = [
      state("waiting", "waiting", "waiting"),
      state("running", "done", "waiting"),
      state("done", "done", "done"),
    ];
    const queries = client();
    const shown = vi.spyOn(queries, "setQueryData");
    const query = explorationQuery(queries, "demo", { imageId: "a.png" }, ["cld", "ehd"]);
    const answer = await queries.fetchQuery(query);
    expect(answer.state).toBe("done");
    expect(asked.map(({ method, path }) => [method, path])).toEqual([
      ["POST", "/api/v1/collections/demo/explorations/"],
      ["GET", "/api/v1/explorations/17/"],
      ["GET", "/api/v1/explorations/17/"],
    ]);
    expect(JSON.parse(asked[0]?.body as string)).toEqual({
      image_id: "a.png",
      methods: ["cld", "ehd"],
      depth: 50,
    });
    expect(shown).toHaveBeenCalledTimes(1);
  });

  it("sends a dropped file as a form", async () => {
    answers = [state("done")];
    const dropped = { id: "1", file: new File(["x"], "mine.png") };
    const queries = client();
    await queries.fetchQuery(
      explorationQuery(queries, "demo", { dropped }, ["cld", "rrf(cld+gf)"]),
    );
    const form = asked[0]?.body as FormData;
    expect((form.get("file") as File).name).toBe("mine.png");
    expect(form.getAll("methods")).toEqual(["cld", "rrf(cld+gf)"]);
  });

  it("is refused at once, without asking again", async () => {
    answers = [{ body: { code: "no_worker", detail: "No worker that explores." }, status: 503 }];
    const queries = client();
    await expect(
      queries.fetchQuery(explorationQuery(queries, "demo", { imageId: "a" }, ["cld"])),
    ).rejects.toThrow("No worker that explores.");
    expect(asked).toHaveLength(1);
  });
});
