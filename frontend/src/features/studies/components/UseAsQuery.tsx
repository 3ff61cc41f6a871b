import { Anchor, Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link } from "react-router";
import { ProblemAlert, QueryState, tellDone } from "@/components/ui";
import { keys } from "../api/keys";
import { queriesQuery } from "../api/list-queries";
import { studiesQuery } from "../api/list-studies";
import type { Study } from "../api/types";
import { addQuery, type QueryPicture } from "../api/upload-query";
import { nextQueryIds } from "../lib/design";

interface Props {
  /** Only its studies can ask about the image. */
  collection: string;
  picture: QueryPicture;
  opened: boolean;
  onClose: () => void;
}

/** Add one image to the queries of a draft. */
export function UseAsQuery({ collection, picture, opened, onClose }: Props) {
  const studies = useQuery({ ...studiesQuery(), enabled: opened });
  return (
    <Modal opened={opened} onClose={onClose} title="Use the image as a query">
      <QueryState query={studies} failure="The studies could not be read">
        {({ results }) => {
          const drafts = results.filter(
            (study) => study.collection === collection && study.state === "draft",
          );
          return drafts.length > 0 ? (
            <AddForm drafts={drafts} picture={picture} onClose={onClose} />
          ) : (
            <Stack gap="sm">
              <Text size="sm">
                No draft asks about this collection. A study takes queries until it is launched:{" "}
                <Anchor component={Link} to="/studies" size="sm" underline="always">
                  make one
                </Anchor>{" "}
                and come back.
              </Text>
              <Group justify="flex-end">
                <Button variant="default" onClick={onClose}>
                  Close
                </Button>
              </Group>
            </Stack>
          );
        }}
      </QueryState>
    </Modal>
  );
}

function AddForm({
  drafts,
  picture,
  onClose,
}: {
  drafts: Study[];
  picture: QueryPicture;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [slug, setSlug] = useState(drafts[0]?.slug ?? "");
  const [wanted, setWanted] = useState<string | null>(null);
  const [typed, setTyped] = useState<string | null>(null);
  const study = drafts.find((each) => each.slug === slug) ?? drafts[0];
  const names = study?.categories.map(({ name }) => name) ?? [];
  const category = wanted !== null && names.includes(wanted) ? wanted : (names[0] ?? null);
  const queries = useQuery({ ...queriesQuery(slug), enabled: slug !== "" });
  const [free = ""] = queries.data
    ? nextQueryIds(
        queries.data.map(({ id }) => id),
        1,
      )
    : [];
  const id = typed ?? free;
  const add = useMutation({
    mutationFn: () => addQuery(slug, { picture, id, category: category ?? "" }),
    onSuccess: async () => {
      tellDone({
        message: `Query ${id} is added to “${category ?? ""}” of ${study?.name ?? slug}.`,
      });
      onClose();
      await client.invalidateQueries({ queryKey: keys.study(slug) });
      await client.invalidateQueries({ queryKey: keys.studies });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Select
          label="Study"
          description="Drafts on this collection"
          data={drafts.map((each) => ({ value: each.slug, label: each.name }))}
          value={slug}
          onChange={(value) => {
            setSlug(value ?? "");
            setTyped(null);
          }}
          allowDeselect={false}
          data-autofocus
        />
        {names.length > 0 ? (
          <Select
            label="Category"
            data={names}
            value={category}
            onChange={setWanted}
            allowDeselect={false}
          />
        ) : (
          <Text size="sm">
            This study has no category yet:{" "}
            <Anchor
              component={Link}
              to={`/studies/${slug}/design?step=categories`}
              size="sm"
              underline="always"
            >
              add one
            </Anchor>{" "}
            first.
          </Text>
        )}
        <TextInput
          label="Query id"
          value={id}
          onChange={(event) => setTyped(event.currentTarget.value)}
          required
        />
        <ProblemAlert error={add.error ?? queries.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending} disabled={category === null || id === ""}>
            Add the query
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
