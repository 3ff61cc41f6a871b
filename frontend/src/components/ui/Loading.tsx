import { Skeleton, Stack } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";

/** Nothing at first; after 150 ms the shape of what comes. */
export function Delayed({ children, ms = 150 }: { children: ReactNode; ms?: number }) {
  const [due, setDue] = useState(ms === 0);
  useEffect(() => {
    const timer = window.setTimeout(() => setDue(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms]);
  return due ? <>{children}</> : null;
}

interface Props {
  /** rows: a list or table; tiles: a grid of images; text: a paragraph. */
  shape?: "rows" | "tiles" | "text";
  n?: number;
}

/** The shape of what is being loaded. */
export function Loading({ shape = "rows", n = 6 }: Props) {
  return (
    <Delayed>
      <div role="status" aria-label="Loading">
        {shape === "rows" && (
          <Stack gap="xs">
            {Array.from({ length: n }, (_, index) => (
              <Skeleton key={index} height={44} />
            ))}
          </Stack>
        )}
        {shape === "tiles" && (
          <div
            style={{
              display: "grid",
              gap: "0.75rem",
              gridTemplateColumns: "repeat(auto-fill, minmax(9rem, 1fr))",
            }}
          >
            {Array.from({ length: n }, (_, index) => (
              <Skeleton key={index} style={{ aspectRatio: "1", height: "auto" }} />
            ))}
          </div>
        )}
        {shape === "text" && (
          <Stack gap="xs">
            {Array.from({ length: n }, (_, index) => (
              <Skeleton key={index} height={12} width={`${95 - ((index * 17) % 40)}%`} />
            ))}
          </Stack>
        )}
      </div>
    </Delayed>
  );
}
