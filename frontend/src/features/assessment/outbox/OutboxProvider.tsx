import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useSyncExternalStore,
  type ReactNode,
} from "react";
import { sessionQuery } from "@/features/accounts";
import { api } from "@/lib/api";
import { putJudgment } from "../api/assess";
import { acrossTabs, Outbox, type OutboxState } from "./outbox";
import { browserStore } from "./store";

const Current = createContext<Outbox | null>(null);

/** Keeps the signed-in person's outbox going on every page, and warns before leaving too early. */
export function OutboxProvider({ userId, children }: { userId: number; children: ReactNode }) {
  const client = useQueryClient();
  const outbox = useMemo(
    () =>
      new Outbox(userId, {
        store: browserStore(),
        send: putJudgment,
        whoAmI: async () =>
          (await api.get<{ user: { id: number } | null }>("auth/session/")).user?.id ?? null,
        onSignedOut: () => void client.invalidateQueries({ queryKey: sessionQuery.queryKey }),
        exclusively: acrossTabs,
      }),
    [userId, client],
  );
  useEffect(() => {
    void outbox.open();
    const onVisible = () => {
      if (document.visibilityState === "visible") outbox.hurry();
    };
    const onBeforeUnload = (event: BeforeUnloadEvent) => {
      if (outbox.getState().waiting.length) event.preventDefault();
    };
    window.addEventListener("online", outbox.hurry);
    window.addEventListener("beforeunload", onBeforeUnload);
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      outbox.close();
      window.removeEventListener("online", outbox.hurry);
      window.removeEventListener("beforeunload", onBeforeUnload);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [outbox]);
  return <Current value={outbox}>{children}</Current>;
}

export function useOutbox(): Outbox {
  const outbox = useContext(Current);
  if (!outbox) throw new Error("useOutbox needs an OutboxProvider");
  return outbox;
}

export function useOutboxState(): OutboxState {
  const outbox = useOutbox();
  return useSyncExternalStore(outbox.subscribe, outbox.getState);
}
