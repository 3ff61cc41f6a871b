import type { RouteObject } from "react-router";

/** Pages that need the whole window, without the header. */
export const fullScreenRoutes: RouteObject[] = [
  {
    path: "judge/:study",
    lazy: async () => ({ Component: (await import("./pages/Judge")).Judge }),
  },
];

export const routes: RouteObject[] = [
  {
    path: "judge/:study/guidelines",
    lazy: async () => ({
      Component: (await import("./pages/GuidelinesPage")).GuidelinesPage,
    }),
  },
];
