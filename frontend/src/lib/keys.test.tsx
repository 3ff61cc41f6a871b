import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { KeysProvider, useKeys, type KeyBinding } from "./keys";

function Bound({ bindings }: { bindings: KeyBinding[] }) {
  useKeys(bindings);
  return null;
}

function show(...bindings: Partial<KeyBinding>[]) {
  const runs = bindings.map(() => vi.fn());
  render(
    <KeysProvider>
      {bindings.map((binding, index) => (
        <Bound
          key={index}
          bindings={[{ keys: "3", label: "Level", run: runs[index]!, ...binding }]}
        />
      ))}
      <input aria-label="field" />
      <button>button</button>
      <div role="dialog">
        <span>inside</span>
      </div>
    </KeysProvider>,
  );
  return runs;
}

const press = (init: KeyboardEventInit, target: Element = document.body) =>
  fireEvent.keyDown(target, { bubbles: true, ...init });

it.each([
  ["its key", { key: "3" }, 1],
  ["the key's place, on a keyboard whose digits need Shift", { key: '"', code: "Digit3" }, 1],
  ["another key", { key: "4", code: "Digit4" }, 0],
  ["a shifted digit", { key: "#", code: "Digit3", shiftKey: true }, 0],
  ["a shortcut of the browser", { key: "3", ctrlKey: true }, 0],
  ["a key that is held down", { key: "3", repeat: true }, 0],
])("reacts as it should to %s", (_, init, times) => {
  const [run] = show({});
  press(init);
  expect(run).toHaveBeenCalledTimes(times);
});

it("reads letters in either case", () => {
  const [run] = show({ keys: "u" });
  press({ key: "U" });
  expect(run).toHaveBeenCalledOnce();
});

it("leaves typing alone", () => {
  const [run] = show({});
  press({ key: "3" }, screen.getByLabelText("field"));
  expect(run).not.toHaveBeenCalled();
});

it("leaves Enter to a focused button, but not a level", () => {
  const [enter, level] = show({ keys: "Enter" }, {});
  press({ key: "Enter" }, screen.getByText("button"));
  press({ key: "3" }, screen.getByText("button"));
  expect(enter).not.toHaveBeenCalled();
  expect(level).toHaveBeenCalledOnce();
});

it("gives a dialog the keyboard, except for what the dialog binds", () => {
  const [page, dialog] = show({ keys: "1" }, { keys: "2", inDialog: true });
  press({ key: "1" }, screen.getByText("inside"));
  press({ key: "2" }, screen.getByText("inside"));
  expect(page).not.toHaveBeenCalled();
  expect(dialog).toHaveBeenCalledOnce();
});

it("asks the newest component first, and passes over what is switched off", () => {
  const [old, switchedOff, newest] = show({}, { enabled: false }, {});
  press({ key: "3" });
  expect([old, switchedOff, newest].map((run) => run!.mock.calls.length)).toEqual([0, 0, 1]);
});
