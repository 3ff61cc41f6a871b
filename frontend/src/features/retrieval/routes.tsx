import type { RouteObject } from "react-router";

export const routes: RouteObject[] = [
  {
    path: "collections/:slug/spaces",
    handle: { needs: "admin" },
    lazy: async () => ({ Component: (await import("./pages/Spaces")).Spaces }),
  },
  {
    path: "collections/:slug/explore",
    handle: { needs: "researcher" },
    lazy: async () => ({ Component: (await import("./pages/Explore")).Explore }),
  },
  {
    path: "collections/:slug/screening",
    handle: { needs: "admin" },
    lazy: async () => ({ Component: (await import("./pages/Screening")).Screening }),
  },
];
