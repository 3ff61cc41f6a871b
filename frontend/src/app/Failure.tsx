import { Button, Group } from "@mantine/core";
import { isRouteErrorResponse, Link, useRouteError } from "react-router";
import { EmptyState, Page } from "@/components/ui";
import { sentenceOf } from "@/lib/api";

export function NotFound() {
  return (
    <Page title="Not found" width="narrow">
      <EmptyState
        title="There is nothing at this address"
        action={
          <Button component={Link} to="/" variant="default">
            Go home
          </Button>
        }
      >
        The link may be old, or what it named was removed.
      </EmptyState>
    </Page>
  );
}

/** A page that could not be shown: a lost chunk after an upgrade, or a mistake of ours. */
export function Failure() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  return (
    <Page title="This page could not be shown" width="narrow">
      <EmptyState
        title={sentenceOf(error)}
        action={
          <Group gap="xs">
            <Button onClick={() => window.location.reload()}>Load it again</Button>
            <Button component="a" href="/" variant="default">
              Go home
            </Button>
          </Group>
        }
      >
        Nothing that you saved is lost. If it happens again, tell an admin what you did.
      </EmptyState>
    </Page>
  );
}
