import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Loading } from "./Loading";
import { ProblemAlert } from "./ProblemAlert";

interface Props<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "refetch">;
  /** What could not be read, for the error: "The studies could not be read". */
  failure: string;
  /** The shape shown while loading. */
  loading?: ReactNode;
  children: (data: T) => ReactNode;
}

/** The states of a read: loading, failed with a way on, and there. */
export function QueryState<T>({ query, failure, loading, children }: Props<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) {
    return (
      <ProblemAlert title={failure} error={query.error} onRetry={() => void query.refetch()} />
    );
  }
  return <>{loading ?? <Loading />}</>;
}
