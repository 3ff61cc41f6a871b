import {
  Alert,
  Badge,
  Button,
  Checkbox,
  Group,
  SegmentedControl,
  Stack,
  Table,
  Text,
  VisuallyHidden,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  EmptyState,
  JobProgress,
  NoWorker,
  ProblemAlert,
  QueryState,
  TableScroll,
} from "@/components/ui";
import { CollectionFrame, type Collection } from "@/features/catalog";
import { bytes, count } from "@/lib/format";
import { isUnfinished } from "@/lib/jobs";
import { useKeys } from "@/lib/keys";
import { useComputeSpaces } from "../api/compute-spaces";
import { spacesKey, spacesQuery } from "../api/list-spaces";
import { UnavailableSpaces } from "../components/UnavailableSpaces";
import type { Device, Space, SpaceState } from "../api/types";

const STATES: Record<SpaceState, { word: string; colour: string }> = {
  ready: { word: "ready", colour: "petrol" },
  partial: { word: "in part", colour: "yellow" },
  missing: { word: "not computed", colour: "gray" },
  unavailable: { word: "unavailable", colour: "red" },
};

/** `/collections/:slug/spaces`: what is computed of the images, and what is not. */
export function Spaces() {
  return (
    <CollectionFrame tab="spaces">
      {(collection) => <SpacesPanel collection={collection} />}
    </CollectionFrame>
  );
}

const isOpen = (space: Space) => space.state === "missing" || space.state === "partial";
const isBusy = (space: Space) => space.job !== null && isUnfinished(space.job);

function SpacesPanel({ collection }: { collection: Collection }) {
  const client = useQueryClient();
  const spaces = useQuery(spacesQuery(collection.slug));
  const compute = useComputeSpaces(collection.slug);
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const [device, setDevice] = useState<Device>("auto");
  const open = (spaces.data ?? []).filter((space) => isOpen(space) && !isBusy(space));
  const ticked = open.filter(({ name }) => chosen === null || chosen.has(name));
  const toggle = (name: string) => {
    const after = new Set(chosen ?? open.map((space) => space.name));
    if (!after.delete(name)) after.add(name);
    setChosen(after);
  };
  const start = () =>
    compute.mutate(
      { spaces: ticked.map(({ name }) => name), device },
      { onSuccess: () => setChosen(null) },
    );
  useKeys([
    {
      keys: "Enter",
      label: "Compute the ticked spaces",
      enabled: ticked.length > 0 && !compute.isPending,
      run: start,
    },
  ]);

  if (collection.n_images === 0) {
    return (
      <EmptyState title="No image yet">
        Feature spaces turn images into numbers that can be searched: import images first.
      </EmptyState>
    );
  }
  return (
    <QueryState query={spaces} failure="The feature spaces could not be read">
      {(all) => {
        // One job may compute several spaces: show it once.
        const jobs = new Map(
          all.flatMap(({ job }) => (job && job.state !== "done" ? [[job.id, job] as const] : [])),
        );
        return (
          <Stack gap="lg">
            {[...jobs.values()].map((job) => (
              <Alert key={job.id} variant="default" p="md">
                <JobProgress
                  job={job}
                  onFinished={() =>
                    void client.invalidateQueries({ queryKey: spacesKey(collection.slug) })
                  }
                />
              </Alert>
            ))}
            <ProblemAlert error={compute.error} />
            {open.length > 0 ? (
              <Group>
                <Button disabled={ticked.length === 0} loading={compute.isPending} onClick={start}>
                  {ticked.length > 4
                    ? `Compute ${ticked.length} spaces`
                    : `Compute ${ticked.map(({ name }) => name).join(", ")}`}
                </Button>
                <Group gap="xs">
                  <Text size="sm" c="dimmed" id="device">
                    on
                  </Text>
                  <SegmentedControl
                    aria-labelledby="device"
                    value={device}
                    onChange={(value) => setDevice(value)}
                    data={[
                      { value: "auto", label: "The best there is" },
                      { value: "cpu", label: "CPU" },
                      { value: "cuda", label: "GPU" },
                    ]}
                  />
                </Group>
                <NoWorker />
              </Group>
            ) : (
              jobs.size === 0 && (
                <Text size="sm" c="dimmed">
                  {all.some(({ state }) => state === "unavailable")
                    ? "Every space that this machine can compute is ready."
                    : "Every space is ready."}
                </Text>
              )
            )}
            <TableScroll label="Feature spaces" minWidth={640}>
              <Table verticalSpacing="sm">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th w={36}>
                      <VisuallyHidden>Compute</VisuallyHidden>
                    </Table.Th>
                    <Table.Th>Space</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th ta="right">Dimensions</Table.Th>
                    <Table.Th ta="right">Images</Table.Th>
                    <Table.Th ta="right">Size</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {all.map((space) => (
                    <Row
                      key={space.name}
                      space={space}
                      {...(open.includes(space) && {
                        checked: ticked.includes(space),
                        onToggle: () => toggle(space.name),
                      })}
                    />
                  ))}
                </Table.Tbody>
              </Table>
            </TableScroll>
            <UnavailableSpaces spaces={all} />
          </Stack>
        );
      }}
    </QueryState>
  );
}

interface RowProps {
  space: Space;
  checked?: boolean;
  onToggle?: () => void;
}

function Row({ space, checked, onToggle }: RowProps) {
  const { word, colour } = STATES[space.state];
  const busy = isBusy(space);
  return (
    <Table.Tr>
      <Table.Td>
        {onToggle && (
          <Checkbox
            checked={checked ?? false}
            onChange={onToggle}
            aria-label={`Compute ${space.name}`}
          />
        )}
      </Table.Td>
      <Table.Td>
        <Text size="sm" fw={550}>
          {space.name}
        </Text>
        <Text size="sm" c="dimmed">
          {space.title}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge color={busy ? "petrol" : colour} variant={busy ? "filled" : "light"}>
          {busy ? "computing" : word}
        </Badge>
        {space.reason !== "" && !busy && (
          <Text size="sm" c="dimmed">
            {space.reason}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">{space.dimensions === null ? "–" : count(space.dimensions)}</Table.Td>
      <Table.Td ta="right">
        {space.rows === space.total
          ? count(space.rows)
          : `${count(space.rows)} of ${count(space.total)}`}
      </Table.Td>
      <Table.Td ta="right">{space.bytes > 0 ? bytes(space.bytes) : "–"}</Table.Td>
    </Table.Tr>
  );
}
