/** Images of the coming pairs: fetched well ahead, the nearest ones decoded. */

const KEEP_DECODED = 6;

/** Keeps its images alive: a page then shows them at once, with or without a connection. */
export class Prefetcher {
  private readonly kept = new Map<string, HTMLImageElement>();

  constructor(private readonly make: () => HTMLImageElement = () => new Image()) {}

  /** Want these, the nearest first; others are let go. */
  want(urls: readonly string[]): void {
    const wanted = new Set(urls);
    for (const url of this.kept.keys()) if (!wanted.has(url)) this.kept.delete(url);
    [...wanted].forEach((url, place) => {
      let image = this.kept.get(url);
      // One that failed while offline is tried again.
      if (!image || (image.complete && image.naturalWidth === 0)) {
        image = this.make();
        image.decoding = "async";
        image.fetchPriority = place < 2 ? "high" : "low";
        image.src = url;
        this.kept.set(url, image);
      }
      if (place < KEEP_DECODED) void image.decode().catch(() => undefined);
    });
  }
}
