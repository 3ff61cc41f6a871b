import {
  Button,
  Checkbox,
  FileButton,
  Group,
  Modal,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconUpload } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ProblemAlert, TableScroll, tellDone } from "@/components/ui";
import { poolsKey } from "@/features/retrieval";
import { count, date } from "@/lib/format";
import { keys } from "../../api/keys";
import { importRun, removeRun, runsQuery, type ForeignRun } from "../../api/runs";
import type { Study } from "../../api/types";

interface Props {
  study: Study;
  /** Send what is edited before the server changes the design. */
  flush: () => Promise<boolean>;
  /** Take over the design that the server has now. */
  reload: () => Promise<void>;
}

/** Methods from elsewhere: rankings in a TREC run file. */
export function RunsSection({ study, flush, reload }: Props) {
  const client = useQueryClient();
  const runs = useQuery(runsQuery(study.slug));
  const [file, setFile] = useState<File | null>(null);
  const reset = useRef<() => void>(null);
  const close = () => {
    reset.current?.(); // so that the same file can be chosen again
    setFile(null);
  };
  const draft = study.state === "draft";
  const changed = async () => {
    void client.invalidateQueries({ queryKey: poolsKey(study.slug) });
    await client.invalidateQueries({ queryKey: keys.study(study.slug) });
    await reload();
  };
  const remove = useMutation({
    mutationFn: async (method: string) => {
      if (await flush()) await removeRun(study.slug, method);
    },
    onSuccess: changed,
  });
  return (
    <section aria-label="Runs from elsewhere">
      <Title order={3} size="h4" mb={4}>
        Runs from elsewhere
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        A method that was searched by another program joins as a TREC run file: lines of query, Q0,
        image, rank, score and tag.
      </Text>
      <ProblemAlert error={runs.error ?? remove.error} />
      {runs.data !== undefined && runs.data.length > 0 && (
        <RunsTable
          runs={runs.data}
          onRemove={draft ? (method) => remove.mutate(method) : undefined}
          busy={remove.isPending}
        />
      )}
      <FileButton resetRef={reset} onChange={setFile} accept=".run,.txt,.trec,text/plain">
        {(props) => (
          <Button
            {...props}
            variant="default"
            mt="xs"
            leftSection={<IconUpload size={16} aria-hidden />}
          >
            Add a run…
          </Button>
        )}
      </FileButton>
      {file !== null && (
        <ImportRun
          key={`${file.name} ${file.size} ${file.lastModified}`}
          study={study}
          file={file}
          flush={flush}
          onClose={close}
          onDone={changed}
        />
      )}
    </section>
  );
}

function RunsTable({
  runs,
  onRemove,
  busy,
}: {
  runs: ForeignRun[];
  onRemove: ((method: string) => void) | undefined;
  busy: boolean;
}) {
  return (
    <TableScroll label="Runs from elsewhere" minWidth={560}>
      <Table className="tabular">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Method</Table.Th>
            <Table.Th>File</Table.Th>
            <Table.Th ta="right">Results</Table.Th>
            <Table.Th>Pools</Table.Th>
            <Table.Th>Imported</Table.Th>
            {onRemove && <Table.Th aria-label="Remove" />}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {runs.map((run) => (
            <Table.Tr key={run.method}>
              <Table.Td>{run.method}</Table.Td>
              <Table.Td title={`SHA-256 ${run.sha256}`}>{run.file_name}</Table.Td>
              <Table.Td ta="right">{count(run.n_lines)}</Table.Td>
              <Table.Td>{run.in_pools ? "in the pools" : "only reported"}</Table.Td>
              <Table.Td>
                {date(run.imported_at)}
                {run.imported_by !== "" && `, ${run.imported_by}`}
              </Table.Td>
              {onRemove && (
                <Table.Td>
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    disabled={busy}
                    aria-label={`Remove ${run.method}`}
                    onClick={() => onRemove(run.method)}
                  >
                    Remove
                  </Button>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableScroll>
  );
}

/** What a file would bring, asked of the server, before it is added. */
function ImportRun({
  study,
  file,
  flush,
  onClose,
  onDone,
}: {
  study: Study;
  file: File;
  flush: () => Promise<boolean>;
  onClose: () => void;
  onDone: () => Promise<void>;
}) {
  const [method, setMethod] = useState("");
  const [noPool, setNoPool] = useState(study.state === "closed");
  const [named] = useDebouncedValue(method, 400);
  const preview = useQuery({
    queryKey: ["studies", "run preview", study.slug, file.name, file.size, named, noPool],
    queryFn: async () => {
      await flush();
      return importRun(study.slug, { file, method: named, noPool }, { preview: true });
    },
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });
  const add = useMutation({
    mutationFn: () => importRun(study.slug, { file, method, noPool }, { preview: false }),
    onSuccess: async (done) => {
      tellDone({ message: done.sentences[0] ?? "The run is added." });
      await onDone();
      onClose();
    },
  });
  const ready = preview.data !== undefined && !preview.isFetching && named === method;
  return (
    <Modal opened onClose={onClose} title={`Add ${file.name}?`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) add.mutate();
        }}
      >
        <Stack>
          <TextInput
            label="Name of the method"
            placeholder={preview.data?.run.method ?? "the tag of its lines"}
            value={method}
            onChange={(event) => setMethod(event.currentTarget.value)}
            maxLength={60}
            data-autofocus
          />
          <Checkbox
            label="Only report on it"
            description="It stays out of the pools: results that nobody judged count as not relevant."
            checked={noPool}
            onChange={(event) => setNoPool(event.currentTarget.checked)}
          />
          <Stack gap={4} role="status" mih="4rem">
            {preview.data?.sentences.map((sentence) => (
              <Text key={sentence} size="sm">
                {sentence}
              </Text>
            ))}
            {study.state === "open" && !noPool && preview.data !== undefined && (
              <Text size="sm">
                This study is being judged: a run that has joined it cannot be taken away again.
              </Text>
            )}
          </Stack>
          <ProblemAlert error={add.error ?? preview.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" disabled={!ready} loading={add.isPending}>
              Add the run
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
