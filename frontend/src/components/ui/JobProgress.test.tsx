import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Job, JobState } from "@/lib/jobs";
import { renderPage } from "@/testing/render";
import { JobProgress } from "./JobProgress";

const jobIn = (state: JobState): Job => ({
  id: 7,
  kind: "import",
  target: "collection:1",
  title: "Import into Thorax",
  state,
  error: "",
  unit: "images",
  done: state === "done" ? 40 : 10,
  total: 40,
  rate: null,
  seconds_left: null,
  result: null,
  created_at: "2026-01-01T00:00:00Z",
  started_at: "2026-01-01T00:00:00Z",
  finished_at: null,
  requested_by: null,
});

let answered: Job;

beforeEach(() => {
  answered = jobIn("running");
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(answered)));
});
afterEach(() => vi.unstubAllGlobals());

test("what the job wrote is read again once it has finished", async () => {
  const onFinished = vi.fn();
  renderPage(<JobProgress job={jobIn("running")} onFinished={onFinished} />);
  expect(onFinished).not.toHaveBeenCalled();
  answered = jobIn("done");
  await waitFor(() => expect(onFinished).toHaveBeenCalledTimes(1), { timeout: 5000 });
  expect(screen.getByText("done")).toBeInTheDocument();
});

test("also when the page around it knew first and took it away", () => {
  const onFinished = vi.fn();
  const { unmount } = renderPage(<JobProgress job={jobIn("running")} onFinished={onFinished} />);
  unmount();
  expect(onFinished).toHaveBeenCalledTimes(1);
});

test("a job that was finished all along asks for nothing", () => {
  const onFinished = vi.fn();
  const { unmount } = renderPage(<JobProgress job={jobIn("done")} onFinished={onFinished} />);
  unmount();
  expect(onFinished).not.toHaveBeenCalled();
});
