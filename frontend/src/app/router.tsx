import { createBrowserRouter, type RouteObject } from "react-router";
import { publicRoutes, routes as accounts } from "@/features/accounts/routes";
import { routes as analytics } from "@/features/analytics/routes";
import { fullScreenRoutes, routes as assessment } from "@/features/assessment/routes";
import { routes as catalog } from "@/features/catalog/routes";
import { routes as jobs } from "@/features/jobs/routes";
import { routes as people } from "@/features/people/routes";
import { routes as retrieval } from "@/features/retrieval/routes";
import { routes as studies } from "@/features/studies/routes";
import { Failure, NotFound } from "./Failure";
import { Allowed, Guard } from "./guard";
import { Shell } from "./Shell";

/** Every page. Features bring their own routes; a route's `handle.needs` names the role. */
export const routes: RouteObject[] = [
  {
    ErrorBoundary: Failure,
    HydrateFallback: () => null,
    children: [
      ...publicRoutes,
      {
        Component: Guard,
        children: [
          ...fullScreenRoutes,
          {
            Component: Shell,
            children: [
              {
                Component: Allowed,
                ErrorBoundary: Failure,
                children: [
                  {
                    index: true,
                    lazy: async () => ({ Component: (await import("./home/Home")).Home }),
                  },
                  ...accounts,
                  ...catalog,
                  ...studies,
                  ...retrieval,
                  ...assessment,
                  ...analytics,
                  ...people,
                  ...jobs,
                  { path: "*", Component: NotFound },
                ],
              },
            ],
          },
        ],
      },
    ],
  },
];

export const makeRouter = () => createBrowserRouter(routes);
