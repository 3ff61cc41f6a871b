import { fireEvent, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { renderPage } from "@/testing/render";
import { FusionPicker } from "./FusionPicker";

const KINDS = [
  { name: "rrf", title: "Reciprocal rank fusion", description: "By ranks." },
  { name: "combmnz_z", title: "CombMNZ, z-scores", description: "By scores." },
];
const MEMBERS = [
  { name: "r_sum", title: "ResNet sum" },
  { name: "cld", title: "Colour layout" },
  { name: "mine", title: "mine" },
];

function show(chosen: string[], { readOnly = false } = {}) {
  const onAdd = vi.fn();
  const onRemove = vi.fn();
  renderPage(
    <FusionPicker
      kinds={KINDS}
      members={MEMBERS}
      chosen={chosen}
      readOnly={readOnly}
      onAdd={onAdd}
      onRemove={onRemove}
    />,
  );
  return { onAdd, onRemove };
}

const add = () => screen.getByRole("button", { name: "Add this fusion" });
const pick = (name: string) => fireEvent.click(screen.getByRole("checkbox", { name }));

test("a fusion is a kind and at least two members, written in the order of the page", () => {
  const { onAdd } = show(["r_sum"]);
  expect(add()).toBeDisabled();
  pick("Colour layout");
  expect(screen.getByRole("status")).toHaveTextContent("at least two");
  expect(add()).toBeDisabled();
  pick("ResNet sum");
  fireEvent.change(screen.getByLabelText("Fuse by"), { target: { value: "combmnz_z" } });
  expect(screen.getByText("By scores.")).toBeInTheDocument();
  fireEvent.click(add());
  expect(onAdd).toHaveBeenCalledExactlyOnceWith("combmnz_z(r_sum+cld)");
  expect(screen.getByRole("checkbox", { name: "ResNet sum" })).not.toBeChecked();
});

test("the same fusion is not added twice, in whatever order it is written", () => {
  show(["rrf(cld+r_sum)"]);
  pick("ResNet sum");
  pick("Colour layout");
  expect(screen.getByRole("status")).toHaveTextContent("This fusion is in the study.");
  expect(add()).toBeDisabled();
});

test("a fusion is shown by its title and can be taken away", () => {
  const { onRemove } = show(["cld", "rrf(cld+mine)"]);
  expect(screen.getByText(/Reciprocal rank fusion of Colour layout \+ mine/)).toBeInTheDocument();
  fireEvent.click(screen.getByRole("button", { name: "Remove rrf(cld+mine)" }));
  expect(onRemove).toHaveBeenCalledExactlyOnceWith("rrf(cld+mine)");
});

test("a study that is planned shows its fusions and offers no others", () => {
  show(["rrf(cld+mine)"], { readOnly: true });
  expect(screen.getByText(/Reciprocal rank fusion/)).toBeInTheDocument();
  expect(screen.queryByRole("button")).not.toBeInTheDocument();
});
