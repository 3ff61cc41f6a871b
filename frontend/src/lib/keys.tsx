/** Keys: one listener, the newest binding wins, and `?` can list all that are in force. */
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from "react";

export interface KeyBinding {
  /** `KeyboardEvent.key`, letters in lower case; several for the same deed. */
  keys: string | string[];
  /** What the key does, as the help shows it. */
  label: string;
  /** Heading in the help. */
  group?: string;
  run: (event: KeyboardEvent) => void;
  enabled?: boolean;
  /** Also act while the key is held down. */
  repeat?: boolean;
  /** Also act while a dialog has the focus; otherwise a dialog has the keyboard to itself. */
  inDialog?: boolean;
  /** Leave it out of the help. */
  hidden?: boolean;
}

interface Registry {
  list: () => KeyBinding[];
  add: (source: () => KeyBinding[]) => () => void;
}

const Keys = createContext<Registry | null>(null);

const keysOf = (binding: KeyBinding): string[] =>
  typeof binding.keys === "string" ? [binding.keys] : binding.keys;

/** Typing in a field, or pressing a focused button by Enter or space, is not a shortcut. */
export function isForElement(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("input, textarea, select")) return true;
  return (
    (event.key === "Enter" || event.key === " ") &&
    target.closest("button, a[href], summary, [role=menuitem], [role=tab]") !== null
  );
}

export function KeysProvider({ children }: { children: ReactNode }) {
  const [registry] = useState<Registry & { sources: (() => KeyBinding[])[] }>(() => {
    const sources: (() => KeyBinding[])[] = [];
    return {
      sources,
      list: () => [...sources].reverse().flatMap((source) => source()),
      add: (source) => {
        sources.push(source);
        return () => void sources.splice(sources.indexOf(source), 1);
      },
    };
  });

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isForElement(event)) return;
      const inDialog =
        event.target instanceof Element && event.target.closest("[role=dialog]") !== null;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      // On some keyboards (French) a digit needs Shift: the key's place counts as well.
      const place = !event.shiftKey && /^Digit(\d)$/.exec(event.code)?.[1];
      const isPressed = (each: KeyBinding) =>
        keysOf(each).some((name) => name === key || name === place);
      const binding = registry
        .list()
        .find((each) => each.enabled !== false && (!inDialog || each.inDialog) && isPressed(each));
      if (!binding || (event.repeat && !binding.repeat)) return;
      event.preventDefault();
      binding.run(event);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [registry]);

  return <Keys value={registry}>{children}</Keys>;
}

/** Bind keys while the component is shown. The newest component's bindings come first. */
export function useKeys(bindings: KeyBinding[]): void {
  const registry = useContext(Keys);
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => registry?.add(() => latest.current), [registry]);
}

/** What the help lists: call it when the help opens. */
export function useKeyList(): () => KeyBinding[] {
  const registry = useContext(Keys);
  return useMemo(() => () => registry?.list() ?? [], [registry]);
}

const NAMES: Record<string, string> = {
  Backspace: "⌫",
  Enter: "↵",
  Escape: "Esc",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  " ": "Space",
};

/** A key as it is printed on the keyboard. */
export const keyName = (key: string): string =>
  NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);
