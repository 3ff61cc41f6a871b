/** How files travel to the server: in calls small enough to repeat, in an order that can resume. */

export const MAX_FILES_A_CALL = 50;
export const MAX_BYTES_A_CALL = 32 * 2 ** 20;

/** A file with the path it had in the dropped folder. */
export interface NamedFile {
  file: File;
  path: string;
}

export interface UploadProgress {
  sentFiles: number;
  totalFiles: number;
  sentBytes: number;
  totalBytes: number;
}

const PICTURES = /\.(jpe?g|png|webp|tiff?|gif|bmp)$/i;
const TABLES = /^(manifest|captions)\.csv$/i;
const ARCHIVE = /\.zip$/i;

function base(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export type FileKind = "picture" | "archive" | "table" | "other";

/** What the file is by its name; the server looks inside. */
export function kindOf(path: string): FileKind {
  const name = base(path);
  if (TABLES.test(name)) return "table";
  if (ARCHIVE.test(name)) return "archive";
  return PICTURES.test(name) ? "picture" : "other";
}

/** Hidden files and those that an operating system leaves in folders. */
export function isClutter(path: string): boolean {
  return path
    .split("/")
    .some(
      (part) =>
        (part.startsWith(".") && part !== "." && part !== "..") ||
        part === "__MACOSX" ||
        part === "Thumbs.db",
    );
}

/**
 * The path inside the dropped folder: the folder's own name is no part of it, as with a zip of
 * its contents, so that a manifest in the folder names its files as it sees them.
 */
export function pathsWithin(files: readonly NamedFile[]): NamedFile[] {
  const first = files[0]?.path.replace(/^\/+/, "").split("/")[0];
  const clean = files.map(({ file, path }) => ({ file, path: path.replace(/^(\.?\/)+/, "") }));
  const common =
    first !== undefined &&
    clean.length > 0 &&
    clean.every(({ path }) => path.startsWith(`${first}/`))
      ? first.length + 1
      : 0;
  return clean.map(({ file, path }) => ({ file, path: path.slice(common) }));
}

/** Calls of at most `maxFiles` files and, unless one file alone is larger, `maxBytes` bytes. */
export function chunksOf(
  files: readonly NamedFile[],
  { maxFiles = MAX_FILES_A_CALL, maxBytes = MAX_BYTES_A_CALL } = {},
): NamedFile[][] {
  const chunks: NamedFile[][] = [];
  let chunk: NamedFile[] = [];
  let bytes = 0;
  for (const named of files) {
    if (chunk.length > 0 && (chunk.length === maxFiles || bytes + named.file.size > maxBytes)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(named);
    bytes += named.file.size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

/** Worth another try without asking: the network, or a server that is busy or restarting. */
export function isTransient(error: unknown): boolean {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status !== "number" || status === 0 || status === 429 || status >= 500;
}

export interface UploadOptions {
  files: readonly NamedFile[];
  /** Chunks that arrived in an earlier try. */
  from?: number;
  send: (chunk: NamedFile[], onBytes: (sent: number) => void) => Promise<void>;
  onProgress: (progress: UploadProgress) => void;
  /** Called with the number of chunks that have arrived: where to resume. */
  onArrived: (chunks: number) => void;
  wait?: (ms: number) => Promise<void>;
  tries?: number;
  signal?: AbortSignal;
}

/**
 * Send all chunks one after another; each is tried again on its own.
 *
 * Throws the last error when a chunk fails for good; called again with `from` it goes on there.
 */
export async function uploadChunks({
  files,
  from = 0,
  send,
  onProgress,
  onArrived,
  wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  tries = 4,
  signal,
}: UploadOptions): Promise<void> {
  const chunks = chunksOf(files);
  const size = (chunk: readonly NamedFile[]) => chunk.reduce((sum, { file }) => sum + file.size, 0);
  const totalBytes = size(files);
  let sentFiles = chunks.slice(0, from).reduce((sum, chunk) => sum + chunk.length, 0);
  let sentBytes = chunks.slice(0, from).reduce((sum, chunk) => sum + size(chunk), 0);
  const report = (inChunk: number) => {
    onProgress({ sentFiles, totalFiles: files.length, sentBytes: sentBytes + inChunk, totalBytes });
  };
  report(0);
  for (const [index, chunk] of chunks.entries()) {
    if (index < from) continue;
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        await send(chunk, (sent) => {
          report(Math.min(sent, size(chunk)));
        });
        break;
      } catch (error) {
        if (attempt >= tries || !isTransient(error)) throw error;
        report(0);
        await wait(500 * 2 ** (attempt - 1));
      }
    }
    sentFiles += chunk.length;
    sentBytes += size(chunk);
    report(0);
    onArrived(index + 1);
  }
}
