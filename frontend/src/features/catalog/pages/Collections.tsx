import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPhotoPlus, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { EmptyState, Page, ProblemAlert, QueryState } from "@/components/ui";
import { count, counted } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { collectionsQuery } from "../api/list-collections";
import { useCreateCollection } from "../api/create-collection";
import { previewQuery, PREVIEWED } from "../api/list-images";
import type { Collection } from "../api/types";
import { Thumb } from "../components/ImageGrid";
import classes from "./Collections.module.css";

/** `/collections`: what images are there. */
export function Collections() {
  const collections = useQuery(collectionsQuery());
  const [creating, { open, close }] = useDisclosure(false);
  useKeys([{ keys: "Enter", label: "New collection", enabled: !creating, run: open }]);
  return (
    <Page
      title="Collections"
      lead="The images that studies search."
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={open}>
          New collection
        </Button>
      }
    >
      <QueryState query={collections} failure="The collections could not be read">
        {({ results }) =>
          results.length === 0 ? (
            <EmptyState
              title="No collection yet"
              icon={<IconPhotoPlus size={32} stroke={1.4} aria-hidden />}
              action={<Button onClick={open}>New collection</Button>}
            >
              A collection holds the images of one or more studies. Make one, then drop a folder or
              a zip of images into it.
            </EmptyState>
          ) : (
            <CollectionCards collections={results} />
          )
        }
      </QueryState>
      <NewCollection opened={creating} onClose={close} />
    </Page>
  );
}

function CollectionCards({ collections }: { collections: Collection[] }) {
  return (
    <ul className={classes.cards}>
      {collections.map((collection) => (
        <li key={collection.slug}>
          <Link to={`/collections/${collection.slug}`} className={classes.card}>
            <Preview collection={collection} />
            <span className={classes.words}>
              <Text span fw={600} size="lg" className={classes.name}>
                {collection.name}
              </Text>
              <Text span size="sm" c="dimmed" className="tabular">
                {numbersOf(collection)}
              </Text>
              {collection.description && (
                <Text span size="sm" lineClamp={2}>
                  {collection.description}
                </Text>
              )}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function numbersOf({ n_images, n_excluded, n_captions }: Collection): string {
  const words = [counted(n_images, "image")];
  if (n_excluded > 0) words.push(`${count(n_excluded)} screened out`);
  if (n_captions > 0) words.push(counted(n_captions, "caption"));
  return words.join(" · ");
}

/** The first images, in places that are there before they come. */
function Preview({ collection }: { collection: Collection }) {
  const images = useQuery({ ...previewQuery(collection.slug), enabled: collection.n_images > 0 });
  return (
    <span className={classes.preview} aria-hidden>
      {Array.from({ length: PREVIEWED }, (_, index) => {
        const image = images.data?.results[index];
        return (
          <span key={index} className={classes.place}>
            {image && <Thumb image={image} />}
          </span>
        );
      })}
    </span>
  );
}

function NewCollection({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const create = useCreateCollection();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), description: description.trim() },
      { onSuccess: ({ slug }) => void navigate(`/collections/${slug}/import`) },
    );
  };
  return (
    <Modal opened={opened} onClose={onClose} title="New collection">
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
          <Textarea
            label="Description"
            description="Where the images come from, and under which terms."
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
            autosize
            minRows={2}
          />
          <ProblemAlert error={create.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending} disabled={name.trim() === ""}>
              Create and import images
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
