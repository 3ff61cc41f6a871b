import {
  Anchor,
  Button,
  FileInput,
  Group,
  Modal,
  Progress,
  SegmentedControl,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { EmptyState, Page, ProblemAlert, QueryState, TableScroll } from "@/components/ui";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { collectionsQuery } from "@/features/catalog";
import { methodsQuery, spacesQuery } from "@/features/retrieval";
import { count, counted, percent } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useCreateStudy } from "../api/create-study";
import { useCreateStudyFromToml } from "../api/create-study-from-toml";
import { studiesQuery } from "../api/list-studies";
import type { Study } from "../api/types";
import { StudyBadges } from "../components/StudyFrame";

/** `/studies`: what is asked, and how far each study is. */
export function Studies() {
  const admin = mayBe(useSignedInUser(), "admin");
  const studies = useQuery(studiesQuery());
  const [creating, { open, close }] = useDisclosure(false);
  useKeys([{ keys: "Enter", label: "New study", enabled: admin && !creating, run: open }]);
  return (
    <Page
      title="Studies"
      lead="What assessors are asked, and how far they are."
      actions={
        admin && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={open}>
            New study
          </Button>
        )
      }
    >
      <QueryState query={studies} failure="The studies could not be read">
        {({ results }) =>
          results.length === 0 ? (
            <EmptyState
              title="No study yet"
              icon={<IconScale size={32} stroke={1.4} aria-hidden />}
              action={admin && <Button onClick={open}>New study</Button>}
            >
              A study asks people how similar the images are that search methods find for its
              queries. It needs a collection of images first.
            </EmptyState>
          ) : (
            <StudyList studies={results} admin={admin} />
          )
        }
      </QueryState>
      <NewStudy opened={creating} onClose={close} />
    </Page>
  );
}

function StudyList({ studies, admin }: { studies: Study[]; admin: boolean }) {
  const [params, setParams] = useSearchParams();
  const state = params.get("state") ?? "all";
  const shown = studies.filter((study) => state === "all" || study.state === state);
  return (
    <Stack>
      {studies.length > 5 && (
        <SegmentedControl
          aria-label="State"
          value={state}
          onChange={(value) =>
            setParams(value === "all" ? {} : { state: value }, { replace: true })
          }
          data={["all", "draft", "open", "closed"]}
          style={{ alignSelf: "flex-start" }}
        />
      )}
      <TableScroll label="Studies" minWidth={560}>
        <Table className="tabular" verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Study</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th ta="right">Queries</Table.Th>
              <Table.Th ta="right">Pairs</Table.Th>
              <Table.Th w="30%">Judged</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((study) => (
              <Table.Tr key={study.slug}>
                <Table.Td>
                  <Anchor component={Link} to={pageOf(study, admin)} fw={550}>
                    {study.name}
                  </Anchor>
                  <Text size="sm" c="dimmed">
                    {study.collection}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <StudyBadges study={study} />
                </Table.Td>
                <Table.Td ta="right">{count(study.n_queries)}</Table.Td>
                <Table.Td ta="right">{count(study.n_pairs)}</Table.Td>
                <Table.Td>
                  <Judged study={study} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      {shown.length === 0 && <Text c="dimmed">No study is {state}.</Text>}
    </Stack>
  );
}

function Judged({ study }: { study: Study }) {
  if (study.n_judgments_planned === 0) {
    return (
      <Text size="sm" c="dimmed">
        {study.n_judged > 0 ? counted(study.n_judged, "judgment") : "not planned yet"}
      </Text>
    );
  }
  return (
    <>
      <Text size="sm">
        {count(study.n_judged)} of {count(study.n_judgments_planned)},{" "}
        {percent(study.n_judged, study.n_judgments_planned)}
      </Text>
      <Progress
        size="xs"
        mt={4}
        value={(100 * study.n_judged) / study.n_judgments_planned}
        aria-label={`Judged in ${study.name}`}
      />
    </>
  );
}

function pageOf(study: Study, admin: boolean): string {
  if (!admin || study.state === "closed") return `/studies/${study.slug}/report/agreement`;
  return `/studies/${study.slug}/${study.state === "draft" ? "design" : "monitor"}`;
}

function NewStudy({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [way, setWay] = useState("empty");
  return (
    <Modal opened={opened} onClose={onClose} title="New study">
      <Stack>
        <SegmentedControl
          aria-label="How to begin"
          value={way}
          onChange={setWay}
          data={[
            { value: "empty", label: "Design it here" },
            { value: "toml", label: "From a study.toml" },
          ]}
          fullWidth
        />
        {way === "empty" ? <FromNothing onClose={onClose} /> : <FromToml onClose={onClose} />}
      </Stack>
    </Modal>
  );
}

function useCollectionChoices() {
  const collections = useQuery(collectionsQuery());
  return {
    error: collections.error,
    loaded: collections.data !== undefined,
    data: (collections.data?.results ?? []).map(({ slug, name, n_images }) => ({
      value: slug,
      label: `${name} (${counted(n_images, "image")})`,
    })),
  };
}

function FromNothing({ onClose }: { onClose: () => void }) {
  const create = useCreateStudy();
  const collections = useCollectionChoices();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [picked, setPicked] = useState<string | null>(null);
  const collection = picked ?? collections.data[0]?.value ?? null;
  const methods = useComputableMethods(collection ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (collection === null) return;
    create.mutate(
      {
        name: name.trim(),
        collection,
        categories: [],
        queries: [],
        // None known to work: the server's own choice.
        ...(methods.length > 0 && { methods }),
      },
      { onSuccess: ({ slug }) => void navigate(`/studies/${slug}/design?step=categories`) },
    );
  };
  if (collections.loaded && collections.data.length === 0) {
    return (
      <Text size="sm">
        A study searches a collection of images, and there is none yet.{" "}
        <Anchor component={Link} to="/collections">
          Make a collection
        </Anchor>{" "}
        first.
      </Text>
    );
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
          maxLength={200}
          data-autofocus
        />
        <Select
          label="Collection"
          description="The images that the study searches."
          data={collections.data}
          value={collection}
          onChange={setPicked}
          required
          allowDeselect={false}
        />
        <ProblemAlert error={create.error ?? collections.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            loading={create.isPending}
            disabled={name.trim() === "" || collection === null}
          >
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What a new study may search with on this machine, in the order of the registry. */
function useComputableMethods(collection: string): string[] {
  const methods = useQuery(methodsQuery());
  const spaces = useQuery(spacesQuery(collection));
  const lost = new Set(
    (spaces.data ?? []).filter(({ state }) => state === "unavailable").map(({ name }) => name),
  );
  return spaces.data
    ? (methods.data ?? []).filter(({ space }) => !lost.has(space)).map(({ name }) => name)
    : [];
}

function FromToml({ onClose }: { onClose: () => void }) {
  const create = useCreateStudyFromToml();
  const collections = useCollectionChoices();
  const navigate = useNavigate();
  const [file, setFile] = useState<File | null>(null);
  const [collection, setCollection] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!file) return;
    create.mutate(
      { toml: await file.text(), ...(collection && { collection }) },
      { onSuccess: ({ slug }) => void navigate(`/studies/${slug}/design`) },
    );
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack>
        <FileInput
          label="File"
          placeholder="study.toml"
          accept=".toml"
          value={file}
          onChange={setFile}
          required
        />
        <Select
          label="Collection"
          description="When the file names none."
          data={collections.data}
          value={collection}
          onChange={setCollection}
          clearable
        />
        <ProblemAlert error={create.error ?? collections.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={file === null}>
            Read it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
