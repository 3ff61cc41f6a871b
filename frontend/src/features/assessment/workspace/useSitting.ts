import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "react";
import { randomUuid } from "@/lib/uuid";
import { fetchHistory, fetchTasks } from "../api/assess";
import type { Answer, AssessStudy, JudgmentBody } from "../api/types";
import { useOutbox, useOutboxState } from "../outbox/OutboxProvider";
import type { Entry } from "../outbox/store";
import type { Protocol } from "../protocols/types";
import { PairClock } from "./clock";
import { usualPace } from "./pace";
import { Prefetcher } from "./prefetch";
import { current, EMPTY, reduce, revisited, upcoming, type Said } from "./session";
import { useAway } from "./useAway";

/** Fetch more pairs when fewer than this are known: enough to go on without a connection. */
const LOW = 24;
const BATCH = 40;
/** More the server does not give at once. */
const MOST = 100;
const PREFETCHED = 16;
const REMEMBERED = 50;
const INTRODUCTION_MS = 1500;
const RETRY_MS = 3000;

function answerOf({ body }: Entry): Answer {
  const rest: JudgmentBody = { ...body };
  for (const field of ["task_id", "note", "active_ms", "hidden_ms", "client_time", "revises"]) {
    delete rest[field];
  }
  return rest as unknown as Answer;
}

const saidOf = (entry: Entry): Said => ({
  uuid: entry.uuid,
  task: entry.task,
  answer: answerOf(entry),
  note: entry.body.note ?? "",
});

const sameAnswer = (a: Answer, b: Answer): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((field) => a[field] === b[field]);

