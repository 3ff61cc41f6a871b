import { describe, expect, it } from "vitest";

import {
  chunksOf,
  isClutter,
  kindOf,
  pathsWithin,
  uploadChunks,
  type NamedFile,
  type UploadProgress,
} from "./chunks";

function named(path: string, bytes = 1): NamedFile {
  return { path, file: new File([new Uint8Array(bytes)], path) };
}

const paths = (files: NamedFile[]) => files.map(({ path }) => path);
const at = (status: number) => Object.assign(new Error(`status ${status}`), { status });
const noWait = () => Promise.resolve();

describe("chunksOf", () => {
  it("fills calls to the limit of files", () => {
    const files = Array.from({ length: 120 }, (_, index) => named(`${index}.jpg`));
    expect(chunksOf(files).map((chunk) => chunk.length)).toEqual([50, 50, 20]);
  });

  it("starts another call before the bytes go over, and sends a large file alone", () => {
    const files = [named("a", 4), named("b", 4), named("c", 30), named("d", 1)];
    expect(chunksOf(files, { maxBytes: 10 }).map(paths)).toEqual([["a", "b"], ["c"], ["d"]]);
  });

  it("makes no call of nothing", () => {
    expect(chunksOf([])).toEqual([]);
  });
});

describe("pathsWithin", () => {
  it("leaves out the name of the one folder that was dropped", () => {
    expect(paths(pathsWithin([named("/set/a.jpg"), named("/set/chest/b.jpg")]))).toEqual([
      "a.jpg",
      "chest/b.jpg",
    ]);
  });

  it("keeps the names of several folders apart", () => {
    expect(paths(pathsWithin([named("one/a.jpg"), named("two/a.jpg")]))).toEqual([
      "one/a.jpg",
      "two/a.jpg",
    ]);
  });

  it("keeps loose files as they are", () => {
    expect(paths(pathsWithin([named("./a.jpg"), named("b.jpg")]))).toEqual(["a.jpg", "b.jpg"]);
  });
});

it.each([
  ["chest/a.JPG", "picture"],
  ["a.tiff", "picture"],
  ["set/manifest.csv", "table"],
  ["labels.csv", "other"],
  ["all.zip", "archive"],
])("knows %s as %s", (path, kind) => {
  expect(kindOf(path)).toBe(kind);
});

it("sees the clutter of operating systems", () => {
  expect([".DS_Store", "a/.git/x", "__MACOSX/a.jpg", "a/b.jpg"].map(isClutter)).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

describe("uploadChunks", () => {
  const files = Array.from({ length: 60 }, (_, index) => named(`${index}.jpg`, 2));

  it("sends every file once and says how far it is", async () => {
    const sent: string[] = [];
    const seen: UploadProgress[] = [];
    await uploadChunks({
      files,
      send: (chunk) => {
        sent.push(...paths(chunk));
        return Promise.resolve();
      },
      onProgress: (progress) => seen.push(progress),
      onArrived: () => undefined,
    });
    expect(sent).toEqual(paths(files));
    expect(seen.at(-1)).toEqual({ sentFiles: 60, totalFiles: 60, sentBytes: 120, totalBytes: 120 });
  });

  it("tries a call again when the server is busy, and not when it refuses", async () => {
    let calls = 0;
    await uploadChunks({
      files: files.slice(0, 2),
      send: () => {
        calls += 1;
        return calls < 3 ? Promise.reject(at(503)) : Promise.resolve();
      },
      onProgress: () => undefined,
      onArrived: () => undefined,
      wait: noWait,
    });
    expect(calls).toBe(3);

    let refused = 0;
    await expect(
      uploadChunks({
        files: files.slice(0, 2),
        send: () => {
          refused += 1;
          return Promise.reject(at(400));
        },
        onProgress: () => undefined,
        onArrived: () => undefined,
        wait: noWait,
      }),
    ).rejects.toThrow("status 400");
    expect(refused).toBe(1);
  });

  it("goes on at the call that failed", async () => {
    const sent: number[] = [];
    let arrived = 0;
    let broken = true;
    const run = () =>
      uploadChunks({
        files,
        from: arrived,
        send: (chunk) => {
          if (broken && chunk.length === 10) return Promise.reject(at(0));
          sent.push(chunk.length);
          return Promise.resolve();
        },
        onProgress: () => undefined,
        onArrived: (chunks) => {
          arrived = chunks;
        },
        wait: noWait,
        tries: 2,
      });
    await expect(run()).rejects.toThrow();
    expect(arrived).toBe(1);
    broken = false;
    await run();
    expect(sent).toEqual([50, 10]);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    await expect(
      uploadChunks({
        files,
        send: () => {
          stop.abort();
          return Promise.resolve();
        },
        onProgress: () => undefined,
        onArrived: () => undefined,
        signal: stop.signal,
      }),
    ).rejects.toThrow();
  });
});
