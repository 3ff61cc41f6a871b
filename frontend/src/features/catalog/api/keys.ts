/** What the catalog keeps in the query cache, from the whole to the part. */
export const keys = {
  collections: ["catalog", "collections"] as const,
  collection: (slug: string) => ["catalog", "collection", slug] as const,
  images: (slug: string) => ["catalog", "collection", slug, "images"] as const,
  imports: (slug: string) => ["catalog", "collection", slug, "imports"] as const,
  import: (id: number) => ["catalog", "import", id] as const,
};
