import {
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Paper,
  SimpleGrid,
  Stack,
  Text,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { JobProgress, ProblemAlert, QueryState } from "@/components/ui";
import {
  fusionKindsQuery,
  methodsQuery,
  spacesQuery,
  UnavailableSpaces,
  useComputeSpaces,
  type Space,
} from "@/features/retrieval";
import { count } from "@/lib/format";
import { isUnfinished } from "@/lib/jobs";
import { runsQuery } from "../../api/runs";
import type { Study } from "../../api/types";
import { parseFusion, searchedMethods } from "../../lib/fusion";
import type { DesignHandle } from "../../lib/useDesign";
import { FusionPicker } from "./FusionPicker";

interface Props {
  handle: DesignHandle;
  study: Study;
  readOnly: boolean;
}

/** What searches, how deep, how much is judged by everyone. */
export function MethodsStep({ handle: { design, dispatch }, study, readOnly }: Props) {
  const client = useQueryClient();
  const methods = useQuery(methodsQuery());
  const kinds = useQuery(fusionKindsQuery());
  const runs = useQuery(runsQuery(study.slug));
  const spaces = useQuery(spacesQuery(design.collection));
  const compute = useComputeSpaces(design.collection);
  const byName = new Map((spaces.data ?? []).map((space) => [space.name, space]));
  const order = (methods.data ?? []).map(({ name }) => name);
  const searched = searchedMethods(design.methods);
  const foreign = (runs.data ?? []).map(({ method }) => ({ name: method, title: method }));
  // Runs before fusions, which are made of them.
  const places = [...order, ...foreign.map(({ name }) => name)];
  const toggle = (method: string) => dispatch({ type: "toggle_method", method, order: places });
  const lacking = [
    ...new Set(
      (methods.data ?? [])
        .filter(({ name }) => searched.includes(name))
        .map(({ space }) => byName.get(space))
        .filter((space) => space?.state === "missing" || space?.state === "partial")
        .filter((space) => !(space?.job && isUnfinished(space.job)))
        .map((space) => space?.name ?? ""),
    ),
  ];
  const jobs = new Map(
    (spaces.data ?? []).flatMap(({ job }) =>
      job && isUnfinished(job) ? [[job.id, job] as const] : [],
    ),
  );
  const whole = (value: string | number) => (typeof value === "number" ? Math.round(value) : 0);
  return (
    <Stack maw={820} gap="lg">
      <QueryState query={methods} failure="The methods could not be read">
        {(all) => (
          <Stack gap="xs">
            {all.map((method) => (
              <Paper key={method.name} withBorder p="sm" bg="var(--surface)">
                <Group wrap="nowrap" align="flex-start" justify="space-between">
                  <Checkbox
                    checked={design.methods.includes(method.name)}
                    onChange={() => toggle(method.name)}
                    disabled={readOnly}
                    label={
                      <Text span size="sm" fw={550}>
                        {method.title}{" "}
                        <Text span c="dimmed" fw={400}>
                          {method.name}
                          {method.dimensions !== null && `, ${count(method.dimensions)} dimensions`}
                        </Text>
                      </Text>
                    }
                    description={method.description}
                  />
                  <SpaceBadge space={byName.get(method.space)} />
                </Group>
              </Paper>
            ))}
          </Stack>
        )}
      </QueryState>
      {foreign.length > 0 && (
        <Checkbox.Group
          label="Runs from elsewhere"
          value={design.methods.filter((name) => parseFusion(name) === null)}
        >
          <Group gap="md" mt={6}>
            {foreign.map(({ name }) => (
              <Checkbox
                key={name}
                value={name}
                label={name}
                disabled={readOnly}
                onChange={() => toggle(name)}
              />
            ))}
          </Group>
        </Checkbox.Group>
      )}
      <FusionPicker
        kinds={kinds.data ?? []}
        members={[...(methods.data ?? []), ...foreign]}
        chosen={design.methods}
        readOnly={readOnly}
        onAdd={toggle}
        onRemove={toggle}
      />
      <UnavailableSpaces spaces={spaces.data ?? []} />
      {[...jobs.values()].map((job) => (
        <JobProgress
          key={job.id}
          job={job}
          onFinished={() => void client.invalidateQueries({ queryKey: ["retrieval", "spaces"] })}
        />
      ))}
      <ProblemAlert error={compute.error ?? spaces.error ?? kinds.error ?? runs.error} />
      {lacking.length > 0 && !readOnly && (
        <Group>
          <Button
            variant="default"
            loading={compute.isPending}
            onClick={() => compute.mutate({ spaces: lacking, device: "auto" })}
          >
            Compute {lacking.join(", ")} now
          </Button>
          <Anchor component={Link} to={`/collections/${design.collection}/spaces`} size="sm">
            All feature spaces of the collection
          </Anchor>
        </Group>
      )}
      <SimpleGrid cols={{ base: 1, sm: 3 }} style={{ alignItems: "end" }}>
        <NumberInput
          label="Pool depth"
          description="Best results of each method that are judged."
          value={design.depth}
          onChange={(value) => dispatch({ type: "set", change: { depth: whole(value) } })}
          min={1}
          max={1000}
          allowDecimal={false}
          readOnly={readOnly}
        />
        <NumberInput
          label="Overlap"
          description="Share of the queries that a whole category judges."
          value={Math.round(design.overlap * 1000) / 10}
          onChange={(value) =>
            dispatch({
              type: "set",
              change: { overlap: typeof value === "number" ? value / 100 : 0 },
            })
          }
          min={0}
          max={100}
          suffix=" %"
          readOnly={readOnly}
        />
        <NumberInput
          label="Seed"
          description="The same seed deals out the same plan."
          value={design.seed}
          onChange={(value) => dispatch({ type: "set", change: { seed: whole(value) } })}
          min={0}
          allowDecimal={false}
          readOnly={readOnly}
        />
      </SimpleGrid>
    </Stack>
  );
}

function SpaceBadge({ space }: { space: Space | undefined }) {
  if (!space || space.state === "ready") return null;
  if (space.job && isUnfinished(space.job))
    return <Badge style={{ flex: "none" }}>computing</Badge>;
  if (space.state === "unavailable")
    return (
      <Badge color="red" style={{ flex: "none" }}>
        unavailable
      </Badge>
    );
  return (
    <Badge color="gray" style={{ flex: "none" }}>
      {space.state === "partial" ? "in part" : "not computed"}
    </Badge>
  );
}
