import { Anchor, Badge, Button, Card, Group, Progress, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { EmptyState, Mark, QueryState } from "@/components/ui";
import { assessListQuery, progressWords, Unsent, type AssessListItem } from "@/features/assessment";
import { count } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import classes from "./Home.module.css";

const isOpen = ({ state, progress }: AssessListItem): boolean =>
  state === "open" && progress.done < progress.total;

function StudyCard({ study, first }: { study: AssessListItem; first: boolean }) {
  const { progress } = study;
  const open = isOpen(study);
  return (
    <Card p="lg" bg="var(--surface)" data-study={study.slug}>
      <Group justify="space-between" align="flex-start" gap="lg">
        <Stack gap={6} className={classes.study}>
          <Group gap="xs">
            <Title order={2}>{study.name}</Title>
            {study.state === "closed" && <Badge color="gray">closed</Badge>}
            {study.is_simulated && <Badge color="orange">simulated</Badge>}
          </Group>
          <Text className="tabular">{progressWords(progress, open ? study.pace_ms : null)}</Text>
        </Stack>
        {open && (
          <Group gap="md">
            <Anchor component={Link} to={`/judge/${study.slug}/guidelines`} size="sm">
              Guidelines
            </Anchor>
            <Button
              component={Link}
              to={`/judge/${study.slug}`}
              size={first ? "lg" : "md"}
              variant={first ? "filled" : "default"}
              rightSection={first ? <span aria-hidden>↵</span> : undefined}
            >
              {progress.done > 0 ? "Continue judging" : "Start judging"}
            </Button>
          </Group>
        )}
      </Group>
      <Progress
        value={progress.total ? (100 * progress.done) / progress.total : 0}
        size="sm"
        mt="md"
        aria-label={`Judged in ${study.name}`}
      />
      {study.categories.length > 1 && (
        <ul className={classes.categories}>
          {study.categories.map(({ name, progress: part }) => (
            <li key={name}>
              <span>{name}</span>
              <span className="tabular">
                {count(part.done)} of {count(part.total)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** What an assessor is to judge. `quiet`: nothing is said when there is nothing. */
export function ToJudge({ quiet }: { quiet: boolean }) {
  const query = useQuery(assessListQuery());
  const navigate = useNavigate();
  const studies = query.data?.studies ?? [];
  const ordered = [...studies.filter(isOpen), ...studies.filter((study) => !isOpen(study))];
  const first = ordered.find(isOpen);
  useKeys([
    {
      keys: "Enter",
      label: "Continue judging",
      enabled: first !== undefined,
      run: () => void navigate(`/judge/${first?.slug}`),
    },
  ]);
  if (quiet && !query.error && studies.length === 0) return null;
  return (
    <QueryState query={query} failure="Your studies could not be read">
      {() =>
        ordered.length ? (
          <Stack gap="md">
            {ordered.map((study) => (
              <StudyCard key={study.slug} study={study} first={study === first} />
            ))}
            <Unsent />
          </Stack>
        ) : (
          <EmptyState icon={<Mark size={40} />} title="Nothing to judge yet">
            Pairs of images appear here as soon as an admin deals them to you.
          </EmptyState>
        )
      }
    </QueryState>
  );
}
