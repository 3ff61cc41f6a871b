import {
  Accordion,
  Alert,
  Anchor,
  Button,
  Code,
  FileButton,
  Group,
  Paper,
  Progress,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileZip, IconFolder, IconPhotoUp } from "@tabler/icons-react";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type ChangeEvent } from "react";
import { Link } from "react-router";
import { JobProgress, Loading, ProblemAlert, QueryState, TableScroll } from "@/components/ui";
import { bytes, count, counted, dateTime } from "@/lib/format";
import { isUnfinished } from "@/lib/jobs";
import { createImport } from "../api/create-import";
import { keys } from "../api/keys";
import { importFilesQuery } from "../api/list-import-files";
import { importsQuery } from "../api/list-imports";
import { sendFiles } from "../api/send-files";
import { startImport } from "../api/start-import";
import type { Collection, Import as ImportRow, ImportOutcome } from "../api/types";
import { CollectionFrame } from "../components/CollectionFrame";
import {
  isClutter,
  kindOf,
  pathsWithin,
  uploadChunks,
  type NamedFile,
  type UploadProgress,
} from "../lib/chunks";
import classes from "./Import.module.css";

/** `/collections/:slug/import`: how images come in, and what became of each file. */
export function Import() {
  return (
    <CollectionFrame tab="import">
      {(collection) => (
        <Stack gap="xl" maw={860}>
          <Upload key={collection.slug} collection={collection} />
          <Imports collection={collection} />
        </Stack>
      )}
    </CollectionFrame>
  );
}

/** Where a dropped or chosen file lay in its folder; browsers say it in three ways. */
function named(file: File): NamedFile {
  const told = file as File & { path?: string; relativePath?: string };
  return { file, path: file.webkitRelativePath || told.relativePath || told.path || file.name };
}

interface Chosen {
  files: NamedFile[];
  pictures: number;
  archives: number;
  tables: number;
  /** Files that the server could not use: left out. */
  others: number;
  size: number;
}

function sorted(files: NamedFile[]): Chosen {
  const kinds = files.map((each) => (isClutter(each.path) ? "other" : kindOf(each.path)));
  const useful = files.filter((_, index) => kinds[index] !== "other");
  const number = (kind: string) => kinds.filter((each) => each === kind).length;
  return {
    files: useful,
    pictures: number("picture"),
    archives: number("archive"),
    tables: number("table"),
    others: number("other"),
    size: useful.reduce((sum, { file }) => sum + file.size, 0),
  };
}

function wordsOf({ pictures, archives, tables, others, size }: Chosen): string {
  const words = [];
  if (pictures) words.push(counted(pictures, "image"));
  if (archives) words.push(counted(archives, "zip file"));
  if (tables) words.push(counted(tables, "table"));
  const sentence = `${words.join(", ")} (${bytes(size)})`;
  return others
    ? `${sentence}; ${counted(others, "other file")} ${others === 1 ? "is" : "are"} left out`
    : sentence;
}

