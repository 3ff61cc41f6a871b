import type { RouteObject } from "react-router";

export const routes: RouteObject[] = [
  {
    path: "studies",
    handle: { needs: "researcher" },
    lazy: async () => ({ Component: (await import("./pages/Studies")).Studies }),
  },
  {
    path: "studies/:slug/design",
    handle: { needs: "admin" },
    lazy: async () => ({ Component: (await import("./pages/Design")).Design }),
  },
  {
    path: "studies/:slug/monitor",
    handle: { needs: "admin" },
    lazy: async () => ({ Component: (await import("./pages/Monitor")).Monitor }),
  },
];
