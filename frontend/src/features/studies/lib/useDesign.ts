import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import { keys } from "../api/keys";
import { saveDesign } from "../api/save-design";
import type { Design, Study, StudyQuery } from "../api/types";
import { changeDesign, designOf, unsavable, type DesignAction } from "./design";

const PAUSE_MS = 700;

export type Saving =
  | { state: "saved" }
  | { state: "unsaved" }
  | { state: "saving" }
  /** Kept here until the server can take it, and why it cannot. */
  | { state: "waiting"; reason: string }
  | { state: "refused"; error: unknown };

/**
 * A draft's design as it is edited. The truth is the server's: every change is sent after a short
 * pause, one call at a time, and `flush` sends at once what waits.
 */
export function useDesign(study: Study, queries: StudyQuery[]) {
  const client = useQueryClient();
  const [design, change] = useReducer(changeDesign, null, () => designOf(study, queries));
  const [saving, setSaving] = useState<Saving>({ state: "saved" });
  const latest = useRef(design);
  const sent = useRef(design);
  const running = useRef<Promise<boolean> | null>(null);
  const timer = useRef<number | undefined>(undefined);
  const { slug } = study;

  const flush = useCallback(async (): Promise<boolean> => {
    window.clearTimeout(timer.current);
    // One call at a time, or an older design could arrive last.
    while (running.current) await running.current;
    if (sent.current === latest.current) return true;
    const current: Design = latest.current;
    const reason = unsavable(current);
    if (reason !== null) {
      setSaving({ state: "waiting", reason });
      return false;
    }
    setSaving({ state: "saving" });
    running.current = saveDesign(slug, current).then(
      (saved) => {
        sent.current = current;
        client.setQueryData(keys.study(slug), saved);
        void client.invalidateQueries({ queryKey: keys.queries(slug) });
        void client.invalidateQueries({ queryKey: keys.plan(slug) });
        setSaving({ state: latest.current === current ? "saved" : "unsaved" });
        return true;
      },
      (error: unknown) => {
        setSaving({ state: "refused", error });
        return false;
      },
    );
    const done = await running.current;
    running.current = null;
    return done;
  }, [client, slug]);

  const dispatch = useCallback(
    (action: DesignAction) => {
      const after = changeDesign(latest.current, action);
      if (after === latest.current) return;
      latest.current = after;
      change(action);
      setSaving({ state: "unsaved" });
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => void flush(), PAUSE_MS);
    },
    [flush],
  );

  /** Take over what the server has now, such as after an upload. */
  const reload = useCallback((from: Study, its: StudyQuery[]) => {
    const fresh = designOf(from, its);
    latest.current = fresh;
    sent.current = fresh;
    change({ type: "load", design: fresh });
    setSaving({ state: "saved" });
  }, []);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (sent.current !== latest.current) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      window.removeEventListener("beforeunload", warn);
      void flush();
    };
  }, [flush]);

  return { design, dispatch, saving, flush, reload };
}

export type DesignHandle = ReturnType<typeof useDesign>;
