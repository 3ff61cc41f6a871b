import {
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Stack,
  Table,
  Text,
  Title,
  VisuallyHidden,
} from "@mantine/core";
import { IconDownload, IconPackageExport } from "@tabler/icons-react";
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
import { mayBe, useSignedInUser } from "@/features/accounts";
import { useTargetJobs } from "@/features/jobs";
import { bytes, count, dateTime } from "@/lib/format";
import { isUnfinished } from "@/lib/jobs";
import { useKeys } from "@/lib/keys";
import { releasesKey, releasesQuery, useMakeRelease } from "../api/releases";
import type { Release } from "../api/types";

/** Everything in one zip, so that others can check and go on. */
export function ReleaseSection({ slug }: { slug: string }) {
  const admin = mayBe(useSignedInUser(), "admin");
  const client = useQueryClient();
  const releases = useQuery(releasesQuery(slug));
  const make = useMakeRelease(slug);
  const [names, setNames] = useState(false);
  const jobs = useTargetJobs(`study:${slug}`, () => {
    void client.invalidateQueries({ queryKey: releasesKey(slug) });
  }).filter((job) => job.kind.includes("release") || job.kind.includes("export"));
  const shown = jobs
    .filter((job) => isUnfinished(job))
    .concat(jobs[0]?.state === "failed" ? [jobs[0]] : []);
  const busy = make.isPending || shown.some((job) => isUnfinished(job));
  const begin = () =>
    make.mutate(
      { names },
      { onSuccess: () => void client.invalidateQueries({ queryKey: ["jobs"] }) },
    );
  useKeys([{ keys: "Enter", label: "Make a release", enabled: admin && !busy, run: begin }]);
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        A release holds the judgments with their history, pools, runs and qrels for trec_eval, every
        number of this report with its figures, and a description for programs (Croissant). It holds
        no images. Read back in, it gives the same report.
      </Text>
      {admin && (
        <Stack gap="sm">
          <Checkbox
            checked={names}
            onChange={(event) => setNames(event.currentTarget.checked)}
            label="With the assessors’ names"
            description="Otherwise they appear under pseudonyms. Ask them first."
          />
          <Group>
            <Button
              leftSection={<IconPackageExport size={16} aria-hidden />}
              loading={make.isPending}
              disabled={busy}
              onClick={begin}
            >
              Make a release
            </Button>
            <NoWorker />
          </Group>
          <ProblemAlert error={make.error} />
          {shown.map((job) => (
            <JobProgress
              key={`${job.id}-${job.state}`}
              job={job}
              onFinished={() => void client.invalidateQueries({ queryKey: ["jobs"] })}
            />
          ))}
        </Stack>
      )}
      <section>
        <Title order={2} size="h4" mb="xs">
          Releases
        </Title>
        <QueryState query={releases} failure="The releases could not be read">
          {({ results }) =>
            results.length === 0 ? (
              <EmptyState title="No release yet">
                A release is a zip file of the study as it is at one moment.
              </EmptyState>
            ) : (
              <ReleaseTable releases={results} />
            )
          }
        </QueryState>
      </section>
    </Stack>
  );
}

function ReleaseTable({ releases }: { releases: Release[] }) {
  return (
    <TableScroll label="Releases" minWidth={560}>
      <Table className="tabular" verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Made</Table.Th>
            <Table.Th ta="right">Judgments</Table.Th>
            <Table.Th>Assessors</Table.Th>
            <Table.Th ta="right">Size</Table.Th>
            <Table.Th>SHA-256</Table.Th>
            <Table.Th>
              <VisuallyHidden>Download</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {releases.map((release) => (
            <Table.Tr key={release.id}>
              <Table.Td>{dateTime(release.created_at)}</Table.Td>
              <Table.Td ta="right">{count(release.n_judgments)}</Table.Td>
              <Table.Td>{release.with_names ? "with names" : "pseudonyms"}</Table.Td>
              <Table.Td ta="right">{bytes(release.byte_size)}</Table.Td>
              <Table.Td>
                <CopyButton value={release.sha256}>
                  {({ copied, copy }) => (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      color="gray"
                      onClick={copy}
                      title={release.sha256}
                      aria-label={`Copy the checksum ${release.sha256}`}
                    >
                      {copied ? "Copied" : <Code>{release.sha256.slice(0, 12)}…</Code>}
                    </Button>
                  )}
                </CopyButton>
              </Table.Td>
              <Table.Td ta="right">
                <Button
                  component="a"
                  href={release.url}
                  download
                  size="compact-sm"
                  variant="default"
                  leftSection={<IconDownload size={14} aria-hidden />}
                >
                  Download
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableScroll>
  );
}
