import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { renderPage } from "@/testing/render";
import type { Study } from "../../api/types";
import { RunsSection } from "./RunsSection";

const RUN = {
  method: "mine",
  file_name: "mine.run",
  sha256: "ab",
  n_lines: 600,
  in_pools: true,
  imported_at: "2026-01-01T00:00:00Z",
  imported_by: "Eve",
};
const study = (state: string) => ({ slug: "thorax", state }) as Study;

let stored: (typeof RUN)[];
let sent: FormData[];

beforeEach(() => {
  stored = [];
  sent = [];
  vi.stubGlobal("fetch", (_: string, { method, body }: RequestInit = {}) => {
    if (method !== "POST") return Promise.resolve(Response.json(stored));
    const form = body as FormData;
    sent.push(form);
    if (form.get("preview") === "false") stored = [RUN];
    return Promise.resolve(
      Response.json({
        run: RUN,
        is_new: true,
        sentences: ["mine: 600 results for 2 of 2 queries.", "5 of its 6 pairs are new."],
        n_new_pairs: 5,
        n_new_tasks: 10,
      }),
    );
  });
});
afterEach(() => vi.unstubAllGlobals());

function choose() {
  const input = document.querySelector<HTMLInputElement>("input[type=file]");
  const file = new File(["q1 Q0 a 1 1 mine\n"], "mine.run");
  fireEvent.change(input as HTMLInputElement, { target: { files: [file] } });
}

test("what a file would bring is said before it is added", async () => {
  const flush = vi.fn(() => Promise.resolve(true));
  const reload = vi.fn(() => Promise.resolve());
  renderPage(<RunsSection study={study("open")} flush={flush} reload={reload} />);
  choose();
  await screen.findByText("5 of its 6 pairs are new.");
  expect(screen.getByText(/cannot be taken away again/)).toBeInTheDocument();
  expect(sent.map((form) => form.get("preview"))).toEqual(["true"]);
  fireEvent.click(screen.getByRole("button", { name: "Add the run" }));
  await waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
  expect(sent.at(-1)?.get("preview")).toBe("false");
  expect(sent.at(-1)?.get("no_pool")).toBe("false");
  await screen.findByRole("cell", { name: "mine.run" });
  expect(screen.queryByRole("button", { name: "Remove mine" })).not.toBeInTheDocument();
});

test("a closed study takes a run only to report on it", async () => {
  renderPage(
    <RunsSection
      study={study("closed")}
      flush={() => Promise.resolve(true)}
      reload={() => Promise.resolve()}
    />,
  );
  choose();
  await screen.findByText("5 of its 6 pairs are new.");
  expect(screen.getByRole("checkbox", { name: "Only report on it" })).toBeChecked();
  expect(sent.map((form) => form.get("no_pool"))).toEqual(["true"]);
});

test("a draft can forget a run", async () => {
  stored = [RUN];
  renderPage(
    <RunsSection
      study={study("draft")}
      flush={() => Promise.resolve(true)}
      reload={() => Promise.resolve()}
    />,
  );
  await screen.findByRole("button", { name: "Remove mine" });
});
