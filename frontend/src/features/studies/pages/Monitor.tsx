import { Button, Group, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { ConfirmModal, EmptyState, ProblemAlert, QueryState, TableScroll } from "@/components/ui";
import { ago, count, counted, duration, percent } from "@/lib/format";
import { monitorQuery } from "../api/monitor";
import { useSetStudyState } from "../api/set-study-state";
import type { Monitor as MonitorData, MonitorAssessor, Study } from "../api/types";
import { StudyFrame } from "../components/StudyFrame";
import { timeLeft, timeLeftOfAll } from "../lib/pace";
import classes from "./Monitor.module.css";

/** `/studies/:slug/monitor`: how far, how fast, who waits. */
export function Monitor() {
  return (
    <StudyFrame tab="monitor" actions={(study) => <OpenOrClose study={study} />}>
      {(study) =>
        study.state === "draft" ? (
          <EmptyState
            title="Not launched yet"
            action={
              <Button component={Link} to={`/studies/${study.slug}/design`}>
                Go on with the design
              </Button>
            }
          >
            Once the study is launched, this page shows how far its assessors are.
          </EmptyState>
        ) : (
          <Loaded study={study} />
        )
      }
    </StudyFrame>
  );
}

function OpenOrClose({ study }: { study: Study }) {
  const set = useSetStudyState(study.slug);
  const [asking, setAsking] = useState(false);
  if (study.state === "draft") return null;
  const left = study.n_judgments_planned - study.n_judged;
  if (study.state === "closed") {
    return (
      <>
        <ProblemAlert error={set.error} />
        <Button variant="default" loading={set.isPending} onClick={() => set.mutate("reopen")}>
          Reopen the study
        </Button>
      </>
    );
  }
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        Close the study
      </Button>
      <ConfirmModal
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Close “${study.name}”?`}
        deed="Close the study"
        busy={set.isPending}
        error={set.error}
        onConfirm={() => set.mutate("close", { onSuccess: () => setAsking(false) })}
      >
        {left > 0
          ? `${counted(left, "judgment")} still to be made will be refused. Nothing is lost, and the study can be reopened.`
          : "Every pair is judged. Revisions will be refused; the study can be reopened."}
      </ConfirmModal>
    </>
  );
}

function Loaded({ study }: { study: Study }) {
  const monitor = useQuery(monitorQuery(study.slug));
  return (
    <QueryState query={monitor} failure="The progress could not be read">
      {(data) => (
        <Stack gap="xl">
          <Overall data={data} closed={study.state === "closed"} />
          <Categories data={data} />
          <Assessors data={data} />
        </Stack>
      )}
    </QueryState>
  );
}

const about = (ms: number) => {
  const words = duration(ms);
  return words.startsWith("less") ? words : `about ${words}`;
};

function Overall({ data, closed }: { data: MonitorData; closed: boolean }) {
  const left = timeLeftOfAll(data.assessors);
  const words = [`${count(data.done)} of ${count(data.total)} judged`];
  if (data.done >= data.total && data.total > 0) words.push("all done");
  else if (closed) words.push("closed");
  else if (left !== null) words.push(`${about(left)} of work left in all`);
  return (
    <div>
      <Text className={`${classes.overall} tabular`} component="div">
        <b>{percent(data.done, data.total)}</b>
        <span>{words.join(", ")}</span>
      </Text>
      <Progress
        value={data.total ? (100 * data.done) / data.total : 0}
        aria-label="Judged in all"
        size="md"
      />
    </div>
  );
}

function Categories({ data }: { data: MonitorData }) {
  return (
    <section>
      <Title order={2} size="h3" mb="sm">
        Categories
      </Title>
      <div className={classes.categories}>
        {data.categories.map(({ name, done, total }) => (
          <div key={name}>
            <Group justify="space-between" gap="xs" mb={4}>
              <Text size="sm" fw={550}>
                {name}
              </Text>
              <Text size="sm" c="dimmed" className="tabular">
                {count(done)} of {count(total)}
              </Text>
            </Group>
            <Progress value={total ? (100 * done) / total : 0} aria-label={`Judged in ${name}`} />
          </div>
        ))}
      </div>
    </section>
  );
}

function leftWords(assessor: MonitorAssessor): string {
  const left = timeLeft(assessor);
  if (left === 0) return "done";
  return left === null ? "not begun" : about(left);
}

function Assessors({ data }: { data: MonitorData }) {
  return (
    <section>
      <Title order={2} size="h3" mb="sm">
        Assessors
      </Title>
      <TableScroll label="Assessors" minWidth={720}>
        <Table className="tabular" verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Assessor</Table.Th>
              <Table.Th>Groups</Table.Th>
              <Table.Th w="24%">Judged</Table.Th>
              <Table.Th ta="right">A pair takes</Table.Th>
              <Table.Th ta="right">Time left</Table.Th>
              <Table.Th ta="right">Cannot judge</Table.Th>
              <Table.Th ta="right">Last seen</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.assessors.map((assessor) => (
              <Table.Tr key={assessor.pseudonym}>
                <Table.Td>
                  {assessor.name}
                  {assessor.pseudonym !== assessor.name && (
                    <Text size="xs" c="dimmed">
                      {assessor.pseudonym} in releases
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>{assessor.groups.join(", ")}</Table.Td>
                <Table.Td>
                  <Text size="sm">
                    {count(assessor.done)} of {count(assessor.total)}
                  </Text>
                  <Progress
                    size="xs"
                    mt={3}
                    value={assessor.total ? (100 * assessor.done) / assessor.total : 0}
                    aria-label={`Judged by ${assessor.name}`}
                  />
                </Table.Td>
                <Table.Td ta="right">
                  {assessor.pace_ms === null ? "–" : `${(assessor.pace_ms / 1000).toFixed(1)} s`}
                </Table.Td>
                <Table.Td ta="right">{leftWords(assessor)}</Table.Td>
                <Table.Td ta="right">{count(assessor.unjudgeable)}</Table.Td>
                <Table.Td ta="right">{assessor.last_at ? ago(assessor.last_at) : "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      {data.assessors.length === 0 && (
        <Text size="sm" c="dimmed">
          Nobody takes part.
        </Text>
      )}
    </section>
  );
}
