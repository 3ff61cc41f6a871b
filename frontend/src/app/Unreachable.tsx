import { QueryErrorResetBoundary } from "@tanstack/react-query";
import { Component, type ReactNode } from "react";
import { Page, ProblemAlert } from "@/components/ui";

interface Props {
  reset: () => void;
  children: ReactNode;
}

class Boundary extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Page title="Likeness cannot start" width="narrow">
        <ProblemAlert
          error={this.state.error}
          onRetry={() => {
            this.props.reset();
            this.setState({ error: null });
          }}
        />
      </Page>
    );
  }
}

/** Catches what no page catches, above all a server that does not answer at the start. */
export function Unreachable({ children }: { children: ReactNode }) {
  return (
    <QueryErrorResetBoundary>
      {({ reset }) => <Boundary reset={reset}>{children}</Boundary>}
    </QueryErrorResetBoundary>
  );
}
