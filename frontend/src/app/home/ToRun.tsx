import { Anchor, Badge, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { EmptyState, JobProgress, Mark, QueryState } from "@/components/ui";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { count, counted } from "@/lib/format";
import { collectionsQuery, runningJobsQuery, studiesQuery } from "./api";
import classes from "./Home.module.css";

function Running() {
  const jobs = useQuery(runningJobsQuery);
  if (!jobs.data?.length) return null;
  return (
    <Card p="lg" bg="var(--surface)">
      <Title order={2} size="h3" mb="md">
        Running
      </Title>
      <Stack gap="lg">
        {jobs.data.map((job) => (
          <JobProgress key={job.id} job={job} onFinished={() => void jobs.refetch()} />
        ))}
      </Stack>
    </Card>
  );
}

/** The first steps of a site that has nothing yet. */
function FirstSteps() {
  const collections = useQuery(collectionsQuery);
  if (!collections.data) return null;
  return collections.data.count === 0 ? (
    <EmptyState
      icon={<Mark size={40} />}
      title="Start with images"
      action={
        <Button component={Link} to="/collections">
          Import images
        </Button>
      }
    >
      A collection holds the images under study. Then come a study, its pools and its assessors.
    </EmptyState>
  ) : (
    <EmptyState
      icon={<Mark size={40} />}
      title="Plan a study"
      action={
        <Button component={Link} to="/studies">
          Go to studies
        </Button>
      }
    >
      {counted(collections.data.count, "collection is", "collections are")} there. A study asks how
      alike their images are: by category, query and assessor.
    </EmptyState>
  );
}

/** What admins and researchers have to do or to read. */
export function ToRun() {
  const admin = mayBe(useSignedInUser(), "admin");
  const studies = useQuery(studiesQuery);
  return (
    <Stack gap="md">
      {admin && <Running />}
      <QueryState query={studies} failure="The studies could not be read">
        {({ results }) =>
          results.length === 0 ? (
            admin ? (
              <FirstSteps />
            ) : (
              <EmptyState icon={<Mark size={40} />} title="No study yet">
                Reports appear here as soon as an admin has planned a study.
              </EmptyState>
            )
          ) : (
            <Card p={0} bg="var(--surface)">
              <Group justify="space-between" p="lg" pb="xs">
                <Title order={2} size="h3">
                  Studies
                </Title>
                <Anchor component={Link} to="/studies" size="sm">
                  All studies
                </Anchor>
              </Group>
              <ul className={classes.lines}>
                {results.map((study) => (
                  <li key={study.slug}>
                    <div className={classes.lineName}>
                      <Group gap="xs">
                        <Text fw={560}>{study.name}</Text>
                        <Badge color={study.state === "open" ? "petrol" : "gray"}>
                          {study.state}
                        </Badge>
                        {study.is_simulated && <Badge color="orange">simulated</Badge>}
                      </Group>
                      <Text size="sm" c="dimmed" className="tabular">
                        {study.state === "draft"
                          ? `${counted(study.n_queries, "query", "queries")}, not planned yet`
                          : `${count(study.n_judged)} of ${count(study.n_judgments_planned)} judgments`}
                      </Text>
                    </div>
                    <Group gap="xs">
                      {admin && study.state === "draft" && (
                        <Button
                          component={Link}
                          to={`/studies/${study.slug}/design`}
                          variant="default"
                        >
                          Go on planning
                        </Button>
                      )}
                      {admin && study.state === "open" && (
                        <Button
                          component={Link}
                          to={`/studies/${study.slug}/monitor`}
                          variant="default"
                        >
                          Monitor
                        </Button>
                      )}
                      {study.state !== "draft" && (
                        <Button
                          component={Link}
                          to={`/studies/${study.slug}/report`}
                          variant="default"
                        >
                          Report
                        </Button>
                      )}
                    </Group>
                  </li>
                ))}
              </ul>
            </Card>
          )
        }
      </QueryState>
    </Stack>
  );
}
