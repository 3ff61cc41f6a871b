/** Where judgments wait: IndexedDB, so that a reload or a crash loses none. */
import type { JudgmentBody, Task } from "../api/types";

export interface Entry {
  uuid: string;
  /** Whose judgment it is: nobody else's session may send it. */
  userId: number;
  study: string;
  /** When it was made: the order of sending. */
  madeAt: number;
  body: JudgmentBody;
  /** The pair itself, so that undo works after a reload. */
  task: Task;
  /** Set when the server refused for good: kept until the person has seen it. */
  refusal?: { code: string; detail: string };
}

export interface Store {
  /** All entries of a person, oldest first. */
  load: (userId: number) => Promise<Entry[]>;
  put: (entry: Entry) => Promise<void>;
  remove: (uuid: string) => Promise<void>;
}

const NAME = "likeness";
const TABLE = "outbox";

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const table = request.result.createObjectStore(TABLE, { keyPath: "uuid" });
    table.createIndex("userId", "userId");
  };
  return promised(request);
}

/** The browser's database. A write has reached the disk when its promise is kept. */
export function browserStore(): Store {
  let database: Promise<IDBDatabase> | undefined;
  const table = async (mode: IDBTransactionMode) => {
    database ??= opened();
    try {
      const db = await database;
      return db.transaction(TABLE, mode, { durability: "strict" });
    } catch (error) {
      database = undefined;
      throw error;
    }
  };
  const committed = (transaction: IDBTransaction) =>
    new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () =>
        reject(transaction.error ?? new Error("IndexedDB failed"));
    });
  return {
    async load(userId) {
      const transaction = await table("readonly");
      const found = await promised<Entry[]>(
        transaction.objectStore(TABLE).index("userId").getAll(userId) as IDBRequest<Entry[]>,
      );
      return found.sort((a, b) => a.madeAt - b.madeAt);
    },
    async put(entry) {
      const transaction = await table("readwrite");
      transaction.objectStore(TABLE).put(entry);
      await committed(transaction);
    },
    async remove(uuid) {
      const transaction = await table("readwrite");
      transaction.objectStore(TABLE).delete(uuid);
      await committed(transaction);
    },
  };
}
