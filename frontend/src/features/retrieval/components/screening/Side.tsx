import { Alert, Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { JobProgress, NoWorker, ProblemAlert } from "@/components/ui";
import { count, counted, decimal } from "@/lib/format";
import type { Job } from "@/lib/jobs";
import { useComputeSpaces } from "../../api/compute-spaces";
import { screeningKey, useStartScreening } from "../../api/screening";
import { trainingWords } from "../../lib/screening";
import type { ScreeningState } from "../../api/types";

interface Props {
  slug: string;
  state: ScreeningState;
  /** The last job, when it failed. */
  failed: Job | null;
}

/** What the machine knows, what it does, and what follows from it. */
export function Side({ slug, state, failed }: Props) {
  const client = useQueryClient();
  const { job, training } = state;
  return (
    <Stack gap="lg" component="aside" aria-label="Screening of this collection">
      {job ? (
        <JobProgress
          job={job}
          onFinished={() => {
            void client.invalidateQueries({ queryKey: [...screeningKey(slug), "state"] });
            void client.invalidateQueries({ queryKey: ["catalog", "collection", slug] });
          }}
        />
      ) : (
        <Start slug={slug} state={state} failed={failed} />
      )}
      <section>
        <Title order={2} size="h3" mb={4}>
          Illustrations
        </Title>
        {trainingWords(training).map((sentence) => (
          <Text key={sentence} size="sm" c="dimmed" className="tabular">
            {sentence}
          </Text>
        ))}
        {training.precision !== null && training.recall !== null && (
          <Text size="sm" c="dimmed" className="tabular">
            On labels it had not seen: precision {decimal(training.precision, 2)}, recall{" "}
            {decimal(training.recall, 2)} (n = {count(training.trained_on ?? 0)}).
          </Text>
        )}
        {training.possible && !state.spaces_ready && <Missing slug={slug} spaces={state.spaces} />}
      </section>
      <section>
        <Title order={2} size="h3" mb={4}>
          Panels
        </Title>
        <Text size="sm" c="dimmed" className="tabular">
          {state.n_looked_at === state.n_images
            ? `All ${counted(state.n_images, "image")} looked at.`
            : `${count(state.n_looked_at)} of ${counted(state.n_images, "image")} looked at.`}
          {state.n_unreadable > 0 && ` ${count(state.n_unreadable)} could not be read.`}
        </Text>
      </section>
      {Object.keys(state.excluded).length > 0 && (
        <section>
          <Title order={2} size="h3" mb={4}>
            Out
          </Title>
          {Object.entries(state.excluded).map(([reason, n]) => (
            <Group key={reason} justify="space-between" gap="xs">
              <Text size="sm">{reason}</Text>
              <Text size="sm" c="dimmed" className="tabular">
                {count(n)}
              </Text>
            </Group>
          ))}
        </section>
      )}
      {state.affected.map((study) => (
        <Alert key={study.slug} color="yellow" variant="light" p="sm">
          <Text size="sm">
            <Anchor
              component={Link}
              to={`/studies/${study.slug}/${study.state === "draft" ? "design" : "monitor"}`}
              size="sm"
            >
              {study.name}
            </Anchor>
            : {counted(study.n_pairs, "pair")} of its pools hold{study.n_pairs === 1 && "s"} an
            image that is out.{" "}
            {study.state === "draft"
              ? "Build its pools again."
              : "It is planned: pairs that were dealt out stay."}
          </Text>
        </Alert>
      ))}
    </Stack>
  );
}

function Start({ slug, state, failed }: Props) {
  const start = useStartScreening(slug);
  const fresh = state.n_looked_at === 0;
  return (
    <Stack gap="xs" align="flex-start">
      {failed && <JobProgress job={failed} />}
      {fresh && (
        <Text size="sm">
          Figures of several panels are found without labels. Illustrations are learned from yours.
        </Text>
      )}
      <Button
        variant={fresh ? "filled" : "default"}
        size="sm"
        loading={start.isPending}
        onClick={() => start.mutate()}
      >
        {fresh ? "Find panels" : "Screen again"}
      </Button>
      <ProblemAlert error={start.error} />
      <NoWorker />
    </Stack>
  );
}

function Missing({ slug, spaces }: { slug: string; spaces: string[] }) {
  const compute = useComputeSpaces(slug);
  const names = spaces.join(" and ");
  return (
    <Stack gap="xs" align="flex-start" mt="xs">
      <Text size="sm">
        {compute.isSuccess
          ? `${names}: being computed. Then screen again.`
          : `They are learned on ${names}, which ${spaces.length === 1 ? "is" : "are"} not computed.`}
      </Text>
      {!compute.isSuccess && (
        <Button
          size="xs"
          variant="default"
          loading={compute.isPending}
          onClick={() => compute.mutate({ spaces, device: "auto" })}
        >
          Compute {names}
        </Button>
      )}
      <ProblemAlert error={compute.error} />
    </Stack>
  );
}
