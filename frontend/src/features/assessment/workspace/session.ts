/** What an assessor's sitting looks like: pairs to come, pairs said, and where in them we are. */
import type { Answer, Progress, Task } from "../api/types";

/** A pair that has been judged, in this sitting or an earlier one. */
export interface Said {
  uuid: string;
  task: Task;
  answer: Answer;
  note: string;
}

export interface Sitting {
  /** Open pairs, the next one first; pairs put off come last. */
  queue: readonly Task[];
  /** Ids of the pairs put off. */
  putOff: ReadonlySet<string>;
  /** Judged pairs, oldest first. */
  said: readonly Said[];
  /** How many steps of undo we are back; 0 is the open pair. */
  back: number;
  /** As the server counted when it last gave pairs. */
  progress: Progress;
  /** The first pairs have arrived. */
  started: boolean;
  /** The server has no pair that we do not know of. */
  exhausted: boolean;
}

export type Deed =
  | {
      type: "arrived";
      tasks: readonly Task[];
      progress: Progress;
      /** Ids that wait in the outbox: the server still thinks them open. */
      unsent: ReadonlySet<string>;
      /** No judgment was on its way: what the server did not give is not there. */
      settled: boolean;
    }
  | { type: "remembered"; said: readonly Said[] }
  | { type: "answered"; uuid: string; answer: Answer; note: string }
  | { type: "undo" }
  | { type: "forward" }
  | { type: "later" };

export const EMPTY: Sitting = {
  queue: [],
  putOff: new Set(),
  said: [],
  back: 0,
  progress: { done: 0, total: 0 },
  started: false,
  exhausted: false,
};

/** The judged pair that undo went back to, or undefined at the open pair. */
export const revisited = (sitting: Sitting): Said | undefined =>
  sitting.back > 0 ? sitting.said[sitting.said.length - sitting.back] : undefined;

/** The pair on the screen, or undefined when there is none. */
export const current = (sitting: Sitting): Task | undefined =>
  revisited(sitting)?.task ?? sitting.queue[0];

/** The pairs that will be shown after the present one. */
export const upcoming = (sitting: Sitting): readonly Task[] =>
  sitting.back > 0
    ? [
        ...sitting.said.slice(sitting.said.length - sitting.back + 1).map(({ task }) => task),
        ...sitting.queue,
      ]
    : sitting.queue.slice(1);

function arrived(sitting: Sitting, deed: Extract<Deed, { type: "arrived" }>): Sitting {
  const known = new Set([
    ...sitting.said.map(({ task }) => task.task_id),
    ...sitting.queue.map((task) => task.task_id),
    ...deed.unsent,
  ]);
  const fresh = deed.tasks.filter(({ task_id }) => !known.has(task_id));
  const firm = sitting.queue.filter(({ task_id }) => !sitting.putOff.has(task_id));
  const late = sitting.queue.filter(({ task_id }) => sitting.putOff.has(task_id));
  return {
    ...sitting,
    started: true,
    queue: [...firm, ...fresh, ...late],
    exhausted: fresh.length === 0 && deed.settled,
    progress: deed.progress,
  };
}

function answered(sitting: Sitting, { uuid, answer, note }: Said): Sitting {
  const before = revisited(sitting);
  if (before) {
    return {
      ...sitting,
      back: sitting.back - 1,
      said: sitting.said.map((each) =>
        each === before ? { ...before, uuid, answer, note } : each,
      ),
    };
  }
  const [task, ...rest] = sitting.queue;
  if (!task) return sitting;
  return {
    ...sitting,
    queue: rest,
    said: [...sitting.said, { uuid, task, answer, note }],
  };
}

export function reduce(sitting: Sitting, deed: Deed): Sitting {
  switch (deed.type) {
    case "arrived":
      return arrived(sitting, deed);
    case "remembered": {
      // What this sitting said already is newer than what is remembered of it.
      const here = new Set(sitting.said.map(({ task }) => task.task_id));
      const earlier = deed.said.filter(({ task }) => !here.has(task.task_id));
      const ids = new Set(earlier.map(({ task }) => task.task_id));
      return {
        ...sitting,
        said: [...earlier, ...sitting.said],
        queue: sitting.queue.filter(({ task_id }) => !ids.has(task_id)),
      };
    }
    case "answered": {
      const task = current(sitting);
      if (!task) return sitting;
      const { uuid, answer, note } = deed;
      return answered(sitting, { uuid, task, answer, note });
    }
    case "undo":
      return sitting.back < sitting.said.length ? { ...sitting, back: sitting.back + 1 } : sitting;
    case "forward":
      return sitting.back > 0 ? { ...sitting, back: sitting.back - 1 } : sitting;
    case "later": {
      const [task, ...rest] = sitting.queue;
      if (!task || sitting.back > 0 || rest.length === 0) return sitting;
      return {
        ...sitting,
        queue: [...rest, task],
        putOff: new Set([...sitting.putOff, task.task_id]),
      };
    }
  }
}
