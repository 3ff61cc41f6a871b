import { Alert, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { ago, counted } from "@/lib/format";
import { workersQuery } from "@/lib/jobs";

/** Said at the top of the page while nobody works. Asked for every three seconds. */
export function NoWorkerBanner() {
  const workers = useQuery(workersQuery());
  if (workers.data?.alive !== false) return null;
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconPlugConnectedX aria-hidden />}
      title="No worker is alive: nothing will move until one starts"
      role="alert"
    >
      <Text size="sm">
        What is asked for waits here and is not lost. <code>make run</code> starts a worker; on a
        server, look at the worker&rsquo;s service.
      </Text>
    </Alert>
  );
}

/** Who works, in one line. */
export function WorkerLine() {
  const workers = useQuery(workersQuery());
  if (!workers.data?.alive) return null;
  const { workers: all } = workers.data;
  return (
    <span>
      {counted(all.length, "worker")} alive:{" "}
      {all
        .map(({ name, device, seen_at }) =>
          [name, device]
            .filter(Boolean)
            .join(" on ")
            .concat(`, seen ${ago(seen_at)}`),
        )
        .join("; ")}
    </span>
  );
}
