import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { renderPage } from "@/testing/render";
import type { ExploredMethod, Exploration } from "../../api/types";
import { Columns, type Naming } from "./Columns";
import { CommonMatrix, FoundBy } from "./Shared";

const NAMING: Naming = {
  title: (name) => name.toUpperCase(),
  detail: (name) => name,
  colour: () => "#0072b2",
};

const found = (method: string, ids: string, error = ""): ExploredMethod => ({
  method,
  state: error ? "failed" : "done",
  error,
  hits: [...ids].map((image_id, index) => ({ image_id, score: -index - 1 })),
});

function exploration(methods: ExploredMethod[]): Exploration {
  const ids = new Set(methods.flatMap(({ hits }) => hits.map(({ image_id }) => image_id)));
  return {
    id: "1",
    collection: "demo",
    state: "done",
    error: "",
    depth: 50,
    created_at: "2026-03-01T12:00:00Z",
    query: { image_id: "q", file_name: "q", width: 1, height: 1, image_url: "", captions: [] },
    methods,
    images: [...ids].map((image_id) => ({
      image_id,
      file_name: image_id,
      width: 1,
      height: 1,
      thumb_url: `/thumb/${image_id}`,
      image_url: "",
      captions: [],
    })),
    common: [{ method_a: "cld", method_b: "ehd", n: 5, value: 0.4 }],
  };
}

const ANSWER = exploration([found("cld", "abcd"), found("ehd", "xbya"), found("gf", "", "No.")]);

function show(onChoose = vi.fn(), onlyFoundBy: number | null = null) {
  renderPage(
    <Columns
      exploration={ANSWER}
      methods={["cld", "ehd", "gf"]}
      n={5}
      naming={NAMING}
      onlyFoundBy={onlyFoundBy}
      onChoose={onChoose}
    />,
  );
  return {
    user: userEvent.setup(),
    column: (name: string) => within(screen.getByRole("region", { name })),
    onChoose,
  };
}

const active = () =>
  [...document.querySelectorAll("li[data-active] button")].map((button) =>
    button.getAttribute("data-at"),
  );

describe("columns", () => {
  it("say rank, image and where else it was found", () => {
    const { column } = show();
    column("CLD").getByRole("button", { name: "Rank 1: a, also found by EHD rank 4" });
    column("EHD").getByRole("button", { name: "Rank 1: x" });
    column("GF").getByText("No.");
  });

  it("mark the image under the pointer in every column, with its rank there", async () => {
    const { user, column } = show();
    await user.hover(column("CLD").getByRole("button", { name: /: b/ }));
    expect(active()).toEqual(["0:1", "1:1"]);
    await user.hover(column("EHD").getByRole("button", { name: /: x/ }));
    expect(active()).toEqual(["1:0"]);
    expect(column("CLD").getByText("–")).toBeInTheDocument();
  });

  it("are one stop of the Tab key; arrows go to the same image, else to the same rank", async () => {
    const { user, onChoose } = show();
    await user.tab();
    expect(active()).toEqual(["0:0", "1:3"]); // a
    await user.keyboard("{ArrowRight}");
    expect(document.activeElement?.getAttribute("data-at")).toBe("1:3");
    await user.keyboard("{ArrowUp}{ArrowLeft}"); // y is not in the first column
    expect(document.activeElement?.getAttribute("data-at")).toBe("0:2");
    await user.keyboard("{Home}{Enter}");
    expect(onChoose).toHaveBeenCalledExactlyOnceWith("a");
    await user.tab();
    expect(document.activeElement?.getAttribute("data-at") ?? null).toBeNull();
  });

  it("fade what another number of methods found", () => {
    show(vi.fn(), 2);
    const faded = [...document.querySelectorAll("li[data-faded] button")].map((button) =>
      button.getAttribute("data-at"),
    );
    expect(faded).toEqual(["0:2", "0:3", "1:0", "1:2"]); // c, d, x, y
  });

  it("keep their places while nothing has answered", () => {
    renderPage(
      <Columns
        exploration={undefined}
        methods={["cld", "ehd"]}
        n={10}
        naming={NAMING}
        onlyFoundBy={null}
        onChoose={vi.fn()}
      />,
    );
    expect(screen.getAllByRole("region")).toHaveLength(2);
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("what they have in common", () => {
  it("is a ratio per pair, a dash where a method has no answer", () => {
    renderPage(
      <CommonMatrix exploration={ANSWER} methods={["cld", "ehd", "gf"]} n={5} naming={NAMING} />,
    );
    const [, ehd, gf] = screen.getAllByRole("row");
    expect(
      within(ehd!)
        .getAllByRole("cell")
        .map((cell) => cell.textContent),
    ).toEqual(["0.40", ""]);
    expect(
      within(gf!)
        .getAllByRole("cell")
        .map((cell) => cell.textContent),
    ).toEqual(["–", "–"]);
    expect(screen.getByTitle("2 of 5 in common")).toBeInTheDocument();
  });

  it("counts images by the number of methods that have answered", async () => {
    const onChoose = vi.fn();
    renderPage(<FoundBy exploration={ANSWER} n={5} chosen={1} onChoose={onChoose} />);
    const both = screen.getByRole("button", { name: /both methods/ });
    expect(both).toHaveTextContent("2");
    expect(screen.getByRole("button", { name: /one method/, pressed: true })).toHaveTextContent(
      "4",
    );
    await userEvent.setup().click(both);
    expect(onChoose).toHaveBeenCalledExactlyOnceWith(2);
  });
});