function Upload({ collection }: { collection: Collection }) {
  const client = useQueryClient();
  const folder = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController | null>(null);
  // The import and how many calls arrived outlive a failure: trying again goes on there.
  const sent = useRef<{ id: number; chunks: number } | null>(null);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [progress, setProgress] = useState<UploadProgress | null>(null);

  const upload = useMutation({
    mutationFn: async (files: NamedFile[]) => {
      stop.current = new AbortController();
      const { signal } = stop.current;
      sent.current ??= { id: (await createImport(collection.slug)).id, chunks: 0 };
      const { id } = sent.current;
      await uploadChunks({
        files,
        from: sent.current.chunks,
        signal,
        send: (chunk, onBytes) => sendFiles(id, chunk, onBytes, signal),
        onProgress: setProgress,
        onArrived: (chunks) => {
          sent.current = { id, chunks };
        },
      });
      await startImport(id);
    },
    onSuccess: () => {
      sent.current = null;
      setChosen(null);
      setProgress(null);
      return client.invalidateQueries({ queryKey: keys.collection(collection.slug) });
    },
  });

  const choose = (files: File[]) => {
    sent.current = null;
    upload.reset();
    setProgress(null);
    setChosen(files.length ? sorted(pathsWithin(files.map(named))) : null);
  };
  const forget = () => {
    stop.current?.abort();
    choose([]);
    void client.invalidateQueries({ queryKey: keys.imports(collection.slug) });
  };

  if (upload.isPending || (upload.isError && progress)) {
    return (
      <Paper withBorder p="lg" bg="var(--surface)">
        <Stack gap="sm">
          <Text fw={550}>
            {upload.isError ? "The upload has stopped" : `Sending to ${collection.name}`}
          </Text>
          <Progress
            aria-label="Upload"
            value={progress?.totalBytes ? (100 * progress.sentBytes) / progress.totalBytes : 0}
            color={upload.isError ? "red" : undefined}
          />
          <Text size="sm" c="dimmed" className="tabular">
            {progress &&
              `${count(progress.sentFiles)} of ${counted(progress.totalFiles, "file")}, ${bytes(progress.sentBytes)} of ${bytes(progress.totalBytes)}`}
          </Text>
          <ProblemAlert error={upload.error}>
            <Text size="sm">What has arrived stays; going on sends the rest.</Text>
          </ProblemAlert>
          <Group justify="flex-end">
            <Button variant="default" onClick={forget}>
              Give up
            </Button>
            {upload.isError && chosen && (
              <Button onClick={() => upload.mutate(chosen.files)} data-autofocus>
                Go on
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
    );
  }
  return (
    <Stack gap="md">
      <Dropzone
        onDrop={choose}
        useFsAccessApi={false}
        className={classes.drop}
        aria-label="Drop images, a folder or a zip file"
        inputProps={{ "aria-label": "Images, a zip file or tables" }}
      >
        <Stack align="center" gap={6} py="lg">
          <IconPhotoUp size={34} stroke={1.4} aria-hidden />
          <Text fw={550} size="lg">
            Drop images, a folder or a zip here
          </Text>
          <Text size="sm" c="dimmed" ta="center" maw="52ch">
            JPEG, PNG, WebP, TIFF, GIF or BMP. A <Code>manifest.csv</Code> with a{" "}
            <Code>file_name</Code> column brings metadata along, a <Code>captions.csv</Code>{" "}
            captions. The same bytes twice are reported, not doubled.
          </Text>
        </Stack>
      </Dropzone>
      <Group gap="xs">
        <FileButton multiple onChange={choose}>
          {(props) => (
            <Button
              {...props}
              variant="default"
              leftSection={<IconFileZip size={16} aria-hidden />}
            >
              Choose files
            </Button>
          )}
        </FileButton>
        <Button
          variant="default"
          leftSection={<IconFolder size={16} aria-hidden />}
          onClick={() => folder.current?.click()}
        >
          Choose a folder
        </Button>
        <input
          ref={folder}
          type="file"
          hidden
          {...{ webkitdirectory: "" }}
          onChange={(event: ChangeEvent<HTMLInputElement>) => {
            choose([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </Group>
      {chosen && (
        <Paper withBorder p="md" bg="var(--surface)">
          <Group justify="space-between">
            <Text size="sm" className="tabular">
              {chosen.files.length > 0
                ? wordsOf(chosen)
                : "None of these files is an image, a zip or a table."}
            </Text>
            <Group gap="xs">
              <Button variant="default" onClick={() => choose([])}>
                Cancel
              </Button>
              <Button
                disabled={chosen.files.length === 0}
                onClick={() => upload.mutate(chosen.files)}
                autoFocus
              >
                Import
              </Button>
            </Group>
          </Group>
        </Paper>
      )}
      <ProblemAlert error={upload.error} />
    </Stack>
  );
}

function Imports({ collection }: { collection: Collection }) {
  const imports = useQuery(importsQuery(collection.slug));
  return (
    <section>
      <Title order={2} size="h3" mb="sm">
        Imports
      </Title>
      <QueryState query={imports} failure="The imports could not be read">
        {({ results }) =>
          results.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing was imported yet.
            </Text>
          ) : (
            <Stack gap="sm">
              {results.map((each) => (
                <ImportCard key={each.id} row={each} collection={collection} />
              ))}
            </Stack>
          )
        }
      </QueryState>
    </section>
  );
}

function ImportCard({ row, collection }: { row: ImportRow; collection: Collection }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: keys.collection(collection.slug) });
  const start = useMutation({ mutationFn: () => startImport(row.id), onSuccess: refresh });
  const { imported, duplicate, rejected, waiting } = row.counts;
  const words = [`${counted(imported, "image")} imported`];
  if (duplicate > 0) words.push(`${count(duplicate)} already here`);
  if (rejected > 0) words.push(`${count(rejected)} rejected`);
  return (
    <Paper withBorder p="md" bg="var(--surface)">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Text fw={550} size="sm" className="tabular">
            {row.job === null && waiting > 0
              ? `${counted(waiting, "file")} arrived and wait`
              : words.join(", ")}
          </Text>
          <Text size="sm" c="dimmed">
            {row.source === "upload" ? "Upload" : row.source}, {dateTime(row.created_at)}
          </Text>
        </Group>
        {row.job !== null && (isUnfinished(row.job) || row.job.state !== "done") && (
          <JobProgress job={row.job} onFinished={() => void refresh()} />
        )}
        {row.job === null && waiting > 0 && (
          <Alert variant="light" color="gray">
            <Group justify="space-between">
              <Text size="sm">The upload was not finished. Import what has arrived?</Text>
              <Button size="xs" loading={start.isPending} onClick={() => start.mutate()}>
                Import {counted(waiting, "file")}
              </Button>
            </Group>
          </Alert>
        )}
        <ProblemAlert error={start.error} />
        {rejected + duplicate > 0 && (
          <Accordion variant="contained" keepMounted={false}>
            {rejected > 0 && (
              <Outcome id={row.id} outcome="rejected" title={`${count(rejected)} rejected`} />
            )}
            {duplicate > 0 && (
              <Outcome id={row.id} outcome="duplicate" title={`${count(duplicate)} already here`} />
            )}
          </Accordion>
        )}
        {row.job?.state === "done" && imported > 0 && (
          <Anchor component={Link} to={`/collections/${collection.slug}`} size="sm">
            Look at the images
          </Anchor>
        )}
      </Stack>
    </Paper>
  );
}

interface OutcomeProps {
  id: number;
  outcome: ImportOutcome;
  title: string;
}

function Outcome({ id, outcome, title }: OutcomeProps) {
  return (
    <Accordion.Item value={outcome}>
      <Accordion.Control>{title}</Accordion.Control>
      <Accordion.Panel>
        <OutcomeFiles id={id} outcome={outcome} />
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function OutcomeFiles({ id, outcome }: Omit<OutcomeProps, "title">) {
  const files = useInfiniteQuery(importFilesQuery(id, outcome));
  if (files.error) {
    return (
      <ProblemAlert
        title="The files could not be read"
        error={files.error}
        onRetry={() => void files.refetch()}
      />
    );
  }
  if (!files.data) return <Loading n={3} />;
  return (
    <>
      <TableScroll label="Files" minWidth={420} maxHeight={420}>
        <Table stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>File</Table.Th>
              <Table.Th>{outcome === "rejected" ? "Why" : "Same image as"}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {files.data.pages
              .flatMap((page) => page.results)
              .map((file) => (
                <Table.Tr key={file.file_name}>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    {file.file_name}
                    {file.line !== null && (
                      <Text span size="xs" c="dimmed">
                        {" "}
                        line {file.line}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    {outcome === "rejected" ? file.reason : (file.image_id ?? file.reason)}
                  </Table.Td>
                </Table.Tr>
              ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      {files.hasNextPage && (
        <Button
          mt="xs"
          size="xs"
          variant="default"
          loading={files.isFetchingNextPage}
          onClick={() => void files.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </>
  );
}
