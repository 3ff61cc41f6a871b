import { Button } from "@mantine/core";
import { useEffect } from "react";
import { Link, Navigate, Outlet, useLocation, useMatches } from "react-router";
import { EmptyState, Page } from "@/components/ui";
import { mayBe, useSignedInUser, useUser, type Role } from "@/features/accounts";
import { OutboxProvider } from "@/features/assessment";

/** A route says `handle: { needs: "admin" }`; without it everyone signed in may see the page. */
export interface RouteHandle {
  needs?: Role;
}

/** Lets signed-in people through; others sign in and come back to this place. */
export function Guard() {
  const user = useUser();
  const { pathname, search } = useLocation();
  useEffect(() => {
    // A new page starts at its top.
    window.scrollTo(0, 0);
  }, [pathname]);
  if (!user) {
    const place = pathname + search;
    const query = place === "/" ? "" : `?next=${encodeURIComponent(place)}`;
    return <Navigate to={`/sign-in${query}`} replace />;
  }
  return (
    <OutboxProvider userId={user.id}>
      <Outlet />
    </OutboxProvider>
  );
}

/** Inside the header: says so when the page is for others. */
export function Allowed() {
  const user = useSignedInUser();
  const needs = useMatches()
    .map((match) => (match.handle as RouteHandle | undefined)?.needs)
    .findLast((each) => each !== undefined);
  if (needs && !mayBe(user, needs)) {
    return (
      <Page title="Not for you to see" width="narrow">
        <EmptyState
          title={needs === "admin" ? "This page is for admins" : "This page is for researchers"}
          action={
            <Button component={Link} to="/" variant="default">
              Go home
            </Button>
          }
        >
          Ask an admin of this site if you need it.
        </EmptyState>
      </Page>
    );
  }
  return <Outlet />;
}
