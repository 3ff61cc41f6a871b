import {
  ActionIcon,
  Button,
  FileButton,
  Group,
  Select,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUpload, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { EmptyState, ProblemAlert, tellDone } from "@/components/ui";
import { ImageGrid, Thumb, type CatalogImage } from "@/features/catalog";
import { counted } from "@/lib/format";
import { studyQuery } from "../../api/get-study";
import { keys } from "../../api/keys";
import { queriesQuery } from "../../api/list-queries";
import type { Study, StudyQuery } from "../../api/types";
import { uploadQuery } from "../../api/upload-query";
import { nextQueryIds, placesOf } from "../../lib/design";
import type { DesignHandle } from "../../lib/useDesign";
import classes from "./QueriesStep.module.css";

interface Props {
  handle: DesignHandle;
  study: Study;
  queries: StudyQuery[];
  readOnly: boolean;
}

/** The images that the study asks about: picked in the collection, or uploaded. */
export function QueriesStep({ handle, study, queries, readOnly }: Props) {
  const { design, dispatch, flush, reload } = handle;
  const client = useQueryClient();
  const names = design.categories.map(({ name }) => name);
  const [wanted, setWanted] = useState<string | null>(null);
  const category = wanted !== null && names.includes(wanted) ? wanted : (names[0] ?? null);
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed, 250);
  // Pictures of queries that were picked a moment ago and that the server does not list yet.
  const [picked, setPicked] = useState<ReadonlyMap<string, CatalogImage>>(new Map());
  const images = new Map([
    ...picked,
    ...queries.map(({ image }) => [image.image_id, image] as const),
  ]);
  const taken = new Map(design.queries.map((query) => [query.image, query.id]));

  const upload = useMutation({
    mutationFn: async (files: File[]) => {
      if (category === null || !(await flush())) return;
      const ids = nextQueryIds(
        design.queries.map(({ id }) => id),
        files.length,
      );
      try {
        for (const [index, file] of files.entries()) {
          await uploadQuery(study.slug, { file, id: ids[index] ?? "", category });
        }
      } finally {
        // What arrived before a refusal is there: show it.
        await client.invalidateQueries({ queryKey: keys.study(study.slug) });
        reload(
          await client.fetchQuery({ ...studyQuery(study.slug), staleTime: 0 }),
          await client.fetchQuery({ ...queriesQuery(study.slug), staleTime: 0 }),
        );
      }
    },
  });

  const pick = (chosen: CatalogImage[]) => {
    if (category === null) return;
    setPicked(
      (before) => new Map([...before, ...chosen.map((each) => [each.image_id, each] as const)]),
    );
    dispatch({ type: "add_queries", category, images: chosen.map(({ image_id }) => image_id) });
  };
  const drop = (id: string) => {
    const queries = placesOf(design, (query) => query.id === id);
    dispatch({ type: "remove_queries", ids: [id] });
    tellDone({
      message: `Query ${id} is removed.`,
      undo: () => dispatch({ type: "restore", queries }),
    });
  };

  const chosen = (
    <Stack>
      {design.categories.map(({ name }) => {
        const its = design.queries.filter((query) => query.category === name);
        return (
          <section key={name} aria-label={name}>
            <Group justify="space-between" mb={6}>
              <Title order={3} size="h4">
                {name}
              </Title>
              <Text size="sm" c="dimmed" className="tabular">
                {counted(its.length, "query", "queries")}
              </Text>
            </Group>
            {its.length === 0 ? (
              <Text size="sm" c="dimmed">
                None yet.
              </Text>
            ) : (
              <ul className={classes.chosen}>
                {its.map((query) => (
                  <li key={query.id} className={classes.query}>
                    <div className={classes.stage} title={query.image}>
                      <Thumb
                        image={images.get(query.image) ?? { image_id: query.image, thumb_url: "" }}
                      />
                    </div>
                    <span className={classes.id}>{query.id}</span>
                    {!readOnly && (
                      <ActionIcon
                        className={classes.remove}
                        size="sm"
                        variant="default"
                        aria-label={`Remove query ${query.id}`}
                        onClick={() => drop(query.id)}
                      >
                        <IconX size={13} aria-hidden />
                      </ActionIcon>
                    )}
                  </li>
                ))}
              </ul>
            )}
          </section>
        );
      })}
    </Stack>
  );

  if (names.length === 0) {
    return (
      <EmptyState title="No category yet">
        A query belongs to a category: add one in the step before.
      </EmptyState>
    );
  }
  if (readOnly) return chosen;
  return (
    <div className={classes.columns}>
      <Stack gap="sm" miw={0}>
        <Group align="flex-end" gap="sm">
          <Select
            label="Add to"
            data={names}
            value={category}
            onChange={setWanted}
            allowDeselect={false}
            w={220}
          />
          <TextInput
            aria-label="Search the collection"
            placeholder="Search the collection"
            leftSection={<IconSearch size={16} aria-hidden />}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            style={{ flex: 1, minWidth: "10rem" }}
          />
          <FileButton multiple accept="image/*" onChange={(files) => upload.mutate(files)}>
            {(props) => (
              <Button
                {...props}
                variant="default"
                loading={upload.isPending}
                leftSection={<IconUpload size={16} aria-hidden />}
              >
                Upload
              </Button>
            )}
          </FileButton>
        </Group>
        <ProblemAlert title="Not every image was taken" error={upload.error} />
        <ImageGrid
          slug={design.collection}
          filters={{ search, excluded: "none" }}
          height="min(62vh, 40rem)"
          tile={112}
          selected={NOTHING}
          onSelect={pick}
          taken={taken}
          empty={<EmptyState title="No image matches">Search for less.</EmptyState>}
        />
        <Text size="sm" c="dimmed">
          A click adds the image as a query of “{category}”; with Shift, all up to it.
        </Text>
      </Stack>
      {chosen}
    </div>
  );
}

const NOTHING: ReadonlySet<string> = new Set();
