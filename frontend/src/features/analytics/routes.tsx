import type { RouteObject } from "react-router";

const report = {
  handle: { needs: "researcher" },
  lazy: async () => ({ Component: (await import("./pages/Report")).Report }),
};

export const routes: RouteObject[] = [
  { path: "studies/:slug/report", ...report },
  { path: "studies/:slug/report/:section", ...report },
];
