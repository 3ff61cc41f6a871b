/** What studies keep in the query cache, from the whole to the part. */
export const keys = {
  studies: ["studies", "list"] as const,
  study: (slug: string) => ["studies", "study", slug] as const,
  runs: (slug: string) => ["studies", "study", slug, "runs"] as const,
  queries: (slug: string) => ["studies", "study", slug, "queries"] as const,
  plan: (slug: string) => ["studies", "study", slug, "plan"] as const,
  monitor: (slug: string) => ["studies", "study", slug, "monitor"] as const,
};
