import type { RouteObject } from "react-router";

export const routes: RouteObject[] = [
  {
    path: "people",
    handle: { needs: "admin" },
    lazy: async () => ({ Component: (await import("./pages/People")).People }),
  },
];
