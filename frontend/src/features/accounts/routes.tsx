import type { RouteObject } from "react-router";

/** Pages that need nobody to be signed in. */
export const publicRoutes: RouteObject[] = [
  { path: "sign-in", lazy: async () => ({ Component: (await import("./pages/SignIn")).SignIn }) },
  {
    path: "invite/:token",
    lazy: async () => ({ Component: (await import("./pages/Invitation")).Invitation }),
  },
];

export const routes: RouteObject[] = [
  { path: "account", lazy: async () => ({ Component: (await import("./pages/Account")).Account }) },
];
