import type { RouteObject } from "react-router";

const handle = { needs: "admin" };

export const routes: RouteObject[] = [
  {
    path: "jobs",
    handle,
    lazy: async () => ({ Component: (await import("./pages/Jobs")).Jobs }),
  },
  {
    path: "jobs/:id",
    handle,
    lazy: async () => ({ Component: (await import("./pages/OneJob")).OneJob }),
  },
];
