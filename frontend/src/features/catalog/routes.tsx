import type { RouteObject } from "react-router";

const handle = { needs: "admin" };

export const routes: RouteObject[] = [
  {
    path: "collections",
    handle,
    lazy: async () => ({ Component: (await import("./pages/Collections")).Collections }),
  },
  {
    path: "collections/:slug",
    handle,
    lazy: async () => ({ Component: (await import("./pages/Images")).Images }),
  },
  {
    path: "collections/:slug/import",
    handle,
    lazy: async () => ({ Component: (await import("./pages/Import")).Import }),
  },
];
