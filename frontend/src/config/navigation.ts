/** The places in the header, in order; each is shown to those who may see it. */
export const NAVIGATION = [
  { to: "/collections", label: "Collections", needs: "admin" },
  { to: "/studies", label: "Studies", needs: "researcher" },
  { to: "/people", label: "People", needs: "admin" },
  { to: "/jobs", label: "Jobs", needs: "admin" },
] as const;