/** One assessor's sitting at one study: what is on the screen, and what the keys do to it. */
export function useSitting(study: AssessStudy, protocol: Protocol) {
  const outbox = useOutbox();
  const { ready, waiting, confirmed, refused } = useOutboxState();
  const [sitting, dispatch] = useReducer(reduce, EMPTY);
  const [problem, setProblem] = useState<unknown>(null);
  const [state, setState] = useState("open");
  const [attempt, setAttempt] = useState(0);
  const [introduced, setIntroduced] = useState<string | null>(null);
  const [durations, setDurations] = useState<readonly number[]>([]);
  const [draft, setDraft] = useState<{ taskId: string; note: string } | null>(null);
  const [clock] = useState(() => new PairClock(performance.now()));
  const [prefetcher] = useState(() => new Prefetcher());
  const lastAnswered = useRef<string | null>(null);
  useAway(clock);

  const { slug } = study;
  const { answerOf: answerOfItem, imagesOf } = protocol;

  // What an earlier visit left unsent is judged, whatever the server knows; then its own memory.
  useEffect(() => {
    if (!ready) return undefined;
    const controller = new AbortController();
    const left = outbox.getState().waiting.filter((entry) => entry.study === slug);
    if (left.length) dispatch({ type: "remembered", said: left.map(saidOf) });
    fetchHistory(slug, REMEMBERED, controller.signal)
      .then((items) =>
        dispatch({
          type: "remembered",
          said: items
            .map((item) => ({
              uuid: item.uuid,
              task: item.task,
              answer: answerOfItem(item),
              note: item.note,
            }))
            .reverse(),
        }),
      )
      // Without it undo reaches back to the start of this sitting only.
      .catch(() => undefined);
    return () => controller.abort();
  }, [ready, slug, outbox, answerOfItem]);

  const own = useMemo(() => waiting.filter((entry) => entry.study === slug), [waiting, slug]);
  const settled = own.length === 0;
  const known = sitting.queue.length;
  const wanting = ready && (!sitting.started || (known < LOW && !sitting.exhausted));
  const fetching = useRef<AbortController | null>(null);
  useEffect(
    () => () => {
      fetching.current?.abort();
      fetching.current = null;
    },
    [slug, outbox],
  );
  useEffect(() => {
    // One request at a time: fast judging must not keep abandoning it.
    if (!wanting || fetching.current) return undefined;
    const controller = new AbortController();
    fetching.current = controller;
    const unsentNow = () => outbox.getState().waiting.filter((entry) => entry.study === slug);
    const before = unsentNow();
    const again = () => setAttempt((n) => n + 1);
    fetchTasks(slug, Math.min(MOST, BATCH + known + before.length), controller.signal)
      .then(({ state, tasks, progress }) => {
        fetching.current = null;
        const unsent = unsentNow();
        setProblem(null);
        setState(state);
        dispatch({
          type: "arrived",
          tasks,
          progress,
          unsent: new Set(unsent.map((entry) => entry.task.task_id)),
          settled: before.length === 0 && unsent.length === 0,
        });
        if (before.length > 0 !== unsent.length > 0) again();
      })
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        fetching.current = null;
        setProblem(error);
        window.setTimeout(again, RETRY_MS);
      });
    return undefined;
    // `known` is left out: not each answered pair asks again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanting, settled, slug, outbox, attempt]);

  // The server's count, and what it has not heard of yet. Judgments are sent in order, so the count
  // that comes with each of them is exact.
  const base = confirmed[slug] ?? sitting.progress;
  const unsentFirst = own.filter((entry) => !entry.body.revises).length;
  const progress = { done: Math.min(base.done + unsentFirst, base.total), total: base.total };

  const task = current(sitting);
  const before = revisited(sitting);
  const next = upcoming(sitting);

  const introduction = task && !before ? task.query.image_url : null;
  const introducing = introduction !== null && introduced !== introduction;
  const endIntroduction = useCallback(() => setIntroduced(introduction), [introduction]);
  useEffect(() => {
    if (!introducing) return undefined;
    const timer = window.setTimeout(endIntroduction, INTRODUCTION_MS);
    return () => window.clearTimeout(timer);
  }, [introducing, endIntroduction]);

  useLayoutEffect(() => {
    clock.restart(performance.now());
  }, [clock, task?.task_id, sitting.back, introducing]);

  useEffect(() => {
    const pairs = task ? [task, ...next.slice(0, PREFETCHED)] : [];
    prefetcher.want(pairs.flatMap(imagesOf).map(({ image_url }) => image_url));
  }, [prefetcher, imagesOf, task, next]);

  const note = draft && draft.taskId === task?.task_id ? draft.note : (before?.note ?? "");

  const answer = (given: Answer) => {
    if (!task || introducing) return;
    if (before && sameAnswer(before.answer, given) && before.note === note) {
      dispatch({ type: "forward" });
      return;
    }
    // A second press before the next pair is drawn does not count for this one.
    if (!before && lastAnswered.current === task.task_id) return;
    if (!before) lastAnswered.current = task.task_id;
    const uuid = randomUuid();
    const times = clock.read(performance.now());
    // A refused judgment is not on the server: nothing there can be revised.
    const predecessor =
      before && !refused.some((entry) => entry.uuid === before.uuid) && before.uuid;
    outbox.add({
      uuid,
      study: slug,
      task,
      body: {
        task_id: task.task_id,
        ...given,
        ...(note && { note }),
        ...times,
        client_time: new Date().toISOString(),
        ...(predecessor && { revises: predecessor }),
      },
    });
    if (!before) setDurations((list) => [...list.slice(-99), times.active_ms]);
    setDraft(null);
    dispatch({ type: "answered", uuid, answer: given, note });
  };

  return {
    task,
    next,
    /** What was said about the pair on the screen, when undo went back to it. */
    before,
    introducing,
    endIntroduction,
    note,
    setNote: (text: string) => task && setDraft({ taskId: task.task_id, note: text.trim() }),
    answer,
    undo: () => dispatch({ type: "undo" }),
    canUndo: sitting.back < sitting.said.length,
    forward: () => dispatch({ type: "forward" }),
    later: () => dispatch({ type: "later" }),
    progress,
    pace: usualPace(durations, study.pace_ms),
    started: sitting.started,
    finished: sitting.started && !task && progress.done >= progress.total,
    /** Nothing is left to show, though not all is judged: the rest was closed. */
    exhausted: sitting.started && sitting.exhausted && !task,
    /** Of the study: only an open one is judged. */
    state,
    problem,
    retry: () => setAttempt((n) => n + 1),
  };
}
